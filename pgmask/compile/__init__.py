"""What should stand in the database: the catalogue laid over the facts, as objects."""

from pgmask.compile.compiler import check, compile, contexts
from pgmask.compile.objects import Kind, Object, Phase, Problem, Severity

__all__ = ["Kind", "Object", "Phase", "Problem", "Severity", "check", "compile", "contexts"]
