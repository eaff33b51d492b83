"""Readings in short words, and a detector fed with them."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pytest

from alerts.detectors.contract import Detector, Records
from alerts.findings import Finding

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
