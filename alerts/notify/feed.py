"""A transition in the fields of the device contract's alarm feed."""

from typing import Any, Final

from alerts.alarm import Alarm, Transition

#: A position in the words of the contract's kind `location`, and where that is from the zone, by name of the evidence.
_POSITION: Final = {
    "fix_ms": "t",
    "lat_deg": "lat",
    "lon_deg": "lon",
    "accuracy_m": "acc",
    "speed_m_s": "speed",
    "battery_pct": "bat",
    "zone": "zone",
    "distance_m": "distance",
    "direction": "direction",
}


def feed_fields(transition: Transition) -> dict[str, Any]:
    """What the contract says of a transition, no more; times in Unix milliseconds."""
    alarm = transition.alarm
    fields: dict[str, Any] = {
        "alarm": alarm.alarm,
        "resident": alarm.resident,
        "device": alarm.device,
        "condition": alarm.condition,
        "priority": alarm.priority,
        "state": transition.to_state,
        "at": transition.at_ms,
        "onset": alarm.onset_ms,
    }
    if alarm.drill:
        fields["drill"] = True
    if alarm.unknown_since_ms is not None:
        fields["unknown_since"] = alarm.unknown_since_ms
    position = _position(alarm)
    return fields if position is None else fields | {"position": position}


def _position(alarm: Alarm) -> dict[str, Any] | None:
    """Where somebody is, as far as the alarm knows; in WGS-84, as everything within the service."""
    evidence = dict(alarm.evidence)
    if not {"lat_deg", "lon_deg"} <= evidence.keys():
        return None
    return {word: evidence[name] for name, word in _POSITION.items() if name in evidence} | {"crs": "wgs84"}
