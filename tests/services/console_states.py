"""Everything the caregivers' page can look like, one state after another: for the audit of its accessibility."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page, expect

from alerts.alarm import Outcome
from alerts.findings import Condition, Priority
from service.api.house import Check, Health
from service.proof_watch import send_test
from service.registry import Outing
from tests.services.console_home import card, now_ms
from tests.services.console_ward import Ward
from tests.services.test_console_falls import fallen
from tests.services.test_console_map import wandered

DAY_MS = 86_400_000
SCORE = (
    ("score", "news2"), ("score_lowest", 5), ("score_highest", 14), ("inputs_known", 3),
    ("heart_rate_bpm", 132.0), ("points_heart_rate_bpm", 3),
)  # fmt: skip


@dataclass
class Night:
    """A ward in which a great deal happens at once; the names of its alarms."""

    ward: Ward
    alarms: dict[str, str] = field(default_factory=dict)

    async def happens(self) -> None:
        """Alarms of each kind, taken and not, laid aside, closed, drilled; contacts proven and not; silent devices."""
        ward, alarms = self.ward, self.alarms
        ward.status["2"] = 410  # one of those called cannot be reached
        ward.proofs.keep(ward.roster().recipients(), now_ms() - 30 * DAY_MS)
        for contact in ward.roster().recipients():
            if contact.channel == "phone":
                await send_test(ward.proofs, ward.channels[0], contact, now_ms(), now_ms)
        ward.falls_silent("mat-1", "bracelet-1")
        alarms["fall"] = await fallen(ward)
        alarms["place"] = await wandered(ward)
        alarms["press"] = await ward.happens("bracelet-2", "press", condition=Condition.SOS)
        alarms["score"] = await ward.happens("mat-1", "early_warning", condition=Condition.VITALS, evidence=SCORE)
        bed: dict[str, Any] = {"condition": Condition.BED, "priority": Priority.MEDIUM}
        alarms["bed"] = await ward.happens("mat-1", "bed_exit", **bed)
        alarms["taken"] = await ward.happens("mat-1", "not_back", **bed)
        await ward.desk.acknowledge(alarms["taken"], "lin", now_ms())
        alarms["aside"] = await ward.happens("mat-1", "still_in_bed", **bed)
        await ward.desk.shelve(alarms["aside"], "lin", now_ms() + 3_600_000, "A new sensor comes", now_ms())
        low: dict[str, Any] = {"condition": Condition.DEVICE, "priority": Priority.LOW}
        for cause in ("battery_low", "not_worn", "sensor_dead"):
            alarms[cause] = await ward.happens("bracelet-1", cause, **low)
        alarms["restless"] = await ward.happens("b-2", "restless", condition=Condition.BED, priority=Priority.LOW)
        for at, outcome in enumerate(Outcome):
            closed = await ward.happens(f"b-{10 + at}", "press", condition=Condition.SOS)
            await ward.desk.resolve(closed, "mei", outcome, "Looked after", now_ms())
        ward.registry.begin_outing(Outing("r-1", now_ms() + 3_600_000, "lin", now_ms()))
        await ward.desk.begin_drill("hill", "lin", now_ms() + 3_600_000, now_ms())
        alarms["drill"] = await ward.happens("b-3", drill=True)
        ward.health = Health(ready=True, checks=(Check("store", ok=False),))


async def quiet(page: Page) -> AsyncIterator[str]:
    """Before anything happens."""
    await expect(page.locator("#quiet")).to_be_visible()
    yield "quiet"


async def busy(page: Page, night: Night) -> AsyncIterator[str]:
    """All that a caregiver may see and be asked while alarms are open."""
    alarms = night.alarms
    await page.evaluate("localStorage.removeItem('shouhu.caregiver')")
    await page.reload()
    await card(page, alarms["fall"]).scroll_into_view_if_needed()
    await expect(card(page, alarms["fall"]).locator(".chip").first).to_be_visible()
    await expect(page.locator(".banner-drill")).to_be_visible()
    await expect(card(page, alarms["place"]).locator("svg.terrain")).to_be_visible()
    yield "alarms"

    fall = card(page, alarms["fall"])
    await fall.locator(".clip summary").click()
    await expect(fall.locator("svg.motion")).to_be_visible()
    await fall.locator(".more summary").click()
    await expect(fall.locator(".station")).to_have_count(8)
    technical = page.locator(".technical")
    await technical.locator("summary").first.click()
    await expect(technical.locator(".card")).to_have_count(3)
    yield "all folds open"
    await fall.locator(".clip summary").click()
    await technical.locator("summary").first.click()

    await fall.locator(".take").click()
    await expect(page.locator("#who-dialog")).to_be_visible()
    yield "who"
    await page.locator("#who-dialog .leave").click()
    await page.evaluate("localStorage.setItem('shouhu.caregiver', 'lin')")

    for name, opener in (
        ("outcome", fall.locator(".close")),
        ("shelf", card(page, alarms["bed"]).locator(".shelve")),
        ("resident", fall.locator(".name-button")),
        ("outing", page.locator("#outing-open")),
        ("missed", page.locator("#missed")),
    ):
        await opener.click()
        dialog = page.locator(f"#{name}-dialog")
        await expect(dialog).to_be_visible()
        if name == "resident":
            await expect(dialog.locator("h3").first).to_be_visible()
        yield name
        await dialog.locator(".leave").click()
        await expect(dialog).to_be_hidden()

    await page.locator("#sound").click()
    await expect(page.locator(".banner-mute")).to_be_hidden()
    await page.locator("#sound").click()
    await expect(page.locator("#sound-menu")).to_be_visible()
    yield "sound"
    await page.locator("#pauses button").first.click()
    await expect(page.locator(".banner-paused")).to_be_visible()

    await page.locator("[data-view=duty]").click()
    await page.locator("#duty-site").select_option("garden")
    await expect(page.locator("#silent tbody tr")).to_have_count(2)
    await expect(page.locator("#on-duty .duty-row").first).to_be_visible()
    yield "duty"
    for name, opener in (("drill", page.locator("#drill-open")), ("swap", page.locator("#on-duty button").first)):
        await opener.click()
        await expect(page.locator(f"#{name}-dialog")).to_be_visible()
        yield name
        await page.locator(f"#{name}-dialog .leave").click()

    await page.locator("[data-view=figures]").click()
    await expect(page.locator("#legs svg")).to_be_visible()
    yield "figures"
    await page.locator("[data-view=alarms]").click()


async def lost(page: Page, night: Night) -> AsyncIterator[str]:
    """The service does not answer any more, and neither does what is asked of it."""
    await expect(page.locator(".banner-lost")).to_be_visible()
    await card(page, night.alarms["taken"]).locator(".close").click()
    await page.locator("#outcome-dialog input").first.check()
    await page.locator("#outcome-dialog .primary").click()
    await expect(page.locator(".toast")).to_be_visible()
    yield "lost"
