"""Whether the fence cries wolf, and how soon it sees somebody walk out: seeded, by simulated locators.

A locator lies still for a month, within errors as satellites have them (one by one, or for minutes the same), with
cells 200 to 1500 m off now and then and all night, and with gaps: no alarm. Somebody walks straight out at 1 m/s: so
many fixes after they were 20 m outside there is one.

python benchmarks/bench_wandering.py [--days 30] [--locators 20] [--walkers 400]
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from alerts.detectors.geofence import Geofence
from alerts.detectors.zones import Zone, ZoneTable
from alerts.findings import Change
from ingest.contract import Crs, PositionSource
from ingest.coordinates import metres_per_degree
from ingest.readings import SOURCES, Location

Float = NDArray[np.float64]

_LAT, _LON = 36.64, 117.96
#: Local midnight in China.
_START_MS: Final = 1_760_000_000_000 // 86_400_000 * 86_400_000 - 8 * 3_600_000
_DAY_S: Final = 86_400
#: 68 % of errors in two dimensions lie within so many deviations of an axis (Rayleigh).
_SIGMAS_OF_68: Final = 1.5096
_GNSS, _CELL = SOURCES.index(PositionSource.GNSS), SOURCES.index(PositionSource.LBS)
_LEFT: Final = "left_safe_zone"


@dataclass(frozen=True, slots=True)
class Still:
    """A locator lying `inside_m` within the edge of a zone of `radius_m`; errors last for `alike_s`."""

    name: str
    every_s: float
    alike_s: float
    inside_m: float
    radius_m: float = 100.0
    says_accuracy: bool = True


STILL: Final = (
    Still("errors one by one, middle", 30.0, 0.0, 100.0),
    Still("errors one by one, 30 m from the edge", 30.0, 0.0, 30.0),
    Still("errors alike for 3 min, middle", 30.0, 180.0, 100.0),
    Still("errors alike for 3 min, 30 m from the edge", 30.0, 180.0, 30.0),
    Still("the same, a fix in 5 s", 5.0, 180.0, 30.0),
    Still("errors alike for 10 min, a fix in a minute, 30 m", 60.0, 600.0, 30.0),
    Still("no accuracy said, alike for 3 min, 30 m", 10.0, 180.0, 30.0, says_accuracy=False),
    Still("small zone, in its middle", 30.0, 180.0, 40.0, radius_m=40.0),
)


def errors_m(
    random: np.random.Generator, shape: tuple[int, int], every_s: float, alike_s: float, within_m: float
) -> Float:
    """Errors (2, rows, n) on two axes, 68 % within `within_m`, alike for `alike_s` (autoregressive; 0: each anew)."""
    sigma_m = within_m / _SIGMAS_OF_68
    white = random.normal(0.0, sigma_m, (2, *shape))
    if not alike_s:
        return white
    keep = np.exp(-every_s / alike_s)
    begin = random.normal(0.0, sigma_m, (2, shape[0], 1))
    result, _ = lfilter([np.sqrt(1 - keep**2)], [1.0, -keep], white, axis=2, zi=keep * begin)
    return np.asarray(result, dtype=np.float64)


def columns(
    row: NDArray[np.integer],
    time_ms: NDArray[np.int64],
    north_m: Float,
    east_m: Float,
    accuracy_m: Float,
    cell: NDArray[np.bool_],
) -> Location:
    """Fixes (n,) so many metres from the middle."""
    to_north, to_east = (float(np.asarray(each)) for each in metres_per_degree(_LAT))
    count = len(row)
    return Location(
        row=row.astype(np.int32),
        time_ms=time_ms,
        received_ms=time_ms + 300,
        seq=np.full(count, -1),
        time_assumed=np.zeros(count, dtype=np.bool_),
        lat_deg=_LAT + north_m / to_north,
        lon_deg=_LON + east_m / to_east,
        accuracy_m=accuracy_m,
        source=np.where(cell, _CELL, _GNSS).astype(np.int8),
        crs=np.zeros(count, dtype=np.int8),
        speed_m_s=np.full(count, np.nan),
        battery_pct=np.full(count, np.nan),
    )


def lying(random: np.random.Generator, case: Still, days: int, rows: int, within_m: float) -> Iterator[Location]:
    """Day by day the fixes of locators that lie still."""
    count = round(_DAY_S / case.every_s)
    at_s = np.arange(count) * case.every_s
    # The masts around: a cell is one of them, and it is always told at the same place.
    masts_m = random.uniform(200.0, 1500.0, (rows, 8))
    bearings = random.uniform(0, 2 * np.pi, (rows, 8))
    for day in range(days):
        off_m = errors_m(random, (rows, count), case.every_s, case.alike_s, within_m)
        north_m, east_m = off_m[0] + case.radius_m - case.inside_m, off_m[1]
        # Now and then a cell; at night, indoors, nearly nothing else.
        night = (at_s < 6 * 3600) | (at_s > 22 * 3600)
        cell = random.random((rows, count)) < np.where(night, 0.9, 0.03)
        # Half of the locators hear a mast at a place of its own each time, as fingerprints of cells do.
        mast = random.integers(0, 8, (rows, count))
        anew = np.arange(rows)[:, np.newaxis] % 2 == 0
        far_m = np.where(anew, random.uniform(200.0, 1500.0, (rows, count)), np.take_along_axis(masts_m, mast, 1))
        bearing = np.where(anew, random.uniform(0, 2 * np.pi, (rows, count)), np.take_along_axis(bearings, mast, 1))
        north_m = np.where(cell, far_m * np.cos(bearing), north_m)
        east_m = np.where(cell, far_m * np.sin(bearing), east_m)
        # Every other pair of rows says how good its cells are, more or less.
        claims = np.arange(rows)[:, np.newaxis] // 2 % 2 == 0
        of_cell_m = np.where(claims, random.uniform(300.0, 1000.0, (rows, count)), np.nan)
        accuracy_m = np.where(cell, of_cell_m, 15.0 if case.says_accuracy else np.nan)
        heard = np.ones((rows, count), dtype=np.bool_)
        for row in range(rows):  # two gaps a day of ten minutes to three hours each
            for begin_s, length_s in zip(random.uniform(0, _DAY_S, 2), random.uniform(600, 10_800, 2), strict=True):
                heard[row] &= (at_s < begin_s) | (at_s > begin_s + length_s)
        whose = np.broadcast_to(np.arange(rows)[:, np.newaxis], (rows, count))
        time_ms = np.broadcast_to(_START_MS + day * _DAY_S * 1000 + (at_s * 1000).astype(np.int64), (rows, count))
        yield columns(whose[heard], time_ms[heard], north_m[heard], east_m[heard], accuracy_m[heard], cell[heard])


def fence(radius_m: float, rows: int) -> Geofence:
    zone = Zone("home", "safe", Crs.WGS84, circle=(_LAT, _LON, radius_m))
    return Geofence(ZoneTable([zone], {row: [0] for row in range(rows)}))


def false_alarms(case: Still, days: int, rows: int, seed: int, within_m: float = 15.0) -> int:
    """How many alarms of locators that lie still, claim 15 m, and are within `within_m`."""
    random = np.random.default_rng(seed)
    detector = fence(case.radius_m, rows)
    state, params = detector.initial(rows), detector.defaults(rows)
    alarms = 0
    for batch in lying(random, case, days, rows, within_m):
        now_ms = int(batch.received_ms.max())
        state, found = detector.update(state, batch, params, now_ms)
        state, ticked = detector.tick(state, params, now_ms + 60_000)
        alarms += sum(f.cause == _LEFT and f.change is Change.BEGAN for f in [*found, *ticked])
    return alarms


def fixes_until_alarm(
    random: np.random.Generator, radius_m: float, every_s: float, accuracy_m: float, rows: int
) -> Float:
    """Of people (rows,) who walk out at 1 m/s after half an hour inside: the fix after being 20 m outside that tells.

    0 or less: before. `accuracy_m` is claimed and true; infinite where there is no alarm at all.
    """
    leave_s = 1800.0
    count = int((leave_s + radius_m + 60 + 12 * every_s) / every_s)
    begin_m = random.uniform(0, radius_m / 2, rows)
    at_s = np.arange(count) * every_s + random.uniform(0, every_s, (rows, 1))
    away_m = begin_m[:, np.newaxis] + np.maximum(at_s - leave_s, 0.0)
    noise = random.normal(0, accuracy_m / _SIGMAS_OF_68, (2, rows, count))
    row = np.broadcast_to(np.arange(rows)[:, np.newaxis], (rows, count)).ravel()
    time_ms = (_START_MS + at_s * 1000).astype(np.int64)
    batch = columns(
        row,
        time_ms.ravel(),
        (away_m + noise[0]).ravel(),
        noise[1].ravel(),
        np.full(row.size, accuracy_m),
        np.zeros(row.size, dtype=np.bool_),
    )
    detector = fence(radius_m, rows)
    _, found = detector.update(detector.initial(rows), batch, detector.defaults(rows), int(batch.received_ms.max()))
    told = np.full(rows, np.inf)
    for finding in found:
        if finding.cause == _LEFT and finding.change is Change.BEGAN:
            far = away_m[finding.row] >= radius_m + 20.0
            till = time_ms[finding.row] <= finding.found_ms
            told[finding.row] = min(told[finding.row], np.count_nonzero(far & till))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--locators", type=int, default=20)
    parser.add_argument("--walkers", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--within-m", type=float, default=15.0, help="what the accuracy of 15 m truly is")
    options = parser.parse_args()
    locator_days = options.days * options.locators
    print(
        f"lying still, {options.locators} locators for {options.days} days, satellites to {options.within_m:g} m, "
        "cells and gaps"
    )
    for case in STILL:
        alarms = false_alarms(case, options.days, options.locators, options.seed, options.within_m)
        word = "reached" if not alarms else "NOT REACHED"
        print(f"  {case.name:52} {alarms:3} alarms, {alarms / locator_days:.5f} a locator-day: {word}")
    print(f"walking out at 1 m/s, {options.walkers} people: fixes from 20 m outside to the alarm")
    random = np.random.default_rng(options.seed)
    for accuracy_m in (5.0, 10.0, 15.0):
        for every_s in (5.0, 10.0, 30.0, 60.0):
            told = np.concatenate(
                [
                    fixes_until_alarm(random, radius_m, every_s, accuracy_m, options.walkers)
                    for radius_m in (50.0, 100.0, 300.0)
                ]
            )
            within = float((told <= 3).mean())
            most = float(told.max())
            word = "reached" if most <= 3 else "NOT REACHED"
            print(
                f"  {accuracy_m:4.0f} m, every {every_s:2.0f} s: median {np.median(told):.0f}, most {most:.0f}, "
                f"{100 * within:6.2f} % within 3: {word}"
            )


if __name__ == "__main__":
    main()
