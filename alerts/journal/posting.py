"""What is put into the outbox of a transition: news for channels, and letters that call single people."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import Connection, select, update

from alerts.alarm import Transition
from alerts.calling.escalation import Call, Recipient
from alerts.journal.schema import LETTERS_A_TRANSITION, OUTBOX, PENDING, TRANSITION, URGENCY, Status
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
    """The channels as the journal knows them; ValueError where two have one name."""

    def __init__(self, subscribers: Sequence[Subscriber]) -> None:
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
                yield _row(next(numbers), channel.name, next(parts[channel.name]), transition, message, call.step)


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
    }


def call_off(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Once a person has taken an alarm, what still waits to call for one is not sent; nor is an old position."""
    for transition in transitions:
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
