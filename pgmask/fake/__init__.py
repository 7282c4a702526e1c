"""Invented truths behind masks: of valid form, one person per subject, the same for the same seed.

Nothing here sees a connection; ``pgmask.apply.fake`` reads the masks and writes through the sealing
trigger.
"""

from pgmask.fake.frame import Frame
from pgmask.fake.person import Person, draw, person
from pgmask.fake.values import invent

__all__ = ["Frame", "Person", "draw", "invent", "person"]
