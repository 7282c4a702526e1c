from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import Server
from tests.reveal.site import Site, fill


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        yield Site(made)
