"""Errands: letters about the devices of one site to one person by one channel leave as one message.

Thirty batteries that run low in one evening are one way through the house. What they never hold: a press, a fall or
anything else about a person, what is not of low priority, and what the service says of a site or of itself (its link is
down, nobody could be called).

Invariants:

- each alarm keeps a letter of its own, with its own result; a message is the letters that were sent in it, a parcel
- the first letter of an errand is due at once; after a message the next is due `technical_letters_s` later, and no
  letter waits for more than half of the time until the next step calls somebody else
- which letters are one parcel is written down before it is sent: however often it is sent, it has the same key, and no
  letter is in two. What was taken meanwhile drops out, and so does what was over for `hold_s` before it was sent once
- while a parcel waits to be sent again, no other of its errand is made: after however long a failure there are two
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Engine, bindparam, func, or_, select, tuple_, update

from alerts.alarm import Alarm
from alerts.findings import Condition, Priority, ServiceItself
from alerts.journal.letters import letter_of
from alerts.journal.schema import ALARM, ERRANDS, OUTBOX, PARCELS, PENDING, READ_ONLY, Status
from alerts.journal.timing import AlarmTimes
from alerts.lifecycle import State
from alerts.notify.contract import Letter
from alerts.notify.summons import together

#: Letters in one parcel; what is more goes with the next one.
_PARCEL_MOST: Final = 1000

_CHANNEL: Final[BindParameter[str]] = bindparam("of_channel")
_LANE: Final = (
    OUTBOX.c.channel == _CHANNEL,
    OUTBOX.c.errand == bindparam("of_errand"),
    OUTBOX.c.address == bindparam("to"),
)
#: When the last message of an errand left, or is tried again; what reached nobody does not count.
_LAST: Final = select(func.max(OUTBOX.c.due_ms)).where(
    *_LANE,
    OUTBOX.c.due_ms > bindparam("since_ms"),
    or_(OUTBOX.c.due_ms <= bindparam("now_ms"), PARCELS),
    OUTBOX.c.status.not_in([Status.CANCELLED, Status.FAILED]),
)
_BUSY: Final = tuple_(OUTBOX.c.errand, OUTBOX.c.address)
_SENT_AGAIN: Final = OUTBOX.alias("sent_again")
_BEHIND: Final = _BUSY.in_(
    select(_SENT_AGAIN.c.errand, _SENT_AGAIN.c.address).where(
        _SENT_AGAIN.c.channel == _CHANNEL, _SENT_AGAIN.c.status == PENDING.right, _SENT_AGAIN.c.parcel.is_not(None)
    )
)
_DUE: Final = (
    select(OUTBOX.c.errand, OUTBOX.c.address)
    .where(OUTBOX.c.channel == _CHANNEL, PENDING, ERRANDS, OUTBOX.c.due_ms <= bindparam("now_ms"))
    .where(or_(PARCELS, ~_BEHIND))
    .group_by(OUTBOX.c.errand, OUTBOX.c.address)
    .order_by(func.min(OUTBOX.c.number))
    .limit(bindparam("most"))
)
_DUE_BUT: Final = _DUE.where(_BUSY.not_in(bindparam("busy", expanding=True)))
_NEXT_DUE: Final = select(func.min(OUTBOX.c.due_ms)).where(
    OUTBOX.c.channel == _CHANNEL, PENDING, ERRANDS, OUTBOX.c.due_ms > bindparam("now_ms")
)
_OVER: Final = (
    update(OUTBOX)
    .where(*_LANE, PENDING, ~PARCELS)
    .where(
        OUTBOX.c.alarm.in_(
            select(ALARM.c.alarm).where(ALARM.c.state == State.RETURNED, ALARM.c.changed_ms <= bindparam("before_ms"))
        )
    )
    .values(status=Status.CANCELLED, done_ms=bindparam("now_ms"))
)
_BEGUN: Final = select(func.min(OUTBOX.c.parcel)).where(*_LANE, PENDING)
_FIRST: Final = select(func.min(OUTBOX.c.number)).where(*_LANE, PENDING)
_MAKE: Final = (
    update(OUTBOX)
    .where(
        OUTBOX.c.number.in_(
            select(OUTBOX.c.number).where(*_LANE, PENDING).order_by(OUTBOX.c.number).limit(_PARCEL_MOST)
        )
    )
    # From now on it counts when it left.
    .values(parcel=bindparam("first"), due_ms=bindparam("now_ms"))
)
_OF_PARCEL: Final = select(OUTBOX).where(OUTBOX.c.parcel == bindparam("first")).order_by(OUTBOX.c.number)


@dataclass(frozen=True, slots=True)
class Errand:
    """What the devices of one site ask of one person; `errand` as in `Letter`, `address` the caregiver's identifier."""

    errand: str
    address: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """Letters that leave as one message, and that message; its key is that of the first letter it was made of."""

    message: Letter
    letters: tuple[Letter, ...]


