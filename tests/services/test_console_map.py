"""Wandering on the caregivers' page: where somebody is in words and on a drawing that follows, and outings."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from alerts.findings import Change, Condition, Finding, Priority
from tests.services.console_home import LAT, LON, Home, card, look, now_ms

#: A degree of latitude there, near enough.
DEGREE_M = 110_990.0
LOCATOR = 3


def evidence(north_m: float, age_s: float = 0, **said: Any) -> Any:
    known = {
        "zone": "grounds", "distance_m": round(north_m - 115, 1), "direction": "N",
        "lat_deg": LAT + north_m / DEGREE_M, "lon_deg": LON + north_m / 2e5, "accuracy_m": 15.0, "speed_m_s": 1.1,
        "battery_pct": 40.0, "fix_ms": now_ms() - round(age_s * 1000),
    } | said  # fmt: skip
    return tuple((name, value) for name, value in known.items() if value is not None)


async def wandered(home: Home, north_m: float = 190, cause: str = "left_safe_zone", **said: Any) -> str:
    onset_ms = now_ms() - 90_000
    return await home.happens(
        "loc-1", cause, condition=Condition.GEOFENCE, onset_ms=onset_ms, evidence=evidence(north_m, 60, **said)
    )


async def follows(home: Home, north_m: float, change: Change = Change.WITNESSED, **said: Any) -> None:
    alarm = (await home.desk.open_alarms())[-1]
    told = evidence(north_m, **said)
    finding = Finding(LOCATOR, alarm.condition, alarm.cause, change, Priority.HIGH, alarm.onset_ms, now_ms(), told)
    assert await home.desk.record([finding], home.devices, now_ms(), now_ms())


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", r"^240 m outside grounds, to the north, accuracy 15 m, \d+ s ago, walking 1\.1 m/s, battery 40\s%$"),
        ("zh-CN", r"^在 grounds 北面，边界外 240 米，精度 15 米，\d+ 秒前，步行 1\.1 米/秒，电量 40\s%$"),
    ],
)
async def test_where_somebody_is_stands_there_in_words(home: Home, browser: Browser, locale: str, words: str) -> None:
    alarm = await wandered(home)
    page = await look(browser, home, locale)
    await follows(home, 355)
    sentence = card(page, alarm).locator(".sentence")
    await expect(sentence).to_have_text(re.compile(words))
    before = await sentence.text_content()
    await expect(sentence).not_to_have_text(str(before))  # it ages
    await expect(card(page, alarm).locator(".evidence")).to_be_hidden()


async def test_the_drawing_is_open_and_follows(home: Home, browser: Browser) -> None:
    alarm = await wandered(home)
    page = await look(browser, home)
    drawing = card(page, alarm).locator("svg.terrain")
    await expect(drawing).to_be_visible()
    await expect(drawing.locator(".zone")).to_have_count(2)
    await expect(drawing.locator(".zone-name")).to_have_text(["grounds", "pond (keep out)"])
    await expect(drawing.locator(".north, .scale, .accuracy, .person")).to_have_count(4)
    await expect(drawing.locator(".fix")).to_have_count(0)
    code = card(page, alarm).locator(".map-links code")
    seen = await code.text_content()
    for north_m in (260, 330):
        await follows(home, north_m)
    await expect(drawing.locator(".fix")).to_have_count(2)
    await expect(code).not_to_have_text(str(seen))
    await expect(code).to_have_text(f"{LAT + 330 / DEGREE_M:.6f}, {LON + 330 / 2e5:.6f}")
    # North is above, and the scale is that of the drawing.
    places = await drawing.evaluate(
        """svg => {
          const [fixes, person] = [svg.querySelectorAll(".fix"), svg.querySelector(".person")];
          const y = (node) => Number(node.getAttribute("cy"));
          const bar = svg.querySelector(".scale");
          return [y(fixes[1]) - y(person), Number(bar.querySelector("path").getAttribute("d").match(/H([\\d.]+)/)[1]),
                  bar.textContent];
        }"""
    )
    pixels_a_metre = places[1] / float(places[2].removesuffix(" m"))
    assert places[0] == pytest.approx(70 * pixels_a_metre, abs=1.5)


async def test_links_lead_elsewhere_only_when_asked_and_speak_the_maps_coordinates(
    home: Home, browser: Browser
) -> None:
    alarm = await wandered(home)
    page = await look(browser, home)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    links = card(page, alarm).locator(".map-links a")
    app, amap = links.nth(0), links.nth(1)
    await expect(app).to_have_attribute("href", re.compile(r"^geo:36\.64\d{4},117\.96\d{4};u=15$"))
    await expect(amap).to_have_attribute(
        "href", re.compile(r"^https://uri\.amap\.com/marker\?position=117\.96\d+,36\.64")
    )
    href = str(await amap.get_attribute("href"))
    lon, lat = (float(part) for part in href.partition("=")[2].split(","))
    # GCJ-02 lies some 500 m from WGS-84 there.
    assert 0.004 < lon - (LON + 190 / 2e5) < 0.008
    assert lat != pytest.approx(LAT + 190 / DEGREE_M, abs=1e-4)
    assert not [url for url in asked if not url.startswith(home.url)]


async def test_coordinates_are_copied(home: Home, browser: Browser) -> None:
    alarm = await wandered(home)
    page = await look(browser, home, permissions=["clipboard-read", "clipboard-write"])
    copy = card(page, alarm).locator(".map-links button")
    await copy.click()
    await expect(copy).to_have_text("Copied")
    place = await card(page, alarm).locator(".map-links code").text_content()
    assert await page.evaluate("navigator.clipboard.readText()") == place


async def test_who_is_back_is_told_so(home: Home, browser: Browser) -> None:
    alarm = await wandered(home)
    page = await look(browser, home)
    await follows(home, 60, Change.ENDED)
    await expect(card(page, alarm).locator(".sentence")).to_contain_text("Back in grounds, 55 m from its edge")
    await expect(card(page, alarm).locator(".mark.returned")).to_be_visible()


async def test_who_is_lost_or_in_a_pond_is_told_so(home: Home, browser: Browser) -> None:
    lost = await wandered(home, cause="lost_near_edge", zone=None, distance_m=None, direction=None, unheard_s=1800)
    pond = await wandered(home, cause="entered_forbidden_zone", zone="pond", distance_m=-12.0)
    page = await look(browser, home)
    await expect(card(page, lost).locator(".sentence")).to_contain_text("Last known position, accuracy 15 m")
    await expect(card(page, lost).locator(".evidence")).to_contain_text("No usable position for")
    await expect(card(page, pond).locator(".sentence")).to_contain_text("In pond, 12 m from its edge")
    await expect(card(page, pond).locator(".company")).to_be_hidden()


async def test_an_alarm_without_a_position_has_no_map(home: Home, browser: Browser) -> None:
    alarm = await home.happens()
    page = await look(browser, home)
    await expect(card(page, alarm)).to_be_visible()
    await expect(card(page, alarm).locator(".map")).to_be_hidden()


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_drawing_fits_the_screen(home: Home, browser: Browser, width: int) -> None:
    alarm = await wandered(home, north_m=1900)
    page = await look(browser, home)
    await page.set_viewport_size({"width": width, "height": 800})
    await expect(card(page, alarm).locator("svg.terrain")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


# ------------------------------------------------------------------ outings


async def as_lin(page: Page) -> None:
    await page.locator("#who-dialog .choice", has_text="林护士").click()


async def test_an_outing_is_noted_from_the_alarm_and_ended_from_the_list(home: Home, browser: Browser) -> None:
    alarm = await wandered(home)
    page = await look(browser, home)
    await expect(page.locator("#outings-none")).to_have_text("Nobody is out in company.")
    await card(page, alarm).locator(".company").click()
    await as_lin(page)
    dialog = page.locator("#outing-dialog")
    await expect(dialog.locator("select")).to_have_value("r-1")
    local = await page.evaluate(
        "new Date(Date.now() + 3_600_000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16)"
    )
    await dialog.locator("input[type=datetime-local]").fill(local)
    await dialog.locator(".primary").click()
    row = page.locator('.outing[data-resident="r-1"]')
    await expect(row).to_contain_text("王桂兰 · Room 201")
    await expect(row).to_contain_text("noted by 林护士")
    (outing,) = home.registry.outings()
    assert (outing.resident, outing.by) == ("r-1", "lin")
    assert abs(outing.until_ms - now_ms() - 3_600_000) < 120_000
    await row.locator("button").click()
    await expect(row).to_have_count(0)
    assert home.registry.outings() == []


async def test_an_outing_is_noted_before_anybody_leaves(home: Home, browser: Browser) -> None:
    page = await look(browser, home, "zh-CN")
    await expect(page.locator("#outing-open")).to_have_text("有人外出…")
    await page.locator("#outing-open").click()
    await as_lin(page)
    dialog = page.locator("#outing-dialog")
    await dialog.locator(".primary").click()
    assert home.registry.outings() == [], "nobody was chosen"
    await dialog.locator("select").select_option("r-1")
    await dialog.locator(".primary").click()
    await expect(page.locator(".toast")).to_contain_text("已登记：陪同外出至")
    (outing,) = home.registry.outings()
    assert 0 < outing.until_ms - now_ms() <= 16.5 * 3_600_000
