"""Whether everybody can use the caregivers' page: axe-core over all its states, and what no rule of it sees.

axe-core is Deque's (MPL-2.0); the package axe-playwright-python brings it. Nothing of it is in this repository.
"""

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from alerts.alarm import Outcome
from alerts.findings import Condition, Priority
from tests.services.console_home import HOSTILE, Home, card, look, now_ms
from tests.services.console_states import Night, busy, lost, quiet
from tests.services.console_ward import Ward

#: Each state is one run of axe, which takes a second, and several on a busy machine.
pytestmark = pytest.mark.timeout(900)

#: Nobody else is called while the test goes on, however slow the machine.
UNMOVED = "nurse wait 9000 9000 9000 | head_nurse wait 9000 9000 9000"
#: WCAG 2.2, levels A and AA, and what axe calls best practice; three of its rules have to be asked for by name.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {
        "target-size": {"enabled": True},  # 24 by 24 pixels (WCAG 2.2, 2.5.8)
        "label-content-name-mismatch": {"enabled": True},
        "focus-order-semantics": {"enabled": True},
    },
    "resultTypes": ["violations"],
}
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
#: What a screen of 1280 by 800 shows when everything is enlarged to 200 %.
ENLARGED = {"width": 640, "height": 400}
#: The narrowest at which nothing may have to be scrolled sideways (WCAG 2.2, 1.4.10).
NARROWEST = {"width": 320, "height": 640}
#: Where the focus is, in words, or that it is nowhere; and whether it is covered by something that stays in place.
FOCUS = """() => {
  const on = document.activeElement;
  if (on === document.body) return "nowhere";
  const { left, top, width, height } = on.getBoundingClientRect();
  const above = document.elementFromPoint(left + width / 2, Math.min(top + height / 2, top + 20));
  const name = on.tagName.toLowerCase() + (on.id && "#" + on.id) + (on.classList.length ? "." + on.classList[0] : "");
  // What came in above it may have pushed it down in between: out of sight, yet not behind anything.
  return above === null || on.contains(above) || above.contains(on) ? name : name + " covered";
}"""

#: The focus is in it, or nowhere on the page: at the browser's own buttons.
INSIDE = "name => document.activeElement === document.body || document.activeElement.closest(name) !== null"
#: How much of the screen is covered by what stays when the page is scrolled.
COVERED = """() => {
  const staying = (one) => getComputedStyle(one).position === "sticky";
  const stays = [...document.querySelectorAll("#bands, .banner")].filter(staying);
  return stays.reduce((sum, one) => sum + one.getBoundingClientRect().height, 0) / innerHeight;
}"""
#: What axe has to find.
SPOIL = """() => {
  const spoilt = (tag, style, wishes = {}) => Object.assign(document.createElement(tag), { style, ...wishes });
  const tiny = "padding: 0; border: 0; width: 9px; height: 9px";
  document.querySelector("main").prepend(
    spoilt("img", "", { src: "/console/mark.svg" }),
    spoilt("button", tiny, { ariaLabel: "a" }), spoilt("button", tiny));
  document.querySelector(".brand small").style = "color: #777; background: #888";
  scrollTo(0, 0); // what something else lies over is not judged
}"""


class Audit:
    """axe-core on a page, state by state."""

    def __init__(self) -> None:
        self._axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
        self.states: list[str] = []
        self.found: list[str] = []

    async def look_at(self, page: Page, state: str) -> None:
        """Note every violation of a rule on the page as it stands; of a dialog, which alone can be reached then."""
        self.states.append(state)
        if not await page.evaluate("'axe' in window"):
            await page.evaluate(self._axe)
        told = await page.evaluate("rules => axe.run(document.querySelector('dialog[open]') ?? document, rules)", RULES)
        self.found += [
            f"{state}: {rule['id']} at {node['target']}: {node['failureSummary']}"
            for rule in told["violations"]
            for node in rule["nodes"]
        ]


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    ward = Ward(tmp_path, UNMOVED)
    await ward.start()
    yield Night(ward)
    await ward.stop()
    ward.close()


