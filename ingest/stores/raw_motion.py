"""A resident's raw motion out of the SQLite store, as it was sent; for looking at a moment, not for months."""

import sqlite3
from typing import Final

import numpy as np

from ingest.contract import Kind
from ingest.readings import Motion
from ingest.stores.contract import Tag
from ingest.stores.schema import decode_samples

#: A packet begins at most so long before what it reaches into.
_LONGEST_PACKET_MS: Final = 60_000
#: More packets than ten minutes of one device hold at four a second.
_PACKETS_MOST: Final = 2_400
_PACKETS: Final = (
    "SELECT time_ms, seq, received_ms, time_assumed, rate_hz, sample_scale_g, samples FROM motion"
    " WHERE series = ? AND time_ms >= ? AND time_ms < ? AND samples IS NOT NULL ORDER BY time_ms, seq LIMIT ?"
)


def ask(connection: sqlite3.Connection, resident: str, start_ms: int, end_ms: int) -> list[tuple[Tag, Motion]]:
    """The packets that reach into [start_ms, end_ms), a set of readings for each device; rows are all 0."""
    series = connection.execute(
        "SELECT number, site, device FROM series WHERE resident = ? ORDER BY site, device", (resident,)
    ).fetchall()
    found = []
    for number, site, device in series:  # a resident's devices
        values = (number, start_ms - _LONGEST_PACKET_MS, end_ms, _PACKETS_MOST)
        rows = connection.execute(_PACKETS, values).fetchall()
        if rows:
            found.append((Tag(site, device, resident), _motion(rows)))
    return found


def _motion(rows: list[tuple[int, int, int, int, float, float, bytes]]) -> Motion:
    time_ms, seq, received_ms, assumed, rate_hz, scale_g, counts = zip(*rows, strict=True)
    samples = [decode_samples(Kind.MOTION, scale, data) for scale, data in zip(scale_g, counts, strict=True)]
    count = np.array([len(packet) for packet in samples], dtype=np.int64)
    return Motion(
        row=np.zeros(len(rows), dtype=np.int32),
        time_ms=np.array(time_ms, dtype=np.int64),
        received_ms=np.array(received_ms, dtype=np.int64),
        seq=np.array(seq, dtype=np.int64),
        time_assumed=np.array(assumed, dtype=bool),
        rate_hz=np.array(rate_hz, dtype=np.float64),
        start=np.cumsum(count) - count,
        count=count,
        acc_g=np.concatenate(samples),
    )
