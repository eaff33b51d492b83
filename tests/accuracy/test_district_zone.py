"""Zichuan's boundary as a map service publishes it, in GCJ-02: imported as a zone, and held to another computation."""

import os
from pathlib import Path

import numpy as np
import pytest

from alerts.detectors.zones import ZoneTable
from ingest.contract import Crs
from ingest.coordinates import convert
from ingest.directory import Directory
from service.database import make_engine
from service.fleet import csv_file, read_fleet
from service.registry import Registry

RECORDINGS = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
BOUNDARY = RECORDINGS / "zichuan" / "370302.json"
FLEET = """
[[site]]
id = "zichuan"
name = "淄川区"
[[device]]
id = "LOC-1"
type = "locator"
site = "zichuan"
[[zone]]
id = "district"
site = "zichuan"
rule = "safe"
geojson = "370302.json"
"""


def test_the_district_imports_and_answers_as_another_computation_does(tmp_path: Path) -> None:
    if not BOUNDARY.exists():
        pytest.skip(f"needs Zichuan's boundary at {BOUNDARY} (set SHOUHU_RECORDINGS)")
    (tmp_path / "370302.json").write_bytes(BOUNDARY.read_bytes())
    (tmp_path / "fleet.toml").write_text(FLEET, encoding="utf-8")
    fleet = read_fleet(tmp_path / "fleet.toml", Crs.GCJ02)
    engine = make_engine("sqlite://")
    registry = Registry(engine)
    registry.replace_fleet(fleet)
    table = registry.zone_table(Directory(registry.devices()))
    (zone,) = table.of_row(0)
    assert zone.crs is Crs.GCJ02
    rings = [np.array(ring) for ring in zone.rings]
    corners = np.concatenate(rings)
    rng = np.random.default_rng(370302)
    low, high = corners.min(axis=0), corners.max(axis=0)
    # In the boundary's own coordinates; half of them close to it, where it is hard.
    far = rng.uniform(low - 0.05, high + 0.05, (500, 2))
    near = corners[rng.integers(0, len(corners), 500)] + rng.normal(0, 0.002, (500, 2))
    points = np.concatenate([far, near])
    expected = np.array([sum(_winds(ring, point) for ring in rings) % 2 == 1 for point in points])
    assert 200 < expected.sum() < 800
    assert (_inside(table, points) == expected).all()

    # The same again after it was written to files and read back.
    for name, text in {"out.csv": csv_file.write(fleet), **csv_file.outlines(fleet)}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_fleet(tmp_path / "out.csv") == fleet
    engine.dispose()


def _inside(table: ZoneTable, points: np.ndarray) -> np.ndarray:
    lat, lon = convert(points[:, 0], points[:, 1], Crs.GCJ02, Crs.WGS84)
    return table.outside_m(np.zeros(len(points), dtype=np.intp), lat, lon) < 0


def _winds(ring: np.ndarray, point: np.ndarray) -> int:
    """How often a ring goes round a point: the sum of the angles at which its edges are seen."""
    seen = ring - point
    angle = np.arctan2(seen[:, 0], seen[:, 1])
    turn = (np.roll(angle, -1) - angle + np.pi) % (2 * np.pi) - np.pi
    return abs(round(float(turn.sum() / (2 * np.pi))))
