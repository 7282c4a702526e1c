"""Any text through the trigger: refused by code, or its truth is kept behind a mask."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sealing.conftest import SealedDatabase

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40
) | st.sampled_from(
    ["*", "•", "''", "$pgmask$", "\\", "%s", "138****5678", " ", "\u200b", "a" * 500]
)


@pytest.mark.requirement("B1", "F1", "F3")
def test_any_value(crm: SealedDatabase) -> None:
    """Insert, update, upsert and write back, for every text."""

    @settings(max_examples=120, deadline=None,
              suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
    @given(email=TEXT, bank=TEXT, name=TEXT, grade=st.sampled_from([None, "diamond"]))
    def check(email: str, bank: str, name: str, grade: str | None) -> None:
        crm.app.execute("DELETE FROM crm.customer")
        crm.app.execute("INSERT INTO crm.customer (id, grade) VALUES (1, %s)", (grade,))
        for column, value in (("bank", bank), ("name", name), ("email", email)):
            for statement in (
                f"UPDATE crm.customer SET {column} = %s WHERE id = 1",
                f"INSERT INTO crm.customer (id, {column}) VALUES (1, %s)"
                f" ON CONFLICT (id) DO UPDATE SET {column} = EXCLUDED.{column}",
            ):
                refused: psycopg.Error | None = None
                try:
                    crm.app.execute(statement.encode(), (value,))
                except psycopg.Error as error:
                    refused = error
                if refused is not None:
                    assert refused.sqlstate in ("PM041", "PM042", "PM043"), column
                    assert len(value) < 4 or value not in str(refused)
                    continue
                stored = crm.stored(column)[0]
                if column == "name" and grade is None:
                    assert stored == value
                elif value == "":
                    assert stored == ""
                else:
                    assert "*" in str(stored)
                    assert len(str(stored)) == len(value)
                    assert crm.truth(1)[column] == value
                crm.app.execute(f"UPDATE crm.customer SET {column} = {column}, n = n + 1".encode())
                assert crm.stored(column)[0] == stored
        assert crm.wrong() == []

    check()
