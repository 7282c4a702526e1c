"""What is there: the database's catalogues as frozen values."""