@pytest.mark.parametrize(
    ("locale", "scheme", "viewport"), [("en-GB", "light", WIDE), ("zh-CN", "dark", NARROW)], ids=["day", "night"]
)
async def test_axe_finds_nothing_in_any_state(
    night: Night, browser: Browser, locale: str, scheme: str, viewport: dict[str, int]
) -> None:
    page = await look(browser, night.ward, locale, color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
    audit = Audit()
    async for state in quiet(page):
        await audit.look_at(page, state)
    await night.happens()
    async for state in busy(page, night):
        await audit.look_at(page, state)
    await night.ward.stop()
    async for state in lost(page, night):
        await audit.look_at(page, state)
    assert audit.found == []
    assert len(audit.states) == 15

    # It does see what is wrong.
    await page.evaluate(SPOIL)
    await audit.look_at(page, "spoilt")
    rules = {words.split(": ")[1].split(" at ")[0] for words in audit.found}
    assert rules >= {"image-alt", "color-contrast", "target-size", "button-name"}


async def pressed(page: Page, key: str = "Tab") -> str:
    """Where the focus is after a key; it is never covered by what stays in place when the page is scrolled."""
    await page.keyboard.press(key)
    where: str = await page.evaluate(FOCUS)
    assert "covered" not in where, where
    return where


async def tabbed_to(page: Page, wanted: str) -> None:
    """Press Tab until an element has the focus."""
    passed = []
    for _ in range(40):
        passed.append(await pressed(page))
        if await page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    pytest.fail(f"Tab does not come to {wanted}, but to {passed}")


@pytest.mark.parametrize("viewport", [WIDE, NARROW, ENLARGED], ids=["wide", "telephone", "enlarged"])
async def test_an_alarm_is_found_taken_and_closed_by_keys_alone(
    night: Night, browser: Browser, viewport: dict[str, int]
) -> None:
    await night.ward.happens("bracelet-2", "press", condition=Condition.SOS)
    alarm = await night.ward.happens()  # above the press: of two falls and presses the newest
    page = await look(browser, night.ward, viewport=viewport)
    await expect(page.locator(".card")).to_have_count(2)
    assert await pressed(page) == "a.skip"
    assert await pressed(page, "Enter") == "div#alarms.view"
    await tabbed_to(page, f'.card[data-alarm="{alarm}"] .take')
    await page.keyboard.press("Enter")
    who = page.locator("#who-dialog")
    await expect(who).to_be_visible()
    # Nothing behind a dialog can be reached while it is open; leaving it leads back to where it was opened.
    for _ in range(8):
        await page.keyboard.press("Tab")
        assert await page.evaluate(INSIDE, "#who-dialog")
    await page.keyboard.press("Escape")
    await expect(card(page, alarm).locator(".take:not([aria-busy])")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(who.locator(".choice").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(card(page, alarm).locator(".state")).to_contain_text("林护士 has taken it")
    await expect(card(page, alarm).locator(".close")).to_be_focused()

    await page.keyboard.press("Enter")
    await expect(page.locator("#outcome-dialog input").first).to_be_focused()
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(card(page, alarm)).to_have_count(0)
    await expect(page.locator(".card")).to_be_focused()  # the other alarm
    await tabbed_to(page, ".close")
    await page.keyboard.press("Enter")
    await expect(page.locator("#outcome-dialog")).to_be_visible()
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(page.locator(".card")).to_have_count(0)
    await expect(page.locator("#alarms")).to_be_focused()  # no alarm is left


async def test_the_focus_stays_with_what_was_pressed(night: Night, browser: Browser) -> None:
    await night.ward.happens()
    page = await look(browser, night.ward)
    await page.locator(".banner-mute button").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".banner-mute")).to_be_hidden()
    await expect(page.locator("#alarms")).to_be_focused()
    sound = page.locator("#sound")
    await sound.focus()
    await page.keyboard.press("Enter")
    await expect(sound).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("#pauses button").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#sound-menu")).to_be_hidden()
    await expect(sound).to_be_focused()

    await page.locator("[data-view=figures]").focus()
    await page.keyboard.press("Enter")
    week = page.locator("#figures-period button").last
    await week.focus()
    await page.keyboard.press("Enter")
    await expect(week).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#figures-period [aria-pressed=true]")).to_have_count(1)
    await expect(week).to_be_focused()
    await page.locator(".banner-waiting button").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#alarms")).to_be_visible()
    await expect(page.locator("#alarms")).to_be_focused()


async def test_what_is_new_is_read_aloud_and_only_the_urgent_interrupts(home: Home, browser: Browser) -> None:
    page = await look(browser, home)
    urgent, other = page.locator("#announcer"), page.locator("#news")
    await expect(urgent).to_have_attribute("role", "alert")
    await expect(other).to_have_attribute("role", "status")
    await home.happens("mat-1", "bed_exit", condition=Condition.BED, priority=Priority.MEDIUM)
    await expect(other).to_have_text("Medium priority: Left the bed, 王桂兰, Room 201")
    await expect(urgent).to_have_text("")
    await home.happens("bracelet-1", "press", condition=Condition.SOS)
    pressed_words = "High priority: Pressed the emergency button, 王桂兰, Room 201"
    await expect(urgent).to_have_text(pressed_words)
    await urgent.locator("p").evaluate("said => said.classList.add('heard')")
    alarm = (await home.desk.open_alarms())[-1].alarm
    await home.desk.resolve(alarm, "lin", Outcome.TRUE, "", now_ms())
    await home.happens("bracelet-1", "press", condition=Condition.SOS)
    await expect(urgent.locator("p:not(.heard)")).to_have_text(pressed_words)  # the same words, said again
    # The line is lost: said once, not with every second that the banner counts.
    await home.stop()
    await expect(urgent).to_have_text("Not connected. Alarms may be missing.")
    await urgent.locator("p").evaluate("said => said.classList.add('heard')")
    counted = await page.locator(".banner-lost .detail").text_content()
    await expect(page.locator(".banner-lost .detail")).not_to_have_text(str(counted))
    await expect(urgent.locator("p.heard")).to_have_count(1)
    assert await page.locator(".banner-lost").evaluate("node => node.closest('[role=alert], [aria-live]') === null")


async def test_what_failed_stays_until_it_is_read(home: Home, browser: Browser) -> None:
    alarm = await home.happens()
    page = await look(browser, home)
    take = card(page, alarm).locator(".take")
    await take.click()
    await expect(page.locator("#who-dialog")).to_be_visible()
    await home.stop()
    await expect(page.locator(".banner-lost")).to_be_visible()
    await page.locator("#who-dialog .choice").first.click()
    note = page.locator(".toast.problem")
    await expect(note).to_contain_text("Nothing was changed")
    await expect(page.locator("#announcer")).to_contain_text("Nothing was changed")
    await note.locator("button").focus()
    await page.keyboard.press("Enter")
    await expect(note).to_have_count(0)
    await expect(take).to_be_focused()


async def test_each_language_says_which_it_is(home: Home, browser: Browser) -> None:
    page = await look(browser, home, "zh-CN")
    for tag, other in (("zh-CN", "en"), ("en", "zh-CN")):
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await expect(page.locator("#language")).to_have_attribute("lang", other)
        await page.locator("#language").click()


async def test_nothing_moves_for_those_who_ask_for_it(home: Home, browser: Browser) -> None:
    moving = {}
    alarm = await home.happens()
    for wish in ("no-preference", "reduce"):
        page = await look(browser, home, reduced_motion=wish)
        await expect(card(page, alarm)).to_be_visible()
        moving[wish] = await page.evaluate("document.getAnimations().length")
    assert moving["no-preference"] > 0
    assert moving["reduce"] == 0


@pytest.mark.parametrize("viewport", [NARROWEST, ENLARGED], ids=["narrowest", "enlarged"])
async def test_enlarged_nothing_is_lost_or_scrolled_sideways(
    night: Night, browser: Browser, viewport: dict[str, int]
) -> None:
    await night.happens()
    page = await look(browser, night.ward, viewport=viewport)
    async for state in busy(page, night):
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], state
        for dialog in await page.locator("dialog[open]").all():
            assert await dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth"), state
        # Over the page that is scrolled nothing stays that covers more than a third of it.
        covered = await page.evaluate(COVERED)
        assert covered < 1 / 3, state
    assert HOSTILE in await page.locator("body").text_content()  # the longest names there are were shown
