"""What an alarm is, what changed it, and what a finding means to it: values and pure functions."""

import hashlib
import math
import operator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import msgspec

from alerts.findings import LATCHING, Change, Condition, Evidence, Finding, Origin, Priority
from alerts.lifecycle import BEGINNINGS, ON_SHELF, TABLE, UNTAKEN, Event, State, begins_ringing, step

#: A press or a fall so long after somebody took the one before is another one, and rings again (our choice: by then
#: whoever took it should be there).
RECUR_AFTER_MS: Final = 120_000
#: Evidence of what called an alarm off, where it was not the wearer of a pressed button: ``wearer``, ``walking``.
CANCELLED_BY: Final = "cancelled_by"
_RANK: Final = {Priority.LOW: 0, Priority.MEDIUM: 1, Priority.HIGH: 2}
#: Events that say something new also where the state stays.
_TELLING: Final = frozenset({Event.CANCEL, Event.WORSEN, Event.EASE, Event.LOSE, Event.SEE})
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: sorts as ASCII, no letters to mistake


class Outcome(StrEnum):
    """What an alarm turned out to have been, as judged by the person who closed it."""

    TRUE = "true"
    FALSE = "false"
    TEST = "test"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One occurrence of one condition, with what became of it; identifiers only, times in Unix milliseconds.

    `onset_ms`, `latest_onset_ms` and `returned_ms` are device time (first occurrence, latest by `device`, and when that
    was found to be gone, None while it is there), the others the service's own. `site` and `device` are those that
    spoke last. `acknowledged_*` is who holds it now: empty again when it rings again. `cancelled`: the wearer called it
    off, or walks again. `drill`: a test, never mixed with a real alarm.

    `unknown_since_ms`: `device` has been silent since then, so nobody knows whether the condition is there.
    `step`: how many steps of escalation were begun since it last began to ring. `due_ms`: when the next thing happens
    by itself, be it the next step, a reminder or the end of the shelf; None: nothing does. `held_ms`: when its next
    step would have been due, had the condition not gone. `shelved_*`: who laid it aside, until when and why.
    """

    alarm: str
    site: str
    device: str
    resident: str | None
    condition: Condition
    cause: str
    priority: Priority
    state: State
    onset_ms: int
    received_ms: int
    raised_ms: int
    changed_ms: int
    latest_onset_ms: int
    repeats: int = 0
    cancelled: bool = False
    drill: bool = False
    evidence: Evidence = ()
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    resolved_by: str | None = None
    resolved_ms: int | None = None
    outcome: Outcome | None = None
    note: str = ""
    returned_ms: int | None = None
    unknown_since_ms: int | None = None
    step: int = 0
    due_ms: int | None = None
    held_ms: int | None = None
    shelved_by: str | None = None
    shelved_until_ms: int | None = None
    shelved_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether anything is left to do about it."""
        return self.state is not State.RESOLVED


@dataclass(frozen=True, slots=True)
class Transition:
    """One event in the life of an alarm, as journalled; `alarm` is how it stood afterwards.

    `sequence` grows by one with every transition of the whole service. `by` is a person's identifier, None where
    a device did it. A `repeat` of an alarm that is still ringing has the same state before and after.
    """

    sequence: int
    alarm: Alarm
    event: Event
    from_state: State | None
    to_state: State
    at_ms: int
    by: str | None = None

    @property
    def rings(self) -> bool:
        """Whether it begins to call for somebody, from the first step on."""
        return begins_ringing(self.from_state, self.event, self.to_state)

    @property
    def news(self) -> bool:
        """Whether it tells more than "once again": state or priority changed, it was called off, or is not known."""
        return self.from_state is not self.to_state or self.event in _TELLING

    @property
    def follows(self) -> bool:
        """Whether it only tells where somebody is by now; what was told of that before is then of no use any more."""
        return self.event is Event.WITNESS and self.alarm.condition is Condition.GEOFENCE


def key_of(finding: Finding, device: Origin) -> str:
    """What is one alarm at a time: whose (else which device), what, why, of what, and whether it is a test.

    A fall is one, whoever saw it: the wearer's own device, the motion rule, or both.

    The condition `device` always belongs to the device: two silent bracelets of one resident are two things to
    mend. A test is keyed apart so that a real press never hides behind a test somebody forgot to close.
    """
    mine = device.resident is not None and finding.condition is not Condition.DEVICE
    whose = ("resident", device.resident) if mine else ("device", device.site, device.device)
    why = "" if finding.condition is Condition.FALL else finding.cause
    of_what = (finding.subject,) if finding.subject else ()
    return msgspec.json.encode((*whose, finding.condition, why, finding.drill, *of_what)).decode()


