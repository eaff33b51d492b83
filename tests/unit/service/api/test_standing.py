"""How a resident stands, over HTTP, from the state of real detectors that were fed real readings."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.bank import Bank
from alerts.detectors.early_warning import EarlyWarning
from alerts.detectors.medical import Medical
from alerts.detectors.standard import standard_detectors
from alerts.detectors.zones import ZoneTable
from alerts.journal.desk import Desk
from ingest.decode import Decoder
from ingest.directory import Directory
from ingest.quarantine import Quarantine
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.registry import Registry
from tests.unit.service.api.rig import DEVICES, FLEET, NOW_MS, Rig, Watch

DAY_MS = 86_400_000
#: NOW_MS is midnight UTC, and so eight in the morning by the residents' clock.
NOW_PART = 2


class Told:
    """A bank and the decoder before it: what devices send is said with `says`."""

    def __init__(self) -> None:
        self.decoder = Decoder(Directory(DEVICES))
        self.bank = Bank(standard_detectors(ZoneTable([], {})), len(DEVICES))
        self.bank.lead([device.resident for device in DEVICES])

    def says(self, topic: str, message: dict[str, Any]) -> None:
        decoded = self.decoder.decode([topic], [json.dumps(message).encode()], int(message["t"]))
        assert not decoded.rejected
        self.bank.update(decoded.readings, int(message["t"]))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def rig(tmp_path: Path, told: Told) -> AsyncIterator[Rig]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    quarantine, watch, registry = Quarantine(tmp_path / "quarantine.db"), Watch(), Registry(engine)
    registry.replace_fleet(FLEET)
    async with Desk(engine) as desk:
        house = House(desk, registry, quarantine, watch, lambda: b"", lambda: NOW_MS, bank=told.bank)
        async with TestClient(TestServer(make_app(house))) as client:
            yield Rig(client, desk, registry, watch)
    quarantine.close()
    engine.dispose()


BRACELET, MAT = "care/v1/garden/bracelet-1/vitals", "care/v1/garden/mat-1/bed"


async def test_nothing_heard_is_nothing_known(rig: Rig) -> None:
    answer = await rig.get("/api/v1/residents/r-1/early-warning")
    assert (answer["score"], answer["lowest"], answer["highest"], answer["inputs_known"]) == (
        "early_warning_score", 0, 20, 0
    )  # fmt: skip
    assert [one["name"] for one in answer["inputs"]] == [
        "heart_rate_bpm", "spo2_pct", "respiration_per_min", "temperature_c", "systolic_mmhg", "oxygen", "consciousness"
    ]  # fmt: skip
    assert not any(one["known"] or one["value"] or one["age_s"] for one in answer["inputs"])


async def test_a_partial_score_tells_each_input_with_points_value_and_age(rig: Rig, told: Told) -> None:
    told.says(BRACELET, {"t": NOW_MS - 120_000, "hr": 132, "temp": 38.5, "worn": True})
    told.says(MAT, {"t": NOW_MS - 30_000, "present": True, "rr": 26})
    answer = await rig.get("/api/v1/residents/r-1/early-warning")
    # 3 + 3 + 1, and at most 3 each for SpO2, pressure and consciousness, 2 for oxygen.
    assert (answer["lowest"], answer["highest"], answer["inputs_known"]) == (7, 18, 3)
    heart, spo2, respiration, temperature, systolic, oxygen, consciousness = answer["inputs"]
    assert heart == {
        "name": "heart_rate_bpm", "known": True, "points_lowest": 3, "points_highest": 3, "value": 132.0,
        "age_s": 120.0, "expires_s": 900.0, "source": "bracelet", "quality": None, "other_value": None,
    }  # fmt: skip
    assert (respiration["points_lowest"], respiration["value"], respiration["age_s"]) == (3, 26.0, 30.0)
    assert respiration["source"] == "bed_mat"
    assert (temperature["points_lowest"], temperature["value"]) == (1, 38.5)
    for unknown, most in ((spo2, 3), (systolic, 3), (oxygen, 2), (consciousness, 3)):
        assert (unknown["known"], unknown["points_lowest"], unknown["points_highest"]) == (False, 0, most)
        assert unknown["source"] is None
    assert answer["score"] == "early_warning_score"


async def test_of_bracelet_and_mat_the_better_makes_the_score_and_is_named(rig: Rig, told: Told) -> None:
    told.says(MAT, {"t": NOW_MS - 30_000, "present": True, "hr": 66, "quality": 0.9})
    told.says(BRACELET, {"t": NOW_MS - 5_000, "hr": 132, "quality": 0.6})
    answer = await rig.get("/api/v1/residents/r-1/early-warning")
    heart = answer["inputs"][0]
    assert (heart["source"], heart["value"], heart["quality"], heart["age_s"]) == ("bed_mat", 66.0, 0.9, 30.0)
    assert (heart["other_value"], heart["points_lowest"], answer["lowest"]) == (132.0, 0, 0)


async def test_an_input_that_expired_is_unknown_and_says_how_old_it_is(rig: Rig, told: Told) -> None:
    told.says(BRACELET, {"t": NOW_MS - 901_000, "hr": 132})
    told.says(BRACELET, {"t": NOW_MS - 900_000, "spo2": 90})
    heart, spo2 = (await rig.get("/api/v1/residents/r-1/early-warning"))["inputs"][:2]
    assert (heart["known"], heart["value"], heart["age_s"], heart["points_highest"]) == (False, 132.0, 901.0, 3)
    assert (spo2["known"], spo2["points_lowest"]) == (True, 3)


async def test_the_alarm_and_the_residents_own_settings_are_told(rig: Rig, told: Told) -> None:
    own = EarlyWarning().of_residents([Medical("r-1", spo2_scale=2)] * len(DEVICES))
    told.bank.set_params("early_warning", own)
    for ago_s in (90, 60, 0):
        told.says(BRACELET, {"t": NOW_MS - 1000 * ago_s, "hr": 135, "rr": 26, "spo2": 97})
    answer = await rig.get("/api/v1/residents/r-1/early-warning")
    spo2 = answer["inputs"][1]
    # On scale 2: none on air, three on oxygen, and nobody said which.
    assert (spo2["known"], spo2["points_lowest"], spo2["points_highest"]) == (True, 0, 3)
    assert (answer["alarm"], answer["lowest"], answer["highest"]) == ("medium", 6, 6 + 3 + 3 + 3 + 2 + 3)


async def test_a_baseline_says_what_it_learned_and_that_it_does_not_speak_yet(rig: Rig, told: Told) -> None:
    empty = await rig.get("/api/v1/residents/r-1/baseline")
    assert (empty["now_part"], empty["needed_h"], len(empty["signs"])) == (NOW_PART, 16, 6)
    assert all((one["learned_h"], one["needed_days"], one["speaks"]) == (0, 4, False) for one in empty["signs"])

    # Three whole days before this morning, and the hour that is not over yet: a reading in twenty minutes.
    for time_ms in range(NOW_MS - 3 * DAY_MS, NOW_MS + 1, 1_200_000):
        told.says(BRACELET, {"t": time_ms, "hr": 64})
    answer = await rig.get("/api/v1/residents/r-1/baseline")
    heart, spo2 = answer["signs"][:2]
    assert (heart["sign"], heart["measured_by"]) == ("heart_rate_bpm", "bracelet")
    assert (heart["learned_h"], heart["needed_days"], heart["speaks"]) == (72, 1, False)
    assert heart["parts"][NOW_PART] == {
        "from_h": 8, "to_h": 12, "usual": 64.0, "spread": pytest.approx(0.0, abs=0.01), "learned_h": 12, "needed_h": 4,
        "speaks": False,
    }  # fmt: skip
    assert (spo2["learned_h"], spo2["parts"][0]["usual"]) == (0, None)
    assert answer["unusual"] == []


async def test_a_baseline_that_knows_speaks_and_tells_what_is_unusual(rig: Rig, told: Told) -> None:
    for time_ms in range(NOW_MS - 5 * DAY_MS, NOW_MS + 1, 1_200_000):
        ill = time_ms > NOW_MS - 8 * 3_600_000
        told.says(BRACELET, {"t": time_ms, "hr": 90 if ill else 64})
    answer = await rig.get("/api/v1/residents/r-1/baseline")
    heart = answer["signs"][0]
    assert (heart["needed_days"], heart["speaks"]) == (0, True)
    assert 64 <= heart["parts"][0]["usual"] < 70
    assert [(one["cause"], one["onset_ms"]) for one in answer["unusual"]] == [
        ("heart_rate_above_usual", NOW_MS - 8 * 3_600_000)
    ]
    assert np.count_nonzero(told.bank.state("baseline")["active"]) == 1


@pytest.mark.parametrize("what", ["early-warning", "baseline"])
async def test_somebody_unknown_is_no_resident_and_the_description_has_the_route(rig: Rig, what: str) -> None:
    error = (await rig.get(f"/api/v1/residents/nobody/{what}", 404))["error"]
    assert error["code"] == "unknown_resident"
    paths = (await rig.get("/api/openapi.json"))["paths"]
    assert set(paths[f"/api/v1/residents/{{resident}}/{what}"]["get"]["responses"]) == {"200", "404", "501"}


async def test_signs_are_those_of_the_better_source_with_the_other_beside(rig: Rig, told: Told) -> None:
    told.says(BRACELET, {"t": NOW_MS - 5_000, "hr": 92, "spo2": 96, "quality": 0.6})
    told.says(MAT, {"t": NOW_MS - 20_000, "hr": 66, "present": True, "quality": 0.9})
    body = await rig.get("/api/v1/residents/r-1/signs")
    signs = {one["name"]: one for one in body["signs"]}
    assert signs["heart_rate_bpm"] == {
        "name": "heart_rate_bpm",
        "best": {"source": "bed_mat", "devices": ["mat-1"], "value": 66.0, "quality": 0.9, "age_s": 20.0},
        "others": [{"source": "bracelet", "devices": ["bracelet-1"], "value": 92.0, "quality": 0.6, "age_s": 5.0}],
        "apart": True,
    }
    assert signs["spo2_pct"]["best"]["source"] == "bracelet"
    assert signs["temperature_c"]["best"] is None
    assert body["disagree_since_ms"] is None
    await rig.get("/api/v1/residents/nobody/signs", 404)
