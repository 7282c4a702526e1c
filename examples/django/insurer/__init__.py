"""An insurer's customer pages over protected tables."""
