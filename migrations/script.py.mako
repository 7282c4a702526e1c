"""${message}."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

DIGEST = ""


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: a protected database does not go back to an older runtime."""
    raise NotImplementedError("restore a backup made before the upgrade")
