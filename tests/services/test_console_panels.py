"""On the caregivers' page: drills, who is on duty, contacts, silent devices, and figures."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from alerts.alarm import Outcome
from alerts.findings import Change, Condition, Finding, Priority
from service.proof_watch import send_test
from tests.services.console_home import HOSTILE, Home, card, look, now_ms, take
from tests.services.console_ward import Ward


async def choose_me(page: Page, name: str = "林护士") -> None:
    await page.locator("#who-dialog .choice", has_text=name).click()


async def test_a_drill_is_begun_seen_everywhere_and_ended(ward: Ward, browser: Browser) -> None:
    page, other = await look(browser, ward), await look(browser, ward, "zh-CN")
    real = await ward.happens("bracelet-1", "press", condition=Condition.SOS)
    await page.locator("[data-view=duty]").click()
    await page.locator("#drill-open").click()
    await choose_me(page)
    dialog = page.locator("#drill-dialog")
    await expect(dialog).to_contain_text("real emergencies too")
    await dialog.locator("[name=site]").select_option("garden")
    await dialog.locator("[name=minutes]").select_option("60")
    await dialog.locator(".primary").click()
    band = page.locator(".banner-drill")
    await expect(band.locator("strong")).to_have_text("DRILL at Garden 花园")
    await expect(page.locator("#announcer")).to_have_text("DRILL at Garden 花园")
    await expect(band.locator(".detail").first).to_have_text(re.compile(r"(59:\d\d|1:00:00) left, until .*林护士"))

    drilled = await ward.happens("bracelet-2")
    await expect(page.locator(f'#group-drill .card.drilled[data-alarm="{drilled}"]')).to_have_count(1)
    await expect(card(other, drilled).locator(".mark.drill")).to_have_text("演练")
    # Another screen learns of it with the drill's first alarm at the latest; what is real stands first.
    await expect(other.locator(".banner-drill strong")).to_have_text("演练中：Garden 花园")
    await expect(other.locator(".card")).to_have_count(2)
    shown = [await each.get_attribute("data-alarm") for each in await other.locator(".card").all()]
    assert shown == [real, drilled]

    await band.locator("button").click()
    await expect(band).to_have_count(0)
    assert await ward.desk.drills(now_ms()) == []
    after = await ward.happens("mat-1", "bed_exit", condition=Condition.BED)
    await expect(page.locator(f'#group-high .card[data-alarm="{after}"]')).to_have_count(1)


async def test_what_waits_is_told_on_every_view_with_the_way_back(ward: Ward, browser: Browser) -> None:
    page = await look(browser, ward)
    await page.locator("[data-view=figures]").click()
    await expect(page.locator("#figures")).to_be_visible()
    await expect(page.locator(".banner-waiting")).to_be_hidden()
    await ward.happens()
    await ward.happens("mat-1", "bed_exit", condition=Condition.BED, priority=Priority.MEDIUM)
    await expect(page.locator(".banner-waiting")).to_contain_text("2 alarms wait for someone")
    await expect(page.locator(".banner-waiting")).to_contain_text("Most urgent: High")
    await expect(page.locator("#waiting-count")).to_have_text("2")
    await page.reload()
    await expect(page.locator("#figures")).to_be_visible()
    await page.locator(".banner-waiting button").click()
    await expect(page.locator(".card")).to_have_count(2)
    await expect(page.locator(".banner-waiting")).to_be_hidden()
    await page.go_back()
    await expect(page.locator("#figures")).to_be_visible()


async def test_who_is_on_duty_until_when_and_a_swap(ward: Ward, browser: Browser) -> None:
    page = await look(browser, ward)
    await page.locator("[data-view=duty]").click()
    await page.locator("#duty-site").select_option("garden")
    mei = page.locator('#on-duty .duty-row[data-caregiver="mei"]')
    await expect(mei).to_contain_text("nurse")
    await expect(mei.locator(".duty-when")).to_have_text(re.compile(r"until .*\d\d:\d\d"))
    await expect(page.locator('#on-duty [data-caregiver="hu"] .unreached')).to_have_text("no channel reaches them")
    await expect(page.locator('#on-duty [data-caregiver="lin"] .duty-when')).to_have_text("always")
    await expect(page.locator('#on-duty [data-caregiver="lin"] button')).to_have_count(0)
    await expect(page.locator("#next-duty .duty-row")).to_have_count(2)

    await mei.get_by_role("button", name="Swap").click()
    await choose_me(page)
    dialog = page.locator("#swap-dialog")
    await expect(dialog.locator(".about")).to_contain_text("In place of Mei Chen")
    options = await dialog.locator("option").all_text_contents()
    assert not any("王小明" in one for one in options), "a relative does not stand in for a nurse"
    await dialog.locator("select").select_option("wang")
    await dialog.locator(".primary").click()
    wang = page.locator('#on-duty .duty-row[data-caregiver="wang"]')
    await expect(wang).to_contain_text(HOSTILE)
    await expect(wang.locator(".mark").first).to_have_text("for Mei Chen")
    await expect(mei).to_have_count(0)
    (noted,) = ward.registry.noted_swaps()
    assert (noted.swap.absent, noted.swap.stand_in, noted.by) == ("mei", "wang", "lin")
    assert abs(noted.swap.day - datetime.now(UTC).date()) <= timedelta(1)
    assert await page.locator("main img").count() == 0

    await wang.get_by_role("button", name="Undo").click()
    await expect(mei).to_be_visible()
    assert ward.registry.noted_swaps() == []


async def test_contacts_say_whether_they_were_proven(ward: Ward, browser: Browser) -> None:
    ward.status["3"] = 410
    ward.proofs.keep(ward.roster().recipients(), now_ms() - 30 * 86_400_000)
    for contact in ward.roster().recipients():
        if contact.channel == "phone":
            await send_test(ward.proofs, ward.channels[0], contact, now_ms(), now_ms)
    page = await look(browser, ward)
    await page.locator("[data-view=duty]").click()
    rows = page.locator("#contacts tbody tr")
    await expect(rows.filter(has_text="Mei Chen").filter(has_text="phone").locator(".proof")).to_have_text("proven")
    await expect(rows.filter(has_text="林护士")).to_contain_text("answered 410")
    await expect(rows.filter(has_text="林护士").locator(".proof")).to_have_text("never proven")
    await expect(rows.first.locator(".proof")).to_have_text("never proven")
    await expect(rows.last.locator(".proof")).to_have_text("proven")
    await page.locator("#language").click()
    await expect(rows.last.locator(".proof")).to_have_text("已验证")


async def test_silent_devices_of_a_site(ward: Ward, browser: Browser) -> None:
    ward.falls_silent("mat-1", "bracelet-1")
    page = await look(browser, ward)
    await page.locator("[data-view=duty]").click()
    await page.locator("#duty-site").select_option("garden")
    rows = page.locator("#silent tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.filter(has_text="bracelet-1")).to_contain_text("never")
    await expect(rows.filter(has_text="mat-1")).to_contain_text("bed mat")
    await expect(rows.filter(has_text="mat-1")).to_contain_text("Room 201")
    await expect(rows.filter(has_text="mat-1")).to_contain_text("one alarm of its site")
    await page.locator("#duty-site").select_option("hill")
    await expect(page.locator("#silent-none")).to_have_text("All devices are heard.")


async def test_figures_of_sites_caregivers_and_answers(ward: Ward, browser: Browser) -> None:
    now = now_ms()
    for at in range(12):
        finding = Finding(3 + at, Condition.DEVICE, "silent", Change.BEGAN, Priority.LOW, now - 400_000, now - 400_000)
        await ward.desk.record([finding], ward.devices, now - 400_000, now - 400_000 + at)
    names = []
    for at, cause in enumerate(("spo2_low", "heart_rate_high")):
        finding = Finding(0, Condition.VITALS, cause, Change.BEGAN, Priority.HIGH, now - 300_000, now - 300_000)
        (raised,) = await ward.desk.record([finding], ward.devices, now - 300_000, now - 300_000)
        await ward.desk.acknowledge(raised.alarm.alarm, "mei", now - 300_000 + (30_000, 150_000)[at])
        names.append(raised.alarm.alarm)
    await ward.desk.resolve(names[0], "mei", Outcome.TRUE, "", now - 100_000)
    await ward.desk.resolve(names[1], "mei", Outcome.FALSE, "", now - 100_000)
    page = await look(browser, ward)
    await page.locator("[data-view=figures]").click()
    answered = page.locator("#answered .answered")
    await expect(answered.first).to_contain_text("within 1 min50 % (1 of 2)practice: 97.5 %")
    await expect(answered.first.locator(".bar-chart")).to_have_class(re.compile("bad"))
    await expect(answered.last).to_contain_text("100 % (2 of 2)practice: 99 %")
    site = page.locator("#site-load tbody tr").filter(has_text="Hill")
    await expect(site).to_contain_text("<img src=x")
    await expect(site.locator(".bar-chart.bad")).to_have_count(2)
    await expect(page.locator("#site-load tbody tr").filter(has_text="Garden")).to_contain_text("50 % of 2")
    mei = page.locator("#caregiver-load tbody tr").filter(has_text="Mei Chen")
    await expect(mei).to_contain_text("1 min 30 s")
    await expect(page.locator("#causes .cause-row").first).to_contain_text("Nothing heard12")
    drawing = page.locator("#legs svg")
    await expect(drawing).to_have_attribute("aria-label", re.compile(r"raised to taken half within 1 min 30 s"))
    await page.locator("#figures-site").select_option("garden")
    await expect(page.locator("#site-load tbody tr")).to_have_count(1)
    await page.locator("#figures-period button").first.click()
    await expect(page.locator("#figures-period button").first).to_have_attribute("aria-pressed", "true")
    await page.locator("#language").click()
    await expect(answered.first).to_contain_text("行业目标：97.5 %")
    assert await page.locator("main img").count() == 0


async def test_a_house_that_keeps_none_of_it_says_so(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    await page.locator("[data-view=duty]").click()
    await expect(page.locator("#duty-failed")).to_contain_text("It could not be loaded")
    await expect(page.locator("#contacts-none")).to_contain_text("It could not be loaded")
    await page.locator("[data-view=figures]").click()
    await expect(page.locator("#figures-failed")).to_contain_text("It could not be loaded")


async def test_thousands_of_open_alarms_stay_usable_beside_calling(ward: Ward, browser: Browser) -> None:
    causes = [f"cause_{i}" for i in range(20)]
    for cause in causes:
        many = [
            Finding(4 + i, Condition.BED, cause, Change.BEGAN, Priority.LOW, now_ms(), now_ms()) for i in range(499)
        ]
        await ward.desk.record(many, ward.devices, now_ms(), now_ms())
    page = await look(browser, ward)
    await expect(page.locator("#group-low .count")).to_have_text(str(20 * 499))
    alarm = await ward.happens()
    began = time.monotonic()
    await take(page, alarm)
    await expect(card(page, alarm).locator(".state")).to_contain_text("has taken it")
    assert time.monotonic() - began < 5
    await expect(page.locator("#group-low .card")).to_have_count(50)


@pytest.mark.parametrize("view", ["alarms", "duty", "figures"])
@pytest.mark.parametrize("width", [390, 820, 1280])
async def test_nothing_is_cut_off(ward: Ward, browser: Browser, width: int, view: str) -> None:
    await ward.desk.begin_drill("hill", "lin", now_ms() + 60_000, now_ms())
    await ward.happens("bracelet-2", "spo2_low", condition=Condition.VITALS)
    await ward.happens("b-1", "silent", condition=Condition.DEVICE, priority=Priority.LOW)
    aside = await ward.happens("mat-1", "bed_exit", condition=Condition.BED, priority=Priority.MEDIUM)
    await ward.desk.shelve(aside, "lin", now_ms() + 600_000, "Reason " + "x" * 100, now_ms())
    ward.falls_silent("mat-1")
    page = await look(browser, ward)
    await page.set_viewport_size({"width": width, "height": 844})
    await page.locator(f"[data-view={view}]").click()
    await expect(page.locator(".banner-drill")).to_be_visible()
    if view == "alarms":
        await page.locator("#group-high .card .more summary").click()
        await expect(page.locator(".station")).to_have_count(8)
    if view == "duty":
        await expect(page.locator("#on-duty .duty-row").first).to_be_visible()
    if view == "figures":
        await expect(page.locator("#site-load tbody tr").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_keyboard_is_enough(ward: Ward, browser: Browser) -> None:
    page = await look(browser, ward)
    alarm = await ward.happens("bracelet-1", "spo2_low", condition=Condition.VITALS)
    await card(page, alarm).locator(".shelve").focus()
    await page.keyboard.press("Enter")
    await page.locator("#who-dialog .choice").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#shelf-dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#shelf-dialog")).to_be_hidden()
    await expect(card(page, alarm).locator(".shelve")).to_be_focused()
    await page.locator("[data-view=duty]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#duty")).to_be_visible()
    button = page.locator("#on-duty button").first
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#swap-dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
