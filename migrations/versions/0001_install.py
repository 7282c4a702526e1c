"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "41047a8858a938a5e1d0bb3ca0a9c9f82579185936c960d2c1868a480889f372"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: without the runtime no sealed value can be opened and no view be read."""
    raise NotImplementedError("the runtime is not taken away while tables are protected by it")
