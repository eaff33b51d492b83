"""Brokers, stores and networks that go away under load, or only seem to be there."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import free_port

INFLUXDB = '[store]\nkind = "influxdb1"\n[store.influxdb1]\nurl = "{url}"\ndatabase = "{database}"\n'


class Line:
    """A TCP line to a broker that can go dead: open at both ends, and nothing comes through."""

    def __init__(self, port: int, to_port: int) -> None:
        self.port = port
        self._to_port = to_port
        self._alive = threading.Event()
        self._alive.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="line")
        self._thread.start()

    def die(self) -> None:
        """From now on swallow everything on the connections there are, and take no new ones."""
        self._alive.clear()

    def revive(self) -> None:
        """New connections come through again; the old ones stay dead."""
        self._alive.set()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connect, "127.0.0.1", self.port))
        self._loop.run_forever()
        self._loop.run_until_complete(self._end(server))
        self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        while self._writers:
            self._writers.pop().transport.abort()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        if carrying:
            await asyncio.wait(carrying, timeout=5)  # they end with their connections
        await asyncio.sleep(0.05)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._alive.is_set():
            writer.close()
            return
        there = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers |= {writer, there[1]}
        broken = threading.Event()
        await asyncio.gather(
            self._carry(reader, there[1], broken), self._carry(there[0], writer, broken), return_exceptions=True
        )
        for end in (writer, there[1]):
            end.transport.abort()
            with contextlib.suppress(OSError):
                await end.wait_closed()
            self._writers.discard(end)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: threading.Event) -> None:
        while data := await reader.read(65536):
            if not self._alive.is_set():
                broken.set()
            if not broken.is_set():
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
def line(mosquitto: Any) -> Iterator[Line]:
    line = Line(free_port(), mosquitto.port)
    yield line
    line.close()


def test_a_broker_restarted_under_load_costs_nothing(
    build_house: Callable[..., Any], mosquitto: Any, pour: Any, reckon: Any, fault_fleet: str, sqlite_vitals: Any
) -> None:
    house = build_house(fleet=fault_fleet)
    load = pour(mosquitto, house)
    for _ in range(3):
        load.press()
        time.sleep(1)
        mosquitto.stop()
        load.press()
        time.sleep(0.5)
        mosquitto.start()
        load.press()
        house.wait("session", house.is_ready)
    reckon("3 restarts of the broker", house, load, lambda: sqlite_vitals(house))


def test_influxdb_stopped_and_then_slow_costs_nothing_and_delays_no_alarm(
    build_house: Callable[..., Any],
    mosquitto: Any,
    influxdb: Any,
    pour: Any,
    reckon: Any,
    fault_fleet: str,
    influxdb_vitals: Any,
) -> None:
    house = build_house(INFLUXDB.format(url=influxdb.url, database="outages"), fleet=fault_fleet)
    load = pour(mosquitto, house)
    time.sleep(1)
    for begin, end in ((influxdb.stop, influxdb.start), (influxdb.pause, influxdb.resume)):
        begin()
        for _ in range(4):
            button = load.press()
            house.wait("alarm", lambda b=button: any(a["device"] == b for a in house.alarms()))
            time.sleep(0.8)
        end()
        time.sleep(0.5)
    reckon("InfluxDB stopped, then paused", house, load, lambda: influxdb_vitals(influxdb, "outages", house))


def test_a_line_that_is_dead_but_open_is_given_up_and_nothing_is_lost(
    build_house: Callable[..., Any],
    mosquitto: Any,
    line: Line,
    pour: Any,
    reckon: Any,
    fault_fleet: str,
    sqlite_vitals: Any,
) -> None:
    house = build_house("", f"mqtt://127.0.0.1:{line.port}", fault_fleet, "keep_alive_s = 2")
    load = pour(mosquitto, house)
    for _ in range(2):
        load.press()
        time.sleep(0.5)
        line.die()
        load.press()
        house.wait("word of the dead line", lambda: not house.is_ready())
        line.revive()
        house.wait("session", house.is_ready)
    assert "nothing heard for" in house.log()
    reckon("2 dead lines", house, load, lambda: sqlite_vitals(house))
