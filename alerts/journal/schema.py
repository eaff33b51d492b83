"""The journal's tables, and how an alarm becomes a row and a row an alarm. SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal,
)

from alerts.alarm import Alarm, Outcome, Transition
from alerts.findings import Condition, Evidence, Priority
from alerts.lifecycle import Event, State

metadata: Final = MetaData()

#: Told to the engine with every reading, for one that would otherwise begin each transaction as a writer.
READ_ONLY: Final = {"shouhu_read_only": True}
#: The same with what may be done twice: a power cut may undo it, an end of the service does not. The disk is spared one
#: flush, for which the next press might have to wait.
UNFLUSHED: Final = {"shouhu_unflushed": True}

ALARM: Final = Table(
    "alarm",
    metadata,
    Column("alarm", String(20), primary_key=True),
    Column("key", Text, nullable=False),
    Column("site", String(64), nullable=False),
    Column("device", String(64), nullable=False),
    Column("resident", Text),
    Column("condition", String(16), nullable=False),
    Column("cause", Text, nullable=False),
    Column("priority", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("onset_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("latest_onset_ms", BigInteger, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("acknowledged_by", Text),
    Column("acknowledged_ms", BigInteger),
    Column("resolved_by", Text),
    Column("resolved_ms", BigInteger),
    Column("outcome", String(8)),
    Column("note", Text, nullable=False),
    # Added later: empty in the rows of an earlier version.
    Column("returned_ms", BigInteger),
    Column("unknown_since_ms", BigInteger),
    Column("step", Integer),
    Column("due_ms", BigInteger),
    Column("held_ms", BigInteger),
    Column("shelved_by", Text),
    Column("shelved_until_ms", BigInteger),
    Column("shelved_reason", Text),
)
#: Written into the statement as it stands: with a bound value no planner would use a partial index.
OPEN: Final = ALARM.c.state != literal(State.RESOLVED.value, literal_execute=True)
Index("alarm_open_key", ALARM.c.key, unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
Index("alarm_raised", ALARM.c.raised_ms, ALARM.c.alarm)
Index("alarm_resident", ALARM.c.resident, ALARM.c.raised_ms, ALARM.c.alarm)
Index("alarm_open_device", ALARM.c.device, ALARM.c.site, sqlite_where=OPEN, postgresql_where=OPEN)
#: The open ones in the order in which they are listed, with what is counted of them, so that their rows are not read
#: for that; SQLite looks at the state even so.
Index(
    "alarm_open_raised",
    ALARM.c.raised_ms,
    ALARM.c.alarm,
    ALARM.c.state,
    ALARM.c.site,
    ALARM.c.drill,
    ALARM.c.acknowledged_by,
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)
#: Alarms to which something happens by itself; those of one priority in the order of their times.
TIMED: Final = ALARM.c.due_ms.is_not(None)
Index("alarm_due", ALARM.c.priority, ALARM.c.due_ms, sqlite_where=TIMED, postgresql_where=TIMED)

#: Every BEGAN ever journalled, so that one delivered twice is known again, whatever became of its alarm.
OCCURRENCE: Final = Table(
    "alarm_occurrence",
    metadata,
    Column("occurrence", String(20), primary_key=True),
    Column("alarm", String(20), nullable=False),
    Column("onset_ms", BigInteger, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
)

#: What happened, in order; `after` is the whole alarm as it stood then, in JSON.
TRANSITION: Final = Table(
    "alarm_transition",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("alarm", String(20), nullable=False, index=True),
    Column("event", String(16), nullable=False),
    Column("from_state", String(16)),
    Column("to_state", String(16), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", Text),
    Column("after", Text, nullable=False),
)
Index("alarm_transition_at", TRANSITION.c.at_ms)

#: One row: the last sequence given. Writers change it first, so it is also what they queue at, in commit order.
SEQUENCE: Final = Table(
    "alarm_sequence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)


class Status(StrEnum):
    """What became of a letter: `failed` is for good, a letter to be tried again is still `pending`.

    `delivered` and `read` are more than `sent`, where the channel tells.
    """

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: Which letter goes first where several wait.
URGENCY: Final = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}

#: Letters are numbered within their transition, and the transition by its sequence number: in the order of both.
LETTERS_A_TRANSITION: Final = 1 << 16

OUTBOX: Final = Table(
    "outbox",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("alarm", String(20), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("part", Integer, nullable=False),
    Column("address", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("moot_once_taken", Boolean, nullable=False),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    Column("reason", Text, nullable=False),
    # Added later. The step of escalation by which a person is called; empty in letters that call nobody.
    Column("step", Integer),
    Column("sent_ms", BigInteger),
    Column("delivered_ms", BigInteger),
    Column("read_ms", BigInteger),
    # Of a letter about a device: the errand it is part of, and the first letter of the message in which it was sent.
    Column("errand", Text),
    Column("parcel", BigInteger),
)
PENDING: Final = OUTBOX.c.status == literal(Status.PENDING.value, literal_execute=True)
Index(
    "outbox_pending",
    OUTBOX.c.channel,
    OUTBOX.c.alarm,
    OUTBOX.c.number,
    sqlite_where=PENDING,
    postgresql_where=PENDING,
)
#: Letters that leave with others; all others have neither, and so are in neither index.
ERRANDS: Final = OUTBOX.c.errand.is_not(None)
Index(
    "outbox_errand",
    OUTBOX.c.channel,
    OUTBOX.c.errand,
    OUTBOX.c.address,
    OUTBOX.c.due_ms,
    sqlite_where=ERRANDS,
    postgresql_where=ERRANDS,
)
PARCELS: Final = OUTBOX.c.parcel.is_not(None)
Index("outbox_parcel", OUTBOX.c.parcel, sqlite_where=PARCELS, postgresql_where=PARCELS)
CALLS: Final = OUTBOX.c.step.is_not(None)
Index("outbox_calls", OUTBOX.c.alarm, OUTBOX.c.sequence, sqlite_where=CALLS, postgresql_where=CALLS)
FAILED: Final = OUTBOX.c.status == literal(Status.FAILED.value, literal_execute=True)
Index("outbox_failed", OUTBOX.c.done_ms, sqlite_where=FAILED, postgresql_where=FAILED)


def checkpoint(engine: Engine) -> None:
    """Let SQLite move what was committed from its write-ahead log into the database; PostgreSQL does so by itself.

    Otherwise a commit would, every now and then, and with it the press that it journals.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    finally:
        connection.close()


