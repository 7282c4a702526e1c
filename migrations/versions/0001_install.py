"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "a7a532fa2c0dc1c77b5213281a5a0cd1ec6490778c591ca7faca4666e2da1e53"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: taking the runtime away is `pgmask uninstall`, after the tables were unsealed."""
    raise NotImplementedError("use pgmask uninstall; it gives the tables back first")
