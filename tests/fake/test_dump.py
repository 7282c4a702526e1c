"""The anonymous dump: masks only, and a database again."""

from __future__ import annotations

import pytest

from tests.fake.world import Source


@pytest.mark.requirement("B1", "F1")
def test_no_truth_and_no_sealed_byte_is_in_the_dump(source: Source) -> None:
    text = source.script.decode()
    assert [t for t in source.truths if t in text] == []
    assert [n for n in source.names if n in text] == []
    # A sealed value, a wrapped key and a key file all begin with bytes that COPY writes like this.
    assert "\\\\x0101" not in text
    assert "PGMASK" not in text
    assert "CREATE POLICY" not in text
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert "pgmask_private" not in code
    assert source.said.rows > 1000
