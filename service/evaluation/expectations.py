"""What was to be alarmed, and whether it was: incidents of a script against transitions of alarms."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alerts.alarm import Alarm, Transition
from alerts.findings import Condition
from alerts.lifecycle import BEGINNINGS, Event
from simulators.stream import Incident

#: The clock of a device and a chunk of simulated life may put an onset a little before the incident.
_EARLY_MS: Final = 5_000
#: An alarm of the same condition within this long after an incident belongs to it, though it is a second one.
_ECHO_MS: Final = 300_000


class Meaning(StrEnum):
    """What a transition was to the script."""

    EXPECTED = "expected"
    ECHO = "echo"
    UNEXPECTED = "unexpected"
    OTHER = "other"


@dataclass(slots=True)
class Expectation:
    """An incident and the alarm that told of it, None until there is one; `told_ms` is when."""

    incident: Incident
    alarm: Alarm | None = None
    told_ms: int = 0

    @property
    def delay_s(self) -> float:
        """From the incident to the alarm."""
        return (self.told_ms - self.incident.at_ms) / 1000


class Expectations:
    """All incidents so far, in order."""

    def __init__(self) -> None:
        self._all: list[Expectation] = []
        self._unexpected: list[Alarm] = []

    @property
    def all(self) -> tuple[Expectation, ...]:
        """Every incident with its alarm."""
        return tuple(self._all)

    @property
    def unexpected(self) -> tuple[Alarm, ...]:
        """Alarms that no incident accounts for."""
        return tuple(self._unexpected)

    @property
    def met(self) -> bool:
        """Whether every incident raised its alarm."""
        return all(expectation.alarm is not None for expectation in self._all)

    def expect(self, incident: Incident) -> None:
        """An incident happens."""
        self._all.append(Expectation(incident))

    def take(self, transition: Transition) -> tuple[Meaning, Expectation | None]:
        """What a transition means; a raise or a repeat meets the earliest incident it fits."""
        if transition.event not in BEGINNINGS:
            return Meaning.OTHER, None
        fitting = [e for e in self._all if _fits(e.incident, transition)]
        for expectation in fitting:
            if expectation.alarm is None and transition.alarm.cause in expectation.incident.causes:
                expectation.alarm = transition.alarm
                expectation.told_ms = transition.at_ms
                return Meaning.EXPECTED, expectation
        if fitting or transition.event is not Event.RAISE:
            return Meaning.ECHO, fitting[-1] if fitting else None
        self._unexpected.append(transition.alarm)
        return Meaning.UNEXPECTED, None


def _fits(incident: Incident, transition: Transition) -> bool:
    alarm = transition.alarm
    if alarm.condition != incident.condition:
        return False
    whose = (
        alarm.device == incident.device if alarm.condition is Condition.DEVICE else alarm.resident == incident.resident
    )
    return whose and incident.at_ms - _EARLY_MS <= transition.at_ms <= incident.at_ms + _ECHO_MS
