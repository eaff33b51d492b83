"""A storm of alarms: does the way to the notifier grow longer, and is the console of any use with all of them open?

Alarms are raised by devices over Mosquitto at a steady rate, three presses, three fevers, three flat batteries and one
fall in ten, each of another resident or cause, and nobody takes any of them. A webhook is received here. For each
minute: from a press published to its letter received here, and whether the last minute is slower than the first. How
late the benchmark's own timers are says how much of it is a machine with other things to do.

Then, while the storm goes on, the open alarms are asked for over the API, and the console is opened in Chromium on this
same machine: how long until it shows, until a new press is among its uppermost ten cards, until a click on "I'll take
it" is answered; how large the page is, and for how long at most it did not listen to its user.

    python benchmarks/bench_alarm_storm.py [--minutes 1] [--rate 1000] [--open 9000]

The issue's run is `--minutes 10 --open 0`; the default begins with alarms that are open already.
"""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from aiohttp import web
from house import House, button_name, free_port, house, word
from playwright.async_api import Page, async_playwright

from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.journal import Journal
from ingest.contract import Kind
from ingest.directory import Device, DeviceType
from service.database import make_engine
from simulators.crowd import SITE, device_name
from simulators.publisher import Connection, Tally, connect

#: Not slower by more than this in the last minute than in the first, at the median (our choice: what chance does to a
#: minute; the highest hundredth is told beside it, and moves with whatever else the machine does).
GROWTH_LIMIT: Final = 1.5
API_LIMIT_MS: Final = 1_000.0
SHOWS_LIMIT_S: Final = 3.0
PRESS_LIMIT_S: Final = 1.0
DEAF_LIMIT_MS: Final = 250.0
_SETTLE_S: Final = 3.0
_PROBES: Final = 10
_SEEN_WITHIN_MS: Final = 60_000
_SWITCHES: Final = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
#: In a page before its own code: how long each piece of work held it up (Long Tasks API, 50 ms or more).
_LISTEN: Final = """
  window.held_ms = [];
  new PerformanceObserver((list) => window.held_ms.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: "longtask", buffered: true });
"""
#: Whether a device's alarm is among the first cards of high priority: more than ten such alarms come a second.
_SHOWN: Final = """(device) => [...document.querySelectorAll("#group-high .card .place")].slice(0, 10)
  .some((place) => place.textContent.includes(device))"""


