"""Which base columns a statement reads, gives out and writes, resolved as PostgreSQL does."""
