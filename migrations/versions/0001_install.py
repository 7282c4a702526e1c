"""Install the runtime: schemas, roles, register, identity, keys, deployed state."""

from __future__ import annotations

from pgmask.runtime.install import run_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = "239793fb2dbc5e2082094d7d197f1d7e5aa19c2cb1cf91cd6e6c71e4e86d8212"


def upgrade() -> None:
    """Run the frozen SQL of this revision, whose digest is checked first."""
    run_frozen(revision, DIGEST)


def downgrade() -> None:
    """Refuse: without the runtime no sealed value can be opened and no view be read."""
    raise NotImplementedError("the runtime is not taken away while tables are protected by it")
