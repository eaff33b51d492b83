"""The outbox in SQL: which letters are due, and what became of them. The journal puts them in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, Update, bindparam, delete, func, or_, select, update

from alerts.ledger import note_sent
from alerts.notify.contract import Letter
from alerts.schema import FAILED, OUTBOX, PENDING, READ_ONLY, Status

# Built once: building one takes as long as executing it, and a press waits for it.
_EARLIER: Final = OUTBOX.alias("earlier")
_WAITS: Final = (
    select(_EARLIER.c.number)
    .where(_EARLIER.c.channel == OUTBOX.c.channel, _EARLIER.c.alarm == OUTBOX.c.alarm)
    .where(_EARLIER.c.status == PENDING.right, _EARLIER.c.number < OUTBOX.c.number)
    .exists()
)
_DUE: Final = (
    select(OUTBOX)
    .where(OUTBOX.c.channel == bindparam("wanted"), PENDING, OUTBOX.c.due_ms <= bindparam("now_ms"), ~_WAITS)
    .order_by(OUTBOX.c.urgency, OUTBOX.c.number)
    .limit(bindparam("most"))
)
_BUSY: Final = OUTBOX.c.alarm.not_in(bindparam("busy", expanding=True))
#: By whether some are busy, and whether only the most urgent are asked for.
_DUE_NOW: Final = {
    (some, urgent): _DUE.where(*([_BUSY] if some else []), *([OUTBOX.c.urgency == 0] if urgent else []))
    for some in (False, True)
    for urgent in (False, True)
}
_NEXT_DUE: Final = select(func.min(OUTBOX.c.due_ms)).where(
    OUTBOX.c.channel == bindparam("wanted"), PENDING, OUTBOX.c.due_ms > bindparam("now_ms")
)
#: By what a letter may be until then.
_SETTLE: Final[dict[tuple[Status, ...], Update]] = {
    out_of: update(OUTBOX)
    .where(OUTBOX.c.number == bindparam("which"), or_(*[OUTBOX.c.status == status for status in out_of]))
    .values(
        status=bindparam("outcome"),
        done_ms=bindparam("now_ms"),
        attempts=OUTBOX.c.attempts + 1,
        reason=bindparam("why"),
    )
    for out_of in ((Status.PENDING,), (Status.PENDING, Status.CANCELLED))
}
#: The oldest that wait no more are looked at alone, so that a press in the middle waits for a millisecond and not for
#: the whole table. Those that wait are passed over: of a channel that was taken out of the settings they wait for ever.
_OLDEST: Final = select(OUTBOX.c.number).where(~PENDING).order_by(OUTBOX.c.number).limit(bindparam("most"))
_PRUNE: Final = delete(OUTBOX).where(OUTBOX.c.number.in_(_OLDEST), OUTBOX.c.done_ms < bindparam("before_ms"))


_TRY_AGAIN: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.number == bindparam("which"), OUTBOX.c.status == Status.PENDING)
    .values(due_ms=bindparam("then_ms"), attempts=OUTBOX.c.attempts + 1, reason=bindparam("why"))
)


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
    )


class Letters:
    """Letters of one alarm on one channel leave in the order of what happened: only the first of them is ever due.

    A letter is struck off after it was sent, never before, so each is sent at least once; `Letter.key` tells a
    receiver that it has had it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers = engine.execution_options(**READ_ONLY)

    def due(
        self, channel: str, now_ms: int, limit: int, *, busy: Collection[str] = (), most_urgent: bool = False
    ) -> list[Letter]:
        """Letters to send now, urgent ones first, none of the alarms in `busy`; `most_urgent`: high priority alone."""
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
        settled = [{"which": number, "outcome": Status.SENT, "now_ms": at_ms, "why": ""} for number, at_ms in arrived]
        with self._engine.begin() as connection:
            connection.execute(_SETTLE[Status.PENDING, Status.CANCELLED], settled)
            note_sent(connection, arrived)

    def failed_for_good(self, number: int, reason: str, now_ms: int) -> None:
        """The letter will not be tried again."""
        failed = {"which": number, "outcome": Status.FAILED, "now_ms": now_ms, "why": reason}
        with self._engine.begin() as connection:
            connection.execute(_SETTLE[Status.PENDING,], [failed])

    def failed_for_now(self, failed: Sequence[tuple[int, str, int]]) -> None:
        """Letters, by number, failed for a reason and are to be tried again at a time; in one commit.

        Those that were called off meanwhile are not.
        """
        with self._engine.begin() as connection:
            connection.execute(
                _TRY_AGAIN, [{"which": number, "why": reason, "then_ms": due_ms} for number, reason, due_ms in failed]
            )

    def counts(self) -> Mapping[tuple[str, Status], int]:
        """How many letters there are by channel and what became of them."""
        query = select(OUTBOX.c.channel, OUTBOX.c.status, func.count()).group_by(OUTBOX.c.channel, OUTBOX.c.status)
        with self._readers.connect() as connection:
            return {(channel, Status(status)): count for channel, status, count in connection.execute(query)}

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
        with self._engine.begin() as connection:
            return connection.execute(_PRUNE, {"before_ms": before_ms, "most": most}).rowcount
