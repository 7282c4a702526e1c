from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.audit.collecting import drop_slot
from tests.harness import Server
from tests.reveal.site import Site, fill


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        yield Site(made)


@pytest.fixture
def place(site: Site) -> Iterator[Site]:
    """The site; the slot that a test made is dropped at its end."""
    yield site
    drop_slot(site)
