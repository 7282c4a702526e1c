"""(Catalogue, Facts) to Objects: what should stand in the database, as frozen values."""
