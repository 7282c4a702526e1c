"""Tools of the project that are not shipped: generated pages, checks of the SQL."""
