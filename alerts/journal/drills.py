"""Drills: while one goes on at a site, everything found there is marked as a test, and goes the whole way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine, insert, select, update

from alerts.findings import Change, Finding
from alerts.journal.schema import DRILL, READ_ONLY

#: A drill that somebody forgot to end must not go on marking what is real.
MOST_MS: Final = 4 * 3_600_000


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill at a site, until when and who began it."""

    site: str
    until_ms: int
    begun_ms: int
    by: str

    def runs(self, now_ms: int) -> bool:
        """Whether it goes on; not for ever where the clock was set back far."""
        return self.until_ms - MOST_MS <= now_ms < self.until_ms


class DrillTooLong(ValueError):
    """A drill lasts from now on for 4 hours at most."""


class Drills:
    """The drills in the database, known in memory as well: what is found must not wait for a question.

    Used in one thread, the journal's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.execution_options(**READ_ONLY).connect() as connection:
            self._latest = {row.site: Drill(**row._asdict()) for row in connection.execute(select(DRILL))}

    def begin(self, site: str, by: str, until_ms: int, now_ms: int) -> Drill:
        """Begin a drill, or set its end anew; DrillTooLong."""
        if not now_ms < until_ms <= now_ms + MOST_MS:
            raise DrillTooLong("a drill must end within 4 hours from now")
        drill = Drill(site, until_ms, now_ms, by)
        row = {"until_ms": until_ms, "begun_ms": now_ms, "by": by}
        with self._engine.begin() as connection:
            if not connection.execute(update(DRILL).where(DRILL.c.site == site).values(row)).rowcount:
                connection.execute(insert(DRILL).values(row | {"site": site}))
        self._latest[site] = drill
        return drill

    def end(self, site: str, now_ms: int) -> bool:
        """End a drill now; False where there is none."""
        drill = self._latest.get(site)
        if drill is None or not drill.runs(now_ms):
            return False
        with self._engine.begin() as connection:
            connection.execute(update(DRILL).where(DRILL.c.site == site).values(until_ms=now_ms))
        self._latest[site] = replace(drill, until_ms=now_ms)
        return True

    def running(self, now_ms: int) -> list[Drill]:
        """The drills that go on."""
        return [drill for drill in self._latest.values() if drill.runs(now_ms)]

    def marked(self, finding: Finding, site: str, now_ms: int) -> Iterator[Finding]:
        """A finding as it counts: what begins in a drill is a test.

        What was told of in a drill may end after it, and what is real may end within one: an end is one of both.
        """
        drill = self._latest.get(site)
        if drill is None or finding.drill:
            yield finding
        elif finding.change is Change.BEGAN:
            yield replace(finding, drill=drill.runs(now_ms))
        else:
            yield finding
            yield replace(finding, drill=True)
