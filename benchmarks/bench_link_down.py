"""A ward's link dies while somebody presses: how many alarms that makes, and how long the presses take meanwhile.

Mats of one site speak each second and then stop at once. Buttons of the same site, each of another resident, are
pressed all the while; told are the presses before, and those while the mats are being found silent and lost. Times are
those of bench_press.py: from the press received to the notifier sending it.

    python benchmarks/bench_link_down.py [--mats 500] [--rate 20]
"""

import argparse
import asyncio
import contextlib
import random
import sqlite3
import time
from typing import Final

import numpy as np
from aiohttp import web
from bench_press import LOAD_LIMIT_MS, Receiver, press, receive_times_ms
from house import House, button_name, free_port, house, word

from simulators.crowd import SITE
from simulators.publisher import Connection, Tally, connect

_SPEAK_S: Final = 15
_SILENT_S: Final = 10
_AFTER_S: Final = 20
#: Around the moment at which the mats reach their limit.
_AROUND_S: Final = 2.0
_PRESSES: Final = 2_000


def fleet_csv(mats: int) -> str:
    """Mats and buttons, each with a resident of its own."""
    lines = ["type,id,name,site,resident", f"site,{SITE},benchmark,,"]
    lines += [f"resident,R-{number:05d},resident {number},{SITE}," for number in range(max(mats, _PRESSES))]
    lines += [f"bed_mat,mat-{number:05d},,{SITE},R-{number:05d}" for number in range(mats)]
    lines += [f"button,{button_name(number)},,{SITE},R-{number:05d}" for number in range(_PRESSES)]
    return "\n".join(lines) + "\n"


async def speak(connection: Connection, mats: int) -> float:
    """Let all mats speak once a second; returns when they did last, by the monotonic clock."""
    topics = [f"care/v1/{SITE}/mat-{number:05d}/bed" for number in range(mats)]
    for _ in range(_SPEAK_S):
        now_ms = time.time_ns() // 1_000_000
        connection.publish(topics, [b'{"t":%d,"present":true,"hr":60}' % now_ms] * mats, 1)
        await asyncio.sleep(1)
    return time.monotonic() - 1


async def press_all(connection: Connection, rate_per_s: float) -> dict[str, tuple[float, int]]:
    """Press one button after the other at random times until all are through or it is cancelled."""
    pressed: dict[str, tuple[float, int]] = {}
    draw = random.Random(1)
    with contextlib.suppress(asyncio.CancelledError):
        for number in range(_PRESSES):
            pressed[button_name(number)] = time.monotonic(), await press(connection, number)
            await asyncio.sleep(draw.expovariate(rate_per_s))
    return pressed


def tell(home: House, receiver: Receiver, pressed: dict[str, tuple[float, int]], fell_s: float) -> None:
    """Print what presses took before the mats fell silent, and around that moment."""
    received_ms = receive_times_ms(home)
    for name, begin_s, end_s in (
        ("mats speak", -np.inf, fell_s - _AROUND_S),
        (f"within {_AROUND_S:g} s of their being found silent", fell_s - _AROUND_S, fell_s + _AROUND_S),
        ("mats are silent", fell_s + _AROUND_S, np.inf),
    ):
        buttons = [button for button, (at_s, _) in pressed.items() if begin_s <= at_s < end_s]
        letters = [receiver.arrived[button] for button in buttons if button in receiver.arrived]
        sent = np.array([letter[0] for letter in letters])
        took_ms = (sent - np.array([received_ms[letter[2]] * 1_000_000 for letter in letters])) / 1e6
        p50, p99, most = np.percentile(took_ms, [50, 99, 100])
        print(f"{name}: {len(letters)} of {len(buttons)} presses sent, ", end="")
        print(f"p50 {p50:.1f}  p99 {p99:.1f}  most {most:.1f} ms", end="")
        print(f"   {most / LOAD_LIMIT_MS:.2f} of {LOAD_LIMIT_MS:g} ms: {word(bool(most <= LOAD_LIMIT_MS))}")


def technical(home: House) -> list[tuple[str, str, int]]:
    """Cause, evidence and time of journalling of all technical alarms."""
    database = sqlite3.connect(f"file:{home.folder}/data/shouhu.db?mode=ro", uri=True)
    with contextlib.closing(database):
        query = (
            "SELECT cause, evidence, raised_ms FROM alarm WHERE condition = 'device' AND cause != 'nobody_reachable'"
        )
        return list(database.execute(query))


async def measure(mats: int, rate_per_s: float) -> None:
    """Speak, fall silent, press all the while."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    settings = (
        f'[[notify.webhook]]\nname = "benchmark"\nurl = "http://127.0.0.1:{port}/"\n'
        f"[detect.supervision]\nsilent_s = {_SILENT_S:.1f}\n"
    )
    try:
        with house(0, 0, settings) as home:
            await asyncio.to_thread(home.service.import_fleet, fleet_csv(mats))
            await asyncio.sleep(5)  # the running service takes the fleet over
            connection = await connect("127.0.0.1", home.broker.port, "mats", Tally())
            buttons = await connect("127.0.0.1", home.broker.port, "buttons", Tally())
            pressing = asyncio.create_task(press_all(buttons, rate_per_s))
            fell_s = await speak(connection, mats) + _SILENT_S
            await asyncio.sleep(_AFTER_S)
            pressing.cancel()
            pressed = await pressing
            await asyncio.sleep(2)
            connection.close()
            buttons.close()
            tell(home, receiver, pressed, fell_s)
            alarms = technical(home)
            print(f"technical alarms of {mats} mats: {len(alarms)} (limit 1): {word(len(alarms) == 1)}")
            for cause, evidence, _ in alarms[:5]:
                print(f"  {cause} {evidence}")
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mats", type=int, default=500)
    parser.add_argument("--rate", type=float, default=20.0, help="presses a second")
    options = parser.parse_args()
    asyncio.run(measure(options.mats, options.rate))


if __name__ == "__main__":
    main()
