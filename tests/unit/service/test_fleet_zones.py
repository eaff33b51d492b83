"""Zones in fleet files: their shapes, GeoJSON among them, whose they are, when they count, and how bad ones read."""

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.detectors.zones import Hours
from ingest.contract import Crs
from service.fleet import Fleet, FleetError, PlacedZone, csv_file, read_fleet

FLEET = '[[site]]\nid = "s"\nname = "S"\n[[resident]]\nid = "r"\nname = "R"\nsite = "s"\ngroups = ["night wing"]\n'
SQUARE = ((36.0, 117.0), (36.0, 117.2), (36.2, 117.2), (36.2, 117.0))
HOLE = ((36.1, 117.1), (36.1, 117.15), (36.15, 117.15))
ISLAND = ((36.5, 117.5), (36.5, 117.6), (36.6, 117.6))
DAILY = tuple(range(7))


def closed(ring: Any) -> list[list[float]]:
    """A ring as GeoJSON has it: longitude first, the first corner again at the end."""
    return [[lon, lat] for lat, lon in (*ring, ring[0])]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [closed(ring) for ring in rings]}


def feature(geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": "院子"}, "geometry": geometry}


def read(folder: Path, zone: str, crs: Crs | None = None) -> Fleet:
    path = folder / "fleet.toml"
    path.write_text(f'{FLEET}[[zone]]\nid = "z"\nrule = "safe"\n{zone}', encoding="utf-8")
    return read_fleet(path, crs)


def one(folder: Path, zone: str, crs: Crs | None = None) -> PlacedZone:
    (found,) = read(folder, zone, crs).zones
    return found


def told(folder: Path, zone: str, crs: Crs | None = None) -> list[str]:
    with pytest.raises(FleetError) as caught:
        read(folder, zone, crs)
    return [problem.partition(": zone z: ")[2] for problem in caught.value.problems]


def test_a_group_is_whoever_names_it(tmp_path: Path) -> None:
    circle = 'crs = "wgs84"\nlat = 36\nlon = 117\nradius_m = 50\n'
    assert one(tmp_path, f'{circle}group = "night wing"').group == "night wing"
    assert read(tmp_path, f'{circle}group = "night wing"').residents[0].groups == ("night wing",)
    assert told(tmp_path, f'{circle}group = "nightwing"') == [
        'group: is not a known group of this file; did you mean "night wing"? (got "nightwing")'
    ]
    assert told(tmp_path, f'{circle}group = "night wing"\nsite = "s"') == [
        "needs a site, a resident or a group, one of the three"
    ]


def test_a_polygon_may_have_holes(tmp_path: Path) -> None:
    corners = [[list(corner) for corner in ring] for ring in (SQUARE, HOLE)]
    zone = one(tmp_path, f'site = "s"\ncrs = "gcj02"\npolygon = {corners[0]}\nholes = [{corners[1]}]')
    assert zone == PlacedZone("z", "safe", Crs.GCJ02, "s", areas=((SQUARE, HOLE),))
    assert told(tmp_path, f'site = "s"\ncrs = "gcj02"\nholes = [{corners[1]}]\nlat = 36\nlon = 117\nradius_m = 5') == [
        "has holes, but no polygon they are in"
    ]
    outside = [[lat + 1, lon] for lat, lon in HOLE]
    (problem,) = told(tmp_path, f'site = "s"\ncrs = "gcj02"\npolygon = {corners[0]}\nholes = [{outside}]')
    assert problem.startswith("Hole lies outside shell")


@pytest.mark.parametrize(
    ("document", "shape"),
    [
        (polygon(SQUARE), {"polygon": SQUARE}),
        (polygon(SQUARE, HOLE), {"areas": ((SQUARE, HOLE),)}),
        (feature(polygon(SQUARE)), {"polygon": SQUARE}),
        (
            {"type": "MultiPolygon", "coordinates": [polygon(SQUARE, HOLE)["coordinates"], [closed(ISLAND)]]},
            {"areas": ((SQUARE, HOLE), (ISLAND,))},
        ),
        (
            {"type": "FeatureCollection", "features": [feature(polygon(SQUARE)), feature(polygon(ISLAND))]},
            {"areas": ((SQUARE,), (ISLAND,))},
        ),
        # As QGIS writes it, with heights.
        (
            {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}}
            | {"type": "Polygon", "coordinates": [[[*corner, 12.5] for corner in closed(SQUARE)]]},
            {"polygon": SQUARE},
        ),
    ],
    ids=["polygon", "hole", "feature", "several", "collection", "heights"],
)
def test_geojson_in_each_of_its_forms(tmp_path: Path, document: Any, shape: dict[str, Any]) -> None:
    (tmp_path / "yard.geojson").write_text(json.dumps(document), encoding="utf-8")
    zone = one(tmp_path, 'site = "s"\ncrs = "gcj02"\ngeojson = "yard.geojson"')
    assert zone == PlacedZone("z", "safe", Crs.GCJ02, "s", **shape)


