"""The life of an alarm: one table of states and events, and one pure function that reads it.

Two independent facts make a state (IEC 60601-1-8, ANSI/ISA-18.2): is the condition present or gone, and has a
person taken responsibility. Gone before anyone looked is `returned`: it stays visible until somebody has looked.
A person may also lay an alarm aside until a time (ISA-18.2: shelve; IEC 60601-1-8: alarm paused); what still holds
then rings again. A third fact stands beside the state, in the alarm: whether the condition is known at all. The silence
of the device that would tell (`lose`) never ends an alarm.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    """Where an alarm stands; every state but the last is open."""

    UNACKNOWLEDGED = "unacknowledged"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    SHELVED = "shelved"
    SHELVED_RETURNED = "shelved_returned"
    RESOLVED = "resolved"


class Event(StrEnum):
    """What can happen to an alarm: first what devices say, then what time brings, then what people do.

    `unshelve` comes from a person or with the end of the shelf's time.
    """

    RAISE = "raise"
    REPEAT = "repeat"
    FLICKER = "flicker"
    WORSEN = "worsen"
    RECUR = "recur"
    RETURN = "return"
    CANCEL = "cancel"
    EASE = "ease"
    WITNESS = "witness"
    LOSE = "lose"
    SEE = "see"
    ESCALATE = "escalate"
    REMIND = "remind"
    ACKNOWLEDGE = "acknowledge"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    RESOLVE = "resolve"


#: (state before, event) to state after; None is "no alarm yet". What does not stand here is illegal.
TABLE: Final[Mapping[tuple[State | None, Event], State]] = MappingProxyType(
    {
        (None, Event.RAISE): State.UNACKNOWLEDGED,
        # present, nobody has looked; what a witness adds or eases moves nothing
        (State.UNACKNOWLEDGED, Event.REPEAT): State.UNACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.WORSEN): State.UNACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.RETURN): State.RETURNED,
        (State.UNACKNOWLEDGED, Event.CANCEL): State.RETURNED,
        (State.UNACKNOWLEDGED, Event.EASE): State.UNACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.WITNESS): State.UNACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.LOSE): State.UNACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.SEE): State.UNACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.ESCALATE): State.UNACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.ACKNOWLEDGE): State.ACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.SHELVE): State.SHELVED,
        (State.UNACKNOWLEDGED, Event.RESOLVE): State.RESOLVED,
        # gone, nobody has looked
        (State.RETURNED, Event.REPEAT): State.UNACKNOWLEDGED,
        (State.RETURNED, Event.FLICKER): State.UNACKNOWLEDGED,
        (State.RETURNED, Event.WORSEN): State.UNACKNOWLEDGED,
        (State.RETURNED, Event.CANCEL): State.RETURNED,
        (State.RETURNED, Event.EASE): State.RETURNED,
        (State.RETURNED, Event.WITNESS): State.RETURNED,
        (State.RETURNED, Event.LOSE): State.RETURNED,
        (State.RETURNED, Event.SEE): State.RETURNED,
        (State.RETURNED, Event.ESCALATE): State.RETURNED,
        (State.RETURNED, Event.ACKNOWLEDGE): State.CLEARED,
        (State.RETURNED, Event.SHELVE): State.SHELVED_RETURNED,
        (State.RETURNED, Event.RESOLVE): State.RESOLVED,
        # present, somebody has taken it
        (State.ACKNOWLEDGED, Event.REPEAT): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.WORSEN): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.RECUR): State.UNACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.RETURN): State.CLEARED,
        (State.ACKNOWLEDGED, Event.CANCEL): State.CLEARED,
        (State.ACKNOWLEDGED, Event.EASE): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.WITNESS): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.LOSE): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.SEE): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.REMIND): State.UNACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.SHELVE): State.SHELVED,
        (State.ACKNOWLEDGED, Event.RESOLVE): State.RESOLVED,
        # gone, somebody has taken it: acknowledgement belongs to an occurrence, the next one rings again
        (State.CLEARED, Event.REPEAT): State.UNACKNOWLEDGED,
        (State.CLEARED, Event.FLICKER): State.ACKNOWLEDGED,
        (State.CLEARED, Event.WORSEN): State.UNACKNOWLEDGED,
        (State.CLEARED, Event.CANCEL): State.CLEARED,
        (State.CLEARED, Event.EASE): State.CLEARED,
        (State.CLEARED, Event.WITNESS): State.CLEARED,
        (State.CLEARED, Event.LOSE): State.CLEARED,
        (State.CLEARED, Event.SEE): State.CLEARED,
        (State.CLEARED, Event.REMIND): State.RETURNED,
        (State.CLEARED, Event.SHELVE): State.SHELVED_RETURNED,
        (State.CLEARED, Event.RESOLVE): State.RESOLVED,
        # present, laid aside until a time; what gets worse rings
        (State.SHELVED, Event.REPEAT): State.SHELVED,
        (State.SHELVED, Event.WORSEN): State.UNACKNOWLEDGED,
        (State.SHELVED, Event.RETURN): State.SHELVED_RETURNED,
        (State.SHELVED, Event.CANCEL): State.SHELVED_RETURNED,
        (State.SHELVED, Event.EASE): State.SHELVED,
        (State.SHELVED, Event.WITNESS): State.SHELVED,
        (State.SHELVED, Event.LOSE): State.SHELVED,
        (State.SHELVED, Event.SEE): State.SHELVED,
        (State.SHELVED, Event.SHELVE): State.SHELVED,
        (State.SHELVED, Event.UNSHELVE): State.UNACKNOWLEDGED,
        (State.SHELVED, Event.RESOLVE): State.RESOLVED,
        # gone, laid aside: comes and goes without ringing until the time is over
        (State.SHELVED_RETURNED, Event.REPEAT): State.SHELVED,
        (State.SHELVED_RETURNED, Event.WORSEN): State.UNACKNOWLEDGED,
        (State.SHELVED_RETURNED, Event.CANCEL): State.SHELVED_RETURNED,
        (State.SHELVED_RETURNED, Event.EASE): State.SHELVED_RETURNED,
        (State.SHELVED_RETURNED, Event.WITNESS): State.SHELVED_RETURNED,
        (State.SHELVED_RETURNED, Event.LOSE): State.SHELVED_RETURNED,
        (State.SHELVED_RETURNED, Event.SEE): State.SHELVED_RETURNED,
        (State.SHELVED_RETURNED, Event.SHELVE): State.SHELVED_RETURNED,
        (State.SHELVED_RETURNED, Event.UNSHELVE): State.CLEARED,
        (State.SHELVED_RETURNED, Event.RESOLVE): State.RESOLVED,
    }
)

#: Events by which a device says that the condition is there.
BEGINNINGS: Final = frozenset({Event.RAISE, Event.REPEAT, Event.FLICKER, Event.WORSEN, Event.RECUR})

#: States in which nobody has taken responsibility: they call for somebody.
UNTAKEN: Final = frozenset({State.UNACKNOWLEDGED, State.RETURNED})
#: States in which somebody has, and will be reminded of it.
TAKEN: Final = frozenset({State.ACKNOWLEDGED, State.CLEARED})
#: States in which somebody has laid it aside until a time.
ON_SHELF: Final = frozenset({State.SHELVED, State.SHELVED_RETURNED})
#: States in which the condition was gone when last heard of.
GONE: Final = frozenset({State.RETURNED, State.CLEARED, State.SHELVED_RETURNED})
#: Events after which an alarm nobody has taken calls from the first step on; a repeat does so unless it rang anyway.
_RINGING: Final = frozenset({Event.RAISE, Event.WORSEN, Event.RECUR, Event.REMIND, Event.UNSHELVE})


class IllegalEvent(Exception):
    """The event cannot happen in this state, or to a press or a fall; nothing was changed."""

    def __init__(self, state: State | None, event: Event, *, latching: bool = False) -> None:
        what = "a press or a fall" if latching else f"an alarm that is {state or 'not raised'}"
        super().__init__(f"{event} cannot happen to {what}")
        self.state = state
        self.event = event


def step(state: State | None, event: Event, *, latching: bool = False) -> State:
    """The state after `event`; a latching alarm ignores `return`.

    IllegalEvent where the table has no such row, and where a latching alarm were to be shelved.
    """
    after = TABLE.get((state, event))
    if after is None:
        raise IllegalEvent(state, event)
    if latching and event is Event.SHELVE:
        raise IllegalEvent(state, event, latching=True)
    if latching and state is not None and event is Event.RETURN:
        return state
    return after


def begins_ringing(before: State | None, event: Event, after: State) -> bool:
    """Whether an alarm calls for somebody from the first step on."""
    if after not in UNTAKEN:
        return False
    return event in _RINGING or (event is Event.REPEAT and before is not after)
