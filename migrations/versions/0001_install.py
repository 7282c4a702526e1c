"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "f5a8e69efc3c1747e7e9df03800e61b36b032fabbdf674471096bf29857e65ea"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: taking the runtime away is `pgmask uninstall`, after the tables were unsealed."""
    raise NotImplementedError("use pgmask uninstall; it gives the tables back first")
