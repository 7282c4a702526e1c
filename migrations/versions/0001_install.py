"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "d13330e615be6eda8c89180bada2bc9119fa52edabf6914ae606aa45de09fea8"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: without the runtime no sealed value can be opened and no view be read."""
    raise NotImplementedError("the runtime is not taken away while tables are protected by it")