def errand_of(alarm: Alarm) -> str | None:
    """The errand of which an alarm is part; None: its letters leave by themselves. A drill's are apart."""
    of_device = alarm.condition is Condition.DEVICE and alarm.device != ServiceItself(alarm.site).device
    if not of_device or alarm.priority is not Priority.LOW:
        return None
    return f"{'drill' if alarm.drill else 'site'}:{alarm.site}"


def hold(connection: Connection, rows: Sequence[dict[str, Any]], technical_letters_ms: int) -> None:
    """Put the letters of errands among new rows off until the next message may leave; `due_ms`: at the latest then."""
    last_ms: dict[tuple[str, str, str], int | None] = {}
    for row in rows:
        if row["errand"] is None:
            continue
        lane = (row["channel"], row["errand"], row["address"])
        created_ms = row["created_ms"]
        if lane not in last_ms:
            values = dict(zip(("of_channel", "of_errand", "to"), lane, strict=True))
            values |= {"since_ms": created_ms - technical_letters_ms, "now_ms": created_ms}
            last_ms[lane] = connection.execute(_LAST, values).scalar_one()
        last = last_ms[lane]
        row["due_ms"] = created_ms if last is None else min(row["due_ms"], last + technical_letters_ms)


class Errands:
    """The outbox as it is emptied of errands."""

    def __init__(self, engine: Engine, times: AlarmTimes | None = None) -> None:
        self._engine = engine
        self._readers = engine.execution_options(**READ_ONLY)
        self._hold_ms = (times or AlarmTimes()).hold_ms

    def due(self, channel: str, now_ms: int, limit: int, *, busy: Collection[Errand] = ()) -> list[Errand]:
        """Errands of which a message is to leave now, the oldest first, none of those in `busy`."""
        values: dict[str, Any] = {"of_channel": channel, "now_ms": now_ms, "most": limit}
        if busy:
            values["busy"] = [(one.errand, one.address) for one in busy]
        with self._readers.connect() as connection:
            return [Errand(*row) for row in connection.execute(_DUE_BUT if busy else _DUE, values)]

    def next_due_ms(self, channel: str, now_ms: int) -> int | None:
        """When after `now_ms` the next message may leave; None where none waits for a time."""
        with self._readers.connect() as connection:
            due_ms: int | None = connection.execute(_NEXT_DUE, {"of_channel": channel, "now_ms": now_ms}).scalar_one()
        return due_ms

    def parcel(self, channel: str, errand: Errand, now_ms: int) -> Parcel | None:
        """All that waits of an errand as one parcel, or the one that is to be sent again; None: nothing waits."""
        lane = {"of_channel": channel, "of_errand": errand.errand, "to": errand.address}
        with self._engine.begin() as connection:
            connection.execute(_OVER, lane | {"before_ms": now_ms - self._hold_ms, "now_ms": now_ms})
            first = connection.execute(_BEGUN, lane).scalar_one()
            if first is None:
                first = connection.execute(_FIRST, lane).scalar_one()
                if first is None:
                    return None
                connection.execute(_MAKE, lane | {"first": first, "now_ms": now_ms})
            rows = [row._asdict() for row in connection.execute(_OF_PARCEL, {"first": first})]
        letters = tuple(letter_of(row["number"], row) for row in rows if row["status"] == Status.PENDING)
        return Parcel(_message(letter_of(first, rows[0]).key, letters), letters)


def _message(key: str, letters: Sequence[Letter]) -> Letter:
    """One letter in place of several; of what an alarm has told twice since, the latest."""
    latest = {letter.alarm: letter for letter in letters}
    last = letters[-1]
    return Letter(
        number=letters[0].number,
        alarm=last.alarm,
        key=key,
        address=last.address,
        body=together([letter.body for letter in latest.values()]),
        attempts=max(letter.attempts for letter in letters),
        created_ms=min(letter.created_ms for letter in letters),
        step=last.step,
        errand=last.errand,
    )
