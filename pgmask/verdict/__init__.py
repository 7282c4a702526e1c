"""What a profile would see of a statement, and which rules it breaks, before it runs (I1, I2)."""

from pgmask.verdict.judge import judge
from pgmask.verdict.model import Finding, Severity, Shown, ShownOutput, Verdict
from pgmask.verdict.policy import Policy

__all__ = ["Finding", "Policy", "Severity", "Shown", "ShownOutput", "Verdict", "judge"]