def occurrence_of(key: str, onset_ms: int) -> str:
    """The name of an occurrence, 20 characters: onset (sorts by time) and 50 bits of a hash of key and onset.

    The same finding delivered twice has the same name, which is what makes journalling idempotent. The name gives
    no right to anything, so that it can be computed does no harm.
    """
    digest = hashlib.blake2b(f"{onset_ms} {key}".encode(), digest_size=8).digest()
    return _base32(onset_ms) + _base32(int.from_bytes(digest, "big") >> 14)


def sighting_of(key: str, finding: Finding) -> str:
    """The name of what one detector saw of an occurrence, so that the same delivered twice counts once."""
    return occurrence_of(f"{key} {finding.cause}", finding.onset_ms)


def _base32(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(45, -1, -5))


def event_of(alarm: Alarm | None, finding: Finding, device: Origin, received_ms: int, hold_ms: int = 0) -> Event | None:
    """What a finding means to the open alarm of its key (None: there is none); None where it says nothing new.

    A condition that was gone for less than `hold_ms`, by the clock of the one device that told both, and is there again
    only flickers.

    An end or a cancel found before the latest occurrence began is about an earlier one (a redelivery) and says
    nothing. Where two devices of one resident see the same (a bracelet and a bed mat), only the one that raised it
    last can end it: when in doubt the condition is still there. What was called off rings again for another occurrence,
    not for more evidence of the same one.
    """
    if finding.change is Change.BEGAN:
        if alarm is None:
            return Event.RAISE
        same_device = (alarm.site, alarm.device) == (device.site, device.device)
        if alarm.cancelled and same_device and finding.onset_ms == alarm.latest_onset_ms:
            return None
        if (
            alarm.condition in LATCHING
            and alarm.state is State.ACKNOWLEDGED
            and alarm.acknowledged_ms is not None
            and received_ms - alarm.acknowledged_ms >= RECUR_AFTER_MS
        ):
            return Event.RECUR
        if _RANK[finding.priority] > _RANK[alarm.priority]:
            return Event.WORSEN
        gone_ms = finding.found_ms - (alarm.returned_ms or 0)
        flickers = alarm.returned_ms is not None and same_device and 0 <= gone_ms < hold_ms
        latching = alarm.condition in LATCHING
        return Event.FLICKER if flickers and not latching and (alarm.state, Event.FLICKER) in TABLE else Event.REPEAT
    if finding.change in (Change.LOST, Change.HEARD):
        return None
    if alarm is None or finding.found_ms < alarm.latest_onset_ms:
        return None
    if finding.change is Change.CANCELLED:
        return None if alarm.cancelled else Event.CANCEL
    if finding.change is Change.WITNESSED:
        return _witnessed(alarm, finding)
    if (alarm.site, alarm.device) != (device.site, device.device):
        return None
    if alarm.condition in LATCHING or (alarm.state, Event.RETURN) not in TABLE:
        return None
    return Event.RETURN


def _witnessed(alarm: Alarm, finding: Finding) -> Event | None:
    """What a further witness means to an open alarm; nothing moves the priority of one that was called off."""
    change = 0 if alarm.cancelled else _RANK[finding.priority] - _RANK[alarm.priority]
    if change:
        return Event.WORSEN if change > 0 else Event.EASE
    return None if dict(plain(finding.evidence)).items() <= dict(alarm.evidence).items() else Event.WITNESS


def raised(key: str, finding: Finding, device: Origin, received_ms: int, now_ms: int) -> Alarm:
    """The alarm a finding begins."""
    return Alarm(
        alarm=occurrence_of(key, finding.onset_ms),
        site=device.site,
        device=device.device,
        resident=device.resident,
        condition=finding.condition,
        cause=finding.cause,
        priority=finding.priority,
        state=step(None, Event.RAISE),
        onset_ms=finding.onset_ms,
        received_ms=received_ms,
        raised_ms=now_ms,
        changed_ms=now_ms,
        latest_onset_ms=finding.onset_ms,
        drill=finding.drill,
        evidence=plain(finding.evidence),
    )


