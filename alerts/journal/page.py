"""What one transaction of the journal is about to write: alarms, what happens to them, and whom that calls."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from alerts.alarm import Alarm, Transition, changed_by_device, event_of, lost, raised, seen, sighting_of
from alerts.calling.escalation import Call, Caller, Skipped
from alerts.findings import SILENT, Change, Condition, Finding, Origin, Priority
from alerts.journal.timing import AlarmTimes, timed
from alerts.lifecycle import Event, State, begins_ringing
from alerts.notify.contract import Letter

_log: Final = logging.getLogger(__name__)

#: The cause of the alarm that a step of calling had nobody to call.
NOBODY_REACHABLE: Final = "nobody_reachable"
#: After a fault of ours in deciding who is called, how long until that is tried again.
_FAULT_MS: Final = 60_000


@dataclass(slots=True)
class Page:
    """Alarms as they stand after what was noted so far; nothing of it is written yet.

    `last` is the last sequence number given before. `reachable` are the channels by which people can be called.
    """

    last: int
    now_ms: int
    times: AlarmTimes
    caller: Caller | None = None
    reachable: Collection[str] = ()
    detected_ms: int | None = None
    open_by_key: dict[str, Alarm] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)  # alarm to key
    occurrences: dict[str, dict[str, Any]] = field(default_factory=dict)
    touched: dict[str, Alarm] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    #: By sequence number, the step of calling that a transition began.
    calls: dict[int, Call] = field(default_factory=dict)
    #: Alarms of which a step was skipped, and why.
    skipped: list[tuple[Alarm, Skipped]] = field(default_factory=list)
    #: Letters put into the outbox, by channel, alarm and sequence number of the transition.
    posted: dict[tuple[str, str, int], list[Letter]] = field(default_factory=dict)
    #: Keys of open alarms by who told of them last, of those devices whose silence or return is told.
    keys_of: defaultdict[tuple[str, str], dict[str, None]] = field(default_factory=lambda: defaultdict(dict))

    def turn(self, before: Alarm | None, after: Alarm, event: Event, by: str | None = None) -> Transition:
        """Note that something happened to an alarm, and whom it calls."""
        call = self._call(before, after, event)
        after = timed(before, event, after, self.times, self.now_ms, call)
        transition = Transition(
            sequence=self.last + len(self.transitions) + 1,
            alarm=after,
            event=event,
            from_state=None if before is None else before.state,
            to_state=after.state,
            at_ms=self.now_ms,
            by=by,
        )
        self.touched[after.alarm] = after
        self.transitions.append(transition)
        if call is not None:
            self.calls[transition.sequence] = call
            if after.cause != NOBODY_REACHABLE:  # which is not told of itself
                self.skipped += [(after, one) for one in call.skipped]
        return transition

    def take(self, known: set[str], key: str, finding: Finding, origin: Origin, received_ms: int) -> bool:
        """Let a finding change its alarm; False where it says nothing new."""
        before = self.open_by_key.get(key)
        event = event_of(before, finding, origin, received_ms, self.times.hold_ms)
        if event is None:
            return False
        begins = finding.change is Change.BEGAN
        occurrence = sighting_of(key, finding) if begins else ""
        if occurrence in known:
            return False
        if before is None:
            after = raised(key, finding, origin, received_ms, self.now_ms)
            self.new[after.alarm] = key
        else:
            after = changed_by_device(before, event, finding, origin, self.now_ms)
        if begins:
            known.add(occurrence)
            self.occurrences[occurrence] = {
                "occurrence": occurrence,
                "alarm": after.alarm,
                "onset_ms": finding.onset_ms,
                "recorded_ms": self.now_ms,
            }
        self.put(key, self.turn(before, after, event).alarm)
        return True

    def put(self, key: str, alarm: Alarm) -> None:
        """Remember an open alarm as it stands."""
        self.open_by_key[key] = alarm
        self.keys_of[alarm.site, alarm.device][key] = None

    def lose(self, origins: Iterable[Origin], since_ms: int) -> None:
        """Devices are silent since then: whether what they told of is still so is not known any more."""
        for origin in origins:
            for key, alarm in self._told_by(origin):
                own = alarm.condition is Condition.DEVICE and alarm.cause == SILENT
                if alarm.unknown_since_ms is None and not own:
                    self.put(key, self.turn(alarm, lost(alarm, since_ms, self.now_ms), Event.LOSE).alarm)

    def see(self, origins: Iterable[Origin], found_ms: int) -> None:
        """Devices are heard again since then."""
        for origin in origins:
            for key, alarm in self._told_by(origin):
                if alarm.unknown_since_ms is not None and alarm.unknown_since_ms <= found_ms:
                    self.put(key, self.turn(alarm, seen(alarm, self.now_ms), Event.SEE).alarm)

    def would_call(self, alarm: Alarm) -> bool:
        """Whether a next step of calling for an alarm would do anything."""
        return self._call(alarm, alarm, Event.ESCALATE) is not None

    def _told_by(self, origin: Origin) -> list[tuple[str, Alarm]]:
        """Open alarms of which a device told last."""
        here = (origin.site, origin.device)
        told = [(key, self.open_by_key[key]) for key in self.keys_of.get(here, ())]
        return [(key, alarm) for key, alarm in told if (alarm.site, alarm.device) == here]

    def _call(self, before: Alarm | None, after: Alarm, event: Event) -> Call | None:
        """The step of calling that an event begins; None where it begins none, or there is nobody to be called."""
        if self.caller is None or after.state is State.RESOLVED:
            return None
        rings = begins_ringing(None if before is None else before.state, event, after.state)
        if not rings and event is not Event.ESCALATE:
            return None
        step = 0 if rings else after.step
        try:
            call = self.caller.call(after, step, self.now_ms)
        except Exception as error:
            # A fault of ours in deciding who is called must not keep an alarm from being journalled and told.
            _log.error("alarm %s: fault in our own code: nobody called: %s", after.alarm, type(error).__name__)
            return Call(step, (), self.now_ms + _FAULT_MS)
        if not call.to and not call.skipped and call.next_ms is None:
            return None
        to = tuple(one for one in call.to if one.channel in self.reachable)
        if call.to and not to:
            call = replace(call, skipped=(*call.skipped, Skipped(call.step, "no_channel")))
        return replace(call, to=to)


def nobody_reachable(alarm: Alarm, skipped: Skipped, now_ms: int) -> Finding:
    """The finding, of the service itself at the alarm's site, that a step of calling had nobody to call."""
    return Finding(
        row=0,
        condition=Condition.DEVICE,
        cause=NOBODY_REACHABLE,
        change=Change.BEGAN,
        priority=Priority.MEDIUM,
        onset_ms=now_ms,
        found_ms=now_ms,
        evidence=(
            ("alarm", alarm.alarm),
            ("step", skipped.step),
            *([("whom", skipped.whom)] if skipped.whom else []),
            ("reason", skipped.reason),
        ),
        drill=alarm.drill,
    )
