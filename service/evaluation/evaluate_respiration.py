"""``shouhu evaluate`` on respiration sets: rates out of raw signals, beside what people and monitors counted.

Each recording's breathing and pulse are sent as the raw signals of two mats, packet by packet, and go through decoding
and the same estimator as in the service.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.signal import resample_poly

from alerts.bed_signal import QUALITY_MIN, BedSignal, Estimates
from alerts.detectors.bed_wave import EVERY_S, WINDOW_S
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from ingest.readings import Bcg
from simulators.bed_signal import bed_signal_packets
from simulators.bedside import Bedside, read_bedside
from simulators.recording import RecordingSet
from simulators.stream import Float, Sent

_SITE: Final = "evaluate"
#: Windows end at full ten seconds: so that the first ends when the recordings are one window old.
_BEGIN_MS: Final = 1_700_000_000_000 - WINDOW_S * 1000 % (EVERY_S * 1000)
_BATCH_MS: Final = 1000
#: Fewer breaths in a window give no rate to compare with.
_BREATHS_MIN: Final = 3
#: A rate so wrong (share) is of another rhythm.
_HARMONIC_SHARE: Final = 0.25
_SEED: Final = 7
_NOISE_DB: Final = 10.0
_MOVEMENT_EVERY_S: Final = 60.0
_MOVEMENT_S: Final = 4.0
#: Of the signal's own deviation.
_MOVEMENT_SIZE: Final = 10.0
_WIDTH: Final = 110

Flag = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Condition:
    """A way in which the signals reach the estimator: resampled to `rate_hz`, with noise, with movement."""

    name: str
    rate_hz: float | None = None
    noise: bool = False
    movement: bool = False


CONDITIONS: Final = (
    Condition("as recorded"),
    Condition("at 20 Hz", rate_hz=20.0),
    Condition("at 50 Hz", rate_hz=50.0),
    Condition("at 100 Hz", rate_hz=100.0),
    Condition("at 200 Hz", rate_hz=200.0),
    Condition("noise, 10 dB", noise=True),
    Condition("movement 4 s/min", movement=True),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Windows (w,) with a known rate: of which recording, that rate, the estimate (NaN: none), whether it was given,
    and whether movement was added to the window."""

    recording: NDArray[np.intp]
    true_per_min: Float
    per_min: Float
    given: Flag
    moved: Flag

    def where(self, chosen: Flag) -> "Judged":
        """Some of the windows."""
        return Judged(
            self.recording[chosen],
            self.true_per_min[chosen],
            self.per_min[chosen],
            self.given[chosen],
            self.moved[chosen],
        )

    def summary(self) -> dict[str, float | int | None]:
        """Figures by their names; None for what cannot be told."""
        error = np.abs(self.per_min - self.true_per_min)
        wrong = self.given & (error > _HARMONIC_SHARE * self.true_per_min)
        return {
            "windows": len(self.given),
            "coverage": _mean(self.given),
            "mae_per_min": _mean(error[self.given]),
            "p95_per_min": float(np.percentile(error[self.given], 95)) if self.given.any() else None,
            "all_mae_per_min": _mean(error[np.isfinite(error)]),
            "wrong_by_a_quarter": int(np.count_nonzero(wrong)),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """One condition's windows, of breathing and of the heart."""

    condition: Condition
    respiration: Judged
    heart: Judged


def evaluate_respiration(recordings: RecordingSet, as_json: bool, packet_s: float, binary: bool) -> int:
    """Run the set under all conditions and print figures, or JSON alone; returns the exit status."""
    bedsides = [read_bedside(recordings, entry) for entry in recordings.entries]
    outcomes = [
        outcome_of(bedsides, condition, packet_s, binary)
        for condition in track(CONDITIONS, "evaluating 评估", console=Console(stderr=True))
    ]
    files = [entry.file for entry in recordings.entries]
    if as_json:
        json.dump(json_of(files, outcomes), sys.stdout, ensure_ascii=False, allow_nan=False)
        print()
    else:
        _print(recordings.folder.name, files, outcomes)
    return 0


def outcome_of(
    bedsides: Sequence[Bedside], condition: Condition, packet_s: float = 1.0, binary: bool = True
) -> Outcome:
    """The windows of recordings that are heard side by side, breathing in the first rows and pulses in the others."""
    random = np.random.default_rng(_SEED)
    names = [f"{signal}{number:05d}" for signal in ("respiration", "pulse") for number in range(len(bedsides))]
    sent: list[Sent] = []
    for number, bedside in enumerate(bedsides):
        for name, signal in ((names[number], bedside.respiration), (names[len(bedsides) + number], bedside.pulse)):
            if len(signal):
                sent += _sent(name, bedside, signal, condition, packet_s, binary, random)
    found = _estimates(names, sorted(sent, key=lambda message: message.at_ms))
    return Outcome(
        condition,
        _judged(bedsides, found, 0, found.respiration_per_min, found.respiration_quality, _breathing, condition),
        _judged(bedsides, found, len(bedsides), found.heart_rate_bpm, found.heart_quality, _heart_rate, condition),
    )


def _sent(
    name: str,
    bedside: Bedside,
    signal: Float,
    condition: Condition,
    packet_s: float,
    binary: bool,
    random: np.random.Generator,
) -> list[Sent]:
    time_s, rate_hz = bedside.time_s, bedside.rate_hz
    signal = signal - signal.mean()
    size = float(signal.std())
    if condition.noise:
        signal = signal + size * 10 ** (-_NOISE_DB / 20) * random.standard_normal(len(signal))
    if condition.movement:
        moving = _moving(time_s - time_s[0])
        # A body that turns over swings slowly and widely.
        swings = np.convolve(random.standard_normal(len(signal)), np.ones(max(1, int(rate_hz / 4))), mode="same")
        signal = signal + np.where(moving, _MOVEMENT_SIZE * size * swings / swings.std(), 0.0)
    if condition.rate_hz is not None:
        ratio = Fraction(condition.rate_hz / rate_hz).limit_denominator(1000)
        signal = resample_poly(signal, ratio.numerator, ratio.denominator)
        rate_hz = rate_hz * ratio.numerator / ratio.denominator
        time_s = time_s[0] + np.arange(len(signal)) / rate_hz
    return bed_signal_packets(_SITE, name, _BEGIN_MS + 1000 * time_s, signal, rate_hz, packet_s=packet_s, binary=binary)


def _moving(since_s: Float) -> Flag:
    result: Flag = since_s % _MOVEMENT_EVERY_S >= _MOVEMENT_EVERY_S - _MOVEMENT_S
    return result


def _estimates(names: Sequence[str], messages: Sequence[Sent]) -> Estimates:
    decoder = Decoder(Directory(Device(_SITE, name, DeviceType.BED_MAT) for name in names))
    mats = BedSignal()
    sent_ms = np.array([message.at_ms for message in messages])
    found = [Estimates.none()]
    # A second of all mats is a batch, as in the service.
    for from_ms in range(int(sent_ms[0]), int(sent_ms[-1]) + 1, _BATCH_MS):
        first, last = np.searchsorted(sent_ms, [from_ms, from_ms + _BATCH_MS]).tolist()
        batch = messages[first:last]
        decoded = decoder.decode([m.topic for m in batch], [m.payload for m in batch], from_ms + _BATCH_MS)
        assert not decoded.rejected, decoded.rejected[0]
        found += [mats.estimate(readings) for readings in decoded.readings if isinstance(readings, Bcg)]
    return Estimates.joined(found)


def _judged(
    bedsides: Sequence[Bedside],
    found: Estimates,
    first_row: int,
    per_min: Float,
    quality: Float,
    truth: Callable[[Bedside, float, float], float],
    condition: Condition,
) -> Judged:
    """Every window that a recording holds and that has a truth, estimated or not."""
    known = {
        (row, end_ms): (rate, sure)
        for row, end_ms, rate, sure in zip(
            found.row.tolist(), found.time_ms.tolist(), per_min.tolist(), (quality >= QUALITY_MIN).tolist(), strict=True
        )
    }
    rows: list[tuple[int, float, float, bool, bool]] = []
    for number, bedside in enumerate(bedsides):
        begin_s, last_s = float(bedside.time_s[0]), float(bedside.time_s[-1]) + 1 / bedside.rate_hz
        for end_s in np.arange(begin_s + WINDOW_S, last_s + 1e-6, EVERY_S).tolist():
            true = truth(bedside, end_s - WINDOW_S, end_s)
            if np.isnan(true):
                continue
            rate, given = known.get((first_row + number, round(_BEGIN_MS + 1000 * end_s)), (np.nan, False))
            moved = condition.movement and bool(_moving(np.arange(end_s - WINDOW_S, end_s, 0.5) - begin_s).any())
            rows.append((number, true, rate, given, moved))
    number_of, true_of, rate_of, given_of, moved_of = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return Judged(
        np.array(number_of, dtype=np.intp),
        np.array(true_of, dtype=np.float64),
        np.array(rate_of, dtype=np.float64),
        np.array(given_of, dtype=np.bool_),
        np.array(moved_of, dtype=np.bool_),
    )


def _breathing(bedside: Bedside, begin_s: float, end_s: float) -> float:
    """The mean of the annotators' rates, each from the first to the last breath marked in the window."""
    rates = []
    for breaths_s in bedside.breaths_s:
        inside = breaths_s[(breaths_s >= begin_s) & (breaths_s < end_s)]
        if len(inside) < _BREATHS_MIN:
            return np.nan
        rates.append(60 * (len(inside) - 1) / float(inside[-1] - inside[0]))
    return float(np.mean(rates)) if rates else np.nan


def _heart_rate(bedside: Bedside, begin_s: float, end_s: float) -> float:
    """The mean of what the monitor showed in the window."""
    if not len(bedside.pulse):
        return np.nan
    inside = bedside.heart_rate_bpm[(bedside.heart_s >= begin_s) & (bedside.heart_s <= end_s)]
    inside = inside[np.isfinite(inside)]
    return float(inside.mean()) if len(inside) else np.nan


# ------------------------------------------------------------------ telling


def json_of(files: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Figures as other programs read them; what cannot be told is null."""
    plain = outcomes[0]
    respiration, heart = plain.respiration.summary(), plain.heart.summary()
    known = [figures["coverage"] for figures in (respiration, heart) if figures["coverage"] is not None]
    return {
        "summary": {
            "resp_mae_per_min": respiration["mae_per_min"],
            "hr_mae_per_min": heart["mae_per_min"],
            "coverage": min(known) if known else None,
            **{f"resp_{name}": value for name, value in respiration.items() if name != "mae_per_min"},
            **{f"hr_{name}": value for name, value in heart.items() if name != "mae_per_min"},
        },
        "conditions": [
            {
                "condition": each.condition.name,
                "resp": each.respiration.summary(),
                "hr": each.heart.summary(),
                "moved_refused": {"resp": _refused(each.respiration), "hr": _refused(each.heart)},
            }
            for each in outcomes
        ],
        "recordings": [
            {
                "file": file,
                "resp": plain.respiration.where(plain.respiration.recording == number).summary(),
                "hr": plain.heart.where(plain.heart.recording == number).summary(),
            }
            for number, file in enumerate(files)
        ],
    }


def _refused(judged: Judged) -> float | None:
    """The share of the windows with added movement for which no rate was given."""
    return _mean(~judged.given[judged.moved])


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None


def _print(name: str, files: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(
        f"{name}: {len(files)} recordings, windows of {WINDOW_S} s every {EVERY_S} s; errors are of the windows for "
        "which a rate was given. 仅统计给出结果的窗口。"
    )
    for title, picked in (("respiration 呼吸 /min", 0), ("heart rate 心率 /min", 1)):
        table = _table(title)
        for each in outcomes:
            judged = (each.respiration, each.heart)[picked]
            refused = _refused(judged)
            note = "" if refused is None else f"of those moved {refused:.3f} refused"
            _row(table, each.condition.name, judged, note)
        console.print(table)
    for title, picked in (("respiration by recording 按记录", 0), ("heart rate by recording 按记录", 1)):
        table = _table(title)
        judged = (outcomes[0].respiration, outcomes[0].heart)[picked]
        for number, file in enumerate(files):
            _row(table, file, judged.where(judged.recording == number), "")
        console.print(table)
    console.print("Recordings of impedance and of finger pulses, not of mats. Not a medical device. 非医疗器械。")


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False)
    table.add_column("", overflow="fold")
    for heading in ("windows", "coverage", "MAE", "p95", "MAE of all", "wrong by 25 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    return table


def _row(table: Table, name: str, judged: Judged, note: str) -> None:
    figures = judged.summary()
    cells = ("windows", "coverage", "mae_per_min", "p95_per_min", "all_mae_per_min", "wrong_by_a_quarter")
    table.add_row(name, *(_cell(figures[cell]) for cell in cells), note)


def _cell(value: float | int | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
