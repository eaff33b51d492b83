"""Columns of samples: binary packets of motion and bed signal, read all at once, and the parts they share with JSON."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest import contract
from ingest.contract import Kind
from ingest.readings import UNKNOWN, Bcg, Float, Int, Motion, Row
from ingest.rejected import Problem, Reason


def clock_columns(time_ms: Float, received_ms: int) -> dict[str, Any]:
    """The clock columns from device times (n,), NaN where the device sent none."""
    assumed = np.isnan(time_ms)
    return {
        "time_ms": np.where(assumed, received_ms, time_ms).astype(np.int64),
        "received_ms": np.full(len(time_ms), received_ms, dtype=np.int64),
        "time_assumed": assumed,
    }


def sample_columns(column: str, packets: list[Any], channels: int) -> dict[str, Any]:
    """The sample columns of packets that came as lists."""
    count = np.array([len(packet) for packet in packets], dtype=np.int64)
    samples = np.array(list(chain.from_iterable(packets)), dtype=np.float32)
    return {column: samples if channels > 1 else samples.reshape(-1), "count": count, "start": starts_of(count)}


def starts_of(count: Int) -> Int:
    """Where each packet's samples begin in the shared array, from how many each has."""
    return np.cumsum(count) - count


def from_binary(
    kind: Kind, rows: Row, payloads: Sequence[bytes], places: Int, received_ms: int, problems: list[Problem]
) -> Iterator[tuple[Motion | Bcg, Int]]:
    """Columns of binary packets with their places, one set for every length of payload that occurs.

    `rows` and `places` (n,) belong to the payloads; what is wrong is added to `problems`.
    """
    lengths = np.array([len(payload) for payload in payloads])
    frame = contract.SAMPLE.itemsize * contract.CHANNELS[kind]
    for length in np.unique(lengths).tolist():
        chosen = np.flatnonzero(lengths == length)
        body = length - contract.HEADER.itemsize
        if body <= 0 or body % frame:
            detail = f"{length} bytes are not a {contract.HEADER.itemsize}-byte header and samples of {frame} bytes"
            problems.extend(Problem(place, Reason.TRUNCATED, detail) for place in places[chosen].tolist())
            continue
        packet = np.dtype([("header", contract.HEADER), ("samples", contract.SAMPLE, (body // frame, frame // 2))])
        packets = np.frombuffer(b"".join([payloads[i] for i in chosen.tolist()]), dtype=packet)
        readings, index = _from_packets(kind, packets, rows[chosen], places[chosen], received_ms, problems)
        if len(index):
            yield readings, places[chosen][index]


def _from_packets(
    kind: Kind,
    packets: NDArray[np.void],
    rows: Row,
    places: Int,
    received_ms: int,
    problems: list[Problem],
) -> tuple[Motion | Bcg, NDArray[np.intp]]:
    header, samples = packets["header"], packets["samples"]
    scale = header["counts_per_unit"].astype(np.int64)
    peak = np.abs(samples.astype(np.int32)).max(axis=(1, 2))
    faults = (
        (Reason.NOT_BINARY, "flags other than 0 are not known", header["flags"] != 0),
        (Reason.OUT_OF_RANGE, "rate is 0", header["rate_dhz"] == 0),
        (Reason.OUT_OF_RANGE, "counts per unit are 0", scale == 0),
        (
            Reason.OUT_OF_RANGE,
            "time is not between 1970 and 2100",
            (header["time_ms"] < 0) | (header["time_ms"] > contract.LAST_TIME_MS),
        ),
        (
            Reason.OUT_OF_RANGE,
            f"more than {contract.MAX_ACCELERATION_G:g} g",
            (kind is Kind.MOTION) & (peak > scale * contract.MAX_ACCELERATION_G),
        ),
    )
    sound = np.ones(len(packets), dtype=bool)
    for reason, detail, fault in faults:
        problems.extend(Problem(place, reason, detail) for place in places[fault & sound].tolist())
        sound &= ~fault
    index = np.flatnonzero(sound)
    header, scale = header[index], scale[index]
    values = (samples[index] / scale[:, None, None]).astype(np.float32)
    count = np.full(len(index), values.shape[1], dtype=np.int64)
    common = {
        "row": rows[index],
        **clock_columns(header["time_ms"].astype(np.float64), received_ms),
        "seq": np.full(len(index), UNKNOWN, dtype=np.int64),
        "rate_hz": header["rate_dhz"] / 10.0,
        "count": count,
        "start": starts_of(count),
    }
    if kind is Kind.MOTION:
        return Motion(**common, acc_g=values.reshape(-1, 3)), index
    return Bcg(**common, signal=values.reshape(-1)), index