def changed_by_device(alarm: Alarm, event: Event, finding: Finding, device: Origin, now_ms: int) -> Alarm:
    """The alarm after a repeat, worsening, return, cancel or a further witness.

    A repeat takes a cancel back. The cause shown is the gravest, and the first among equals; what another cause has
    to say is added to the evidence, and so is what a witness says.
    """
    after = _turned(alarm, event, now_ms)
    new, old = dict(plain(finding.evidence)), dict(alarm.evidence)
    # The clocks of two devices are not compared; nor does one say whether the other can be heard.
    same_device = (alarm.site, alarm.device) == (device.site, device.device)
    if same_device:
        after = replace(after, unknown_since_ms=None)
    if finding.change is Change.WITNESSED:
        priority = alarm.priority if alarm.cancelled else finding.priority
        return replace(after, priority=priority, evidence=tuple((old | new).items()))
    if event not in BEGINNINGS:
        # Where somebody is now stands in the place of where they were while they were away.
        followed = event is Event.RETURN and alarm.condition is Condition.GEOFENCE
        if followed or (event is Event.CANCEL and CANCELLED_BY in new):
            after = replace(after, evidence=tuple((old | new).items()))
        return replace(after, cancelled=alarm.cancelled or event is Event.CANCEL, returned_ms=finding.found_ms)
    leads = event in (Event.WORSEN, Event.RECUR) or finding.cause == alarm.cause
    old.pop(CANCELLED_BY, None)
    kept = old if finding.cause != alarm.cause else {}
    return replace(
        after,
        site=device.site,
        device=device.device,
        cause=finding.cause if leads else alarm.cause,
        priority=max(alarm.priority, finding.priority, key=_RANK.__getitem__),
        latest_onset_ms=max(alarm.latest_onset_ms, finding.onset_ms) if same_device else finding.onset_ms,
        repeats=alarm.repeats + (event is not Event.WORSEN),
        cancelled=False,
        returned_ms=None,
        unknown_since_ms=None,
        evidence=tuple((kept | new if leads else new | kept).items()),
    )


def lost(alarm: Alarm, since_ms: int, now_ms: int) -> Alarm:
    """The alarm after its device fell silent: whether the condition is there is not known since then."""
    return replace(_turned(alarm, Event.LOSE, now_ms), unknown_since_ms=since_ms)


def seen(alarm: Alarm, now_ms: int) -> Alarm:
    """The alarm after its device was heard again."""
    return replace(_turned(alarm, Event.SEE, now_ms), unknown_since_ms=None)


def acknowledged(alarm: Alarm, by: str, now_ms: int) -> Alarm:
    """The alarm after a person took it; IllegalEvent where that cannot be."""
    return replace(_turned(alarm, Event.ACKNOWLEDGE, now_ms), acknowledged_by=by, acknowledged_ms=now_ms)


def shelved(alarm: Alarm, by: str, until_ms: int, reason: str, now_ms: int) -> Alarm:
    """The alarm after a person laid it aside, and so took it; IllegalEvent where that cannot be: a press, a fall."""
    nobody_yet = alarm.acknowledged_by is None
    return replace(
        _turned(alarm, Event.SHELVE, now_ms),
        acknowledged_by=by if nobody_yet else alarm.acknowledged_by,
        acknowledged_ms=now_ms if nobody_yet else alarm.acknowledged_ms,
        shelved_by=by,
        shelved_until_ms=until_ms,
        shelved_reason=reason,
    )


def brought(alarm: Alarm, event: Event, now_ms: int) -> Alarm:
    """The alarm after the next step, a reminder or the end of its shelf; IllegalEvent where that cannot be."""
    return _turned(alarm, event, now_ms)


def resolved(alarm: Alarm, by: str, outcome: Outcome, note: str, now_ms: int) -> Alarm:
    """The alarm after a person closed it; IllegalEvent where that cannot be."""
    after = _turned(alarm, Event.RESOLVE, now_ms)
    return replace(after, resolved_by=by, resolved_ms=now_ms, outcome=outcome, note=note)


def _turned(alarm: Alarm, event: Event, now_ms: int) -> Alarm:
    """The alarm in its state after an event: who took it or laid it aside is forgotten with the state."""
    state = step(alarm.state, event, latching=alarm.condition in LATCHING)
    untaken, on_shelf = state in UNTAKEN, state in ON_SHELF
    return replace(
        alarm,
        state=state,
        changed_ms=now_ms,
        acknowledged_by=None if untaken else alarm.acknowledged_by,
        acknowledged_ms=None if untaken else alarm.acknowledged_ms,
        shelved_by=alarm.shelved_by if on_shelf else None,
        shelved_until_ms=alarm.shelved_until_ms if on_shelf else None,
        shelved_reason=alarm.shelved_reason if on_shelf else "",
    )


def plain(evidence: Evidence) -> Evidence:
    """Evidence in Python's own numbers; JSON knows no NaN and no infinity, so these become words."""
    return tuple((name, _plain(value)) for name, value in evidence)


def _plain(value: float | int | str) -> float | int | str:
    if isinstance(value, str):
        return str(value)
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = float(value)
        return number if math.isfinite(number) else str(number)
