"""The caregivers' page in a real browser over the real desk, registry and API."""

import re
import time

import pytest
from playwright.async_api import Browser, Page, expect

from alerts.findings import Change, Condition, Finding, Priority
from service.api.app import ROUTES
from service.api.house import Check, Health
from tests.services.console_home import HOSTILE, MANY, SEEN_WITHIN_MS, Home, card, look, now_ms, take


async def test_an_alarm_appears_by_itself_and_says_what_who_where_and_why(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    await expect(page.locator("#quiet-title")).to_have_text("All quiet")
    await expect(page.locator("#count-residents")).to_have_text("2")
    alarm = await home.happens(
        cause="spo2_low", condition=Condition.VITALS, evidence=(("spo2_pct", 84.0), ("limit_pct", 91.0))
    )
    shown = card(page, alarm)
    await expect(shown.locator(".what")).to_contain_text("Blood oxygen too low")
    await expect(shown.locator(".name")).to_have_text("王桂兰")
    await expect(shown.locator(".room")).to_have_text("Room 201")
    await expect(shown.locator(".place")).to_have_text("Garden 花园 · device bracelet-1")
    await expect(shown.locator(".evidence")).to_have_text("SpO₂84 % (limit 91 %)")
    await expect(shown.locator(".delay")).to_have_text(re.compile(r"alarm 1\.\d s after it began"))
    await expect(shown.locator(".badge")).to_have_text("High")
    await expect(page.locator("#quiet")).to_be_hidden()
    await expect(page).to_have_title("(1) Shouhu 守护")
    await expect(page.locator("#announcer")).to_have_text("High priority: Blood oxygen too low, 王桂兰, Room 201")
    age = await shown.locator(".age").text_content()
    await expect(shown.locator(".age")).not_to_have_text(str(age))


async def test_taking_and_closing_by_clicks_is_seen_on_every_screen(home: Home, browser: Browser) -> None:
    alarm = await home.happens()
    mine, other = await look(browser, home), await look(browser, home, "zh-CN")
    await expect(card(other, alarm).locator(".state")).to_have_text("等待处理")
    await take(mine, alarm)
    await expect(card(mine, alarm).locator(".state")).to_contain_text("林护士 has taken it")
    await expect(card(other, alarm).locator(".state")).to_contain_text("林护士 已接手")
    await expect(card(other, alarm).locator(".take")).to_be_hidden()
    await expect(mine.locator("#who-words")).to_have_text("林护士")

    await card(mine, alarm).locator(".close").click()
    dialog = mine.locator("#outcome-dialog")
    await dialog.get_by_text("False alarm").click()
    await dialog.locator("textarea").fill("Dropped the bracelet & <b>picked</b> it up")
    await dialog.locator(".primary").click()
    for page in (mine, other):
        await expect(card(page, alarm)).to_have_count(0)
        row = page.locator(f'.closed-row[data-alarm="{alarm}"]')
        await expect(row.locator(".closed-note")).to_have_text("Dropped the bracelet & <b>picked</b> it up")
    await expect(other.locator(".outcome")).to_have_text("误报")
    kept = await home.desk.alarm(alarm)
    assert (kept.acknowledged_by, kept.resolved_by, kept.outcome) == ("lin", "lin", "false")

    await mine.reload()
    await expect(mine.locator("#who-words")).to_have_text("林护士")
    await expect(mine.locator(f'.closed-row[data-alarm="{alarm}"]')).to_be_visible()


async def test_both_languages_and_the_choice_is_remembered(home: Home, browser: Browser) -> None:
    alarm = await home.happens()
    page = await look(browser, home, "zh-CN")
    await expect(card(page, alarm).locator(".what")).to_contain_text("手腕动作判定为跌倒")
    await expect(card(page, alarm).locator(".take")).to_have_text("我来处理")
    await expect(card(page, alarm).locator(".room")).to_have_text("201 室")
    await page.locator("#language").click()
    await expect(card(page, alarm).locator(".what")).to_contain_text("Fell, by the motion of the wrist")
    await page.reload()
    await expect(card(page, alarm).locator(".take")).to_have_text("I'll take it")
    assert await page.locator("html").get_attribute("lang") == "en"


async def test_a_lost_line_is_loud_and_nothing_is_missing_afterwards(home: Home, browser: Browser) -> None:
    before = await home.happens()
    page = await look(browser, home)
    await expect(page.locator("#link-words")).to_have_text("Connected")
    await home.stop()
    await expect(page.locator(".banner-lost")).to_contain_text("NOT CONNECTED: alarms may be missing")
    await expect(page).to_have_title(re.compile("NOT CONNECTED"))
    await expect(page.locator(".banner-lost")).to_contain_text(re.compile(r"for ([3-9]|\d\d) s"))
    await card(page, before).locator(".close").click()
    await page.locator("#who-dialog .choice").first.click()
    await page.locator("#outcome-dialog").get_by_text("Real").click()
    await page.locator("#outcome-dialog .primary").click()
    await expect(page.locator(".toast")).to_contain_text("Nothing was changed")

    await home.start()
    during = await home.happens("mat-1", "bed_exit", condition=Condition.BED, priority=Priority.MEDIUM)
    await expect(page.locator(".banner-lost")).to_be_hidden(timeout=2 * SEEN_WITHIN_MS)
    await expect(card(page, during)).to_be_visible()
    await expect(card(page, before)).to_be_visible()
    await expect(page).to_have_title("(2) Shouhu 守护")


async def test_a_service_that_hears_no_devices_says_so_and_never_all_quiet(home: Home, browser: Browser) -> None:
    home.health = Health(ready=False, checks=(Check("broker_urgent", ok=False), Check("broker_bulk", ok=False)))
    page = await look(browser, home)
    await expect(page.locator(".banner-unready")).to_contain_text("THE SERVICE IS NOT WATCHING")
    await expect(page.locator(".banner-unready .detail")).to_have_text(
        "What is wrong: no connection to the message broker, so devices are not heard"
    )
    await expect(page.locator("#quiet-title")).not_to_have_text("All quiet")


async def test_hostile_names_are_text_and_nothing_else(home: Home, browser: Browser) -> None:
    alarm = await home.happens("bracelet-2", "<b>cause</b>", evidence=(("<i>what</i>_pct", "<u>x</u>"),))
    other = await home.happens("b-1", "silent", condition=Condition.DEVICE, priority=Priority.LOW)
    page = await look(browser, home)
    await expect(card(page, alarm).locator(".name")).to_have_text(HOSTILE)
    await expect(card(page, alarm).locator(".evidence")).to_contain_text("<u>x</u>")
    await expect(card(page, other).locator(".place")).to_contain_text(HOSTILE)
    await take(page, alarm)
    await expect(card(page, alarm).locator(".state")).to_contain_text("has taken it")
    assert await page.locator("main img, main b b, main u, main i").count() == 0
    assert await page.title() == "(2) Shouhu 守护"


async def test_what_returned_was_called_off_or_is_a_drill_stays_and_says_so(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    onset_ms = now_ms() - 5000
    bed = {"condition": Condition.BED, "priority": Priority.MEDIUM, "onset_ms": onset_ms}
    returned = await home.happens("mat-1", "bed_exit", **bed)
    await home.happens("mat-1", "bed_exit", change=Change.ENDED, **bed)
    press = {"condition": Condition.SOS, "onset_ms": onset_ms}
    called_off = await home.happens("bracelet-1", "press", **press)
    await home.happens("bracelet-1", "press", change=Change.CANCELLED, **press)
    drill = await home.happens("bracelet-2", "press", drill=True, condition=Condition.SOS)
    await expect(card(page, returned).locator(".mark.returned")).to_have_text("Gone before anyone looked")
    await expect(card(page, called_off).locator(".mark.cancelled")).to_have_text("Called off by the wearer")
    await expect(card(page, drill).locator(".mark.drill")).to_have_text("DRILL")
    for alarm in (returned, called_off, drill):
        await expect(card(page, alarm).locator(".take")).to_be_visible()
    await card(page, called_off).locator(".more summary").click()
    await expect(card(page, called_off).locator(".course")).to_contain_text("called off by the wearer")


async def test_a_partial_score_is_shown_as_an_interval_with_each_input(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    alarm = await home.happens(
        "bracelet-2",
        "early_warning",
        condition=Condition.VITALS,
        priority=Priority.MEDIUM,
        evidence=(
            ("score", "early_warning_score"), ("score_lowest", 5), ("score_highest", 14), ("inputs_known", 3),
            ("heart_rate_bpm", 132.0), ("points_heart_rate_bpm", 3), ("age_heart_rate_bpm_s", 0.0),
            ("measured_by_heart_rate_bpm", "bed_mat"), ("other_heart_rate_bpm", 92.0),
            ("temperature_c", 38.5), ("points_temperature_c", 1), ("age_temperature_c_s", 120.0),
            ("breathes", "air"), ("points_breathes", 0),
        ),
    )  # fmt: skip
    evidence = card(page, alarm).locator(".evidence")
    await expect(evidence).to_have_text(
        "Early-warning score≥ 5, 3 of 7 inputs (at most 14)Heart rate132 /min · 3 points"
        " · bed mat · the other says 92 /min"
        "Temperature38.5 °C · 1 point · 2 min agoBreathesair · 0 points"
    )
    await expect(card(page, alarm)).not_to_contain_text("NEWS2")
    await page.locator("#language").click()
    await expect(evidence).to_contain_text(
        "早期预警评分≥ 5，7 项中已知 3 项（至多 14）心率132 次/分 · 计 3 分 · 床垫 · 另一设备测得 92 次/分"
    )


async def test_what_is_unusual_is_shown_beside_what_is_usual(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    alarm = await home.happens(
        "bracelet-2",
        "heart_rate_above_usual",
        condition=Condition.VITALS,
        priority=Priority.MEDIUM,
        evidence=(
            ("heart_rate_bpm", 90.0), ("usual_heart_rate_bpm", 72.0), ("held_s", 21_600.0),
            ("learned_s", 1_209_600.0), ("measured_by", "bracelet"),
        ),
    )  # fmt: skip
    await expect(card(page, alarm).locator(".evidence")).to_have_text(
        "Heart rate90 /min at rest, usually 72 /min at this time of dayHeld for6 h 0 min"
        "Usual learned from14 d 0 hMeasured bybracelet"
    )


async def test_sound_follows_the_most_urgent_alarm_until_it_is_taken(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    await expect(page.locator(".banner-mute")).to_be_visible()
    await page.locator("#sound").click()
    await expect(page.locator(".banner-mute")).to_be_hidden()
    sounded = page.locator("html")
    await home.happens("mat-1", "bed_exit", condition=Condition.BED, priority=Priority.MEDIUM)
    await expect(sounded).to_have_attribute("data-last-burst", "medium")
    fall = await home.happens()
    await expect(sounded).to_have_attribute("data-last-burst", "high")

    await page.locator("#sound").click()
    await page.locator("#pauses button").first.click()
    await expect(page.locator(".banner-paused")).to_contain_text(
        re.compile(r"Sound paused, (2 min 00|1 min 59) s left")
    )
    await home.happens("bracelet-2", "press", condition=Condition.SOS)
    await expect(page.locator(".banner-paused")).to_be_hidden()
    await take(page, fall)
    await expect(card(page, fall)).not_to_have_class(re.compile("waiting"))


async def test_a_pause_of_the_sound_ends_by_itself(home: Home, browser: Browser) -> None:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    await page.clock.install()
    await page.goto(home.url)
    await page.locator("#sound").click()
    await page.locator("#sound").click()
    await page.locator("#pauses button").first.click()
    await expect(page.locator(".banner-paused")).to_be_visible()
    await page.clock.run_for(2 * 60_000 + 1000)
    await expect(page.locator(".banner-paused")).to_be_hidden()


async def test_most_urgent_first_and_what_nobody_has_taken_before_what_is_taken(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    low = await home.happens("b-1", "silent", condition=Condition.DEVICE, priority=Priority.LOW)
    first = await home.happens("bracelet-1", "press", condition=Condition.SOS)
    second = await home.happens("bracelet-2")
    medium = await home.happens("mat-1", "bed_exit", condition=Condition.BED, priority=Priority.MEDIUM)
    cards = page.locator(".card")
    await expect(cards).to_have_count(4)
    assert await _order(page) == [second, first, medium, low]
    await take(page, second)
    await expect(card(page, second)).not_to_have_class(re.compile("waiting"))
    assert await _order(page) == [first, second, medium, low]


async def test_the_keyboard_is_enough(home: Home, browser: Browser) -> None:
    alarm = await home.happens()
    page = await look(browser, home)
    await card(page, alarm).locator(".take").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#who-dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#who-dialog")).to_be_hidden()
    await expect(card(page, alarm).locator(".take:not([aria-busy])")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#who-dialog")).to_be_visible()
    await page.locator("#who-dialog .choice").first.focus()
    await page.keyboard.press("Enter")
    await expect(card(page, alarm).locator(".state")).to_contain_text("has taken it")
    await card(page, alarm).locator(".close").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#outcome-dialog")).to_be_visible()
    await page.locator("#outcome-dialog input").first.focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(card(page, alarm)).to_have_count(0)


async def test_hundreds_of_open_alarms_stay_usable(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    await expect(page.locator("#link-words")).to_have_text("Connected")
    silent = [
        Finding(4 + i, Condition.BED, "restless", Change.BEGAN, Priority.LOW, now_ms() - 1000, now_ms())
        for i in range(MANY)
    ]
    await home.desk.record(silent, home.devices, now_ms(), now_ms())
    low = page.locator("#group-low")
    await expect(low.locator(".count")).to_have_text(str(MANY), timeout=2 * SEEN_WITHIN_MS)
    await expect(low.locator(".card")).to_have_count(50)
    await expect(low.locator(".more-cards")).to_have_text(f"Show 50 more of the {MANY - 50} below")
    alarm = await home.happens()
    began = time.monotonic()
    await take(page, alarm)
    await expect(card(page, alarm).locator(".state")).to_contain_text("has taken it")
    assert time.monotonic() - began < 5
    # Cards that did not change are the same elements: what a caregiver reads or has focused does not jump away.
    await page.locator(".card .close").last.focus()
    await home.happens("bracelet-2", "press", condition=Condition.SOS)
    await expect(page.locator(".card")).to_have_count(52)
    assert await page.locator(".card .close").last.evaluate("button => button === document.activeElement")


async def test_what_somebody_reads_stays_on_the_page_however_many_come_before_it(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    read = await home.happens("b-0", "restless", condition=Condition.BED, priority=Priority.LOW)
    await card(page, read).locator(".more summary").click()
    later = [
        Finding(4 + i, Condition.BED, "restless", Change.BEGAN, Priority.LOW, now_ms(), now_ms()) for i in range(1, 120)
    ]
    await home.desk.record(later, home.devices, now_ms(), now_ms() + 1)
    cards = page.locator("#group-low .card")
    await expect(cards).to_have_count(51)
    assert await cards.last.get_attribute("data-alarm") == read
    await expect(card(page, read).locator(".course li")).to_have_count(1)
    for shown in (100, 120):
        await page.locator("#group-low .more-cards").click()
        await expect(cards).to_have_count(shown + (shown < 120))
    await expect(page.locator("#group-low .more-cards")).to_be_hidden()


async def test_a_press_and_a_fall_stand_before_what_was_measured_of_the_same_priority(
    home: Home, browser: Browser
) -> None:
    page = await look(browser, home)
    press = await home.happens("bracelet-1", "press", condition=Condition.SOS)
    fall = await home.happens("bracelet-2")
    fever = await home.happens("bracelet-1", "temperature_high", condition=Condition.VITALS)
    await expect(page.locator(".card")).to_have_count(3)
    assert await _order(page) == [fall, press, fever]


@pytest.mark.parametrize("width", [390, 820, 1280])
async def test_nothing_is_cut_off_on_a_narrow_screen(home: Home, browser: Browser, width: int) -> None:
    await home.happens(
        "bracelet-2", "press", condition=Condition.SOS, evidence=(("spo2_pct", 84.0), ("limit_pct", 91.0))
    )
    page = await look(browser, home)
    await page.set_viewport_size({"width": width, "height": 844})
    await expect(page.locator(".card")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await expect(page.locator(".take")).to_be_in_viewport()


async def test_the_reference_page_shows_every_route(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    await page.goto(home.url + "api/")
    await expect(page.locator(".operation")).to_have_count(len(ROUTES))
    await expect(page.locator("#AlarmView")).to_be_visible()


async def _order(page: Page) -> list[str | None]:
    return [await each.get_attribute("data-alarm") for each in await page.locator(".card").all()]
