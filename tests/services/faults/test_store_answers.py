"""The whole service before a store that answers 500, then 429, then takes its time: nothing lost, no alarm late.

How long it fails is SHOUHU_FAULT_S in seconds, 10 where it is not set.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

FAULT_S = float(os.environ.get("SHOUHU_FAULT_S", "10"))
RETRY_AFTER_S = 2
SLOW_S = 0.5
INFLUXDB = '[store]\nkind = "influxdb1"\n[store.influxdb1]\nurl = "{url}"\ndatabase = "answers"\n'


@pytest.mark.timeout(600 + 3 * FAULT_S)
def test_a_store_that_answers_500_then_429_then_slowly_costs_nothing(
    build_house: Callable[..., Any],
    mosquitto: Any,
    influxdb: Any,
    relay: Any,
    pour: Any,
    reckon: Any,
    fault_fleet: str,
    influxdb_vitals: Any,
) -> None:
    house = build_house(INFLUXDB.format(url=relay.url), fleet=fault_fleet)
    load = pour(mosquitto, house)
    house.wait("readings in the store", lambda: 204 in relay.statuses)
    for name, fault in (
        ("500", lambda _: (500, {})),
        ("429", lambda _: (429, {"Retry-After": str(RETRY_AFTER_S)})),
        ("slow", lambda _: SLOW_S),
    ):
        relay.fault = fault
        before, writes_s = len(relay.statuses), len(relay.writes_s)
        end_s = time.monotonic() + FAULT_S
        while time.monotonic() < end_s:
            button = load.press()
            house.wait("alarm", lambda b=button: any(a["device"] == b for a in house.alarms()))
            time.sleep(FAULT_S / 10)
        # What the bracelets say is watched as well.
        device = load.fever()
        (fever,) = house.wait("fever", lambda d=device: [a for a in house.alarms() if a["device"] == d])
        house.post(f"/api/v1/alarms/{fever['alarm']}/resolve", {"by": "nurse", "outcome": "true", "note": ""})
        answers, waiting = dict(Counter(relay.statuses[before:])), house.figure("shouhu_spool_readings")
        print(f"\n{name} for {FAULT_S:g} s: answers {answers}, {waiting:.0f} readings in the spool")
        gaps_s = [after - now for now, after in pairwise(relay.writes_s[writes_s:])]
        if name == "429":
            assert min(gaps_s) >= RETRY_AFTER_S
        relay.fault = lambda _: None
        # It may be waiting half a minute for its next attempt.
        house.wait("empty spool", lambda: house.figure("shouhu_spool_readings") < 2_000)
    reckon(f"500, 429, slow for {FAULT_S:g} s each", house, load, lambda: influxdb_vitals(influxdb, "answers", house))
