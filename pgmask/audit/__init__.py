"""The record kept whole: collecting notes, sealing, verifying, archiving."""
