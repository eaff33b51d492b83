"""The technical alarms of a site as one on the caregivers' page, in a real browser over the real desk and API."""

import re
import time
from typing import Any

from playwright.async_api import Browser, Page, expect

from alerts.findings import Change, Condition, Finding, Priority
from tests.services.console_home import MANY, Home, card, look, now_ms, take

#: The first device of the second site stands in this row of the home's devices.
HILL = 4


async def fails(home: Home, device: str, cause: str = "battery_low", **wishes: Any) -> str:
    """Something is the matter with a device."""
    usual: dict[str, Any] = {"condition": Condition.DEVICE, "priority": Priority.LOW}
    return await home.happens(device, cause, **usual | wishes)


def together(page: Page, group: str = "low") -> Any:
    return page.locator(f"#group-{group} .technical")


async def close(page: Page, alarm: str) -> None:
    await card(page, alarm).locator(".close").click()
    dialog = page.locator("#outcome-dialog")
    await dialog.get_by_text("Real").click()
    await dialog.locator(".primary").click()
    await expect(card(page, alarm)).to_have_count(0)


async def test_three_of_a_site_are_one_with_their_causes_counted(home: Home, browser: Browser) -> None:
    page, chinese = await look(browser, home), await look(browser, home, "zh-CN")
    await fails(home, "bracelet-1", "not_worn")
    await fails(home, "bracelet-1")
    elsewhere = await fails(home, "b-1")
    await expect(page.locator(".card")).to_have_count(3)
    await expect(together(page)).to_have_count(0)
    await fails(home, "bracelet-2")
    await expect(together(page).locator(".technical-title")).to_have_text("3 technical alarms · Garden 花园")
    await expect(together(page).locator(".technical-causes")).to_have_text("Battery low 2, Bracelet not worn 1")
    await expect(together(page).locator(".technical-note")).to_have_text("3 waiting for someone")
    await expect(together(page).locator(".badge")).to_have_text("Low")
    await expect(together(chinese).locator(".technical-title")).to_have_text("技术警报 × 3 · Garden 花园")
    await expect(together(chinese).locator(".technical-causes")).to_have_text("电量低 2、手环未佩戴 1")
    # The other site has one only: it stands by itself. All are counted.
    await expect(page.locator(".card")).to_have_count(1)
    await expect(card(page, elsewhere)).to_be_visible()
    await expect(page.locator("#group-low .count")).to_have_text("4")
    await expect(page).to_have_title("(4) Shouhu 守护")


