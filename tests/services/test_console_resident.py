"""The panel of how a resident stands, in a real browser, over detectors that were fed real messages."""

import json
import re
from typing import Any

from playwright.async_api import Browser, expect

from ingest.decode import Decoder
from ingest.directory import Directory
from tests.services.console_home import HOSTILE, Home, card, look, now_ms

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def says(home: Home, device: str, kind: str, messages: list[dict[str, Any]]) -> None:
    """A device of the garden sends messages; the detectors hear them."""
    decoder = Decoder(Directory(home.devices))
    decoded = decoder.decode([f"care/v1/garden/{device}/{kind}"], [json.dumps(messages).encode()], now_ms())
    assert not decoded.rejected
    home.bank.update(decoded.readings, now_ms())


async def test_a_name_opens_the_score_as_an_interval_and_what_is_learned(home: Home, browser: Browser) -> None:
    day = [{"t": now_ms() - t_ms, "hr": 64, "rr": 15} for t_ms in range(2 * DAY_MS, HOUR_MS, -20 * 60_000)]
    says(home, "bracelet-1", "vitals", day)
    says(home, "bracelet-1", "vitals", [{"t": now_ms() - 1_200_000, "spo2": 90}])
    says(home, "bracelet-1", "vitals", [{"t": now_ms() - 60_000, "hr": 132, "temp": 38.5, "sbp": 128}])
    says(home, "mat-1", "bed", [{"t": now_ms() - 30_000, "present": True, "rr": 22}])
    alarm = await home.happens()
    page = await look(browser, home)
    await card(page, alarm).locator(".name-button").click()
    panel = page.locator("#resident-dialog")
    await expect(panel.locator("h2")).to_have_text("王桂兰")
    await expect(panel.locator(".about")).to_have_text("Room 201")
    await expect(panel.locator(".score h3")).to_have_text("Early-warning score")
    await expect(panel.locator(".total")).to_have_text("≥ 6, 4 of 7 inputs (at most 14)")
    rows = panel.locator(".score tbody tr")
    await expect(rows.nth(0)).to_have_text(re.compile(r"^Heart rate132 /min bracelet · [12] min( \d\d s)? ago3$"))
    expired = r"^SpO₂90 % · too old to count bracelet · 2[01] min( \d\d s)? ago0–3$"
    await expect(rows.nth(1)).to_have_text(re.compile(expired))
    await expect(rows.nth(2)).to_have_text(
        re.compile(r"^Respiration22 /min bed mat · (\d\d(\.\d)? s|1 min( \d\d s)?) ago2$")
    )
    await expect(rows.nth(6)).to_have_text("Consciousnessno device tells 0–3")
    await expect(panel).not_to_contain_text("NEWS2")
    await expect(panel.locator(".baseline")).to_contain_text("judged once 16 hours of it are learned")
    heart = panel.locator(".baseline .sign").first
    await expect(heart).to_have_text("Heart rate (/min) bracelet · whole day judged in 3 d at the earliest")
    await expect(panel.locator(".baseline .parts").first).to_have_text(re.compile(r"^(64[678]/16 h){6}$"))
    await expect(panel.locator("thead .now")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await page.locator("#language").click()
    await card(page, alarm).locator(".name-button").click()
    await expect(panel.locator(".total")).to_have_text("≥ 6，7 项中已知 4 项（至多 14）")


async def test_on_a_phone_nothing_is_wider_than_the_screen(home: Home, browser: Browser) -> None:
    alarm = await home.happens("bracelet-2")
    page = await look(browser, home)
    await page.set_viewport_size({"width": 360, "height": 740})
    await card(page, alarm).locator(".name-button").click()
    panel = page.locator("#resident-dialog")
    await expect(panel.locator("h2")).to_have_text(HOSTILE)
    await expect(panel.locator(".total")).to_have_text("≥ 0, 0 of 7 inputs (at most 20)")
    await expect(panel.locator(".baseline")).to_contain_text("the whole day after 4 days at the earliest")
    assert await panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_bracelet_and_mat_stand_side_by_side_the_better_first(home: Home, browser: Browser) -> None:
    since_ms = (now_ms() // 60_000 - 14) * 60_000
    minutes = range(since_ms, now_ms(), 60_000)
    for t_ms in minutes:
        says(home, "bracelet-1", "vitals", [{"t": t_ms, "hr": 98, "quality": 0.6}])
        says(home, "mat-1", "bed", [{"t": t_ms, "present": True, "hr": 64, "quality": 0.9}])
    alarm = await home.happens()
    page = await look(browser, home)
    await card(page, alarm).locator(".name-button").click()
    sources = page.locator("#resident-dialog .sources")
    await expect(sources.locator(".unusual")).to_contain_text("Bracelet and bed mat disagree · since")
    await expect(sources.locator("tbody tr")).to_have_text(
        re.compile(
            r"^Heart rate64 /min bed mat · Signal quality 90 % · .* ago98 /min bracelet · Signal quality 60 % · .*$"
        )
    )
    await expect(sources.locator("tbody tr")).to_have_class("apart")