def test_what_coordinates_are_is_said_by_the_zone_or_the_importer_and_never_guessed(tmp_path: Path) -> None:
    (tmp_path / "yard.geojson").write_text(json.dumps(polygon(SQUARE)), encoding="utf-8")
    zone = 'site = "s"\ngeojson = "yard.geojson"'
    missing = (
        'crs: is missing: say what the coordinates are, "wgs84" (GPS), "gcj02" (Chinese maps) or "bd09" (Baidu), '
        "here or for the whole file with --crs"
    )
    assert told(tmp_path, zone) == [missing]
    assert one(tmp_path, zone, Crs.BD09).crs is Crs.BD09
    assert one(tmp_path, zone + '\ncrs = "gcj02"', Crs.BD09).crs is Crs.GCJ02


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[" * 100_000, "is nested too deeply"),
        (b"\xff", "is not UTF-8 text"),
        ("[]", "is not GeoJSON: must be an object"),
        ('{"type": "FeatureCollection", "features": []}', "holds no polygon"),
        (
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point"}}]}',
            "features[0].geometry.type: must be a Polygon, a MultiPolygon, a Feature or a FeatureCollection of these "
            '(got "Point")',
        ),
        ('{"type": "Feature", "geometry": null}', "geometry.type: must be a Polygon, a MultiPolygon, a Feature or a "
         "FeatureCollection of these (got null)"),
        ('{"type": "Polygon", "coordinates": [[[117, 36], [117, 37], "x"]]}',
         'coordinates[0][2]: must be [longitude, latitude] (got "x")'),
        ('{"type": "Polygon", "coordinates": [[[117, 36], [118, 36], [117, 36]]]}',
         "coordinates[0]: needs at least 3 different corners (got 2)"),
        ('{"type": "Polygon", "coordinates": [[[36, 117], [36, 118], [37, 118]]]}',
         "coordinates[0][0]: is not on the earth, in degrees (got [36, 117]); longitude stands first in GeoJSON"),
        ('{"type": "Polygon", "coordinates": [[[13100000, 4300000], [1, 1], [2, 1]]]}',
         "coordinates[0][0]: is not on the earth, in degrees (got [13100000, 4300000])"),
        ('{"type": "Polygon", "coordinates": [[[NaN, 36], [1, 1], [2, 1]]]}',
         "coordinates[0][0]: is not on the earth, in degrees (got [NaN, 36])"),
        ('{"type": "Polygon", "coordinates": [], "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}}',
         'crs: its coordinates must be degrees, so export it as WGS 84 (got "urn:ogc:def:crs:EPSG::3857")'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_geojson_file_is_told_with_its_name(
    tmp_path: Path, content: str | bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "yard.json").write_bytes(content.encode() if isinstance(content, str) else content)
    assert told(tmp_path, 'site = "s"\ncrs = "gcj02"\ngeojson = "yard.json"') == [f"geojson: yard.json: {problem}"]


def test_an_outline_that_crosses_itself_is_told(tmp_path: Path) -> None:
    crossed = (SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3])
    (tmp_path / "yard.json").write_text(json.dumps(polygon(crossed)), encoding="utf-8")
    (problem,) = told(tmp_path, 'site = "s"\ncrs = "gcj02"\ngeojson = "yard.json"')
    assert problem.startswith("Self-intersection[")


CIRCLE = 'site = "s"\ncrs = "wgs84"\nlat = 36\nlon = 117\nradius_m = 50\n'


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ('from = "22:00"\nuntil = "06:00"', Hours(1320, 360)),
        ('from = "22:00"\nuntil = "6:00:00"\ndays = ["Mon", "fri", "mon"]', Hours(1320, 360, (0, 4))),
        ("from = 22:00:00\nuntil = 06:30:00", Hours(1320, 390)),
        ('from = "8:00"\nuntil = "24:00"', Hours(480, 1440)),
        ('days = ["sat", "sun"]', Hours(0, 1440, (5, 6))),
    ],
)
def test_when_a_zone_counts(tmp_path: Path, said: str, hours: Hours) -> None:
    assert one(tmp_path, CIRCLE + said).hours == hours


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        ('from = "22:00"', ["needs both from and until, or neither"]),
        ('from = "22:60"\nuntil = "25:00"\ndays = ["monday"]',
         ['from: must be a time of day such as "22:00" (got "22:60")',
          'until: must be a time of day such as "22:00" (got "25:00")',
          'days: "monday" is not a known day; did you mean "mon"?']),
        ('from = "6:00"\nuntil = "6:00"',
         ["hours: from and until are the same; leave both out for the whole day"]),
        ("days = []", ['days: must be days of the week such as ["mon", "fri"] or, in CSV, mon fri (got [])']),
        ('form = "22:00"', [
            'form: is not a known field of a zone; did you mean "from"?']),
    ],
)  # fmt: skip
def test_hours_that_are_none(tmp_path: Path, said: str, problems: list[str]) -> None:
    assert told(tmp_path, CIRCLE + said) == problems


def test_a_fleet_exported_with_its_files_is_the_same_again(tmp_path: Path) -> None:
    large = (*((36 + i / 10_000, 117.0) for i in range(4_000)), (36.1, 118.0))
    (tmp_path / "many.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature(polygon(SQUARE, HOLE)), polygon(ISLAND)]}),
        encoding="utf-8",
    )
    (tmp_path / "large.geojson").write_text(json.dumps(polygon(large)), encoding="utf-8")
    zones = "".join(
        f'[[zone]]\nid = "{name}"\nrule = "forbidden"\ngroup = "night wing"\ncrs = "bd09"\n{shape}\n'
        for name, shape in [
            ("many", 'geojson = "many.geojson"'),
            ("large", 'geojson = "large.geojson"\nfrom = "22:00"\nuntil = "24:00"\ndays = ["wed"]'),
            ("hole", f"polygon = {[list(c) for c in SQUARE]}\nholes = [{[list(c) for c in HOLE]}]"),
        ]
    )
    fleet = read(tmp_path, CIRCLE + zones)
    assert len(fleet.zones) == 4
    elsewhere = tmp_path / "export"
    elsewhere.mkdir()
    for name, text in {"fleet.csv": csv_file.write(fleet), **csv_file.outlines(fleet)}.items():
        (elsewhere / name).write_text(text, encoding="utf-8")
    assert sorted(path.name for path in elsewhere.iterdir()) == ["fleet.csv", "large.geojson", "many.geojson"]
    assert read_fleet(elsewhere / "fleet.csv") == fleet
