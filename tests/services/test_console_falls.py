"""Falls on the caregivers' page: what is known of one, the motion around it, and the report of one that was missed."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from alerts.falls.clips import Clip
from alerts.findings import Change, Condition, Finding, Priority
from simulators.motion import IMPACT_S, Activity
from tests.services.console_home import HOSTILE, Home, card, look, now_ms
from tests.unit.alerts.motion_of_a_wrist import moving, samples

WITNESS = (("lay_still_s", 30), ("bed", "not_in_bed"))


async def fallen(home: Home, *, seconds: float = 30, number: int = 1, alarm: str | None = None) -> str:
    """A fall with so much of its clip; returns the alarm's name."""
    evidence = (("score", 0.97), ("peak_g", 3.12))
    name = alarm or await home.happens(onset_ms=now_ms() - 40_000, evidence=evidence)
    impact_ms = (await home.desk.alarm(name)).onset_ms
    acc_g = np.concatenate([moving(Activity.WALKING, 9), moving(Activity.FALLING, 2), moving(Activity.LYING, 19)])
    kept = samples(acc_g, impact_ms - round((9 + IMPACT_S) * 1000)).between(0, impact_ms - 10_000 + seconds * 1000)
    home.clips.keep(Clip(name, number, "garden", "bracelet-1", "r-1", impact_ms, kept))
    return name


async def witnessed(home: Home, change: Change = Change.WITNESSED, **evidence: Any) -> None:
    (alarm,) = await home.desk.open_alarms()
    onset_ms, told = alarm.onset_ms, tuple(evidence.items()) or WITNESS
    finding = Finding(0, Condition.FALL, alarm.cause, change, Priority.HIGH, onset_ms, onset_ms + 30_000, told)
    await home.desk.record([finding], home.devices, now_ms(), now_ms())


async def opened(page: Page, alarm: str) -> Any:
    """The fold with the motion, unfolded."""
    fold = card(page, alarm).locator(".clip")
    await fold.locator("summary").click()
    return fold


@pytest.mark.parametrize(
    ("locale", "summary", "impact", "sentence"),
    [
        (
            "en-GB",
            "Motion around the fall",
            "impact",
            "Impact of 3.1 g, then still for 30 s; bed mat: not in bed",
        ),
        ("zh-CN", "跌倒前后的动作", "撞击", "撞击 3.1 g，之后静止 30 秒；床垫：不在床上"),
    ],
)
async def test_what_is_known_of_a_fall_and_its_motion_are_shown(
    home: Home, browser: Browser, locale: str, summary: str, impact: str, sentence: str
) -> None:
    alarm = await fallen(home)
    page = await look(browser, home, locale)
    await expect(card(page, alarm).locator(".sentence")).to_be_visible()
    await witnessed(home)
    await expect(card(page, alarm).locator(".sentence")).to_have_text(sentence)
    await expect(card(page, alarm).locator(".evidence")).to_be_hidden()
    await expect(card(page, alarm).locator("summary", has_text=summary)).to_be_visible()

    fold = await opened(page, alarm)
    await expect(fold.locator("path.line")).to_have_count(4)
    await expect(fold.locator(".impact-word")).to_have_text(impact)
    await expect(card(page, alarm).locator(".evidence")).to_contain_text("0.97")
    await expect(fold.locator(".gap")).to_have_count(0)
    # The highest point of the line of |a| is where the impact is marked.
    places = await fold.evaluate(
        """fold => {
          const points = fold.querySelector("path.line.size").getAttribute("d").match(/[ML][^ML]+/g)
            .map((part) => part.slice(1).split(" ").map(Number));
          const top = points.reduce((a, b) => (b[1] < a[1] ? b : a));
          return [top[0], Number(fold.querySelector("line.impact").getAttribute("x1"))];
        }"""
    )
    assert abs(places[0] - places[1]) < 10


async def test_what_is_missing_is_hatched_and_what_comes_is_added(home: Home, browser: Browser) -> None:
    alarm = await fallen(home, seconds=15)
    page = await look(browser, home)
    fold = await opened(page, alarm)
    await expect(fold.locator(".gap")).to_have_count(1)
    await expect(fold.locator(".clip-note")).to_contain_text("Not all of it has come yet")
    await fallen(home, alarm=alarm)
    await expect(fold.locator(".gap")).to_have_count(0)
    await expect(fold.locator(".clip-note")).not_to_contain_text("Not all of it")


