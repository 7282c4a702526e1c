"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "9fcdc3bae153642ae54b785fa11ca4ff0701af0919ecb9a09ebad51e6c6fc7fb"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: without the runtime no sealed value can be opened and no view be read."""
    raise NotImplementedError("the runtime is not taken away while tables are protected by it")
