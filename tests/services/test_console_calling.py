"""On the caregivers' page: who is called and with what result, what happens next, what is laid aside, how it went."""

import re
from dataclasses import replace
from typing import Any

from playwright.async_api import Browser, Page, expect

from alerts.alarm import Outcome
from alerts.findings import Change, Condition, Finding, Priority
from tests.services.console_home import HOSTILE, card, look, now_ms, take
from tests.services.console_ward import Ward

VITALS = {"condition": Condition.VITALS, "cause": "spo2_low"}
SITE_DEVICE = {"condition": Condition.DEVICE, "cause": "silent", "priority": Priority.LOW}


def chip(page: Page, alarm: str, *words: str) -> Any:
    found = card(page, alarm).locator(".chip")
    for word in words:
        found = found.filter(has_text=word)
    return found


async def test_who_is_called_by_which_channel_with_what_result(ward: Ward, browser: Browser) -> None:
    ward.status["2"] = 410
    page = await look(browser, ward)
    alarm = await ward.happens()
    call = await ward.called("1")
    await expect(chip(page, alarm, "Mei Chen", "phone")).to_contain_text(re.compile(r"sent \d\d:\d\d:\d\d"))
    await expect(chip(page, alarm, "Mei Chen", "sms")).to_contain_text("failed: answered 410")
    await ward.receipt(call, "delivered")
    await expect(chip(page, alarm, "phone")).to_contain_text("delivered")
    await ward.receipt(call, "read")
    await expect(chip(page, alarm, "phone")).to_have_class(re.compile("chip-read"))
    await page.locator("#language").click()
    await expect(chip(page, alarm, "phone")).to_contain_text("已读")
    await expect(card(page, alarm).locator(".next")).to_contain_text("下一级：林护士（护士长），还有")


async def test_the_next_step_is_counted_down_and_then_taken(hurried: Ward, browser: Browser) -> None:
    page = await look(browser, hurried)
    alarm = await hurried.happens()
    following = card(page, alarm).locator(".next")
    await expect(following).to_have_text(re.compile(r"Next: 林护士 \(head nurse\) in 0:0[0-3]"))
    await expect(chip(page, alarm, "林护士", "phone")).to_be_visible()
    await expect(following).to_have_text(re.compile(r"Called anew: Mei Chen \(nurse\) in (0:[45]\d|1:00)"))
    await take(page, alarm)
    await expect(card(page, alarm).locator(".calling")).to_be_hidden()
    await expect(following).to_have_text(re.compile(r"Rings again in (14:\d\d|15:00)"))


async def test_where_nobody_can_be_called_the_card_says_so(ward: Ward, browser: Browser) -> None:
    without = [replace(carer, contacts=()) for carer in ward.fleet().caregivers]
    ward.registry.replace_fleet(replace(ward.fleet(), caregivers=tuple(without), plans=()))
    page = await look(browser, ward)
    alarm = await ward.happens()
    await expect(card(page, alarm).locator(".next")).to_contain_text("On this console only")
    await expect(card(page, alarm).locator(".calling")).to_be_hidden()


async def test_the_course_is_a_picture_and_a_story(ward: Ward, browser: Browser) -> None:
    page = await look(browser, ward)
    alarm = await ward.happens()
    await ward.receipt(await ward.called("1"), "delivered")
    await ward.desk.acknowledge(alarm, "lin", now_ms())
    await card(page, alarm).locator(".more summary").click()
    stations = card(page, alarm).locator(".station")
    await expect(stations).to_have_count(8)
    names = ["Device time", "Received", "Detected", "Journalled", "Sent", "Delivered", "Taken", "Closed"]
    for station, name in zip(await stations.all(), names, strict=True):
        await expect(station.locator("b")).to_have_text(name)
    await expect(stations.nth(1).locator(".leg")).to_have_text(re.compile(r"\+ 1\.\d s"))
    await expect(stations.nth(6).locator(".leg")).to_be_visible()
    await expect(stations.nth(7)).to_have_class(re.compile("to-come"))
    course = card(page, alarm).locator(".course li")
    await expect(course.first).to_contain_text("raised")
    await expect(course.nth(1)).to_contain_text(re.compile("Mei Chen called by (phone: delivered|sms: )"))
    await expect(course.last).to_contain_text("taken by 林护士")


