"""The main job: a recorded fall, replayed over a real broker, reaches everyone who should hear of it."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from aiohttp import web
from playwright.async_api import async_playwright, expect

from tests.conftest import free_port

RECORDINGS = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
SET = RECORDINGS / "weda-fall"
RECORDING = "F01_U01_R01"
LIMIT_S = 60.0

pytestmark = pytest.mark.skipif(
    not (SET / f"{RECORDING}.npz").exists(),
    reason=f"needs the recording set weda-fall at {SET} (set SHOUHU_RECORDINGS; docs say where to get it)",
)


@asynccontextmanager
async def webhook_receiver(port: int) -> AsyncIterator[asyncio.Queue[tuple[float, dict[str, Any]]]]:
    """An HTTP service of somebody else's; yields what it was told, with the time of arrival."""
    told: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        told.put_nowait((time.time(), await request.json()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/alarms", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield told
    finally:
        await runner.cleanup()


async def fall_on_feed(broker: Any, site: str, subscribed: asyncio.Event) -> list[dict[str, Any]]:
    """What the feed says of a fall until it is of high priority."""
    told = []
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(f"care/v1-alarms/{site}", qos=1)
        subscribed.set()
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            body: dict[str, Any] = json.loads(message.payload)
            if body["condition"] == "fall":
                told.append(body)
                if body["priority"] == "high":
                    return told
    raise AssertionError("the feed ended")


async def replay(house: Any, broker: Any, form: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from service.cli.app import app; app()",
        *("replay", str(SET), RECORDING, "--device", f"{house.site}/BR-1", "--broker", broker.url, "--format", form),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert process.returncode == 0, output.decode()


@pytest.mark.parametrize("form", ["binary", "json"])
async def test_a_recorded_fall_reaches_webhook_feed_and_screen(
    build_house: Callable[..., Any],
    mosquitto: Any,
    chromium_path: str,
    form: str,
) -> None:
    hook_port = free_port()
    hook = f'[[notify.webhook]]\nname = "test"\nurl = "http://127.0.0.1:{hook_port}/alarms"\n'
    house = await asyncio.to_thread(build_house, hook)
    subscribed = asyncio.Event()
    feed = asyncio.create_task(fall_on_feed(mosquitto, house.site, subscribed))
    async with webhook_receiver(hook_port) as told, async_playwright() as playwright:
        switches = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=switches)
        page = await browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 800})
        await page.goto(house.url, timeout=LIMIT_S * 1000)
        await expect(page.locator("#quiet-title")).to_be_visible(timeout=LIMIT_S * 1000)
        await asyncio.wait_for(subscribed.wait(), LIMIT_S)

        await replay(house, mosquitto, form)

        _, hooked = await asyncio.wait_for(told.get(), LIMIT_S)
        suspected, fed = await asyncio.wait_for(feed, LIMIT_S)
        card = page.locator(f'.card[data-alarm="{fed["alarm"]}"]')
        await expect(card.locator(".name")).to_have_text("测试一", timeout=LIMIT_S * 1000)
        await expect(card.locator(".room")).to_have_text("Room 101", timeout=LIMIT_S * 1000)
        what = card.locator(".what")
        await expect(what).to_contain_text("Fell, by the motion of the wrist", timeout=LIMIT_S * 1000)
        await browser.close()
    assert hooked["alarm"] == suspected["alarm"] == fed["alarm"]
    assert (suspected["condition"], suspected["priority"], suspected["state"]) == ("fall", "medium", "unacknowledged")
    assert (fed["condition"], fed["priority"], fed["state"]) == ("fall", "high", "unacknowledged")
    assert (fed["resident"], fed["device"]) == ("R-1", "BR-1")
    assert hooked["cause"] == "wrist_suspected"
    assert "测试一" not in json.dumps([hooked, fed], ensure_ascii=False)
    (alarm,) = house.alarms()
    delay_s = (alarm["raised_ms"] - alarm["onset_ms"]) / 1000
    assert 0 < delay_s < 15
