"""When something happens to an alarm by itself: the next step of calling, a reminder, the end of a shelf; pure.

An alarm has one such time, `Alarm.due_ms`; what happens then follows from its state.
"""

from dataclasses import dataclass, replace
from typing import Final

from alerts.alarm import Alarm
from alerts.calling.escalation import Call
from alerts.findings import Priority
from alerts.lifecycle import ON_SHELF, TAKEN, UNTAKEN, Event, State, begins_ringing


@dataclass(frozen=True, slots=True)
class Spans:
    """A time for each priority, in seconds."""

    high: float
    medium: float
    low: float

    def of_ms(self, priority: Priority) -> int:
        """That of one priority, in milliseconds."""
        match priority:
            case Priority.HIGH:
                return round(self.high * 1000)
            case Priority.MEDIUM:
                return round(self.medium * 1000)
            case Priority.LOW:
                return round(self.low * 1000)


@dataclass(frozen=True, slots=True)
class AlarmTimes:
    """Times in the life of an alarm; but for the first they are our own choices.

    `hold_s`: a condition that was gone for less than this and comes again is the same occurrence. ANSI/ISA-18.2 calls
    an alarm chattering from three transitions a minute on. `remind_s`: what was taken and not closed rings again.
    `shelve_most_s`: an alarm is laid aside for no longer than this at a time. `technical_letters_s`: after a message
    about a site's devices the next to the same person tells of all since, so much later; 0: each alarm by itself.
    """

    hold_s: float = 60.0
    remind_s: Spans = Spans(high=900.0, medium=3_600.0, low=86_400.0)
    shelve_most_s: Spans = Spans(high=7_200.0, medium=28_800.0, low=604_800.0)
    technical_letters_s: float = 600.0

    @property
    def hold_ms(self) -> int:
        """`hold_s` in milliseconds."""
        return round(self.hold_s * 1000)

    @property
    def technical_letters_ms(self) -> int:
        """`technical_letters_s` in milliseconds."""
        return round(self.technical_letters_s * 1000)


#: What time brings to an alarm, by the kind of state it is in.
_BROUGHT: Final = ((UNTAKEN, Event.ESCALATE), (TAKEN, Event.REMIND), (ON_SHELF, Event.UNSHELVE))


def brought_by_time(state: State) -> Event:
    """What happens to an alarm in this state once its time has come."""
    return next(event for states, event in _BROUGHT if state in states)


def calls_no_further(alarm: Alarm) -> bool:
    """Whether nobody more is called, though nobody has taken it: it is gone, and called off or not of high priority."""
    return alarm.state is State.RETURNED and (alarm.cancelled or alarm.priority is not Priority.HIGH)


def timed(before: Alarm | None, event: Event, after: Alarm, times: AlarmTimes, now_ms: int, call: Call | None) -> Alarm:
    """The alarm after an event with the time at which the next thing happens; `call` is the step that was begun.

    While a condition is gone its next step is held; it is due as it would have been, once the condition is back before
    it rings anew.
    """
    if after.state in ON_SHELF:
        return replace(after, due_ms=after.shelved_until_ms, held_ms=None)
    if after.state in TAKEN:
        remind_ms = now_ms + times.remind_s.of_ms(after.priority)
        standing_ms = before.due_ms if before is not None and before.state in TAKEN else None
        # Neither a flicker nor what a witness says puts a reminder off; what gets worse brings it nearer.
        return replace(after, due_ms=remind_ms if standing_ms is None else min(standing_ms, remind_ms), held_ms=None)
    if after.state is State.RESOLVED:
        return replace(after, due_ms=None, held_ms=None)
    if call is not None:
        after, next_ms = replace(after, step=call.step + 1), call.next_ms
    elif begins_ringing(None if before is None else before.state, event, after.state):
        after, next_ms = replace(after, step=0), None  # nobody is there to call
    elif event is Event.ESCALATE:
        next_ms = None  # nor any more; once there is somebody again, `Journal.take_up` begins anew
    else:
        next_ms = after.due_ms if after.due_ms is not None else after.held_ms
    if calls_no_further(after):
        return replace(after, due_ms=None, held_ms=next_ms)
    return replace(after, due_ms=next_ms, held_ms=None)
