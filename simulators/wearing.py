"""A recording as the device that wears it would send it: the same samples, its own clock, nothing invented."""

from enum import StrEnum
from itertools import pairwise

import numpy as np

from ingest.contract import Crs
from simulators.bed_signal import bed_signal_packets
from simulators.locator import location_messages
from simulators.recording import Entry, RecordingSet, read_location, read_motion, read_respiration
from simulators.stream import Sent, motion_packets


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
    return bed_signal_packets(
        site, device, start_ms + 1000 * t_s, signal, rate_hz, packet_s=packet_s, binary=form is Form.BINARY
    )
