"""Where somebody is said to be: inside only where the last fix says so."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.geofence import Geofence, GeofenceSettings
from alerts.detectors.whereabouts import Standing, whereabouts
from alerts.detectors.zones import Zone, ZoneTable
from ingest.contract import Crs, PositionSource
from ingest.readings import SOURCES, Location

T0_MS = 1_760_000_000_000
LAT, LON = 36.64, 117.96
NORTH_M = 110_990.0
SETTINGS = GeofenceSettings()
GNSS, CELL = SOURCES.index(PositionSource.GNSS), SOURCES.index(PositionSource.LBS)
TABLE = ZoneTable([Zone("garden", "safe", Crs.WGS84, circle=(LAT, LON, 100.0))], {0: [0]})
DISTRICT = ZoneTable([Zone("district", "safe", Crs.WGS84, circle=(LAT, LON, 9000.0))], {0: [0]})


@pytest.fixture
def fixes(readings: Any) -> Any:
    """Fixes some metres north of the garden's middle."""

    def make(at_s: Any, north_m: Any, accuracy_m: Any = 8.0, source: Any = GNSS) -> Any:
        lat = LAT + np.asarray(north_m) / NORTH_M
        return readings(Location, at_s, 0, lat_deg=lat, lon_deg=LON, accuracy_m=accuracy_m, crs=0, source=source)

    return make


def standing(fence: Any, at_s: float, zones: ZoneTable = TABLE) -> Standing:
    found = whereabouts(fence.state[0], 0, zones, SETTINGS, T0_MS + round(at_s * 1000))
    assert found is not None
    return found.standing


def test_inside_and_outside_as_the_fixes_say(fed: Any, fixes: Any) -> None:
    fence = fed(Geofence(TABLE))
    fence(fixes([0, 30, 60], 20))
    assert standing(fence, 61) is Standing.INSIDE
    fence(fixes(90, 115))
    assert standing(fence, 91) is Standing.INSIDE, "at the edge, as far as its accuracy tells"
    fence(fixes([120, 150], 200))
    assert standing(fence, 151) is Standing.OUTSIDE


@pytest.mark.parametrize(
    "cell",
    [
        {"north_m": 600, "accuracy_m": 900.0, "source": CELL},
        {"north_m": 600, "accuracy_m": np.nan, "source": CELL},
        {"north_m": 0, "accuracy_m": 300.0, "source": GNSS},
    ],
    ids=["cell", "cell of unknown accuracy", "bad fix of satellites"],
)
def test_nobody_is_inside_by_a_fix_that_says_nothing(fed: Any, fixes: Any, cell: dict[str, Any]) -> None:
    fence = fed(Geofence(TABLE))
    fence(fixes([0, 30, 60], 20))
    assert fence(fixes(np.arange(90, 7290, 60), **cell)) == []
    assert standing(fence, 7291) is Standing.UNKNOWN
    fence(fixes([7320, 7350], 20))
    assert standing(fence, 7351) is Standing.INSIDE


def test_a_cell_deep_within_a_large_zone_says_inside(fed: Any, fixes: Any) -> None:
    fence = fed(Geofence(DISTRICT))
    fence(fixes([0, 60, 120], [500, 900, 700], accuracy_m=800.0, source=CELL))
    assert standing(fence, 121, DISTRICT) is Standing.INSIDE


def test_a_jump_that_nobody_can_make_leaves_open_where_they_are(fed: Any, fixes: Any) -> None:
    fence = fed(Geofence(TABLE))
    fence(fixes([0, 30, 60], 20))
    assert fence(fixes(61, 2000)) == []
    assert standing(fence, 62) is Standing.UNKNOWN
