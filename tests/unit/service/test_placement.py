"""Whose zones count when: the most particular that count at the time, minute by minute through a week."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from alerts.detectors.zones import Hours
from ingest.contract import Crs
from ingest.directory import Device, DeviceType, Directory
from service.fleet import PlacedZone
from service.placement import Placement, zone_table

MONDAY_MS = round(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
NIGHT = Hours(22 * 60, 6 * 60)
WEEKEND_NIGHT = Hours(22 * 60, 6 * 60, (4, 5))


def circle(name: str, lat: float, hours: Hours | None = None, **owner: str) -> PlacedZone:
    zone = PlacedZone(name, "safe", Crs.WGS84, circle=(lat, 117.0, 50.0), hours=hours)
    return replace(zone, site=owner.get("site"), resident=owner.get("resident"), group=owner.get("group"))


def counting(zones: Sequence[PlacedZone], groups: tuple[str, ...] = ()) -> list[set[str]]:
    """By minute of the week, which zones count for a resident `r` of the site `s`."""
    directory = Directory([Device("s", "loc", DeviceType.LOCATOR, "r")])
    table = zone_table(Placement(zones, {"r": groups}), directory)
    minutes = np.arange(7 * 24 * 60)
    names: list[set[str]] = [set() for _ in minutes]
    where = {zone.zone: zone.circle[0] for zone in zones if zone.circle}
    of = np.zeros(len(minutes), dtype=np.intp) + table.sets(1)[0]
    for name, lat_deg in where.items():
        lat, lon = np.full(len(minutes), lat_deg), np.full(len(minutes), 117.0)
        away_m, _ = table.nearest(of, lat, lon, MONDAY_MS + minutes * 60_000, np.full(len(minutes), 1e6), 0)
        for minute in np.flatnonzero(away_m[0] < 0).tolist():
            names[minute].add(name)
    return names


def at(day: int, hour: int) -> int:
    return (day * 24 + hour) * 60


def test_by_night_the_room_and_by_day_the_grounds() -> None:
    found = counting([circle("grounds", 36.0, site="s"), circle("room", 37.0, NIGHT, resident="r")])
    assert [found[at(2, hour)] for hour in (5, 6, 12, 21, 22, 23)] == [
        {"room"}, {"grounds"}, {"grounds"}, {"grounds"}, {"room"}, {"room"},
    ]  # fmt: skip
    assert all(len(one) == 1 for one in found), "never none, never both"


def test_hours_of_some_days_leave_the_others_to_the_group_and_the_site() -> None:
    zones = [
        circle("grounds", 36.0, site="s"),
        circle("wing", 37.0, NIGHT, group="wing"),
        circle("home", 38.0, WEEKEND_NIGHT, resident="r"),
    ]
    found = counting(zones, ("wing",))
    # Friday's night and Saturday's, until Sunday at 6.
    expected = {0: "wing", 4: "home", 5: "home", 6: "wing"}
    assert {day: found[at(day, 23)] for day in expected} == {day: {name} for day, name in expected.items()}
    assert {day: found[at(day, 3)] for day in (0, 4, 5, 6)} == {0: {"wing"}, 4: {"wing"}, 5: {"home"}, 6: {"home"}}
    assert found[at(5, 12)] == {"grounds"}
    assert all(len(one) == 1 for one in found)


def test_whoever_names_no_group_has_none_of_its_zones() -> None:
    zones = [circle("grounds", 36.0, site="s"), circle("wing", 37.0, group="wing")]
    assert counting(zones)[0] == {"grounds"}
    assert counting(zones, ("wing", "other"))[0] == {"wing"}


def test_a_zone_of_ones_own_that_counts_always_stands_before_all_others() -> None:
    zones = [
        circle("grounds", 36.0, site="s"),
        circle("wing", 37.0, NIGHT, group="wing"),
        circle("day", 38.0, Hours(360, 1320), resident="r"),
        circle("mine", 39.0, resident="r"),
    ]
    found = counting(zones, ("wing",))
    assert found[at(3, 12)] == {"mine", "day"}
    assert found[at(3, 23)] == {"mine"}
