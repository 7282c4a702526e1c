"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "a7c743f3c1b0fbb694c4be8be45e94dda958bcc3322a7d477b52aa29322a18f0"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: taking the runtime away is `pgmask uninstall`, after the tables were unsealed."""
    raise NotImplementedError("use pgmask uninstall; it gives the tables back first")
