"""An emergency button: pressed, called off, tested."""

from ingest.contract import Action, Kind, SosMessage, StatusMessage
from simulators.stream import Incident, Sent, sent


def press(site: str, device: str, resident: str, at_ms: int) -> tuple[list[Sent], Incident]:
    """One press."""
    return [_message(site, device, Action.PRESS, at_ms)], Incident(resident, device, "sos", ("press",), at_ms)


def cancel(site: str, device: str, at_ms: int) -> list[Sent]:
    """The wearer says it was nothing."""
    return [_message(site, device, Action.CANCEL, at_ms)]


def drill(site: str, device: str, at_ms: int) -> list[Sent]:
    """A drill: it is to be seen, but it is no incident."""
    return [_message(site, device, Action.TEST, at_ms)]


def status(site: str, device: str, at_ms: int, *, battery_pct: float) -> Sent:
    """A sign of life, which is all a button says on a quiet day."""
    return sent(site, device, Kind.STATUS, StatusMessage(t=at_ms, bat=round(battery_pct, 1), fw="sim-1.0"), at_ms)


def _message(site: str, device: str, action: Action, at_ms: int) -> Sent:
    return sent(site, device, Kind.SOS, SosMessage(t=at_ms, action=action), at_ms)