async def test_an_alarm_is_laid_aside_for_a_time_its_priority_allows_and_put_back(ward: Ward, browser: Browser) -> None:
    alarm = await ward.happens("bracelet-1", priority=Priority.HIGH, **VITALS)
    page, other = await look(browser, ward), await look(browser, ward, "zh-CN")
    await card(page, alarm).locator(".shelve").click()
    await page.locator("#who-dialog .choice", has_text="林护士").click()
    dialog = page.locator("#shelf-dialog")
    await expect(dialog.locator(".span-choice")).to_have_count(4)
    await expect(dialog.locator(".span-choice").last).to_contain_text("2 h")
    await expect(dialog.locator(".most")).to_have_text("High priority: 2 h at most.")
    await dialog.locator(".span-choice", has_text="1 h").click()
    await dialog.locator("[name=reason]").fill("Sensor <b>changed</b>")
    await dialog.locator(".primary").click()
    for screen in (page, other):
        row = screen.locator(f'#group-shelved .shelf-row[data-alarm="{alarm}"]')
        await expect(row.locator(".closed-note")).to_have_text("Sensor <b>changed</b>")
        await expect(row).to_contain_text("林护士")
        await expect(screen.locator(".card")).to_have_count(0)
    await expect(page.locator(".shelf-left")).to_have_text(re.compile(r"(59 min \d\d s|1 h 0 min) left"))
    await expect(other.locator(".shelf-left")).to_have_text(re.compile("还剩 "))
    kept = await ward.desk.alarm(alarm)
    assert kept.shelved_by == "lin"
    assert abs((kept.shelved_until_ms or 0) - now_ms() - 3_600_000) < 20_000

    await other.locator(".shelf-row .back").click()
    await other.locator("#who-dialog .choice", has_text="Mei").click()
    for screen in (page, other):
        await expect(card(screen, alarm)).to_have_class(re.compile("waiting"))
        await expect(screen.locator("#group-shelved")).to_be_hidden()


async def test_an_end_of_ones_own_and_closing_from_the_shelf(ward: Ward, browser: Browser) -> None:
    alarm = await ward.happens("b-1", **SITE_DEVICE)
    page = await look(browser, ward)
    await card(page, alarm).locator(".shelve").click()
    await page.locator("#who-dialog .choice", has_text="林护士").click()
    dialog = page.locator("#shelf-dialog")
    await expect(dialog.locator(".span-choice")).to_have_count(9)
    day = await page.evaluate(
        "() => { const t = new Date(Date.now() + 864e5 - new Date().getTimezoneOffset() * 6e4);"
        " return t.toISOString().slice(0, 16); }"
    )
    await dialog.locator("[name=until]").fill(day)
    await expect(dialog.locator(".span-choice input:checked")).to_have_count(0)
    await dialog.locator(".primary").click()
    row = page.locator(".shelf-row")
    await expect(row).to_be_visible()
    assert abs(((await ward.desk.alarm(alarm)).shelved_until_ms or 0) - now_ms() - 86_400_000) < 90_000
    await row.locator(".close").click()
    await page.locator("#outcome-dialog").get_by_text("Test", exact=True).click()
    await page.locator("#outcome-dialog .primary").click()
    await expect(page.locator(f'.closed-row[data-alarm="{alarm}"]')).to_be_visible()
    await expect(row).to_have_count(0)
    assert (await ward.desk.alarm(alarm)).outcome == Outcome.TEST


async def test_a_press_and_a_fall_have_nothing_to_lay_them_aside(ward: Ward, browser: Browser) -> None:
    page = await look(browser, ward)
    fall = await ward.happens()
    press = await ward.happens("bracelet-2", "press", condition=Condition.SOS)
    for alarm in (fall, press):
        await expect(card(page, alarm).locator(".take")).to_be_visible()
        await expect(card(page, alarm).locator(".shelve")).to_be_hidden()


async def test_a_silent_device_makes_its_alarm_unknown_and_never_over(ward: Ward, browser: Browser) -> None:
    page = await look(browser, ward)
    alarm = await ward.happens("mat-1", "bed_exit", condition=Condition.BED, priority=Priority.MEDIUM)
    silent = await ward.happens("mat-1", **SITE_DEVICE)
    await expect(card(page, alarm).locator(".mark.unknown")).to_have_text(
        re.compile(r"Device silent since .*: not known whether it still holds")
    )
    await expect(card(page, alarm).locator(".take")).to_be_visible()
    await expect(card(page, silent)).to_be_visible()


async def test_cards_out_of_view_ask_nothing(ward: Ward, browser: Browser) -> None:
    many = [
        Finding(4 + i, Condition.BED, "restless", Change.BEGAN, Priority.LOW, now_ms(), now_ms()) for i in range(120)
    ]
    await ward.desk.record(many, ward.devices, now_ms(), now_ms())
    page = await look(browser, ward)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/plan") else None)
    await page.reload()
    await expect(page.locator("#group-low .card")).to_have_count(50)
    await expect(page.locator("#group-low .card .next:visible").first).to_contain_text("林护士")
    assert 0 < len(set(asked)) < 20
    assert HOSTILE not in "".join(asked)
