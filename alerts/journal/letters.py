"""The outbox in SQL: which letters are due, and what became of them. The journal puts them in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, Update, bindparam, case, delete, func, or_, select, tuple_, update

from alerts.journal.ledger import note_delivered, note_sent
from alerts.journal.schema import (
    CALLS,
    ERRANDS,
    FAILED,
    LETTERS_A_TRANSITION,
    OUTBOX,
    PENDING,
    READ_ONLY,
    UNFLUSHED,
    Status,
)
from alerts.notify.contract import Letter

# Built once: building one takes as long as executing it, and a press waits for it.
_EARLIER: Final = OUTBOX.alias("earlier")
_WAITS: Final = (
    select(_EARLIER.c.number)
    .where(_EARLIER.c.channel == OUTBOX.c.channel, _EARLIER.c.alarm == OUTBOX.c.alarm)
    .where(or_(_EARLIER.c.step.is_(None), _EARLIER.c.address == OUTBOX.c.address), _EARLIER.c.errand.is_(None))
    .where(_EARLIER.c.status == PENDING.right, _EARLIER.c.number < OUTBOX.c.number)
    .exists()
)
_DUE: Final = (
    select(OUTBOX)
    .where(OUTBOX.c.channel == bindparam("wanted"), PENDING, OUTBOX.c.due_ms <= bindparam("now_ms"))
    .where(~ERRANDS, ~_WAITS)
    .order_by(OUTBOX.c.urgency, OUTBOX.c.number)
    .limit(bindparam("most"))
)
#: As `lane_of`.
_LANE: Final = tuple_(OUTBOX.c.alarm, case((OUTBOX.c.step.is_(None), ""), else_=OUTBOX.c.address))
_BUSY: Final = _LANE.not_in(bindparam("busy", expanding=True))
#: By whether some are busy, and whether only the most urgent are asked for.
_DUE_NOW: Final = {
    (some, urgent): _DUE.where(*([_BUSY] if some else []), *([OUTBOX.c.urgency == 0] if urgent else []))
    for some in (False, True)
    for urgent in (False, True)
}
_NEXT_DUE: Final = select(func.min(OUTBOX.c.due_ms)).where(
    OUTBOX.c.channel == bindparam("wanted"), PENDING, ~ERRANDS, OUTBOX.c.due_ms > bindparam("now_ms")
)
_SENT: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.number == bindparam("which"))
    # Not IN, which no statement can have that is executed for several letters at once.
    .where(or_(OUTBOX.c.status == Status.PENDING, OUTBOX.c.status == Status.CANCELLED))
    .values(
        status=Status.SENT,
        sent_ms=bindparam("at_ms"),
        done_ms=bindparam("at_ms"),
        attempts=OUTBOX.c.attempts + 1,
        reason="",
    )
)
_GIVEN_UP: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.number == bindparam("which"), OUTBOX.c.status == Status.PENDING)
    .values(status=Status.FAILED, done_ms=bindparam("at_ms"), attempts=OUTBOX.c.attempts + 1, reason=bindparam("why"))
)
#: The oldest that wait no more are looked at alone, so that a press in the middle waits for a millisecond and not for
#: the whole table. Those that wait are passed over: of a channel that was taken out of the settings they wait for ever.
_OLDEST: Final = select(OUTBOX.c.number).where(~PENDING).order_by(OUTBOX.c.number).limit(bindparam("most"))
_PRUNE: Final = delete(OUTBOX).where(OUTBOX.c.number.in_(_OLDEST), OUTBOX.c.done_ms < bindparam("before_ms"))

_TRY_AGAIN: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.number == bindparam("which"), OUTBOX.c.status == Status.PENDING)
    .values(due_ms=bindparam("then_ms"), attempts=OUTBOX.c.attempts + 1, reason=bindparam("why"))
)

#: What a letter must be for a receipt to change it: a receipt never takes back what an earlier one said.
_BEFORE: Final[Mapping[Status, tuple[Status, ...]]] = {
    Status.FAILED: (Status.PENDING, Status.SENT),
    Status.DELIVERED: (Status.PENDING, Status.CANCELLED, Status.FAILED, Status.SENT),
    Status.READ: (Status.PENDING, Status.CANCELLED, Status.FAILED, Status.SENT, Status.DELIVERED),
}
_AT: Final = bindparam("at_ms", type_=OUTBOX.c.done_ms.type)
_ARRIVED: Final = {"sent_ms": func.coalesce(OUTBOX.c.sent_ms, _AT), "reason": ""}
_SAID: Final[Mapping[Status, Mapping[str, Any]]] = {
    Status.FAILED: {"reason": "the other side says it could not deliver it"},
    Status.DELIVERED: _ARRIVED | {"delivered_ms": _AT},
    Status.READ: _ARRIVED | {"delivered_ms": func.coalesce(OUTBOX.c.delivered_ms, _AT), "read_ms": _AT},
}
_RECEIVE: Final[Mapping[Status, Update]] = {
    said: update(OUTBOX)
    .where(OUTBOX.c.number == bindparam("which"), OUTBOX.c.status.in_(before))
    .values(status=said, done_ms=func.coalesce(OUTBOX.c.done_ms, _AT), **_SAID[said])
    for said, before in _BEFORE.items()
}
#: The letters in a parcel, but those that dropped out of it.
_IN_PARCEL: Final = (
    select(OUTBOX.c.number, OUTBOX.c.status, OUTBOX.c.created_ms)
    .where(OUTBOX.c.parcel == bindparam("first"), OUTBOX.c.status != Status.CANCELLED)
    .order_by(OUTBOX.c.number)
)


@dataclass(frozen=True, slots=True)
class CallMade:
    """One caregiver called of an alarm by one channel in one step, and what became of it; times in Unix milliseconds.

    `failed_ms`: when it was given up; `reason`: why it failed, also of one that is to be tried again.
    """

    caregiver: str
    channel: str
    step: int
    status: Status
    attempts: int
    called_ms: int
    sent_ms: int | None
    delivered_ms: int | None
    read_ms: int | None
    failed_ms: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A letter that will not be sent any more, and why."""

    channel: str
    alarm: str
    sequence: int
    attempts: int
    failed_ms: int
    reason: str


