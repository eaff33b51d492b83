"""A ward's link dies while somebody presses: one technical alarm, and the press goes its way."""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
from aiohttp import web

from tests.conftest import free_port

MATS = 500
BUTTONS = 60
SILENT_S = 15

FLEET = '[[site]]\nid = "{site}"\nname = "House of tests"\n' + "".join(
    itertools.chain(
        (f'[[resident]]\nid = "R-{n}"\nname = "R {n}"\nsite = "{{site}}"\n' for n in range(MATS)),
        (f'[[device]]\nid = "MAT-{n}"\ntype = "bed_mat"\nresident = "R-{n}"\n' for n in range(MATS)),
        (f'[[device]]\nid = "BTN-{n}"\ntype = "button"\nsite = "{{site}}"\n' for n in range(BUTTONS)),
    )
)


class Receiver:
    """The webhook: what arrived, and when each button's press did."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []
        self.pressed_s: dict[str, float] = {}

    async def take(self, request: web.Request) -> web.Response:
        letter = json.loads(await request.read())
        self.letters.append(letter)
        if letter["condition"] == "sos":
            self.pressed_s.setdefault(letter["device"], time.monotonic())
        return web.Response()

    def technical(self) -> list[tuple[str, str, str]]:
        """Cause, state and device of every letter of a technical alarm."""
        return [(one["cause"], one["state"], one["device"]) for one in self.letters if one["condition"] == "device"]


@asynccontextmanager
async def receiving(port: int) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def speak(client: aiomqtt.Client, house: Any, mats: range) -> None:
    """All say that somebody lies there; the heart on the last one races."""
    await asyncio.gather(
        *(
            client.publish(house.topic(f"MAT-{n}", "bed"), b'{"present":true,"hr":%d}' % rate_bpm, qos=1)
            for n in mats
            for rate_bpm in [140 if n == MATS - 1 else 60]
        )
    )


async def press(
    client: aiomqtt.Client, house: Any, buttons: Iterator[int], until: Callable[[], bool]
) -> dict[str, float]:
    """One press after another until then, each by another button; when each was pressed."""
    pressed_s = {}
    for number in buttons:
        button = f"BTN-{number}"
        pressed_s[button] = time.monotonic()
        await client.publish(house.topic(button, "sos"), b"", qos=1)
        if until():
            break
        await asyncio.sleep(0.5)
    return pressed_s


async def until(enough: Callable[[], bool], within_s: float = 60.0) -> bool:
    give_up_s = time.monotonic() + within_s
    while not enough() and time.monotonic() < give_up_s:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return enough()


def late_ms(receiver: Receiver, pressed_s: dict[str, float]) -> float:
    return 1000 * statistics.median(receiver.pressed_s[button] - at_s for button, at_s in pressed_s.items())


async def test_five_hundred_mats_drop_at_once_while_somebody_presses(
    build_house: Callable[..., Any], mosquitto: Any
) -> None:
    port = free_port()
    settings = (
        f"[detect.supervision]\nsilent_s = {SILENT_S}.0\nback_s = 2.0\n"
        "[detect.vitals]\nheart_rate_high = { raise_at = 131.0, clear_at = 125.0, delay_s = 0.0 }\n"
        f'[[notify.webhook]]\nname = "desk"\nurl = "http://127.0.0.1:{port}/"\n'
    )
    async with receiving(port) as receiver:
        house = await asyncio.to_thread(build_house, settings, fleet=FLEET)
        async with aiomqtt.Client(mosquitto.host, mosquitto.port, max_queued_outgoing_messages=MATS) as client:
            buttons = iter(range(BUTTONS))
            for _ in range(3):
                await speak(client, house, range(MATS))
                quiet_s = time.monotonic()
                await asyncio.sleep(1)
            before = await press(client, house, itertools.islice(buttons, 5), lambda: False)
            assert time.monotonic() - quiet_s < SILENT_S - 1, "the mats are still heard"
            during = await press(client, house, buttons, lambda: time.monotonic() - quiet_s > SILENT_S + 3)
            assert await until(lambda: receiver.pressed_s.keys() >= before.keys() | during.keys())
            assert await until(lambda: receiver.technical() != [])
            assert receiver.technical() == [("link_down", "unacknowledged", "shouhu")]
            open_alarms = await asyncio.to_thread(house.alarms)
            (down,) = [one for one in open_alarms if one["condition"] == "device"]
            assert down["evidence"]["devices_total"] == MATS + BUTTONS
            assert MATS <= down["evidence"]["devices_silent"] <= MATS + BUTTONS
            (racing,) = [one for one in open_alarms if one["cause"] == "heart_rate_high"]
            assert racing["state"] == "unacknowledged", "not over: unknown"
            assert racing["unknown_since_ms"] is not None
            listed = (await asyncio.to_thread(house.get, f"/api/v1/sites/{house.site}/silent-devices"))["devices"]
            assert {one["device"] for one in listed} == {f"MAT-{n}" for n in range(MATS)}
            assert {one["told_as"] for one in listed} == {"site"}

            quiet_ms, falling_ms = late_ms(receiver, before), late_ms(receiver, during)
            print(f"\na press reaches its receiver in {falling_ms:.1f} ms while {MATS} mats fall silent, ", end="")
            print(f"{quiet_ms:.1f} ms before: {falling_ms / quiet_ms:.2f} times")

            # The link is back, but three mats are not.
            for _ in range(5):
                await speak(client, house, range(3, MATS))
                await asyncio.sleep(1)
            assert await until(lambda: ("link_down", "returned", "shouhu") in receiver.technical())
            assert await until(lambda: len(receiver.technical()) == 5)
            singly = [one for one in receiver.technical() if one[0] == "silent"]
            assert sorted(singly) == [("silent", "unacknowledged", f"MAT-{n}") for n in range(3)]
            (racing,) = [one for one in await asyncio.to_thread(house.alarms) if one["cause"] == "heart_rate_high"]
            assert (racing["state"], racing["unknown_since_ms"]) == ("unacknowledged", None)
