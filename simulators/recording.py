"""Recording sets: a folder with `index.csv` and one `.npz` a recording, read as the device would have sent it.

See docs for the layout. Kinds: motion (`t_s`, `xyz_g`), location (`t_s`, `lat_deg`, `lon_deg` in WGS-84) and
respiration (`t_s`, `resp` at a fixed rate).
"""

import csv
import math
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.sampling_clock import pieces
from simulators.stream import Float

KINDS: Final = ("motion", "location", "respiration")
_NEEDED_COLUMNS: Final = ("file", "kind")
_ARRAYS: Final = {"motion": ("t_s", "xyz_g"), "location": ("t_s", "lat_deg", "lon_deg"), "respiration": ("t_s", "resp")}


class RecordingError(Exception):
    """A set or recording that is not there or not as the layout says; each of `problems` names file and column."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `index.csv`; numbers that are not given are NaN, `event` is `fall` or empty."""

    file: str
    kind: str
    subject: str
    age_group: str
    activity: str
    event: str
    onset_s: float
    end_s: float
    duration_s: float
    rate_hz: float


@dataclass(frozen=True, slots=True)
class RecordingSet:
    """A folder of recordings and its index."""

    folder: Path
    entries: tuple[Entry, ...]

    def entry(self, name: str) -> Entry:
        """The recording called `name`, with or without `.npz`; RecordingError with near matches where there is none."""
        wanted = name if name.endswith(".npz") else f"{name}.npz"
        for entry in self.entries:
            if entry.file == wanted:
                return entry
        near = get_close_matches(wanted, [e.file for e in self.entries], n=5, cutoff=0.6)
        hint = f"; near: {', '.join(n.removesuffix('.npz') for n in near)}" if near else ""
        raise RecordingError(f"{self.folder / 'index.csv'}: no recording {name!r}{hint}")


@dataclass(frozen=True, slots=True)
class Motion:
    """Samples in g (n, 3) float32 with the times (n,) in seconds and the rates (n,) of an evenly sampling device.

    `piece` (n,) numbers the uninterrupted pieces; a packet never spans two.
    """

    time_s: Float
    acc_g: NDArray[np.float32]
    rate_hz: Float
    piece: NDArray[np.int64]


def read_set(folder: Path) -> RecordingSet:
    """Read `index.csv`; every wrong line is reported at once."""
    if not folder.is_dir():
        siblings = [p.name for p in folder.parent.iterdir() if p.is_dir()] if folder.parent.is_dir() else []
        near = get_close_matches(folder.name, siblings, n=3, cutoff=0.5)
        hint = f"; near: {', '.join(str(folder.parent / n) for n in near)}" if near else ""
        raise RecordingError(f"{folder}: no such folder{hint}")
    index = folder / "index.csv"
    try:
        with index.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            missing = [c for c in _NEEDED_COLUMNS if c not in columns]
            if missing:
                raise RecordingError(f"{index}: column {', '.join(missing)} is missing")
            lines = list(reader)
    except FileNotFoundError:
        raise RecordingError(f"{index}: no such file; a recording set has an index.csv") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"{index}: cannot be read: {error}") from error
    problems: list[str] = []
    entries = [_entry(index, number, line, problems) for number, line in enumerate(lines, start=2)]
    if problems:
        raise RecordingError(*problems)
    if not entries:
        raise RecordingError(f"{index}: holds no recording")
    return RecordingSet(folder, tuple(entries))


def read_motion(recordings: RecordingSet, entry: Entry) -> Motion:
    """The samples of a motion recording, with even times instead of the bursts they were written down in."""
    path = recordings.folder / entry.file
    arrays = _arrays(path, "motion")
    t_s, acc_g = _times(path, arrays["t_s"]), arrays["xyz_g"]
    if acc_g.shape != (len(t_s), 3):
        raise RecordingError(f"{path}: xyz_g: has shape {acc_g.shape}, expected ({len(t_s)}, 3) like t_s")
    if not np.isfinite(acc_g).all():
        raise RecordingError(f"{path}: xyz_g: holds a number that is not finite")
    nominal_hz = entry.rate_hz
    if math.isnan(nominal_hz):
        if t_s[-1] == t_s[0]:
            raise RecordingError(f"{recordings.folder / 'index.csv'}: {entry.file}: rate_hz: is missing")
        nominal_hz = (len(t_s) - 1) / float(t_s[-1] - t_s[0])
    found = pieces(t_s, nominal_hz)
    return Motion(
        time_s=np.concatenate([piece.time_s for piece in found]),
        acc_g=np.ascontiguousarray(acc_g, dtype=np.float32),
        rate_hz=np.concatenate([np.full(piece.end - piece.first, piece.rate_hz) for piece in found]),
        piece=np.concatenate([np.full(piece.end - piece.first, number) for number, piece in enumerate(found)]),
    )


