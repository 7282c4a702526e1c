"""The demonstration: an insurer's database, protected before the reader's eyes."""
