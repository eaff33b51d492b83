"""A recording as the device that wears it would send it: the same samples, its own clock, nothing invented."""

from enum import StrEnum
from itertools import pairwise

import numpy as np

from ingest.contract import BcgMessage, Crs, Kind, encode_binary, encode_json, topic_of
from simulators.locator import location_messages
from simulators.recording import Entry, RecordingSet, read_location, read_motion, read_respiration
from simulators.stream import Sent, motion_packets, optional


class Form(StrEnum):
    """How samples are written; the other kinds are always JSON."""

    BINARY = "binary"
    JSON = "json"


def messages_of(
    recordings: RecordingSet,
    entry: Entry,
    *,
    site: str,
    device: str,
    start_ms: int,
    packet_s: float = 1.0,
    form: Form = Form.BINARY,
    crs: Crs = Crs.WGS84,
) -> list[Sent]:
    """Everything the device sends of a recording whose time 0 is at `start_ms`, in order; RecordingError as in reading.

    A packet holds `packet_s` of samples, carries the time of its first one and is sent when the last one has been
    taken; it never spans a gap. After the last sample nothing more is sent.
    """
    match entry.kind:
        case "motion":
            return _motion(recordings, entry, site, device, start_ms, packet_s, form)
        case "location":
            t_s, lat, lon = read_location(recordings, entry)
            time_ms = np.round(start_ms + 1000 * t_s).astype(np.int64)
            return location_messages(site, device, time_ms, lat, lon, None, crs=crs, say_crs=True)
        case _:
            return _breathing(recordings, entry, site, device, start_ms, packet_s, form)


def _motion(
    recordings: RecordingSet, entry: Entry, site: str, device: str, start_ms: int, packet_s: float, form: Form
) -> list[Sent]:
    motion = read_motion(recordings, entry)
    bounds = [0, *(np.flatnonzero(np.diff(motion.piece)) + 1).tolist(), len(motion.acc_g)]
    # int16 counts must hold the hardest sample: sensors of ±2 to ±16 g all fit.
    range_g = max(16.0, float(np.abs(motion.acc_g).max()) * 1.01)
    messages: list[Sent] = []
    # A recording has few pieces, and packets of two pieces must not be mixed.
    for first, end in pairwise(bounds):
        rate_hz = float(motion.rate_hz[first])
        messages += motion_packets(
            site,
            device,
            start_ms + 1000 * motion.time_s[first:end],
            motion.acc_g[first:end],
            rate_hz,
            packet_samples=max(1, round(packet_s * rate_hz)),
            binary=form is Form.BINARY,
            range_g=range_g,
        )
    return messages


def _breathing(
    recordings: RecordingSet, entry: Entry, site: str, device: str, start_ms: int, packet_s: float, form: Form
) -> list[Sent]:
    t_s, signal, rate_hz = read_respiration(recordings, entry)
    topic = topic_of(site, device, Kind.BCG)
    packet = max(1, round(packet_s * rate_hz))
    counts = max(1, min(65_535, int(32_767 / max(1e-9, float(np.abs(signal).max())))))
    messages = []
    # One payload a packet is what a device sends.
    for start in range(0, len(signal), packet):
        part = signal[start : start + packet]
        first_ms = round(start_ms + 1000 * float(t_s[start]))
        if form is Form.BINARY:
            payload = encode_binary(Kind.BCG, time_ms=first_ms, rate_hz=rate_hz, samples=part, counts_per_unit=counts)
        else:
            values = [value for value in optional(part.tolist(), 6) if value is not None]
            payload = encode_json(BcgMessage(t=first_ms, rate=rate_hz, v=values))
        messages.append(Sent(round(first_ms + 1000 * len(part) / rate_hz), topic, payload))
    return messages
