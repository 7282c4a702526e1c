"""``seal --verify``: a lost data key is a finding, an erased subject is not and is counted."""

from __future__ import annotations

import pytest

from pgmask.cli.main import run
from tests.attack import place
from tests.harness import Server


@pytest.mark.requirement("F1")
def test_a_lost_data_key_fails_and_an_erased_one_is_counted(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    name, key = place.template(server)
    with server.database(template=name) as database:
        play = place.Play(server, database, key)
        words = ["seal", "crm.customer", "--verify", "--dsn", database.dsn()]
        assert run(words) == 0
        assert "erased" not in capsys.readouterr().out
        play.rex(
            "UPDATE pgmask_private.data_key SET state = 'erased', wrapped = NULL"
            " WHERE (subject_class, subject_key) IN (SELECT 'customer', min(subject_key)"
            " FROM pgmask_private.data_key WHERE subject_class = 'customer')"
        )
        assert run(words) == 0
        assert "1 subjects are erased" in " ".join(capsys.readouterr().out.split())
        ((lost,),) = play.rex(
            "DELETE FROM pgmask_private.data_key"
            " WHERE (subject_class, subject_key) IN (SELECT 'customer', max(subject_key)"
            " FROM pgmask_private.data_key WHERE subject_class = 'customer')"
            " RETURNING subject_key"
        )
        assert run(words) == 2
        said = capsys.readouterr()
        assert "1 rows whose data key is gone" in " ".join(said.err.split())
        assert "PM314" in said.err
        assert "PM322" not in said.err
        assert said.out.split("\t")[:2] == ["crm.customer", lost]
        assert said.out.split("\t")[2].startswith("key:")
