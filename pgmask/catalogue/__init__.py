"""The catalogue: what is classified, who sees it in which form; read, checked, written out."""

from pgmask.catalogue.load import Loaded, load, read
from pgmask.catalogue.model import Catalogue
from pgmask.catalogue.problems import CatalogueProblems, Problem, Severity

__all__ = ["Catalogue", "CatalogueProblems", "Loaded", "Problem", "Severity", "load", "read"]
