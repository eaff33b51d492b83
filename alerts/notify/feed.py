"""A transition in the fields of the device contract's alarm feed."""

from typing import Any

from alerts.alarm import Transition


def feed_fields(transition: Transition) -> dict[str, Any]:
    """What the contract says of a transition, no more; times in Unix milliseconds."""
    alarm = transition.alarm
    return {
        "alarm": alarm.alarm,
        "resident": alarm.resident,
        "device": alarm.device,
        "condition": alarm.condition,
        "priority": alarm.priority,
        "state": transition.to_state,
        "at": transition.at_ms,
        "onset": alarm.onset_ms,
    }
