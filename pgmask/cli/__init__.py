"""The command line: one file per verb; words for people on stderr, data on stdout."""
