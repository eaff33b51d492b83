"""From a pressed button to its alarm handed to the notifier: idle, behind a flood, and without InfluxDB.

Each press is of another resident, so each is a new alarm; its webhook is received here. Three times are told, each
from the moment the service took the press from its socket (`received_ms` of the alarm's record, cut to whole
milliseconds, so they are up to one too long) but the last:

- `to send`: to the alarm journalled and in the hands of the notifier, which says when (`Shouhu-Sent-Us`); this is what
  the limits are for
- `to arrival`: to the webhook's arrival here, so with the request's way through the service's client and this server
- `end to end`: from the press written to the broker to the same arrival

How late the benchmark's own timers are says how much of it is a machine with other things to do.

    python benchmarks/bench_press.py [--presses 300] [--rate 10]
"""

import argparse
import asyncio
import contextlib
import json
import random
import sqlite3
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from aiohttp import web
from generator import Generator
from house import House, button_name, free_port, house, word

from simulators.crowd import SITE
from simulators.publisher import Connection, Tally, connect

IDLE_LIMIT_MS: Final = 10.0
LOAD_LIMIT_MS: Final = 25.0
_DEVICES: Final = 1_000
_FLOOD_PER_S: Final = 10_000.0
_SETTLE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What goes on beside the presses."""

    name: str
    flood: bool
    influx: bool
    limit_ms: float


SCENES: Final = (
    Scene("idle", False, True, IDLE_LIMIT_MS),
    Scene("10,000 msg/s behind it", True, True, LOAD_LIMIT_MS),
    Scene("the same, InfluxDB stopped", True, False, LOAD_LIMIT_MS),
)


class Receiver:
    """The webhook: when each device's alarm was sent and arrived here (Unix nanoseconds), and the alarm's id."""

    def __init__(self) -> None:
        self.arrived: dict[str, tuple[int, int, str]] = {}

    async def take(self, request: web.Request) -> web.Response:
        """Take a letter; only the first of a device counts."""
        now_ns = time.time_ns()
        letter = json.loads(await request.read())
        sent_ns = int(request.headers["Shouhu-Sent-Us"]) * 1_000
        self.arrived.setdefault(letter["device"], (sent_ns, now_ns, letter["alarm"]))
        return web.Response()


async def press(connection: Connection, number: int) -> int:
    """Press a button; returns when (Unix nanoseconds)."""
    now_ns = time.time_ns()
    payload = b'{"t":%d,"action":"press"}' % (now_ns // 1_000_000)
    connection.publish([f"care/v1/{SITE}/{button_name(number)}/sos"], [payload], 1)
    return now_ns


async def scene_ms(home: House, receiver: Receiver, scene: Scene, first: int, presses: int, rate_per_s: float) -> None:
    """Press buttons `first` and following at random times under one scene, and print how long it took."""
    flood = None
    if scene.flood:
        seconds = presses / rate_per_s + 2 * _SETTLE_S
        flood = Generator(home.broker.port, round(_FLOOD_PER_S * seconds), _FLOOD_PER_S, _DEVICES)
    if not scene.influx:
        await asyncio.to_thread(home.influx.stop)
    await asyncio.sleep(_SETTLE_S)
    connection = await connect("127.0.0.1", home.broker.port, f"buttons-{first}", Tally())
    pressed_ns: dict[str, int] = {}
    draw = random.Random(first)
    late_ms: list[float] = []
    for number in range(first, first + presses):
        pressed_ns[button_name(number)] = await press(connection, number)
        gap_s = draw.expovariate(rate_per_s)
        until_s = time.monotonic() + gap_s
        await asyncio.sleep(gap_s)
        late_ms.append((time.monotonic() - until_s) * 1000)
    give_up_s = time.monotonic() + 30
    while not pressed_ns.keys() <= receiver.arrived.keys() and time.monotonic() < give_up_s:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    connection.close()
    if flood is not None:
        await asyncio.to_thread(flood.result)
    if not scene.influx:
        await asyncio.to_thread(home.influx.start)
    tell(home, receiver, scene, pressed_ns)
    p50, p99 = np.percentile(late_ms, [50, 99])
    print(f"  {'machine':11} p50 {p50:6.1f}              p99 {p99:6.1f} ms late are plain timers of this benchmark")


def tell(home: House, receiver: Receiver, scene: Scene, pressed_ns: dict[str, int]) -> None:
    """Print a scene's times beside its limit."""
    received_ms = receive_times_ms(home)
    heard = [device for device in pressed_ns if device in receiver.arrived]
    letters = [receiver.arrived[device] for device in heard]
    pressed = np.array([pressed_ns[device] for device in heard])
    received = np.array([received_ms[alarm] * 1_000_000 for _, _, alarm in letters])
    sent, arrived = (np.array(times) for times in list(zip(*letters, strict=True))[:2])
    print(f"{scene.name}: {len(heard)} of {len(pressed_ns)} presses arrived")
    for name, times_ns in (
        ("to send", sent - received),
        ("to arrival", arrived - received),
        ("end to end", arrived - pressed),
    ):
        p50, p90, p99, most = np.percentile(times_ns / 1e6, [50, 90, 99, 100])
        print(f"  {name:11} p50 {p50:6.1f}  p90 {p90:6.1f}  p99 {p99:6.1f}  most {most:6.1f} ms", end="")
        if name == "to send":
            print(f"   {p99 / scene.limit_ms:5.2f} of {scene.limit_ms:g} ms: {word(p99 <= scene.limit_ms)}", end="")
        print(flush=True)


def receive_times_ms(home: House) -> dict[str, int]:
    """When the service received each alarm's cause, from the alarms it tells of."""
    database = sqlite3.connect(f"file:{home.folder}/data/shouhu.db?mode=ro", uri=True)
    with contextlib.closing(database):
        return dict(database.execute("SELECT alarm, received_ms FROM alarm"))


async def measure(presses: int, rate_per_s: float) -> None:
    """All scenes, one after another, with one service."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    hook = f'[[notify.webhook]]\nname = "benchmark"\nurl = "http://127.0.0.1:{port}/"\n'
    try:
        with house(_DEVICES, presses * len(SCENES), hook) as home:
            for number, scene in enumerate(SCENES):
                await scene_ms(home, receiver, scene, number * presses, presses, rate_per_s)
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=300, help="in each scene")
    parser.add_argument("--rate", type=float, default=10.0, help="presses a second")
    options = parser.parse_args()
    asyncio.run(measure(options.presses, options.rate))


if __name__ == "__main__":
    main()
