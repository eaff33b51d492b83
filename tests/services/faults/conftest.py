"""Devices that go on whatever happens, and know exactly what they have said; a store that fails as told."""

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from typing import Any

import aiohttp
import paho.mqtt.client as paho
import pytest
from aiohttp import web

BRACELETS = 60
#: Bracelets more, of wearers who are to have a fever.
FEVERS = 3
BUTTONS = 160

#: One resident a device: each button has an alarm of its own.
FLEET = '[[site]]\nid = "{site}"\nname = "House of faults"\n' + "".join(
    f'[[resident]]\nid = "R-{name}"\nname = "{name}"\nsite = "{{site}}"\n'
    f'[[device]]\nid = "{name}"\ntype = "{kind}"\nresident = "R-{name}"\n'
    for kind, name in [
        *(("bracelet", f"BR-{number}") for number in range(BRACELETS + FEVERS)),
        *(("button", f"BTN-{number}") for number in range(BUTTONS)),
    ]
)

#: What names a reading: device, its own time, its own number.
Name = tuple[str, int, int]


class Load:
    """Bracelets and buttons behind one gateway with a persistent session, publishing at a steady pace in a thread.

    Every twentieth message is a backlog of four readings, every fiftieth is sent twice. `readings` and `presses` are
    what was handed to the gateway; after `finish` the broker has all of it.
    """

    def __init__(self, broker: Any, site: str, per_s: int, seed: int) -> None:
        self.readings: list[Name] = []
        self.presses: dict[str, int] = {}
        self.sent = 0
        self._site = site
        self._per_s = per_s
        self._random = Random(seed)
        self._numbers = [0] * BRACELETS
        self._last_ms = [0] * BRACELETS
        self._fevers = 0
        self._taken = 0
        self._stopping = threading.Event()
        self._gateway = paho.Client(paho.CallbackAPIVersion.VERSION2, f"gateway-{site}", clean_session=False)
        self._gateway.max_inflight_messages_set(500)
        self._gateway.reconnect_delay_set(1, 1)
        self._gateway.on_publish = self._on_publish
        self._gateway.connect(broker.host, broker.port)
        self._gateway.loop_start()
        self._thread = threading.Thread(target=self._run, name="load")
        self._thread.start()

    def press(self) -> str:
        """One press of a button that nobody has pressed; sent twice, as by a device that did not hear the answer."""
        button = f"BTN-{len(self.presses)}"
        self.presses[button] = time.time_ns() // 1_000_000
        for _ in range(2):
            self._publish(button, "sos", {"t": self.presses[button], "seq": 1})
        return button

    def fever(self) -> str:
        """Three minutes of fever, up to now, of a bracelet that has said nothing else."""
        device, now_ms = f"BR-{BRACELETS + self._fevers}", time.time_ns() // 1_000_000
        self._fevers += 1
        fever = [{"t": now_ms - 60_000 * ago, "seq": 4 - ago, "temp": 41.0} for ago in (3, 2, 1, 0)]
        self.readings += [(device, each["t"], each["seq"]) for each in fever]
        self._publish(device, "vitals", fever)
        return device

    def pause(self) -> None:
        """Stop talking and wait until the broker has everything."""
        self._stopping.set()
        self._thread.join(20)
        give_up_s = time.monotonic() + 30
        while self._taken < self.sent:
            assert time.monotonic() < give_up_s, f"the broker took {self._taken} of {self.sent} messages"
            time.sleep(0.02)

    def finish(self) -> None:
        """Pause and leave."""
        if not self._stopping.is_set():
            self.pause()
        self._gateway.disconnect()
        self._gateway.loop_stop()

    def _run(self) -> None:
        began_s, count = time.monotonic(), 0
        while not self._stopping.wait(0.01):
            due = int((time.monotonic() - began_s) * self._per_s)
            for _ in range(due - count):
                self._say(count)
                count += 1

    def _say(self, count: int) -> None:
        bracelet = self._random.randrange(BRACELETS)
        readings = [self._reading(bracelet) for _ in range(4 if count % 20 == 0 else 1)]
        for _ in range(2 if count % 50 == 0 else 1):
            self._publish(f"BR-{bracelet}", "vitals", readings if len(readings) > 1 else readings[0])

    def _reading(self, bracelet: int) -> dict[str, int]:
        time_ms = max(time.time_ns() // 1_000_000, self._last_ms[bracelet] + 1)
        self._last_ms[bracelet] = time_ms
        self._numbers[bracelet] += 1
        self.readings.append((f"BR-{bracelet}", time_ms, self._numbers[bracelet]))
        return {"t": time_ms, "seq": self._numbers[bracelet], "hr": self._random.randint(60, 90)}

    def _publish(self, device: str, kind: str, body: object) -> None:
        self.sent += 1
        self._gateway.publish(f"care/v1/{self._site}/{device}/{kind}", json.dumps(body), qos=1)

    def _on_publish(self, *_: object) -> None:
        self._taken += 1


class Relay:
    """Passes requests on to a store, or answers writes in its place, in a thread of its own.

    `fault` says how to treat the nth write: an answer to give (status, headers), seconds to take, or None.
    """

    def __init__(self, to_url: str) -> None:
        self.fault: Callable[[int], tuple[int, dict[str, str]] | float | None] = lambda number: None
        #: When each write of readings came, monotonic seconds, and how every write was answered.
        self.writes_s: list[float] = []
        self.statuses: list[int] = []
        self._to_url = to_url
        self._loop = asyncio.new_event_loop()
        app = web.Application(client_max_size=2**28)
        app.router.add_post("/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app)
        self._loop.run_until_complete(self._runner.setup())
        self._loop.run_until_complete(web.TCPSite(self._runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay")
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        after_s = 0.0
        is_write = request.path == "/write"
        if is_write:
            if not body.startswith(b"alarm,"):  # transitions of alarms are written beside the readings
                self.writes_s.append(time.monotonic())
            fault = self.fault(len(self.writes_s))
            if isinstance(fault, tuple):
                status, told = fault
                self.statuses.append(status)
                return web.json_response({"error": "told to"}, status=status, headers=told)
            after_s = fault or 0.0
        headers = {"Content-Type": request.content_type}  # aiohttp has unpacked the body
        async with (
            aiohttp.ClientSession() as client,
            client.post(self._to_url + request.path_qs, data=body, headers=headers) as answer,
        ):
            text = await answer.read()
            # Stored first and answered late, as a busy server does: the sender cannot know.
            await asyncio.sleep(after_s)
            if is_write:
                self.statuses.append(answer.status)
            return web.Response(status=answer.status, body=text)


@pytest.fixture
def relay(influxdb: Any) -> Iterator[Relay]:
    """Stands before InfluxDB."""
    relay = Relay(influxdb.url)
    yield relay
    relay.close()


def in_sqlite(house: Any) -> list[Name]:
    """The vitals in a house's SQLite file, sorted."""
    file = house.folder / "shouhu-data" / "readings.db"
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as connection:
        rows = connection.execute("SELECT device, time_ms, seq FROM vitals JOIN series ON series = number")
        return sorted(rows.fetchall())


def in_influxdb(influxdb: Any, database: str, house: Any) -> list[Name]:
    """The vitals of a house in InfluxDB, sorted."""
    rows = influxdb.query(database, f"SELECT seq FROM vitals WHERE site = '{house.site}' GROUP BY device")
    return sorted((row["device"], row["time"], row["seq"]) for row in rows)


class Reckoning:
    """Published equals stored, and one alarm a press; the numbers are printed (pytest -s)."""

    def __call__(self, what: str, house: Any, load: Load, stored: Callable[[], list[Name]]) -> None:
        load.finish()
        expected = sorted(load.readings)
        assert len(set(expected)) == len(expected)
        house.wait("readings in the store", lambda: len(stored()) >= len(expected))
        # A press travels on a session of its own, which may come back later than the other.
        house.wait("alarms of all presses", lambda: len(house.alarms()) >= len(load.presses))
        found = stored()
        alarms = house.alarms()
        duplicates = len(alarms) - len({alarm["device"] for alarm in alarms})
        print(
            f"\n{what}: messages {load.sent}, readings published {len(expected)}, stored {len(found)},"
            f" presses {len(load.presses)}, alarms {len(alarms)}, duplicate alarms {duplicates}"
        )
        assert found == expected
        assert {(a["device"], a["onset_ms"], a["repeats"]) for a in alarms} == {
            (button, time_ms, 0) for button, time_ms in load.presses.items()
        }
        assert not duplicates


@pytest.fixture
def reckon() -> Reckoning:
    """Holds what was published against what is stored."""
    return Reckoning()


@pytest.fixture
def fault_fleet() -> str:
    """Bracelets and buttons, one resident each."""
    return FLEET


@pytest.fixture
def sqlite_vitals() -> Callable[[Any], list[Name]]:
    """Reads a house's SQLite store from outside."""
    return in_sqlite


@pytest.fixture
def influxdb_vitals() -> Callable[[Any, str, Any], list[Name]]:
    """Reads a house's readings from InfluxDB."""
    return in_influxdb


@pytest.fixture
def pour() -> Iterator[Callable[..., Load]]:
    """Starts a load on a broker for a house; ended with the test."""
    loads: list[Load] = []

    def begin(broker: Any, house: Any, per_s: int = 600, seed: int = 1) -> Load:
        loads.append(Load(broker, house.site, per_s, seed))
        return loads[-1]

    yield begin
    for load in loads:
        load._stopping.set()
        load._gateway.loop_stop()
