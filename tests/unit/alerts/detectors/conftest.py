"""Readings in short words, and a detector fed with them."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pytest

from alerts.detectors.contract import Detector, Records
from alerts.findings import Finding
from ingest.readings import Motion

T0_MS = 1_760_000_000_000
CODES = frozenset({"present", "worn", "action", "state", "source", "crs", "charging"})


def _readings(kind: type[Any], at_s: Any, row: Any = 0, **columns: Any) -> Any:
    time_ms = T0_MS + np.rint(np.atleast_1d(np.asarray(at_s, dtype=np.float64)) * 1000).astype(np.int64)
    count = len(time_ms)

    def column(value: Any, dtype: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=dtype), (count,)).copy()

    values: dict[str, Any] = {
        "row": column(row, np.int32),
        "time_ms": time_ms,
        "received_ms": time_ms + column(columns.pop("latency_s", 0.2), np.float64).__mul__(1000).astype(np.int64),
        "seq": column(-1, np.int64),
        "time_assumed": column(False, np.bool_),
    }
    for f in fields(kind):
        if f.name not in values:
            code = f.name in CODES
            values[f.name] = column(columns.pop(f.name, -1 if code else np.nan), np.int8 if code else np.float64)
    assert not columns, f"no such columns: {columns}"
    return kind(**values)


@dataclass
class Fed:
    """A detector with the state of its rows; feeding it returns the findings."""

    detector: Detector
    count: int = 4
    state: Records = field(init=False)
    params: Records = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.detector.initial(self.count)
        self.params = self.detector.defaults(self.count)

    def __call__(self, readings: Any) -> list[Finding]:
        self.state, findings = self.detector.update(self.state, readings, self.params, T0_MS)
        return findings

    def tick(self, at_s: float) -> list[Finding]:
        self.state, findings = self.detector.tick(self.state, self.params, T0_MS + round(at_s * 1000))
        return findings


@pytest.fixture
def readings() -> Callable[..., Any]:
    """``readings(Vitals, at_s, row, spo2_pct=...)``: seconds from a fixed moment, scalars for all."""
    return _readings


@pytest.fixture
def fed() -> Callable[[Detector], Fed]:
    """``fed(detector)``: see Fed."""
    return Fed


@pytest.fixture
def said() -> Callable[[list[Finding]], list[tuple[str, str, float]]]:
    """Findings as (cause, change, onset in seconds from the fixed moment)."""
    return lambda findings: [(f.cause, f.change.value, (f.onset_ms - T0_MS) / 1000) for f in findings]


@pytest.fixture
def packed() -> Callable[..., Motion]:
    """``packed(samples, rate_hz, packet_s, row, start_s, off_ms)``: samples (n, 3) in g as a device sends them."""

    def make(
        samples: Any, rate_hz: float, packet_s: float = 1.0, row: int = 0, start_s: float = 0.0, off_ms: Any = 0
    ) -> Motion:
        length = max(1, round(packet_s * rate_hz))
        start = np.arange(0, len(samples), length)
        time_ms = T0_MS + np.rint(start_s * 1000 + start * 1000 / rate_hz).astype(np.int64) + off_ms
        count = len(start)
        return Motion(
            row=np.full(count, row, dtype=np.int32),
            time_ms=time_ms,
            received_ms=time_ms + 1200,
            seq=np.arange(count),
            time_assumed=np.zeros(count, dtype=np.bool_),
            rate_hz=np.full(count, rate_hz),
            start=start,
            count=np.minimum(length, len(samples) - start),
            acc_g=np.asarray(samples, dtype=np.float32),
        )

    return make


@pytest.fixture
def merged() -> Callable[..., Motion]:
    """``merged(*motions)``: packets of several devices in one batch."""

    def merge(*parts: Motion) -> Motion:
        before = np.cumsum([0, *(len(part.acc_g) for part in parts)])
        columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Motion)}
        shift = np.repeat(before[:-1], [len(part) for part in parts])
        return Motion(**columns | {"start": columns["start"] + shift})

    return merge