def read_location(recordings: RecordingSet, entry: Entry) -> tuple[Float, Float, Float]:
    """Times in seconds, latitudes and longitudes in WGS-84 of a location recording, each (n,)."""
    path = recordings.folder / entry.file
    arrays = _arrays(path, "location")
    t_s, lat, lon = _times(path, arrays["t_s"]), arrays["lat_deg"], arrays["lon_deg"]
    for name, values, limit in (("lat_deg", lat, 90.0), ("lon_deg", lon, 180.0)):
        if values.shape != t_s.shape:
            raise RecordingError(f"{path}: {name}: has shape {values.shape}, expected {t_s.shape} like t_s")
        if not (np.abs(values) <= limit).all():
            raise RecordingError(f"{path}: {name}: holds a value that is not within ±{limit:g} degrees")
    return t_s, lat.astype(np.float64), lon.astype(np.float64)


def read_respiration(recordings: RecordingSet, entry: Entry) -> tuple[Float, Float, float]:
    """Times in seconds and the respiration signal, each (n,), and its rate in Hz."""
    path = recordings.folder / entry.file
    arrays = _arrays(path, "respiration")
    t_s, signal = _times(path, arrays["t_s"]), arrays["resp"]
    if signal.shape != t_s.shape:
        raise RecordingError(f"{path}: resp: has shape {signal.shape}, expected {t_s.shape} like t_s")
    if not np.isfinite(signal).all():
        raise RecordingError(f"{path}: resp: holds a number that is not finite")
    if math.isnan(entry.rate_hz):
        raise RecordingError(f"{recordings.folder / 'index.csv'}: {entry.file}: rate_hz: is missing")
    return t_s, signal.astype(np.float64), entry.rate_hz


def _entry(index: Path, number: int, line: dict[str, str | None], problems: list[str]) -> Entry:
    def text(column: str) -> str:
        return (line.get(column) or "").strip()

    def positive(column: str) -> float:
        written = text(column)
        if not written:
            return math.nan
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            problems.append(f"{index}:{number}: {column}: is not a number of 0 or more (got {written!r})")
            return math.nan
        return value

    problems.extend(f"{index}:{number}: {column}: is empty" for column in ("file", "kind") if not text(column))
    if text("kind") and text("kind") not in KINDS:
        problems.append(f"{index}:{number}: kind: is not one of {', '.join(KINDS)} (got {text('kind')!r})")
    if text("event") not in ("", "fall"):
        problems.append(f"{index}:{number}: event: is neither fall nor empty (got {text('event')!r})")
    if Path(text("file")).name != text("file"):
        problems.append(f"{index}:{number}: file: leads out of the folder (got {text('file')!r})")
    return Entry(
        file=text("file"),
        kind=text("kind"),
        subject=text("subject"),
        age_group=text("age_group"),
        activity=text("activity"),
        event=text("event"),
        onset_s=positive("onset_s"),
        end_s=positive("end_s"),
        duration_s=positive("duration_s"),
        rate_hz=positive("rate_hz") or math.nan,
    )


def _arrays(path: Path, kind: str) -> dict[str, NDArray[np.floating]]:
    try:
        # Opened here: numpy leaves a broken archive's file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in _ARRAYS[kind] if name not in archive]
            if missing:
                raise RecordingError(f"{path}: array {', '.join(missing)} is missing ({_found(archive)})")
            arrays = {name: archive[name] for name in _ARRAYS[kind]}
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file, though the index names it") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    for name, values in arrays.items():
        if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
            raise RecordingError(f"{path}: {name}: holds {values.dtype}, expected numbers")
    return arrays


def _found(names: Iterable[str]) -> str:
    return f"found {', '.join(names)}"


def _times(path: Path, t_s: NDArray[np.floating]) -> Float:
    if t_s.ndim != 1 or len(t_s) == 0:
        raise RecordingError(f"{path}: t_s: has shape {t_s.shape}, expected (n,) with n of 1 or more")
    if not np.isfinite(t_s).all():
        raise RecordingError(f"{path}: t_s: holds a time that is not finite")
    back = np.flatnonzero(np.diff(t_s) < 0)
    if len(back):
        raise RecordingError(f"{path}: t_s: goes back in time at sample {back[0] + 1}")
    return t_s.astype(np.float64)