#: A drill at a site, one row each: until when, and who began it. Sites that never had one have no row.
DRILL: Final = Table(
    "drill",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
)

_FIELDS: Final = tuple(Alarm.__dataclass_fields__)
#: By place and not by name, which takes four times as long: of ten thousand open alarms 0.2 s instead of 0.65.
_PICK: Final = itemgetter(*[ALARM.c.keys().index(name) for name in _FIELDS])
_AS_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "condition": Condition,
    "priority": Priority,
    "state": State,
    "cancelled": bool,  # numbers, in SQLite
    "drill": bool,
    "outcome": lambda value: None if value is None else Outcome(value),
    "evidence": msgspec.json.Decoder(Evidence).decode,
    "step": lambda value: value or 0,
    "shelved_reason": lambda value: value or "",
}
_READ: Final = tuple((_FIELDS.index(name), read) for name, read in _AS_READ.items())


def alarm_row(alarm: Alarm) -> dict[str, Any]:
    """The columns of an alarm, its key apart."""
    row = {name: getattr(alarm, name) for name in _FIELDS}
    row["evidence"] = msgspec.json.encode(alarm.evidence).decode()
    return row


#: The key of a row that holds all columns of `ALARM` in their order; its site and its device.
key_in: Final = itemgetter(ALARM.c.keys().index("key"))
place_in: Final = itemgetter(ALARM.c.keys().index("site"), ALARM.c.keys().index("device"))


def alarm_of(row: Any) -> Alarm:
    """The alarm of a row that holds all columns of `ALARM` in their order."""
    values = list(_PICK(row))
    for place, read in _READ:
        values[place] = read(values[place])
    return Alarm(*values)


def transition_row(transition: Transition) -> dict[str, Any]:
    """The columns of a transition."""
    return {
        "sequence": transition.sequence,
        "alarm": transition.alarm.alarm,
        "event": transition.event,
        "from_state": transition.from_state,
        "to_state": transition.to_state,
        "at_ms": transition.at_ms,
        "by": transition.by,
        "after": msgspec.json.encode(transition.alarm).decode(),
    }


def transition_of(row: Any) -> Transition:
    """The transition of a row of `TRANSITION`."""
    return Transition(
        sequence=row.sequence,
        alarm=msgspec.json.decode(row.after, type=Alarm),
        event=Event(row.event),
        from_state=None if row.from_state is None else State(row.from_state),
        to_state=State(row.to_state),
        at_ms=row.at_ms,
        by=row.by,
    )
