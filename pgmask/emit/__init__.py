"""Objects as statements: gated, and as a script that a person can read and run."""

from pgmask.emit.ddl import comment_block, gated, script

__all__ = ["comment_block", "gated", "script"]
