"""Alarms as they stand, and all that happened to them: what is read of the journal."""

from sqlalchemy import Connection, Engine, select, tuple_

from alerts.alarm import Alarm, Transition
from alerts.journal.schema import ALARM, OPEN, READ_ONLY, SEQUENCE, TRANSITION, alarm_of, transition_of


class UnknownAlarm(LookupError):
    """There is no alarm of this name."""


class Archive:
    """The journal as it is read; never waits for a writer."""

    def __init__(self, engine: Engine) -> None:
        self._readers = engine.execution_options(**READ_ONLY)

    def alarm(self, alarm: str) -> Alarm:
        """One alarm; UnknownAlarm."""
        with self._readers.connect() as connection:
            return alarm_named(connection, alarm)

    def open_alarms(self) -> list[Alarm]:
        """Every alarm not resolved, oldest first."""
        query = select(ALARM).where(OPEN).order_by(ALARM.c.raised_ms, ALARM.c.alarm)
        with self._readers.connect() as connection:
            return [alarm_of(row) for row in connection.execute(query)]

    def history(
        self,
        limit: int = 100,
        before_ms: int | None = None,
        before_alarm: str | None = None,
        *,
        site: str | None = None,
        resident: str | None = None,
        drill: bool | None = None,
    ) -> list[Alarm]:
        """Alarms open and closed, latest first, raised before `before_ms`; `drill`: tests alone, or none of them.

        For the next page give `raised_ms` and `alarm` of the last one of this page.
        """
        query = select(ALARM).order_by(ALARM.c.raised_ms.desc(), ALARM.c.alarm.desc()).limit(limit)
        if before_ms is not None and before_alarm is not None:
            query = query.where(tuple_(ALARM.c.raised_ms, ALARM.c.alarm) < tuple_(before_ms, before_alarm))
        elif before_ms is not None:
            query = query.where(ALARM.c.raised_ms < before_ms)
        if site is not None:
            query = query.where(ALARM.c.site == site)
        if resident is not None:
            query = query.where(ALARM.c.resident == resident)
        if drill is not None:
            query = query.where(ALARM.c.drill.is_(drill))
        with self._readers.connect() as connection:
            return [alarm_of(row) for row in connection.execute(query)]

    def transitions(self, alarm: str) -> list[Transition]:
        """All that happened to one alarm, in order; empty for an unknown one."""
        query = select(TRANSITION).where(TRANSITION.c.alarm == alarm).order_by(TRANSITION.c.sequence)
        with self._readers.connect() as connection:
            return [transition_of(row) for row in connection.execute(query)]

    def transitions_after(self, sequence: int, limit: int = 1000) -> list[Transition]:
        """What happened after a sequence number, in order: for a reader that was away."""
        query = select(TRANSITION).where(TRANSITION.c.sequence > sequence).order_by(TRANSITION.c.sequence).limit(limit)
        with self._readers.connect() as connection:
            return [transition_of(row) for row in connection.execute(query)]

    def last_sequence(self) -> int:
        """The sequence number of the latest transition, 0 before the first."""
        with self._readers.connect() as connection:
            return int(connection.execute(select(SEQUENCE.c.last)).scalar_one())


def alarm_named(connection: Connection, alarm: str) -> Alarm:
    """One alarm; UnknownAlarm."""
    row = connection.execute(select(ALARM).where(ALARM.c.alarm == alarm)).first()
    if row is None:
        raise UnknownAlarm(alarm)
    return alarm_of(row)