def letter_of(number: int, row: Mapping[str, Any]) -> Letter:
    """A letter from its row of the outbox."""
    return Letter(
        number=number,
        alarm=row["alarm"],
        key=f"{row['alarm']}-{row['sequence']}" + (f"-{row['part']}" if row["part"] else ""),
        address=row["address"],
        body=row["body"],
        attempts=row["attempts"],
        created_ms=row["created_ms"],
        step=row["step"],
        errand=row["errand"],
    )


def lane_of(letter: Letter) -> tuple[str, str]:
    """Whose letters leave one after the other: an alarm's, and where single people are called, each person's."""
    return letter.alarm, "" if letter.step is None else letter.address


class Letters:
    """Letters of one alarm (to one person) leave in the order of what happened: only the first of them is ever due.

    Those of errands leave by `Errands`.
    A letter is struck off after it was sent, never before, so each is sent at least once; `Letter.key` tells a
    receiver that it has had it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers = engine.execution_options(**READ_ONLY)
        self._unflushed = engine.execution_options(**UNFLUSHED)

    def due(
        self,
        channel: str,
        now_ms: int,
        limit: int,
        *,
        busy: Collection[tuple[str, str]] = (),
        most_urgent: bool = False,
    ) -> list[Letter]:
        """Letters to send now, urgent ones first, none of the lanes in `busy`.

        `most_urgent`: high priority alone.
        """
        query = _DUE_NOW[bool(busy), most_urgent]
        values = {"wanted": channel, "now_ms": now_ms, "most": limit} | ({"busy": list(busy)} if busy else {})
        with self._readers.connect() as connection:
            return [letter_of(row.number, row._asdict()) for row in connection.execute(query, values)]

    def next_due_ms(self, channel: str, now_ms: int) -> int | None:
        """When after `now_ms` the next letter becomes due; None where none waits for a time."""
        with self._readers.connect() as connection:
            due_ms: int | None = connection.execute(_NEXT_DUE, {"wanted": channel, "now_ms": now_ms}).scalar_one()
        return due_ms

    def sent(self, arrived: Sequence[tuple[int, int]]) -> None:
        """Letters, by number, have arrived at a time, also those called off while on their way; in one commit."""
        # Undone by a power cut, they are sent again, as all are that were on their way then.
        with self._unflushed.begin() as connection:
            connection.execute(_SENT, [{"which": number, "at_ms": at_ms} for number, at_ms in arrived])
            note_sent(connection, arrived)

    def failed_for_good(self, numbers: Sequence[int], reason: str, now_ms: int) -> None:
        """The letters will not be tried again; in one commit."""
        with self._engine.begin() as connection:
            connection.execute(_GIVEN_UP, [{"which": one, "at_ms": now_ms, "why": reason} for one in numbers])

    def receive(self, channel: str, key: str, said: Status, at_ms: int) -> tuple[list[int], Status] | None:
        """What the other side says of a message: delivered, read, failed; the letters in it and what the first is then.

        None: there is no such message. Said twice it changes nothing, and nothing is taken
        back: read is more than delivered, and that more than sent.
        """
        with self._engine.begin() as connection:
            row = connection.execute(_of_key(channel, key)).first() if key.count("-") in (1, 2) else None
            if row is None:
                return None
            rows = [row] if row.parcel is None else connection.execute(_IN_PARCEL, {"first": row.parcel}).all()
            changed = [one for one in rows if self._receive(connection, one, said, at_ms)]
        numbers = [one.number for one in rows]
        return (numbers, said) if changed else (numbers, Status((rows or [row])[0].status))

    def _receive(self, connection: Connection, row: Any, said: Status, at_ms: int) -> bool:
        """Whether it changes what a letter is."""
        # A gateway's clock may be wrong; it cannot have been before the letter was written.
        values = {"which": row.number, "at_ms": max(at_ms, row.created_ms)}
        if connection.execute(_RECEIVE[said], values).rowcount == 0:
            return False
        if said is not Status.FAILED:
            note_sent(connection, [(row.number, values["at_ms"])])
            note_delivered(connection, row.number, values["at_ms"])
        return True

    def failed_for_now(self, failed: Sequence[tuple[int, str, int]]) -> None:
        """Letters, by number, failed for a reason and are to be tried again at a time; in one commit.

        Those that were called off meanwhile are not.
        """
        with self._unflushed.begin() as connection:
            connection.execute(
                _TRY_AGAIN, [{"which": number, "why": reason, "then_ms": due_ms} for number, reason, due_ms in failed]
            )

    def counts(self) -> Mapping[tuple[str, Status], int]:
        """How many letters there are by channel and what became of them."""
        query = select(OUTBOX.c.channel, OUTBOX.c.status, func.count()).group_by(OUTBOX.c.channel, OUTBOX.c.status)
        with self._readers.connect() as connection:
            return {(channel, Status(status)): count for channel, status, count in connection.execute(query)}

    def calls(self, alarm: str, limit: int = 100) -> list[CallMade]:
        """Whom an alarm has called and what became of it, the latest `limit`, latest first."""
        query = select(OUTBOX).where(CALLS, OUTBOX.c.alarm == alarm)
        query = query.order_by(OUTBOX.c.sequence.desc(), OUTBOX.c.number.desc()).limit(limit)
        with self._readers.connect() as connection:
            return [
                CallMade(
                    caregiver=row.address,
                    channel=row.channel,
                    step=row.step,
                    status=Status(row.status),
                    attempts=row.attempts,
                    called_ms=row.created_ms,
                    sent_ms=row.sent_ms,
                    delivered_ms=row.delivered_ms,
                    read_ms=row.read_ms,
                    failed_ms=row.done_ms if row.status == Status.FAILED else None,
                    reason=row.reason,
                )
                for row in connection.execute(query)
            ]

    def failures(self, limit: int = 100) -> list[Failure]:
        """The letters that failed for good, latest first."""
        query = select(OUTBOX).where(FAILED).order_by(OUTBOX.c.done_ms.desc(), OUTBOX.c.number.desc()).limit(limit)
        with self._readers.connect() as connection:
            return [
                Failure(row.channel, row.alarm, row.sequence, row.attempts, row.done_ms, row.reason)
                for row in connection.execute(query)
            ]

    def prune(self, before_ms: int, most: int) -> int:
        """Forget those of the oldest `most` letters that were settled before a time; returns how many.

        Those that failed for good are forgotten as well. The alarm and what happened to it stay.
        """
        with self._unflushed.begin() as connection:
            return connection.execute(_PRUNE, {"before_ms": before_ms, "most": most}).rowcount


def _of_key(channel: str, key: str) -> Select[Any]:
    """The row that a letter's key names, on one channel; none where it is no key."""
    alarm, sequence, part = (*key.split("-"), "0")[:3]
    numbers = [int(word) if word.isascii() and word.isdigit() and len(word) < 16 else -1 for word in (sequence, part)]
    first = numbers[0] * LETTERS_A_TRANSITION
    return select(OUTBOX.c.number, OUTBOX.c.status, OUTBOX.c.created_ms, OUTBOX.c.parcel).where(
        OUTBOX.c.number >= first,
        OUTBOX.c.number < first + LETTERS_A_TRANSITION,
        OUTBOX.c.channel == channel,
        OUTBOX.c.alarm == alarm,
        OUTBOX.c.part == numbers[1],
    )
