"""The caregivers' page in a real browser over the real desk, registry and API: a small home, and looking at it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from alerts.bank import Bank
from alerts.detectors.baseline import Baseline
from alerts.detectors.early_warning import EarlyWarning
from alerts.detectors.fusion import Fusion
from alerts.falls.clip_store import ClipStore
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from ingest.quarantine import Quarantine
from service.api.app import make_app
from service.api.house import Check, Health, House
from service.database import make_engine
from service.fleet import Caregiver, Fleet, PlacedZone, Resident, Site
from service.registry import Registry
from tests.conftest import free_port

SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "<img src=x onerror=\"document.title='broken in'\">"
MANY = 500
#: The middle of the home's grounds, and what is fenced there.
LAT, LON = 36.64, 117.96
GROUNDS = tuple(
    (LAT + north, LON + east)
    for north, east in ((0.001, -0.001), (0.0012, 0.0013), (-0.001, 0.001), (-0.0008, -0.0015))
)
COURTYARD = tuple((LAT + north, LON + east) for north, east in ((0.0003, -0.0003), (0.0003, 0.0003), (-0.0003, 0.0003)))
#: How long a screen may take to show what happened; generous for a busy machine.
SEEN_WITHIN_MS = 30_000

expect.set_options(timeout=SEEN_WITHIN_MS)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def at_noon() -> str:
    """A time zone in which it is about noon: no test meets the midnight from which on times are told with their day."""
    east_h = 12 - now_ms() // 3_600_000 % 24
    return f"Etc/GMT{-east_h:+d}"  # there, east has a minus


class Home:
    """A small home with its service: what a device would find is said with `happens`."""

    def __init__(self, folder: Path) -> None:
        self.devices = (
            Device("garden", "bracelet-1", DeviceType.BRACELET, "r-1"),
            Device("garden", "bracelet-2", DeviceType.BRACELET, "r-2"),
            Device("garden", "mat-1", DeviceType.BED_MAT, "r-1"),
            Device("garden", "loc-1", DeviceType.LOCATOR, "r-1", Crs.GCJ02),
            *(Device("hill", f"b-{i}", DeviceType.BRACELET) for i in range(MANY)),
        )
        self.engine = make_engine(f"sqlite:///{folder / 'house.db'}")
        self.registry = Registry(self.engine)
        self.registry.replace_fleet(self.fleet())
        self._quarantine = Quarantine(folder / "quarantine.db")
        self.clips = ClipStore(self.engine)
        self.bank = Bank([EarlyWarning(), Baseline(), Fusion()], len(self.devices))
        self.bank.lead([device.resident for device in self.devices])
        self.health = Health(ready=True, checks=(Check("broker", ok=True),))
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/"
        self._runner: web.AppRunner | None = None
        self.page_errors: list[str] = []

    def fleet(self) -> Fleet:
        """Who lives here, what they wear, and who looks after them."""
        return Fleet(
            sites=(Site("garden", "Garden 花园"), Site("hill", f"Hill {HOSTILE}")),
            residents=(
                Resident("r-1", "王桂兰", "garden", room="201"),
                Resident("r-2", HOSTILE, "garden", room=HOSTILE),
            ),
            devices=self.devices,
            zones=(
                PlacedZone("grounds", "safe", Crs.WGS84, "garden", areas=((GROUNDS, COURTYARD),)),
                PlacedZone("pond", "forbidden", Crs.WGS84, "garden", circle=(LAT + 0.0008, LON + 0.0022, 30.0)),
            ),
            caregivers=(Caregiver("lin", "林护士", "head_nurse"), Caregiver("mei", "Mei Chen", "nurse", "garden")),
        )

    def open_desk(self) -> Desk:
        """Where alarms are taken."""
        return Desk(self.engine)

    def house(self) -> House:
        """What the API is over."""
        return House(
            self.desk,
            self.registry,
            self._quarantine,
            lambda: self.health,
            lambda: b"",
            clips=self.clips,
            bank=self.bank,
        )

    async def start(self) -> None:
        """Open the desk and serve the page."""
        self.desk = self.open_desk()
        self._runner = web.AppRunner(make_app(self.house()), shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()

    async def stop(self) -> None:
        """The service ends; what is journalled stays."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            await self.desk.__aexit__(None, None, None)

    def close(self) -> None:
        self._quarantine.close()
        self.engine.dispose()

    async def happens(self, device: str = "bracelet-1", cause: str = "wrist_fall", **wishes: Any) -> str:
        """A detector finds something; returns the alarm's name."""
        at_ms = now_ms()
        usual: dict[str, Any] = {
            "condition": Condition.FALL,
            "change": Change.BEGAN,
            "priority": Priority.HIGH,
            "onset_ms": at_ms - 1200,
        }
        row = [each.device for each in self.devices].index(device)
        finding = Finding(row=row, cause=cause, found_ms=at_ms, **usual | wishes)
        transitions = await self.desk.record([finding], self.devices, at_ms, at_ms)
        return transitions[0].alarm.alarm


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path)
    await home.start()
    yield home
    await home.stop()
    home.close()
    assert home.page_errors == []


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=SWITCHES)
        yield browser
        await browser.close()


async def look(browser: Browser, home: Home, locale: str = "en-GB", **wishes: Any) -> Page:
    """A screen of its own in front of the console; an error in the page fails the test."""
    usual: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "timezone_id": at_noon()}
    context = await browser.new_context(locale=locale, **usual | wishes)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    await page.goto(home.url)
    return page


def card(page: Page, alarm: str) -> Any:
    return page.locator(f'.card[data-alarm="{alarm}"]')


async def take(page: Page, alarm: str, caregiver: str = "林护士") -> None:
    await card(page, alarm).locator(".take").click()
    choice = page.locator("#who-dialog .choice", has_text=caregiver)
    await choice.click()
