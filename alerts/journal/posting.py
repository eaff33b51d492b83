"""What is put into the outbox of a transition: news for channels, and letters that call single people."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import Connection, select, update

from alerts.alarm import Transition
from alerts.calling.escalation import Call, Recipient
from alerts.findings import Condition
from alerts.journal.errands import errand_of, hold
from alerts.journal.schema import ERRANDS, LETTERS_A_TRANSITION, OUTBOX, PENDING, TRANSITION, URGENCY, Status
from alerts.lifecycle import UNTAKEN, Event
from alerts.notify.contract import Message, Subscriber


def sequence_of(number: int) -> int:
    """The sequence number of the transition of which a letter tells."""
    return number // LETTERS_A_TRANSITION


@runtime_checkable
class _ToPeople(Subscriber, Protocol):
    """The part of a channel to single people that the journal knows."""

    def calls(self, transition: Transition, recipient: Recipient) -> Message: ...


class Posting:
    """The channels as the journal knows them; ValueError where two have one name.

    `technical_letters_ms`: how far apart messages about the devices of a site are; 0: each letter leaves by itself.
    """

    def __init__(self, subscribers: Sequence[Subscriber], technical_letters_ms: int) -> None:
        self._technical_letters_ms = technical_letters_ms
        self._subscribers = tuple(subscribers)
        if len({s.name for s in self._subscribers}) != len(self._subscribers):
            raise ValueError("two channels have the same name")
        self._to_people = {s.name: s for s in self._subscribers if isinstance(s, _ToPeople)}

    @property
    def to_people(self) -> frozenset[str]:
        """The names of the channels by which single people are called."""
        return frozenset(self._to_people)

    def letters(self, transition: Transition, call: Call | None) -> Iterator[dict[str, Any]]:
        """The rows of the outbox for a transition, and for the step of calling that it began."""
        numbers = itertools.count(transition.sequence * LETTERS_A_TRANSITION)
        parts = {name: itertools.count() for name in (s.name for s in self._subscribers)}
        for subscriber in self._subscribers:
            for message in subscriber.wants(transition):
                yield _row(next(numbers), subscriber.name, next(parts[subscriber.name]), transition, message, None)
        for recipient in () if call is None else call.to:
            channel = self._to_people.get(recipient.channel)
            if channel is not None and call is not None:
                message = channel.calls(transition, recipient)
                row = _row(next(numbers), channel.name, next(parts[channel.name]), transition, message, call.step)
                yield row | self._errand(transition, call)

    def hold(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Put new letters of errands off, where the last message about the site's devices left a short while ago."""
        hold(connection, rows, self._technical_letters_ms)

    def _errand(self, transition: Transition, call: Call) -> dict[str, Any]:
        errand = errand_of(transition.alarm) if self._technical_letters_ms else None
        if errand is None:
            return {}
        wait_ms = self._technical_letters_ms
        if call.next_ms is not None:
            # Whoever is called must have time to answer before somebody else is.
            wait_ms = min(wait_ms, max(0, call.next_ms - transition.at_ms) // 2)
        return {"errand": errand, "due_ms": transition.at_ms + wait_ms}


def _row(
    number: int, channel: str, part: int, transition: Transition, message: Message, step: int | None
) -> dict[str, Any]:
    return {
        "number": number,
        "channel": channel,
        "alarm": transition.alarm.alarm,
        "sequence": transition.sequence,
        "part": part,
        "address": message.address,
        "body": message.body,
        "urgency": URGENCY[transition.alarm.priority],
        # A call that nobody answered yet, whatever its channel says.
        "moot_once_taken": message.moot_once_taken or step is not None,
        "status": Status.PENDING,
        "attempts": 0,
        "created_ms": transition.at_ms,
        "due_ms": transition.at_ms,
        "reason": "",
        "step": step,
        "errand": None,
    }


def call_off(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Once a person has taken an alarm, what still waits to call for one is not sent; nor is an old position.

    What gets worse calls anew, and not with others any more: what waited to leave with them does not.
    """
    for transition in transitions:
        if transition.event is Event.WORSEN and transition.alarm.condition is Condition.DEVICE:
            connection.execute(
                update(OUTBOX)
                .where(OUTBOX.c.alarm == transition.alarm.alarm, PENDING, ERRANDS)
                .values(status=Status.CANCELLED, done_ms=transition.at_ms)
            )
        if transition.follows:
            # Asked of the few letters that wait: somebody may be followed for days.
            only_follows = (
                select(TRANSITION.c.sequence)
                .where(TRANSITION.c.sequence == OUTBOX.c.sequence, TRANSITION.c.event == Event.WITNESS)
                .exists()
            )
            connection.execute(
                update(OUTBOX)
                .where(OUTBOX.c.alarm == transition.alarm.alarm, PENDING, only_follows)
                .values(status=Status.CANCELLED, done_ms=transition.at_ms)
            )
        if transition.by is not None and transition.to_state not in UNTAKEN:
            connection.execute(
                update(OUTBOX)
                .where(OUTBOX.c.alarm == transition.alarm.alarm, PENDING)
                .where(OUTBOX.c.moot_once_taken)
                .values(status=Status.CANCELLED, done_ms=transition.at_ms)
            )