@dataclass(slots=True)
class Storm:
    """Alarms still to be raised, as topics and payloads without a time, and when each press was published."""

    messages: list[tuple[str, bytes]]
    connection: Connection
    rate_per_s: float
    pressed_ns: dict[str, int] = field(default_factory=dict)
    late_ms: list[tuple[int, float]] = field(default_factory=list)
    raised: int = 0

    async def blow(self, until_s: float) -> None:
        """Raise alarms at random times until a moment of the monotonic clock."""
        draw = random.Random(self.raised)
        due_s = time.monotonic()
        while due_s < until_s and self.raised < len(self.messages):
            topic, payload = self.messages[self.raised]
            self.raised += 1
            self.publish(topic, payload)
            due_s += draw.expovariate(self.rate_per_s)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            self.late_ms.append((time.time_ns(), max(0.0, time.monotonic() - due_s) * 1000))

    def publish(self, topic: str, payload: bytes) -> None:
        """Send one message with the time of now."""
        now_ns = time.time_ns()
        if topic.endswith("/sos"):
            self.pressed_ns[topic.split("/")[-2]] = now_ns
        self.connection.publish([topic], [b'{"t":%d,%s' % (now_ns // 1_000_000, payload)], 1)


class Receiver:
    """The webhook: when the letter of each device's press arrived here (Unix nanoseconds), and how many letters."""

    def __init__(self) -> None:
        self.arrived_ns: dict[str, int] = {}
        self.letters = 0

    async def take(self, request: web.Request) -> web.Response:
        """Take a letter; only the first of a press counts."""
        letter = json.loads(await request.read())
        self.letters += 1
        if letter["condition"] == "sos":
            self.arrived_ns.setdefault(letter["device"], time.time_ns())
        return web.Response()


def storm_messages(first: int, alarms: int) -> list[tuple[str, bytes]]:
    """Alarm by alarm: topic and payload, from device number `first` on; three devices of each kind in ten alarms."""
    messages = []
    for number in range(first, first + (alarms + 9) // 10 * 3):
        bracelet = device_name(Kind.VITALS, number)
        messages += [
            (f"care/v1/{SITE}/{button_name(number)}/sos", b'"action":"press"}'),
            (f"care/v1/{SITE}/{bracelet}/vitals", b'"temp":39.6,"worn":true}'),
            (f"care/v1/{SITE}/{bracelet}/status", b'"bat":8}'),
        ]
        if number % 3 == 0:
            messages.append((f"care/v1/{SITE}/{bracelet}/fall", b'"state":"confirmed","confidence":0.9}'))
    return messages[:alarms]


def open_alarms(folder: Path, count: int) -> None:
    """Journal so many open alarms of the first devices: mostly devices, some of each other condition."""
    kinds = [
        (Condition.DEVICE, "silent", Priority.LOW),
        (Condition.DEVICE, "battery_low", Priority.LOW),
        (Condition.BED, "not_back", Priority.MEDIUM),
        (Condition.SOS, "press", Priority.HIGH),
        (Condition.FALL, "device_confirmed", Priority.HIGH),
    ]
    devices = [
        Device(SITE, device_name(Kind.VITALS, number), DeviceType.BRACELET, f"R-{number:05d}")
        for number in range(-(-count // len(kinds)))
    ]
    now_ms = time.time_ns() // 1_000_000
    findings = [
        Finding(row, condition, cause, Change.BEGAN, priority, now_ms - 3_600_000 + row, now_ms)
        for row in range(len(devices))
        for condition, cause, priority in kinds
    ]
    engine = make_engine(f"sqlite:///{folder}/shouhu.db")
    Journal(engine).record(findings[:count], devices, now_ms, now_ms)
    engine.dispose()


def tell_minutes(storm: Storm, receiver: Receiver, began_ns: int, minute_s: float) -> None:
    """Print the presses of each minute, and the last minute beside the first."""
    pressed = np.array(list(storm.pressed_ns.values()))
    took_ms = np.array([receiver.arrived_ns.get(name, 0) for name in storm.pressed_ns], dtype=np.float64)
    took_ms = np.where(took_ms > 0, (took_ms - pressed) / 1e6, np.nan)
    minute = (pressed - began_ns) // round(minute_s * 1e9)
    late = np.array(storm.late_ms)
    late_minute = (late[:, 0] - began_ns) // round(minute_s * 1e9)
    p50s, p99s = [], []
    for number in range(int(minute.max()) + 1):
        here = took_ms[minute == number]
        heard = here[~np.isnan(here)]
        p50, p99 = np.percentile(heard, [50, 99])
        p50s.append(float(p50))
        p99s.append(float(p99))
        machine_ms = np.percentile(late[late_minute == number, 1], 99)
        print(
            f"  {'minute' if minute_s == 60 else 'part'} {number + 1:3}: {len(heard)} of {len(here)} presses, to the "
            f"notifier p50 {p50:6.1f}  p99 {p99:6.1f}  most {heard.max():6.1f} ms; timers late p99 {machine_ms:.1f}"
        )
    growth = p50s[-1] / p50s[0]
    print(
        f"  last beside first: {growth:.2f} at p50, limit {GROWTH_LIMIT:g}: {word(growth <= GROWTH_LIMIT)}; "
        f"{p99s[-1] / p99s[0]:.2f} at p99"
    )
    print(f"  {storm.raised} alarms raised, {receiver.letters} letters received", flush=True)


def ask_api(home: House) -> None:
    """Print what the open alarms cost to ask for."""
    took_ms, size, count = [], 0, 0
    for _ in range(5):
        began_s = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{home.service.port}/api/v1/alarms", timeout=60) as answer:
            body = answer.read()
        took_ms.append((time.monotonic() - began_s) * 1000)
        size, count = len(body), len(json.loads(body)["alarms"])
    middle = float(np.median(took_ms))
    print(
        f"GET /api/v1/alarms: {count} open, {size / 1e6:.1f} MB, median {middle:.0f}, most {max(took_ms):.0f} ms, "
        f"limit {API_LIMIT_MS:g}: {word(middle <= API_LIMIT_MS)}",
        flush=True,
    )


@contextlib.asynccontextmanager
async def console(url: str) -> AsyncIterator[Page]:
    """The console in Chromium, before it is opened."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("needs chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_SWITCHES)
        context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800}, base_url=url)
        page = await context.new_page()
        page.set_default_timeout(_SEEN_WITHIN_MS)
        await page.add_init_script(_LISTEN)
        yield page
        await browser.close()


async def look(home: House, storm: Storm, probes: list[tuple[str, bytes]]) -> None:
    """Print how usable the console is while the storm goes on."""
    async with console(f"http://127.0.0.1:{home.service.port}") as page:
        began_s = time.monotonic()
        await page.goto("/")
        await page.wait_for_selector("#group-high .card")
        shows_s = time.monotonic() - began_s
        await page.wait_for_function("document.body.dataset.link === 'live'")
        live_s = time.monotonic() - began_s
        print(
            f"console: first card after {shows_s:.1f} s, connected after {live_s:.1f} s, limit {SHOWS_LIMIT_S:g}: "
            f"{word(live_s <= SHOWS_LIMIT_S)}"
        )
        await page.evaluate("window.held_ms.length = 0")
        seen_s = []
        for topic, payload in probes:
            began_s = time.monotonic()
            storm.publish(topic, payload)
            await page.wait_for_function(_SHOWN, arg=topic.split("/")[-2], polling=20)
            seen_s.append(time.monotonic() - began_s)
            await asyncio.sleep(1.0)
        print(
            f"  a new press is among the uppermost ten after {np.median(seen_s):.2f} s, at most {max(seen_s):.2f}, "
            f"limit {PRESS_LIMIT_S:g}: {word(max(seen_s) <= PRESS_LIMIT_S)}"
        )
        await _take(page)
        held_ms: list[float] = await page.evaluate("window.held_ms")
        most_ms = max(held_ms, default=0.0)
        print(
            f"  held up {len(held_ms)} times for 50 ms or more, at most {most_ms:.0f} ms, limit {DEAF_LIMIT_MS:g}: "
            f"{word(most_ms <= DEAF_LIMIT_MS)}"
        )
        size: Any = await page.evaluate(
            "[document.querySelectorAll('*').length, document.querySelectorAll('.card').length,"
            " performance.memory.usedJSHeapSize / 1e6, document.title]"
        )
        print(f"  {size[0]} elements, {size[1]} cards, {size[2]:.0f} MB of JavaScript, title {size[3]!r}", flush=True)


async def _take(page: Page) -> None:
    """Take the uppermost alarm by a click, and print how long that took; nobody is registered to be asked for."""
    card = page.locator("#group-high .card").first
    name = await card.get_attribute("data-alarm")
    began_s = time.monotonic()
    await page.locator(f'.card[data-alarm="{name}"] .take').click()
    await page.wait_for_function(
        """(name) => {
          const card = document.querySelector(`.card[data-alarm="${name}"]`);
          return card === null || !card.classList.contains("waiting");
        }""",
        arg=name,
        polling=20,
    )
    print(f"  taken by a click within {time.monotonic() - began_s:.2f} s")


async def measure(minutes: float, rate_per_min: float, already_open: int) -> None:
    """The storm, the API, the console."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    settings = (
        f'[[notify.webhook]]\nname = "benchmark"\nurl = "http://127.0.0.1:{port}/"\n'
        # What has never spoken would otherwise raise alarms of its own after ten minutes.
        "[detect.supervision]\nsilent_s = 86000.0\n"
    )
    alarms = round((minutes + 2) * rate_per_min)  # as many more while the console is looked at
    first = -(-already_open // 5)
    messages = storm_messages(first, alarms)
    fleet = first + alarms // 3 + 100
    probes = [
        (f"care/v1/{SITE}/{button_name(number)}/sos", b'"action":"press"}') for number in range(fleet - _PROBES, fleet)
    ]
    try:
        with house(fleet, fleet, settings, lambda folder: open_alarms(folder, already_open)) as home:
            await asyncio.sleep(_SETTLE_S)
            connection = await connect("127.0.0.1", home.broker.port, "storm", Tally())
            storm = Storm(messages, connection, rate_per_min / 60)
            print(f"{rate_per_min:g} alarms a minute for {minutes:g} min, {already_open} open before", flush=True)
            began_ns = time.time_ns()
            await storm.blow(time.monotonic() + minutes * 60)
            await asyncio.sleep(_SETTLE_S)
            tell_minutes(storm, receiver, began_ns, 60.0 if minutes >= 2 else 60.0 * minutes / 2)
            more = asyncio.create_task(storm.blow(time.monotonic() + 600))
            try:
                await asyncio.to_thread(ask_api, home)
                await look(home, storm, probes)
            finally:
                more.cancel()
            connection.close()
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=1000.0, help="alarms a minute")
    parser.add_argument("--open", type=int, default=9000, help="alarms that are open before")
    options = parser.parse_args()
    asyncio.run(measure(options.minutes, options.rate, options.open))


if __name__ == "__main__":
    main()
