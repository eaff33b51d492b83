"""``shouhu evaluate`` on location sets: exits told by the fence of production, beside those the whole track shows.

Every fix of a recording is a message of a locator of its own, and goes through decoding and the bank as in the
service. GeoLife and its like say no accuracy, so none is sent: the fixes name satellites as their source, and the
detector takes its own figure for these (`gnss_m`).
"""

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from alerts.bank import Bank
from alerts.detectors.geofence import Geofence, GeofenceSettings
from alerts.detectors.zones import SAFE, Zone, ZoneTable
from alerts.findings import Change
from ingest.contract import Crs
from ingest.coordinates import metres_per_degree
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from service.evaluation.track_truth import Exit, Place, Track, exits, far_out, places
from simulators.locator import location_messages
from simulators.recording import RecordingSet, read_location
from simulators.stream import Float

_SITE: Final = "evaluate"
#: Recordings run side by side; more cost memory and save little.
_TOGETHER: Final = 250
_BEGIN_MS: Final = 1_700_000_000_000
#: All that is sent in this time is a batch, and then time passes, as often as the fence notices it.
_BATCH_MS: Final = 5_000
#: Longer silence than this tells the fence nothing new, and is skipped.
_SILENCE_MS: Final = 3_600_000
#: An alarm this much before a true exit, or after its end, is of it: half the window of the median, and a slow fix.
TOLERANCE_S: Final = 60.0
#: The 68 % quantile of the Rayleigh distribution: what noise of one metre of accuracy is along an axis.
_AXES_OF_68: Final = 1.51
_SEED: Final = 7
_WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Condition:
    """A way in which tracks reach the fence: at most one fix in `every_s`, and with noise of 68 % within `noise_m`."""

    name: str
    every_s: float = 0.0
    noise_m: float = 0.0


CONDITIONS: Final = (
    Condition("as recorded"),
    Condition("every 10 s", every_s=10.0),
    Condition("every 30 s", every_s=30.0),
    Condition("every 60 s", every_s=60.0),
    Condition("noise, 15 m", noise_m=15.0),
)


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm of the fence, in seconds of the track; `end_s` is infinite where it did not end."""

    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One recording: how long it is without its gaps, what truly happened, and what was raised."""

    file: str
    hours: float
    exits: tuple[Exit, ...]
    alarms: tuple[Raised, ...]
    false: tuple[Raised, ...]  # of these the ones raised while nobody was far outside, however shortly

    @property
    def found(self) -> tuple[Raised | None, ...]:
        """Of each exit the first alarm of it; None where there is none.

        An alarm is of an exit if it began in it, or within the tolerance of its beginning or end.
        """
        return tuple(next((a for a in self.alarms if _of(a, exit_)), None) for exit_ in self.exits)

    @property
    def delays_s(self) -> list[float]:
        """Of the exits found, from their first moment to the alarm; less than 0 where hindsight is the later."""
        pairs = zip(self.exits, self.found, strict=True)
        return [alarm.begin_s - exit_.begin_s for exit_, alarm in pairs if alarm is not None]

    @property
    def still_open(self) -> int:
        """Exits that are not found, but had the alarm of an earlier one open from beginning to end."""
        missed = [exit_ for exit_, alarm in zip(self.exits, self.found, strict=True) if alarm is None]
        return sum(any(a.begin_s < e.begin_s and a.end_s >= e.end_s for a in self.alarms) for e in missed)

    @property
    def of_no_exit(self) -> tuple[Raised, ...]:
        """Alarms of no exit, whether anybody was outside or not."""
        return tuple(alarm for alarm in self.alarms if not any(_of(alarm, exit_) for exit_ in self.exits))


def _of(alarm: Raised, exit_: Exit) -> bool:
    return exit_.begin_s - TOLERANCE_S <= alarm.begin_s <= exit_.end_s + TOLERANCE_S


def evaluate_location(recordings: RecordingSet, as_json: bool, settings: GeofenceSettings | None = None) -> int:
    """Run the set under all conditions and print figures, or JSON alone; returns the exit status."""
    tracks = [Track(*read_location(recordings, entry)) for entry in recordings.entries]
    files = [entry.file for entry in recordings.entries]
    people = [entry.subject or entry.file for entry in recordings.entries]
    zones = zones_of(people, tracks)
    console = Console(stderr=True)
    outcomes = []
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        for condition in CONDITIONS:
            task = progress.add_task(f"evaluating 评估 {condition.name}", total=len(tracks))
            outcomes.append(outcome_of(files, tracks, zones, condition, settings, partial(progress.advance, task)))
    if as_json:
        json.dump(json_of(outcomes, zones), sys.stdout, ensure_ascii=False, allow_nan=False)
        print()
    else:
        _print(recordings.folder.name, len(set(people)), outcomes, zones)
    return 0


