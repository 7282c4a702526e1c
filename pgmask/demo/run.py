"""The demonstration from first to last; every number printed is computed in the run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from pgmask.demo import acts, audited, living, proofs, sealing, site, wayback
from pgmask.demo.scene import Scene
from pgmask.demo.story import Story
from pgmask.errors import ServerError


def run(*, customers: int, keep: bool, dsn: str | None) -> None:
    """Tell the whole story. Raises PgmaskError with its code at the first step that fails."""
    started = time.perf_counter()
    story = Story()
    with _site(keep=keep, dsn=dsn) as place:
        scene = Scene(site=place, customers=customers, story=story)
        try:
            acts.today(scene)
            acts.check(scene)
            acts.install(scene)
            acts.plan_and_apply(scene)
            sealing.seal(scene)
            wayback.remember(scene)
            wayback.copy(scene)
            proofs.measure(scene)
            proofs.steal(scene)
            audited.watch(scene)
            story.line()
            acts.same_question(scene)
            story.line()
            proofs.write(scene)
            living.save_with_django(scene)
            living.show_truth(scene)
            living.migrate(scene)
            story.line()
            proofs.cost(scene)
            story.line()
            wayback.leave(scene)
            story.line()
            audited.audit(scene, keep=keep)
        finally:
            scene.close()
        story.line()
        if keep:
            proofs.go_on(scene)
        else:
            seconds = time.perf_counter() - started
            story.step("done", f"all of it in {seconds:.0f} s; nothing is left behind")
            story.step("go on", "pgmask demo --keep leaves it running, with a psql line per person")
            story.step("", "pgmask init catalogue --dsn ... begins with a database of yours")


@contextlib.contextmanager
def _site(*, keep: bool, dsn: str | None) -> Iterator[site.Site]:
    folder = site.keep_folder() if keep else None
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise ServerError(
            "PM036",
            f"a demonstration is kept in {folder} already",
            hint="Use it, or end it: pgmask demo stop (or ./demo stop, as you began).",
        )
    if dsn is None:
        with site.own_server(folder) as made:
            yield made
        return
    with contextlib.ExitStack() as stack:
        place: Path
        if folder is None:
            place = stack.enter_context(site.scratch())
        else:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = folder
        with site.other_server(dsn, place, keep=keep) as made:
            yield made
