"""kill -9 at any moment: every reading is stored once, every press is one alarm; no loss at QoS 1 (Telegraf #17104)."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

SEED = 20_260

#: Each start is waited for by itself; thirty of them take a minute, and several on a machine with other work.
pytestmark = pytest.mark.timeout(1800)


def kill_and_start(house: Any, load: Any, rounds: int) -> None:
    """Kill the service `rounds` times: at work, with its backlog just arriving, or while it starts."""
    random = Random(SEED)
    for round_ in range(rounds):
        for _ in range(random.randint(1, 4)):
            load.press()
            time.sleep(random.uniform(0, 0.1))
        if round_ % 5 == 4:
            house.launch()
            time.sleep(random.uniform(0, 1.5))
        else:
            house.start()
            time.sleep(random.uniform(0, 0.3))
            load.press()
            time.sleep(random.uniform(0, 0.05))
        house.kill()
    house.start()


def test_thirty_kills_under_load_lose_nothing_and_repeat_nothing(
    build_house: Callable[..., Any], mosquitto: Any, pour: Any, reckon: Any, fault_fleet: str, sqlite_vitals: Any
) -> None:
    house = build_house(fleet=fault_fleet)
    load = pour(mosquitto, house)
    house.kill()
    kill_and_start(house, load, 30)
    reckon("30 kills, SQLite", house, load, lambda: sqlite_vitals(house))


def test_kills_under_load_with_influxdb_lose_nothing_and_repeat_nothing(
    build_house: Callable[..., Any],
    mosquitto: Any,
    influxdb: Any,
    pour: Any,
    reckon: Any,
    fault_fleet: str,
    influxdb_vitals: Any,
) -> None:
    house = build_house(
        f'[store]\nkind = "influxdb1"\n[store.influxdb1]\nurl = "{influxdb.url}"\ndatabase = "kills"\n',
        fleet=fault_fleet,
    )
    load = pour(mosquitto, house)
    house.kill()
    kill_and_start(house, load, 8)
    reckon("8 kills, InfluxDB", house, load, lambda: influxdb_vitals(influxdb, "kills", house))
