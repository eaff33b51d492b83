"""Recordings of people in bed with their truth: breathing and pulse, breaths marked by hand, a monitor's heart rate."""

import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.recording import Entry, RecordingError, RecordingSet, read_respiration
from simulators.stream import Float


@dataclass(frozen=True, slots=True)
class Bedside:
    """Signals (n,) at `rate_hz` with their times, and the truth; what a recording lacks is empty.

    `breaths_s`: the times of the breaths that each annotator marked; `heart_rate_bpm` (m,) at `heart_s` (m,) is the
    monitor's.
    """

    time_s: Float
    rate_hz: float
    respiration: Float
    pulse: Float
    breaths_s: tuple[Float, ...]
    heart_s: Float
    heart_rate_bpm: Float


def read_bedside(recordings: RecordingSet, entry: Entry) -> Bedside:
    """A respiration recording with all that is known of it; RecordingError as in reading its signal."""
    time_s, respiration, rate_hz = read_respiration(recordings, entry)
    path = recordings.folder / entry.file
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            kept = {name: archive[name] for name in _OPTIONAL if name in archive}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    arrays = {name: _numbers(path.name, name, kept.get(name)) for name in _OPTIONAL}
    if len(arrays["pleth"]) not in (0, len(time_s)):
        raise RecordingError(f"{path}: pleth: has {len(arrays['pleth'])} samples, expected {len(time_s)} like t_s")
    if len(arrays["ref_t_s"]) != len(arrays["ref_hr_bpm"]):
        raise RecordingError(f"{path}: ref_hr_bpm: has {len(arrays['ref_hr_bpm'])} entries, ref_t_s another number")
    breaths_s = tuple(np.sort(arrays[name]) for name in ("breath1_s", "breath2_s") if len(arrays[name]))
    return Bedside(time_s, rate_hz, respiration, arrays["pleth"], breaths_s, arrays["ref_t_s"], arrays["ref_hr_bpm"])


_OPTIONAL = ("pleth", "breath1_s", "breath2_s", "ref_t_s", "ref_hr_bpm")


def _numbers(file: str, name: str, values: NDArray[np.generic] | None) -> Float:
    if values is None:
        return np.empty(0)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise RecordingError(f"{file}: {name}: holds {values.dtype} of shape {values.shape}, expected numbers in a row")
    numbers = values.astype(np.float64)
    if name == "pleth" and not np.isfinite(numbers).all():
        raise RecordingError(f"{file}: {name}: holds a number that is not finite")
    return numbers