def zones_of(people: Sequence[str], tracks: Sequence[Track]) -> list[tuple[Place, ...]]:
    """Of each track the places where its person stays, in any of their tracks."""
    of_person = {
        person: places([track for track, whose in zip(tracks, people, strict=True) if whose == person])
        for person in set(people)
    }
    return [of_person[person] for person in people]


def outcome_of(
    files: Sequence[str],
    tracks: Sequence[Track],
    zones: Sequence[tuple[Place, ...]],
    condition: Condition = CONDITIONS[0],
    settings: GeofenceSettings | None = None,
    on_done: Callable[[int], None] | None = None,
) -> list[Judged]:
    """What was raised on each track, and what truly happened on it as it was recorded."""
    # Tracks of like length run together, so that few batches hold few devices.
    order = np.argsort([track.time_s[-1] - track.time_s[0] for track in tracks], kind="stable").tolist()
    alarms: dict[int, tuple[Raised, ...]] = {}
    for first in range(0, len(order), _TOGETHER):
        chosen = order[first : first + _TOGETHER]
        seen = [_seen(tracks[index], condition, index) for index in chosen]
        alarms |= zip(chosen, _run(seen, [zones[index] for index in chosen], settings), strict=True)
        if on_done is not None:
            on_done(len(chosen))
    return [
        _judged(file, track, zones[index], alarms[index])
        for index, (file, track) in enumerate(zip(files, tracks, strict=True))
    ]


def _judged(file: str, track: Track, zones: tuple[Place, ...], alarms: tuple[Raised, ...]) -> Judged:
    judged = Judged(file, float(track.recorded_s[-1]) / 3600, exits(track, zones), alarms, ())
    false = [a for a in judged.of_no_exit if not far_out(track, zones, a.begin_s, TOLERANCE_S)]
    return replace(judged, false=tuple(false))


