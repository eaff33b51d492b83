"""The delay ledger: when what happened to each alarm, from the device's own time to its end, one row an alarm.

IEC 60601-1-8 asks that the delays from a condition to its alarm and from the alarm to its signal be disclosed. The row
is written in the journal's transactions, and outlives the letters, which are forgotten after a week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Connection,
    Dialect,
    Engine,
    Index,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from alerts.alarm import Transition
from alerts.findings import Condition
from alerts.journal.schema import OUTBOX, READ_ONLY, metadata
from alerts.journal.statements import Statement
from alerts.lifecycle import UNTAKEN, Event

LEDGER: Final = Table(
    "alarm_ledger",
    metadata,
    Column("alarm", String(20), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("condition", String(16), nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("onset_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("detected_ms", BigInteger, nullable=False),
    Column("journalled_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("delivered_ms", BigInteger),
    Column("acknowledged_ms", BigInteger),
    Column("resolved_ms", BigInteger),
)
Index("alarm_ledger_journalled", LEDGER.c.journalled_ms)

_AT: Final[BindParameter[int]] = bindparam("at_ms", required=False)
_OF: Final = LEDGER.c.alarm == bindparam("of_alarm", required=False)
_LETTER: Final = select(OUTBOX.c.alarm).where(OUTBOX.c.number == bindparam("which"), OUTBOX.c.moot_once_taken)
_SENT: Final = (
    update(LEDGER)
    .where(LEDGER.c.alarm == _LETTER.scalar_subquery(), LEDGER.c.sent_ms.is_(None))
    .values(sent_ms=bindparam("at_ms"))
)
_DELIVERED: Final = (
    update(LEDGER)
    .where(LEDGER.c.alarm == _LETTER.scalar_subquery(), LEDGER.c.delivered_ms.is_(None))
    .values(delivered_ms=bindparam("at_ms"))
)


class UnknownLedger(LookupError):
    """There is no such alarm, or it is from before ledgers were kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One alarm's times in Unix milliseconds; None: not yet, or never.

    `onset_ms` is the device's clock, all others the service's. `received_ms`: the deciding message; `detected_ms`: the
    detectors were done; `journalled_ms`: written, with its first letters, in one transaction; `sent_ms`: the first
    letter that calls for somebody was taken over by its channel; `delivered_ms`: the first is known to have arrived;
    `acknowledged_ms`: a person first took responsibility; `resolved_ms`: a person closed it.
    """

    alarm: str
    site: str
    condition: Condition
    drill: bool
    onset_ms: int
    received_ms: int
    detected_ms: int
    journalled_ms: int
    sent_ms: int | None
    delivered_ms: int | None
    acknowledged_ms: int | None
    resolved_ms: int | None


class LedgerWriter:
    """What the journal notes in its own transaction."""

    def __init__(self, dialect: Dialect) -> None:
        filled_later = {"sent_ms", "delivered_ms", "acknowledged_ms", "resolved_ms"}
        self._begin = Statement(insert(LEDGER), dialect, [c.name for c in LEDGER.c if c.name not in filled_later])
        taken = update(LEDGER).where(_OF, LEDGER.c.acknowledged_ms.is_(None)).values(acknowledged_ms=_AT)
        self._taken = Statement(taken, dialect)
        self._resolved = Statement(update(LEDGER).where(_OF).values(resolved_ms=_AT), dialect)

    def note(
        self, connection: Connection, transitions: Sequence[Transition], detected_ms: int, journalled_ms: int
    ) -> None:
        """What these transitions add: an entry for each new alarm, and what people did for the first time."""
        begun = [_begun(t, detected_ms, journalled_ms) for t in transitions if t.event is Event.RAISE]
        self._begin.run_each(connection, begun)
        by_people = [t for t in transitions if t.by is not None]
        taken = [t for t in by_people if t.to_state not in UNTAKEN]
        self._taken.run_each(connection, [_at(t) for t in taken])
        self._resolved.run_each(connection, [_at(t) for t in by_people if t.event is Event.RESOLVE])


def _begun(transition: Transition, detected_ms: int, journalled_ms: int) -> dict[str, Any]:
    alarm = transition.alarm
    return {
        "alarm": alarm.alarm,
        "site": alarm.site,
        "condition": alarm.condition,
        "drill": alarm.drill,
        "onset_ms": alarm.onset_ms,
        "received_ms": alarm.received_ms,
        "detected_ms": detected_ms,
        "journalled_ms": journalled_ms,
    }


def _at(transition: Transition) -> dict[str, Any]:
    return {"of_alarm": transition.alarm.alarm, "at_ms": transition.at_ms}


def note_sent(connection: Connection, letters: Sequence[tuple[int, int]]) -> None:
    """Letters, by number, were taken over by their channel at a time; the first of an alarm that calls counts."""
    if letters:
        connection.execute(_SENT, [{"which": number, "at_ms": at_ms} for number, at_ms in letters])


def note_delivered(connection: Connection, letter: int, at_ms: int) -> None:
    """A letter, by number, is known to have reached somebody at a time; the first of an alarm that calls counts."""
    connection.execute(_DELIVERED, {"which": letter, "at_ms": at_ms})


class Ledger:
    """The ledger as it is read."""

    def __init__(self, engine: Engine) -> None:
        self._readers = engine.execution_options(**READ_ONLY)

    def of_alarm(self, alarm: str) -> Entry:
        """One alarm's times; UnknownLedger."""
        with self._readers.connect() as connection:
            row = connection.execute(select(LEDGER).where(LEDGER.c.alarm == alarm)).first()
        if row is None:
            raise UnknownLedger(alarm)
        return Entry(**row._asdict() | {"condition": Condition(row.condition), "drill": bool(row.drill)})
