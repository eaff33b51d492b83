"""What a letter to a person holds: which alarms, who is called, which call it is; identifiers only."""

from collections.abc import Sequence
from typing import Final

import msgspec

from alerts.alarm import Transition
from alerts.calling.escalation import Recipient
from alerts.findings import Condition, Evidence, Priority
from alerts.lifecycle import Event
from alerts.notify.contract import Message


class Summons(msgspec.Struct, frozen=True):
    """A call for one person; `step` counts the calls of this ringing from 1, times are Unix milliseconds."""

    alarm: str
    caregiver: str
    step: int
    event: Event
    site: str
    device: str
    resident: str | None
    condition: Condition
    cause: str
    priority: Priority
    raised_ms: int
    drill: bool
    evidence: Evidence


_DECODER: Final = msgspec.json.Decoder(Summons | tuple[Summons, ...])


def summons_message(transition: Transition, recipient: Recipient) -> Message:
    """The letter that calls one person; not sent any more once somebody has taken the alarm."""
    alarm = transition.alarm
    summons = Summons(
        alarm=alarm.alarm,
        caregiver=recipient.caregiver,
        step=alarm.step,
        event=transition.event,
        site=alarm.site,
        device=alarm.device,
        resident=alarm.resident,
        condition=alarm.condition,
        cause=alarm.cause,
        priority=alarm.priority,
        raised_ms=alarm.raised_ms,
        drill=alarm.drill,
        evidence=alarm.evidence,
    )
    return Message(recipient.caregiver, msgspec.json.encode(summons), moot_once_taken=True)


def together(bodies: Sequence[bytes]) -> bytes:
    """What one letter holds that is sent in place of several."""
    return bodies[0] if len(bodies) == 1 else b"[" + b",".join(bodies) + b"]"


def read_summons(body: bytes) -> tuple[Summons, ...]:
    """What a letter holds: one summons, or those of a site's devices for one person."""
    read: Summons | tuple[Summons, ...] = _DECODER.decode(body)
    return read if isinstance(read, tuple) else (read,)
