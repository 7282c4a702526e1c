"""pgmask: PostgreSQL itself keeps customer information masked, sealed and accounted for."""

__version__ = "0.1.0"
