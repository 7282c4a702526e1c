"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "e4f30ca2b23a1e569bf2467c4571d09adc7db31a78c5054cb9f56b5cfd97e191"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: without the runtime no sealed value can be opened and no view be read."""
    raise NotImplementedError("the runtime is not taken away while tables are protected by it")
