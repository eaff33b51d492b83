"""Polygons from GeoJSON (RFC 7946), as map tools write it, and back.

The format itself means WGS-84, but much of what is exported in China holds GCJ-02 and does not say so: the coordinates
are taken as they stand, and whoever imports them says what they are.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from service.fleet.nouns import Ring
from service.problems import shown

#: Polygons, each its outer ring and its holes; corners are (lat, lon).
Areas = tuple[tuple[Ring, ...], ...]

_MOST_BYTES: Final = 20_000_000
_MOST_CORNERS: Final = 100_000
#: What the old form of the format (2008) may name without meaning anything but degrees.
_DEGREES: Final = ("CRS84", "EPSG::4326", "EPSG:4326", "EPSG::4490", "EPSG:4490")


def read(path: Path) -> Areas:
    """The polygons of a file, a geometry, a feature or a collection; ValueError says what is wrong with it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"is larger than {_MOST_BYTES // 1_000_000} MB")
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return parse(document)


def parse(document: object) -> Areas:
    """The polygons of a GeoJSON document; ValueError says what is wrong and where."""
    if not isinstance(document, dict):
        raise ValueError("is not GeoJSON: must be an object")  # noqa: TRY004 (bad data, not a bad program)
    _check_crs(document.get("crs"))
    areas = tuple(
        tuple(_ring(ring, f"{where}[{i}]") for i, ring in enumerate(_listed(area, where)))
        for geometry, path in _geometries(document, "")
        for area, where in _polygons(geometry, path)
    )
    if not areas or not all(areas):
        raise ValueError("holds no polygon")
    corners = sum(len(ring) for area in areas for ring in area)
    if corners > _MOST_CORNERS:
        raise ValueError(f"has {corners} corners; at most {_MOST_CORNERS} can be taken, so simplify the outline")
    return areas


def written(areas: Areas) -> str:
    """GeoJSON text that `read` takes back the same."""
    polygons = [[[[lon, lat] for lat, lon in (*ring, ring[0])] for ring in area] for area in areas]
    return json.dumps({"type": "MultiPolygon", "coordinates": polygons})


def _check_crs(crs: Any) -> None:
    if crs is None:
        return
    name = crs.get("properties", {}).get("name") if isinstance(crs, dict) else None
    if not isinstance(name, str) or not name.endswith(_DEGREES):
        raise ValueError(f"crs: its coordinates must be degrees, so export it as WGS 84 (got {shown(name or crs)})")


def _geometries(thing: Any, path: str) -> Iterator[tuple[Any, str]]:
    kind = thing.get("type") if isinstance(thing, dict) else None
    if kind == "FeatureCollection":
        for i, feature in enumerate(_listed(thing.get("features"), f"{path}features")):
            yield from _geometries(feature, f"{path}features[{i}].")
    elif kind == "Feature":
        yield thing.get("geometry"), f"{path}geometry."
    else:
        yield thing, path


def _polygons(geometry: Any, path: str) -> Iterator[tuple[Any, str]]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        what = "must be a Polygon, a MultiPolygon, a Feature or a FeatureCollection of these"
        raise ValueError(f"{path}type: {what} (got {shown(kind)})")
    where = f"{path}coordinates"
    found = geometry.get("coordinates")
    if kind == "Polygon":
        yield found, where
    else:
        yield from ((area, f"{where}[{i}]") for i, area in enumerate(_listed(found, where)))


def _listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: must be a list (got {shown(value)})")  # noqa: TRY004 (bad data, not a bad program)
    return value


def _ring(value: Any, where: str) -> Ring:
    corners = tuple(_corner(one, f"{where}[{i}]") for i, one in enumerate(_listed(value, where)))
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners = corners[:-1]
    if len(corners) < 3:
        raise ValueError(f"{where}: needs at least 3 different corners (got {len(corners)})")
    return corners


def _corner(value: Any, where: str) -> tuple[float, float]:
    # A third number is a height.
    numbers = isinstance(value, list) and len(value) >= 2 and all(type(part) in (int, float) for part in value[:2])
    if not numbers:
        raise ValueError(f"{where}: must be [longitude, latitude] (got {shown(value)})")
    lon, lat = float(value[0]), float(value[1])
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # also NaN, which Python's JSON lets pass
        hint = "; longitude stands first in GeoJSON" if abs(lon) <= 90 < abs(lat) <= 180 else ""
        raise ValueError(f"{where}: is not on the earth, in degrees (got {shown(value)}){hint}")
    return lat, lon
