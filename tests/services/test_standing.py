"""How a resident stands, asked of the running service, from what their devices sent over a real broker."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.services.test_house import device_of

HOUR_MS = 3_600_000


def test_score_and_baseline_are_told_from_what_devices_sent(build_house: Callable[..., Any], mosquitto: Any) -> None:
    house = build_house()
    now_ms = time.time_ns() // 1_000_000
    # As after a night without a link: twelve hours at once, then what is measured now.
    night = [{"t": now_ms - ago_ms, "hr": 62} for ago_ms in range(12 * HOUR_MS, 0, -15 * 60_000)]
    with device_of(mosquitto) as publish:
        publish(house.topic("BR-1", "vitals"), json.dumps(night).encode())
        publish(house.topic("BR-1", "vitals"), json.dumps({"t": now_ms, "hr": 112, "spo2": 93}).encode())
        publish(house.topic("MAT-1", "bed"), json.dumps({"t": now_ms, "present": True, "rr": 22}).encode())

    path = "/api/v1/residents/R-1"
    score = house.wait(
        "three inputs", lambda: (found := house.get(f"{path}/early-warning"))["inputs_known"] == 3 and found
    )
    assert (score["score"], score["lowest"], score["highest"]) == ("early_warning_score", 6, 6 + 3 + 3 + 2 + 3)
    known = {one["name"]: (one["value"], one["points_lowest"]) for one in score["inputs"] if one["known"]}
    assert known == {"heart_rate_bpm": (112.0, 2), "spo2_pct": (93.0, 2), "respiration_per_min": (22.0, 2)}
    assert all(0 <= one["age_s"] < 60 for one in score["inputs"] if one["known"])

    baseline = house.get(f"{path}/baseline")
    heart = next(one for one in baseline["signs"] if one["learned_h"])
    assert (heart["sign"], heart["measured_by"], heart["speaks"]) == ("heart_rate_bpm", "bracelet", False)
    # The first hour and the one not over yet are parts of hours.
    assert 11 <= heart["learned_h"] <= 12
    assert {part["usual"] for part in heart["parts"] if part["learned_h"]} == {62.0}
    assert heart["needed_days"] == 4
