"""The life of an alarm: one table of states and events, and one pure function that reads it.

Two independent facts make a state (IEC 60601-1-8, ANSI/ISA-18.2): is the condition present or gone, and has a
person taken responsibility. Gone before anyone looked is `returned`: it stays visible until somebody has looked.
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
    RESOLVED = "resolved"


class Event(StrEnum):
    """What can happen to an alarm; the last two come from people, the others from devices."""

    RAISE = "raise"
    REPEAT = "repeat"
    WORSEN = "worsen"
    RECUR = "recur"
    RETURN = "return"
    CANCEL = "cancel"
    EASE = "ease"
    WITNESS = "witness"
    ACKNOWLEDGE = "acknowledge"
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
        (State.UNACKNOWLEDGED, Event.ACKNOWLEDGE): State.ACKNOWLEDGED,
        (State.UNACKNOWLEDGED, Event.RESOLVE): State.RESOLVED,
        # gone, nobody has looked
        (State.RETURNED, Event.REPEAT): State.UNACKNOWLEDGED,
        (State.RETURNED, Event.WORSEN): State.UNACKNOWLEDGED,
        (State.RETURNED, Event.CANCEL): State.RETURNED,
        (State.RETURNED, Event.EASE): State.RETURNED,
        (State.RETURNED, Event.WITNESS): State.RETURNED,
        (State.RETURNED, Event.ACKNOWLEDGE): State.CLEARED,
        (State.RETURNED, Event.RESOLVE): State.RESOLVED,
        # present, somebody has taken it
        (State.ACKNOWLEDGED, Event.REPEAT): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.WORSEN): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.RECUR): State.UNACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.RETURN): State.CLEARED,
        (State.ACKNOWLEDGED, Event.CANCEL): State.CLEARED,
        (State.ACKNOWLEDGED, Event.EASE): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.WITNESS): State.ACKNOWLEDGED,
        (State.ACKNOWLEDGED, Event.RESOLVE): State.RESOLVED,
        # gone, somebody has taken it: acknowledgement belongs to an occurrence, the next one rings again
        (State.CLEARED, Event.REPEAT): State.UNACKNOWLEDGED,
        (State.CLEARED, Event.WORSEN): State.UNACKNOWLEDGED,
        (State.CLEARED, Event.CANCEL): State.CLEARED,
        (State.CLEARED, Event.EASE): State.CLEARED,
        (State.CLEARED, Event.WITNESS): State.CLEARED,
        (State.CLEARED, Event.RESOLVE): State.RESOLVED,
    }
)

#: Events by which a device says that the condition is there.
BEGINNINGS: Final = frozenset({Event.RAISE, Event.REPEAT, Event.WORSEN, Event.RECUR})

#: States in which nobody has taken responsibility: they call for somebody.
UNTAKEN: Final = frozenset({State.UNACKNOWLEDGED, State.RETURNED})


class IllegalEvent(Exception):
    """The event cannot happen in this state; nothing was changed."""

    def __init__(self, state: State | None, event: Event) -> None:
        super().__init__(f"{event} cannot happen to an alarm that is {state or 'not raised'}")
        self.state = state
        self.event = event


def step(state: State | None, event: Event, *, latching: bool = False) -> State:
    """The state after `event`; a latching alarm ignores `return`. IllegalEvent where the table has no such row."""
    after = TABLE.get((state, event))
    if after is None:
        raise IllegalEvent(state, event)
    if latching and state is not None and event is Event.RETURN:
        return state
    return after


def diagram() -> str:
    """The table as a Mermaid state diagram, one arrow for all events between the same two states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (before, event), after in TABLE.items():
        label = f"{event} (unless latching)" if event is Event.RETURN else str(event)
        arrows.setdefault((before or "[*]", after), []).append(label)
    lines = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", *lines, f"    {State.RESOLVED} --> [*]"])


def table() -> str:
    """The table as Markdown: states down, events across, the state after in each cell."""
    events = list(Event)
    lines = ["| | " + " | ".join(events) + " |", "|---" * (len(events) + 1) + "|"]
    for before in (None, *State):
        cells = [TABLE.get((before, event), "") for event in events]
        lines.append(f"| {before or '(none)'} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