def _seen(track: Track, condition: Condition, number: int) -> Track:
    """What the locator makes of a track."""
    time_s, lat, lon = track.time_s, track.lat_deg, track.lon_deg
    if condition.every_s:
        first = np.unique(time_s // condition.every_s, return_index=True)[1]
        time_s, lat, lon = time_s[first], lat[first], lon[first]
    if condition.noise_m:
        off_m = np.random.default_rng((_SEED, number)).normal(0, condition.noise_m / _AXES_OF_68, (2, len(time_s)))
        north_m, east_m = metres_per_degree(lat)
        lat, lon = lat + off_m[0] / north_m, lon + off_m[1] / east_m
    return Track(time_s, lat, lon)


def _run(
    tracks: Sequence[Track], zones: Sequence[tuple[Place, ...]], settings: GeofenceSettings | None
) -> list[tuple[Raised, ...]]:
    """The alarms of tracks that locators send side by side, row i walking `tracks[i]`."""
    names = [f"r{number:05d}" for number in range(len(tracks))]
    decoder = Decoder(Directory(Device(_SITE, name, DeviceType.LOCATOR) for name in names))
    bank = Bank([Geofence(_table(zones), settings)], len(tracks))
    messages = [message for name, track in zip(names, tracks, strict=True) for message in _messages(name, track)]
    messages.sort(key=lambda message: message.at_ms)
    sent_ms = np.array([message.at_ms for message in messages])
    began: list[dict[int, float]] = [{} for _ in tracks]
    ended: list[dict[int, float]] = [{} for _ in tracks]
    first, now_ms = 0, int(sent_ms[0])
    while first < len(messages) or now_ms - sent_ms[-1] <= _SILENCE_MS:
        if first < len(messages) and sent_ms[first] - now_ms > _SILENCE_MS:
            now_ms = int(sent_ms[first])
        now_ms += _BATCH_MS
        end = int(np.searchsorted(sent_ms, now_ms))
        batch = messages[first:end]
        decoded = decoder.decode([m.topic for m in batch], [m.payload for m in batch], now_ms)
        assert not decoded.rejected, decoded.rejected[0]
        for finding in [*bank.update(decoded.readings, now_ms), *bank.tick(now_ms)]:
            if finding.cause == "left_safe_zone" and finding.change in (Change.BEGAN, Change.ENDED):
                told = began if finding.change is Change.BEGAN else ended
                told[finding.row][finding.onset_ms] = (finding.found_ms - _BEGIN_MS) / 1000
        first = end
    return [
        tuple(Raised(begin_s, over.get(onset_ms, math.inf)) for onset_ms, begin_s in sorted(since.items()))
        for since, over in zip(began, ended, strict=True)
    ]


def _messages(name: str, track: Track) -> Any:
    time_ms = np.round(_BEGIN_MS + 1000 * track.time_s).astype(np.int64)
    return location_messages(_SITE, name, time_ms, track.lat_deg, track.lon_deg, None, crs=Crs.WGS84, say_crs=True)


def _table(zones: Sequence[tuple[Place, ...]]) -> ZoneTable:
    places_ = list(dict.fromkeys(place for of_row in zones for place in of_row))
    number = {place: index for index, place in enumerate(places_)}
    return ZoneTable(
        [
            Zone(f"z{index}", SAFE, Crs.WGS84, circle=(place.lat_deg, place.lon_deg, place.radius_m))
            for index, place in enumerate(places_)
        ],
        {row: [number[place] for place in of_row] for row, of_row in enumerate(zones)},
    )


# ------------------------------------------------------------------ telling


def summary(judged: Sequence[Judged]) -> dict[str, float | int | None]:
    """Figures by their names; None for what cannot be told."""
    total = sum(len(each.exits) for each in judged)
    found = sum(alarm is not None for each in judged for alarm in each.found)
    false = sum(len(each.false) for each in judged)
    hours = sum(each.hours for each in judged)
    delays_s = [delay_s for each in judged for delay_s in each.delays_s]
    p50, p95 = np.percentile(delays_s, [50, 95]).tolist() if delays_s else (None, None)
    return {
        "exit_recall": found / total if total else None,
        "false_exits_per_1000_h": 1000 * false / hours if hours else None,
        "delay_p50_s": p50,
        "delay_p95_s": p95,
        "hours": hours,
        "exits": total,
        "found": found,
        "false_exits": false,
        "brief_exits_told": sum(len(each.of_no_exit) for each in judged) - false,
        "earlier_alarm_open": sum(each.still_open for each in judged),
    }


def json_of(outcomes: Sequence[Sequence[Judged]], zones: Sequence[tuple[Place, ...]]) -> dict[str, Any]:
    """Figures as other programs read them; what cannot be told is null."""
    plain = outcomes[0]
    return {
        "summary": summary(plain),
        "conditions": [
            {"condition": condition.name, **summary(judged)}
            for condition, judged in zip(CONDITIONS, outcomes, strict=True)
        ],
        "recordings": [
            {
                "file": each.file,
                "zones_m": [zone.radius_m for zone in of_track],
                **summary([each]),
                "exits_s": [_span(exit_) for exit_ in each.exits],
                "alarms_s": [_span(alarm) for alarm in each.alarms],
            }
            for each, of_track in zip(plain, zones, strict=True)
        ],
    }


def _span(span: Exit | Raised) -> list[float | None]:
    return [round(span.begin_s, 1), round(span.end_s, 1) if math.isfinite(span.end_s) else None]


def _print(name: str, people: int, outcomes: Sequence[Sequence[Judged]], zones: Sequence[tuple[Place, ...]]) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    radii_m: Float = np.array([place.radius_m for place in {place for of_track in zones for place in of_track}])
    console.print(
        f"{name}: {len(zones)} recordings of {people} people, {len(radii_m)} zones where they stay "
        f"(radius {radii_m.min():.0f}–{radii_m.max():.0f} m). No accuracy is sent. 不发送定位精度。"
    )
    table = _new_table("exits 离开")
    for condition, judged in zip(CONDITIONS, outcomes, strict=True):
        _row(table, condition.name, summary(judged))
    console.print(table)
    table = _new_table("by recording 按记录")
    for each in outcomes[0]:
        _row(table, each.file, summary([each]))
    console.print(table)
    console.print("Hours are recorded hours, gaps left out. Not a medical device. 非医疗器械。")


def _new_table(title: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False)
    table.add_column("", overflow="fold")
    for heading in ("found", "recall", "false", "false/1000 h", "delay p50", "p95", "hours"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _row(table: Table, name: str, figures: dict[str, float | int | None]) -> None:
    def cell(key: str, digits: int) -> str:
        value = figures[key]
        return "–" if value is None else f"{value:.{digits}f}"

    table.add_row(
        name,
        f"{figures['found']}/{figures['exits']}",
        cell("exit_recall", 3),
        str(figures["false_exits"]),
        cell("false_exits_per_1000_h", 2),
        cell("delay_p50_s", 1),
        cell("delay_p95_s", 1),
        cell("hours", 2),
    )
