"""The classification catalogue: YAML in, one frozen Catalogue out."""
