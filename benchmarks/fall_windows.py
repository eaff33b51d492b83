"""Windows around gated impacts of recording sets, cut by the detector's own grid and gate, seen by any device.

Recordings go through `simulators.recording.read_motion` and are cut into packets as in `shouhu evaluate`; from there on
`alerts.detectors.motion_grid` and `alerts.detectors.impacts` do what they do in production.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from alerts.detectors import impacts, motion_grid
from alerts.detectors.fall import WristFall
from alerts.detectors.fall_features import DECIDED_CELLS, IMPACT
from ingest.readings import Motion as MotionReadings
from simulators.recording import Entry, Motion, read_motion, read_set

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

#: Recordings begin here; a whole number of cells.
_BEGIN_MS: Final = 1_700_000_000_000
_PACKET_S: Final = 1.0
#: Recordings cut at once; more cost memory.
_TOGETHER: Final = 100
_RATES_HZ: Final = (0.0, 0.0, 20.0, 25.0, 32.0, 50.0, 64.0, 100.0)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of a set in memory."""

    set_name: str
    entry: Entry
    motion: Motion

    @property
    def is_fall(self) -> bool:
        """Whether somebody fell in it."""
        return self.entry.event == "fall"


@dataclass(frozen=True, slots=True)
class Device:
    """How another device would have seen the same movement; the default is the recording as it is.

    `rate_hz` 0 is the recording's own. `averaged`: samples are means over their interval, else values of an instant.
    `turn` (3, 3) rotates or mirrors the axes, `gain` multiplies, `noise_g` is the standard deviation of white noise,
    `phase_ms` moves the samples over the grid.
    """

    rate_hz: float = 0.0
    averaged: bool = False
    clip_g: float = 16.0
    turn: Float | None = None
    gain: float = 1.0
    noise_g: float = 0.0
    phase_ms: int = 0


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows (n, 175, 3) in g; of each the recording (n,), a place in the list given, and its impact (n,) in s."""

    acc_g: Float32
    recording: Int
    impact_s: Float


def recordings_of(folder: Path) -> list[Recording]:
    """All motion recordings of a set; RecordingError where one cannot be read."""
    found = read_set(folder)
    motion = (entry for entry in found.entries if entry.kind == "motion")
    return [Recording(folder.name, entry, read_motion(found, entry)) for entry in motion]


def windows_of(recordings: Sequence[Recording], devices: Sequence[Device], seed: int = 0) -> Windows:
    """The windows of recordings, each worn with its own device; `seed` is that of the noise."""
    random = np.random.default_rng(seed)
    parts = [
        _windows_of(recordings[first : first + _TOGETHER], devices[first : first + _TOGETHER], first, random)
        for first in range(0, len(recordings), _TOGETHER)
    ]
    return Windows(
        np.concatenate([part.acc_g for part in parts]),
        np.concatenate([part.recording for part in parts]),
        np.concatenate([part.impact_s for part in parts]),
    )


def _windows_of(
    recordings: Sequence[Recording], devices: Sequence[Device], number: int, random: np.random.Generator
) -> Windows:
    state = np.zeros(len(recordings), dtype=WristFall.state_dtype)
    motion_grid.start(state)
    impacts.start(state)
    state, streams = motion_grid.take(state, _packets(recordings, devices, random))
    assert streams is not None
    found = impacts.find(state, streams)
    found = found.take(found.known_after >= impacts.AFTER_LEAST)
    order = np.lexsort((found.cell, streams.row[found.stream]))
    found = found.take(order)
    cells = streams.cells(found.stream, found.cell[:, np.newaxis] + np.arange(DECIDED_CELLS) - IMPACT)
    row = streams.row[found.stream]
    phase_ms = np.array([device.phase_ms for device in devices])[row]
    return Windows(
        cells[:, :, :3].astype(np.float32) / np.float32(motion_grid.COUNTS_PER_G),
        row.astype(np.int64) + number,
        (found.cell * motion_grid.CELL_MS - _BEGIN_MS - phase_ms) / 1000.0,
    )


def _packets(recordings: Sequence[Recording], devices: Sequence[Device], random: np.random.Generator) -> MotionReadings:
    row: list[int] = []
    time_ms: list[int] = []
    rate_hz: list[float] = []
    counts: list[int] = []
    acc_g: list[Float32] = []
    for number, (recording, device) in enumerate(zip(recordings, devices, strict=True)):
        motion = recording.motion
        bounds = [0, *(np.flatnonzero(np.diff(motion.piece)) + 1).tolist(), len(motion.piece)]
        for first, end in pairwise(bounds):
            rate, samples = _seen(motion.acc_g[first:end], float(motion.rate_hz[first]), device, random)
            start_ms = _BEGIN_MS + device.phase_ms + 1000 * float(motion.time_s[first])
            size = max(1, round(_PACKET_S * rate))
            for at in range(0, len(samples), size):
                row.append(number)
                time_ms.append(round(start_ms + 1000 * at / rate))
                rate_hz.append(rate)
                counts.append(min(size, len(samples) - at))
            acc_g.append(samples)
    count = np.array(counts, dtype=np.int64)
    times = np.array(time_ms, dtype=np.int64)
    return MotionReadings(
        row=np.array(row, dtype=np.int32),
        time_ms=times,
        received_ms=times,
        seq=np.full(len(times), -1),
        time_assumed=np.zeros(len(times), dtype=np.bool_),
        rate_hz=np.array(rate_hz),
        start=np.cumsum(count) - count,
        count=count,
        acc_g=np.concatenate(acc_g),
    )


def _seen(acc_g: Float32, rate_hz: float, device: Device, random: np.random.Generator) -> tuple[float, Float32]:
    """The rate and the samples (n, 3) the device gives of an uninterrupted piece."""
    samples = acc_g.astype(np.float64)
    if device.rate_hz and len(samples) > 1:
        samples, rate_hz = _resampled(samples, rate_hz, device), device.rate_hz
    if device.turn is not None:
        samples = samples @ device.turn.T
    if device.noise_g:
        samples = samples + random.normal(0.0, device.noise_g, samples.shape)
    return rate_hz, np.clip(samples * device.gain, -device.clip_g, device.clip_g).astype(np.float32)


def _resampled(samples: Float, rate_hz: float, device: Device) -> Float:
    count = max(1, int(len(samples) / rate_hz * device.rate_hz))
    if device.averaged:
        whole = np.concatenate([np.zeros((1, 3)), np.cumsum(samples, axis=0)]) / rate_hz
        edges_s, at_s = np.arange(count + 1) / device.rate_hz, np.arange(len(whole)) / rate_hz
        means = np.diff(np.column_stack([np.interp(edges_s, at_s, axis) for axis in whole.T]), axis=0)
        return means * device.rate_hz
    times_s, taken_s = np.arange(count) / device.rate_hz, np.arange(len(samples)) / rate_hz
    return np.column_stack([np.interp(times_s, taken_s, axis) for axis in samples.T])


def bursts(windows: Float32, random: np.random.Generator) -> Float32:
    """Windows of which only a part is known, 0.5–3 s before the impact to 1.5–4 s after it; the rest is as its end."""
    begin = IMPACT - random.integers(impacts.BEFORE_LEAST, IMPACT + 1, len(windows))
    end = IMPACT + random.integers(impacts.AFTER_LEAST, DECIDED_CELLS - IMPACT, len(windows))
    places = np.clip(np.arange(DECIDED_CELLS), begin[:, np.newaxis], end[:, np.newaxis])
    return np.take_along_axis(windows, places[:, :, np.newaxis], axis=1)


def devices_for(count: int, random: np.random.Generator) -> list[Device]:
    """Devices as people might wear them: any rate, range, mounting and wrist, and a little noise."""
    return [
        Device(
            rate_hz=float(random.choice(_RATES_HZ)),
            averaged=bool(random.random() < 0.3),
            clip_g=float(random.choice([2.0, 4.0, 16.0])),
            turn=Rotation.random(random_state=random).as_matrix() * random.choice([-1.0, 1.0]),
            gain=float(random.uniform(0.9, 1.1)),
            noise_g=float(random.choice([0.0, 0.005, 0.02])),
            phase_ms=int(random.integers(0, motion_grid.CELL_MS)),
        )
        for _ in range(count)
    ]