async def test_a_fall_without_motion_says_so_and_other_alarms_have_no_fold(home: Home, browser: Browser) -> None:
    fall = await home.happens(cause="device_confirmed")
    press = await home.happens("bracelet-2", "press", condition=Condition.SOS)
    page = await look(browser, home)
    fold = await opened(page, fall)
    await expect(fold.locator(".clip-note")).to_have_text(
        "No motion is kept with this alarm: the device sent none around the fall."
    )
    await expect(card(page, press).locator(".clip")).to_be_hidden()
    await expect(card(page, press).locator(".sentence")).to_be_hidden()


async def test_of_several_falls_the_latest_is_shown_and_each_can_be(home: Home, browser: Browser) -> None:
    alarm = await fallen(home)
    await fallen(home, seconds=20, number=2, alarm=alarm)
    page = await look(browser, home)
    fold = await opened(page, alarm)
    await expect(fold.locator("[aria-pressed=true]")).to_have_text("Fall 2")
    await expect(fold.locator(".gap")).to_have_count(1)
    await fold.get_by_text("Fall 1").click()
    await expect(fold.locator("[aria-pressed=true]")).to_have_text("Fall 1")
    await expect(fold.locator(".gap")).to_have_count(0)


async def test_a_fall_walked_away_from_stays_and_says_so(home: Home, browser: Browser) -> None:
    alarm = await fallen(home)
    page = await look(browser, home)
    await expect(card(page, alarm)).to_be_visible()
    await witnessed(home, Change.CANCELLED, cancelled_by="walking", walked_after_s=31, steps_per_min=104)
    await expect(card(page, alarm).locator(".mark.cancelled")).to_have_text("Walking again")
    await expect(card(page, alarm).locator(".sentence")).to_contain_text("walking again 31 s later (104 steps/min)")
    await card(page, alarm).locator("summary", has_text="What happened so far").click()
    await expect(card(page, alarm).locator(".course")).to_contain_text("called off: walking again")


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_drawing_fits_the_screen_and_follows_it(home: Home, browser: Browser, width: int) -> None:
    alarm = await fallen(home)
    page = await look(browser, home)
    await page.set_viewport_size({"width": width, "height": 844})
    fold = await opened(page, alarm)
    drawing = fold.locator("svg.motion")
    await expect(drawing).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    before = (await drawing.bounding_box())["width"]
    assert before > 250
    await page.set_viewport_size({"width": 700, "height": 844})
    await expect(drawing).not_to_have_attribute("width", str(round(before)))
    assert await page.evaluate("document.documentElement.scrollWidth") <= 700


# ------------------------------------------------------------------ missed


async def reporting(page: Page) -> Any:
    await page.locator("#missed").click()
    await page.locator("#who-dialog .choice", has_text="林护士").click()
    return page.locator("#missed-dialog")


async def test_a_missed_fall_is_reported(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    dialog = await reporting(page)
    await expect(dialog.locator("h2")).to_have_text("A fall that raised no alarm")
    hostile = re.compile(re.escape(HOSTILE))
    await expect(dialog.locator("option")).to_have_text(["Choose …", hostile, "Room 201 · 王桂兰"])
    await dialog.locator(".primary").click()
    await expect(dialog).to_be_visible()
    assert home.clips.missed_falls() == [], "nobody was chosen"
    began_ms = now_ms()
    await dialog.locator("select").select_option("r-1")
    await dialog.locator("textarea").fill("Found beside the bed")
    await dialog.locator(".primary").click()
    await expect(page.locator(".toast")).to_contain_text("without motion: readings are stored in another database")
    (report,) = home.clips.missed_falls()
    assert (report.resident, report.site, report.by, report.note) == ("r-1", "garden", "lin", "Found beside the bed")
    assert abs(report.at_ms - began_ms) < 60_000


async def test_when_it_was_can_be_said(home: Home, browser: Browser) -> None:
    context: Callable[..., Any] = browser.new_context
    page = await (await context(locale="zh-CN", timezone_id="Asia/Shanghai")).new_page()
    await page.goto(home.url)
    dialog = await reporting(page)
    await dialog.locator("select").select_option("r-2")
    local = await page.evaluate("new Date(Date.now() - 7_200_000 + 8 * 3_600_000).toISOString().slice(0, 16)")
    await dialog.locator("input[type=datetime-local]").fill(local)
    await dialog.locator(".primary").click()
    await expect(page.locator(".toast")).to_contain_text("谢谢，报告已保存")
    (report,) = home.clips.missed_falls()
    assert abs(report.at_ms - (now_ms() - 7_200_000)) < 120_000
