"""What a simulated device gives: messages to publish, and the truth about what happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.contract import Kind, Message, MotionMessage, encode_binary, encode_json, topic_of

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sent:
    """One message and the device time at which the device hands it to the network."""

    at_ms: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that truly happened: an alarm of `condition` with one of `causes` is to follow `at_ms`."""

    resident: str
    device: str
    condition: str
    causes: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a stream: messages in order of `at_ms`, and the incidents that began in it."""

    messages: tuple[Sent, ...]
    incidents: tuple[Incident, ...] = ()


def chunk_of(messages: Iterable[Sent], incidents: Iterable[Incident] = ()) -> Chunk:
    """Put messages of any devices in the order in which they are sent."""
    return Chunk(tuple(sorted(messages, key=lambda m: m.at_ms)), tuple(incidents))


def sent(site: str, device: str, kind: Kind, message: Message, at_ms: int) -> Sent:
    """A JSON message of a device."""
    return Sent(at_ms, topic_of(site, device, kind), encode_json(message))


def motion_packets(
    site: str,
    device: str,
    time_ms: Float,
    acc_g: NDArray[np.floating],
    rate_hz: float,
    *,
    packet_samples: int,
    binary: bool = True,
    range_g: float = 16.0,
) -> list[Sent]:
    """Cut samples (n, 3) in g, evenly spaced from `time_ms` (n,) on, into the packets a bracelet sends.

    Each packet carries the time of its first sample and is sent when its last sample has been taken; the last
    packet is as short as what is left. `range_g` is the sensor's: binary samples use the whole of int16.
    """
    topic = topic_of(site, device, Kind.MOTION)
    counts_per_g = int(32_767 / range_g)
    messages = []
    # One payload a packet is what a device sends: bytes cannot be made for many packets at once.
    for start in range(0, len(acc_g), packet_samples):
        part = acc_g[start : start + packet_samples]
        first_ms = round(float(time_ms[start]))
        if binary:
            payload = encode_binary(
                Kind.MOTION, time_ms=first_ms, rate_hz=rate_hz, samples=part, counts_per_unit=counts_per_g
            )
        else:
            payload = encode_json(MotionMessage(t=first_ms, rate=round(rate_hz, 3), xyz=triples(part)))
        messages.append(Sent(round(first_ms + 1000.0 * len(part) / rate_hz), topic, payload))
    return messages


def triples(acc_g: NDArray[np.floating]) -> list[tuple[float, float, float]]:
    """Samples (n, 3) as the contract's JSON has them, in milli-g as a device would write."""
    return [(x, y, z) for x, y, z in np.round(np.asarray(acc_g, dtype=np.float64), 3).tolist()]


def optional(values: Sequence[float], digits: int) -> list[float | None]:
    """Numbers as a device writes them: rounded, and None for NaN."""
    return [None if value != value else round(value, digits) for value in values]
