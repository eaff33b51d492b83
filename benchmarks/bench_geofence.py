"""What a fix costs: one zone each, in batches of a thousand fixes of different people, beside shapely's own question.

And how it goes with 100,000 locators, each with one of ten thousand zones and all ponds of its site, in one process.

python benchmarks/bench_geofence.py [--rounds 200]
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import shapely

from alerts.detectors.geofence import Geofence
from alerts.detectors.zones import Zone, ZoneTable
from ingest.contract import Crs
from ingest.readings import Location

LIMIT_NS: Final = 400.0
LIMIT_BYTES: Final = 1024
_BATCH: Final = 1000
_LAT, _LON = 36.64, 117.96
_START_MS: Final = 1_760_000_000_000


def fixes(random: np.random.Generator, at: int, count: int) -> Location:
    """One fix of each of `count` people near their homes, GNSS of 15 m."""
    time_ms = np.full(count, _START_MS + at * 30_000, dtype=np.int64)
    noise = random.normal(0, 10.0, (2, count))
    home = np.arange(count) * 0.001
    return Location(
        row=np.arange(count, dtype=np.int32),
        time_ms=time_ms,
        received_ms=time_ms + 200,
        seq=np.full(count, at),
        time_assumed=np.zeros(count, dtype=np.bool_),
        lat_deg=_LAT + home + noise[0] / 111_000,
        lon_deg=_LON + noise[1] / 89_000,
        accuracy_m=np.full(count, 15.0),
        source=np.zeros(count, dtype=np.int8),
        crs=np.zeros(count, dtype=np.int8),
        speed_m_s=np.full(count, np.nan),
        battery_pct=np.full(count, 80.0),
    )


def least_ns(run: Callable[[], object], rounds: int, per: int) -> float:
    """The least time of `rounds` runs, in nanoseconds of each of `per` things."""
    least = np.inf
    for _ in range(rounds):
        begin = time.process_time_ns()
        run()
        least = min(least, time.process_time_ns() - begin)
    return least / per


def cost_ns(zone_of: Callable[[float], Zone], rounds: int) -> float:
    """Processor time a fix of the detector, on batches that come one after another."""
    zones = [zone_of(_LAT + row * 0.001) for row in range(_BATCH)]
    fence = Geofence(ZoneTable(zones, {row: [row] for row in range(_BATCH)}))
    state, params = fence.initial(_BATCH), fence.defaults(_BATCH)
    random = np.random.default_rng(1)
    batches = iter([fixes(random, at, _BATCH) for at in range(rounds)])

    def step() -> None:
        nonlocal state
        batch = next(batches)
        state, found = fence.update(state, batch, params, int(batch.received_ms[0]))
        assert not found

    return least_ns(step, rounds, _BATCH)


def fleet(locators: int, sites: int, ponds: int) -> None:
    """What many locators cost: of many sites, a zone for every ten people and `ponds` forbidden ones a site."""
    homes = locators // 10
    homes_of_site, people_of_site = homes // sites, locators // sites
    random = np.random.default_rng(2)
    lat, lon = random.uniform(30, 40, sites), random.uniform(105, 120, sites)
    zones = []
    for number in range(homes):
        home = lat[number // homes_of_site] + number % homes_of_site * 0.001, lon[number // homes_of_site]
        zones.append(Zone(f"home-{number}", "safe", Crs.WGS84, circle=(*home, 100.0)))
    for site in range(sites):
        for number in range(ponds):
            pond = lat[site] + number * 0.001, lon[site] + 0.01
            side = 0.0002
            corners = tuple((pond[0] + a * side, pond[1] + b * side) for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1)))
            zones.append(Zone(f"pond-{site}-{number}", "forbidden", Crs.WGS84, polygon=corners))
    of_row = {
        row: [row // 10, *range(homes + row // people_of_site * ponds, homes + (row // people_of_site + 1) * ponds)]
        for row in range(locators)
    }
    tracemalloc.start()
    begin_ns = time.process_time_ns()
    fence = Geofence(ZoneTable(zones, of_row))
    state, params = fence.initial(locators), fence.defaults(locators)
    made_s = (time.process_time_ns() - begin_ns) / 1e9
    held_mb = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    middle = np.array([fence_middle(zones[row // 10]) for row in range(locators)])
    spent_ns = count = 0
    for at in range(20):
        rows = np.sort(random.choice(locators, _BATCH, replace=False))
        batch = fixes(random, at, _BATCH)
        batch = replace(
            batch,
            lat_deg=middle[rows, 0] + random.normal(0, 1e-4, _BATCH),
            lon_deg=middle[rows, 1] + random.normal(0, 1e-4, _BATCH),
        )
        mine, of = state[rows], params[rows]
        begin_ns = time.process_time_ns()
        mine, found = fence.update(mine, batch, of, int(batch.received_ms[0]))
        spent_ns += time.process_time_ns() - begin_ns
        count += _BATCH
        state[rows] = mine
        assert not found
    begin_ns = time.process_time_ns()
    fence.tick(state, params, int(batch.received_ms[0]))
    tick_ms = (time.process_time_ns() - begin_ns) / 1e6
    print(
        f"{locators:,} locators of {sites} sites, {len(zones):,} zones, {1 + ponds} each: made in {made_s:.1f} s, "
        f"{held_mb:.0f} MB with geometry, {spent_ns / count:.0f} ns a fix, {tick_ms:.1f} ms a tick of all"
    )


def fence_middle(zone: Zone) -> tuple[float, float]:
    assert zone.circle is not None
    return zone.circle[:2]


def word(reached: bool) -> str:
    return "reached" if reached else "NOT REACHED"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()

    def circle(lat: float) -> Zone:
        return Zone(f"c{lat}", "safe", Crs.WGS84, circle=(lat, _LON, 100.0))

    def yard(lat: float) -> Zone:
        side = 0.001
        corners = (
            (lat - side, _LON - side),
            (lat - side, _LON + side),
            (lat + side, _LON + side),
            (lat + side, _LON - side),
        )
        return Zone(f"p{lat}", "safe", Crs.WGS84, polygon=corners)

    polygon = shapely.box(_LON - 0.001, _LAT - 0.001, _LON + 0.001, _LAT + 0.001)
    shapely.prepare(polygon)
    lon, lat = np.random.default_rng(1).normal(((_LON,), (_LAT,)), 0.0001, (2, _BATCH))
    alone_ns = least_ns(lambda: shapely.contains_xy(polygon, lon, lat), options.rounds, _BATCH)
    print(f"shapely contains_xy alone {alone_ns:7.1f} ns a fix")
    for name, zone_of in (("circle", circle), ("four corners", yard)):
        ns = cost_ns(zone_of, options.rounds)
        beside = f"{ns / alone_ns:5.1f} times that; {ns / LIMIT_NS:.2f} of {LIMIT_NS:g} ns: {word(ns <= LIMIT_NS)}"
        print(f"one zone each, {name:12} {ns:7.1f} ns a fix, {beside}")
    fleet(100_000, 1000, 0)
    fleet(100_000, 1000, 5)
    fleet(100_000, 100, 30)
    size = Geofence.state_dtype.itemsize + Geofence.params_dtype.itemsize
    share = size / LIMIT_BYTES
    print(f"memory {size} bytes a locator, {share:.2f} of {LIMIT_BYTES}: {word(share <= 1)}")


if __name__ == "__main__":
    main()