async def test_people_drills_and_other_priorities_are_never_in_it(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    for cause in ("battery_low", "not_worn", "sensor_dead"):
        await fails(home, "bracelet-1", cause)
        await fails(home, "bracelet-2", cause, drill=True)
    people = [
        await home.happens(device, cause, condition=condition, priority=Priority.LOW, drill=drill)
        for device, drill in (("bracelet-1", False), ("bracelet-2", True))
        for cause, condition in (("press", Condition.SOS), ("wrist_fall", Condition.FALL))
    ]
    urgent = await fails(home, "mat-1", "nobody_reachable", priority=Priority.MEDIUM)
    for alarm in (*people, urgent):
        await expect(card(page, alarm)).to_be_visible()
    await expect(page.locator(".card")).to_have_count(len(people) + 1)
    await expect(together(page).locator(".technical-title")).to_have_text("3 technical alarms · Garden 花园")
    await expect(together(page).locator(".mark.drill")).to_be_hidden()
    drilled = together(page, "drill")
    await expect(drilled.locator(".technical-title")).to_have_text("3 technical alarms · Garden 花园")
    await expect(drilled.locator(".mark.drill")).to_have_text("DRILL")
    for group in ("low", "drill"):
        await together(page, group).locator("summary").click()
        await expect(together(page, group).locator(".card")).to_have_count(3)
    assert await page.locator(".technical .cause").all_text_contents() == [
        "A sensor says nothing", "Bracelet not worn", "Battery low"
    ] * 2  # fmt: skip


async def test_opened_it_stays_open_and_follows_until_nothing_is_left(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    first, second, third = [await fails(home, "bracelet-1", cause) for cause in ("not_worn", "silent", "sensor_dead")]
    await together(page).locator("summary").click()
    cards = together(page).locator(".card")
    await expect(cards).to_have_count(3)
    await take(page, third)
    await expect(card(page, third).locator(".state")).to_contain_text("林护士 has taken it")
    await expect(together(page).locator(".technical-note")).to_have_text("2 waiting for someone")
    assert await cards.last.get_attribute("data-alarm") == third
    await card(page, first).locator(".more summary").first.click()
    await expect(card(page, first).locator(".course li").first).to_contain_text("raised")
    fourth = await fails(home, "mat-1", "clock_wrong")
    await expect(cards).to_have_count(4)
    await expect(together(page).locator(".technical-title")).to_contain_text("4 technical alarms")
    await expect(card(page, first).locator(".course li").first).to_be_visible()
    # Fewer than three do not fall apart under the hands of whoever sees to them.
    for alarm in (fourth, second):
        await close(page, alarm)
    await close(page, third)
    await expect(together(page).locator(".technical-title")).to_have_text("1 technical alarm · Garden 花园")
    await expect(card(page, first).locator(".course li").first).to_be_visible()
    # Shut and left, what is too little for one stands by itself again.
    await together(page).locator("summary").first.click()
    await page.locator("#language").click()
    await expect(together(page)).to_have_count(0)
    await expect(card(page, first)).to_be_visible()


async def test_the_card_somebody_works_on_is_not_gathered_in(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    read = await fails(home, "b-0")
    await card(page, read).locator(".take").focus()
    for device in ("b-1", "b-2", "b-3"):
        await fails(home, device)
    await expect(together(page).locator(".technical-causes")).to_have_text("Battery low 3")
    await expect(card(page, read).locator(".take")).to_be_focused()
    await page.locator("#missed").focus()
    await fails(home, "b-4")
    await expect(together(page).locator(".technical-causes")).to_have_text("Battery low 5")
    await expect(page.locator(".card")).to_have_count(0)


async def test_the_keyboard_opens_it_and_reaches_every_deed(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    alarms = [await fails(home, f"b-{i}") for i in range(3)]
    await together(page).locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(together(page).locator(".card")).to_have_count(3)
    await page.keyboard.press("Tab")
    newest = card(page, alarms[-1])
    await expect(newest.locator(".more summary")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(newest.locator(".take")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(newest.locator(".close")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(newest.locator(".shelve")).to_be_focused()
    await together(page).locator("summary").first.focus()
    await page.keyboard.press("Enter")
    await expect(together(page).locator(".card")).to_have_count(0)
    await expect(together(page).locator("summary")).to_be_focused()


async def test_ten_thousand_are_one_and_fifty_at_a_time(home: Home, browser: Browser) -> None:
    causes = [f"cause_{i}" for i in range(20)]
    failing = [
        Finding(HILL + i, Condition.DEVICE, cause, Change.BEGAN, Priority.LOW, now_ms() - 1000, now_ms())
        for i in range(MANY)
        for cause in causes
    ]
    await home.desk.record(failing, home.devices, now_ms(), now_ms())
    page = await look(browser, home)
    await expect(together(page).locator(".technical-title")).to_have_text(re.compile("^10000 technical alarms"))
    await expect(page.locator(".card")).to_have_count(0)
    await together(page).locator("summary").click()
    cards = together(page).locator(".card")
    await expect(cards).to_have_count(50)
    await together(page).locator(".more-cards").click()
    await expect(cards).to_have_count(100)
    await expect(together(page).locator(".more-cards")).to_have_text("Show 50 more of the 9900 below")
    began = time.monotonic()
    alarm = await home.happens()
    await expect(card(page, alarm)).to_be_visible()
    assert time.monotonic() - began < 3
    await take(page, alarm)
    await expect(card(page, alarm).locator(".state")).to_contain_text("has taken it")


async def test_it_fits_a_telephone(home: Home, browser: Browser) -> None:
    for cause in ("battery_low", "not_worn", "sensor_dead", "clock_wrong"):
        await fails(home, "b-1", cause)
    page = await look(browser, home)
    await page.set_viewport_size({"width": 390, "height": 844})
    await together(page).locator("summary").click()
    await expect(together(page).locator(".card")).to_have_count(4)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
