"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "5e3221a0ec5d3c28d5991cab93273cf87ee3483bf16d761269c5b94973566ede"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: taking the runtime away is `pgmask uninstall`, after the tables were unsealed."""
    raise NotImplementedError("use pgmask uninstall; it gives the tables back first")
