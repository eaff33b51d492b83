"""The roster as others ask it: names, addresses, who is on duty, and what it does not call."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from alerts.alarm import Alarm
from alerts.calling.escalation import Plan, Recipient, Skipped, steps_of
from alerts.calling.people import Caregiver, Contact, ResidentCard, Site, Team
from alerts.calling.roster import Book, Roster
from alerts.calling.rota import Holiday, Shift
from alerts.findings import Condition, Priority
from alerts.lifecycle import State
from alerts.notify.contract import Place

NOON_MS = round(datetime(2026, 3, 2, 4, tzinfo=UTC).timestamp() * 1000)  # in Shanghai
WANG = Caregiver("wang", "王", "nurse", "ward", "+86 1", contacts=(("sms", "+86 1"), ("robot", "")))
SON = Caregiver("son", "James", "family", language="en", residents=("lin", "gone"), contacts=(("sms", "+44 2"),))
CENTRE = Caregiver("centre", "C", "centre", contacts=(("pager", "9"),))
BOOK = Book(
    (Site("ward", "病区", time_zone="Europe/Berlin"), Site("street", "S", "home")),
    (ResidentCard("lin", "林秀英", "ward", "1-01"),),
    (WANG, SON, CENTRE),
    channels=["sms", "robot"],
)


def alarm(**more: object) -> Alarm:
    made = Alarm(
        "A", "ward", "button", "lin", Condition.SOS, "press", Priority.HIGH, State.UNACKNOWLEDGED, *[NOON_MS] * 5
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_addresses_and_languages_are_looked_up_and_only_of_channels_that_there_are() -> None:
    roster = Roster(BOOK)
    assert roster.contact("wang", "sms") == Contact("wang", "sms", "+86 1", "zh")
    assert roster.contact("son", "sms") == Contact("son", "sms", "+44 2", "en")
    assert roster.contact("wang", "pager") is None
    assert roster.recipients() == [Recipient("wang", "sms"), Recipient("wang", "robot"), Recipient("son", "sms")]
    assert [roster.sites(one) for one in roster.recipients()] == [["ward"], ["ward"], ["ward"]]
    assert roster.sites(Recipient("centre", "pager")) == ["ward", "street"]
    assert roster.sites(Recipient("nobody", "sms")) == []


def test_names_of_a_place_and_identifiers_for_what_has_none() -> None:
    roster = Roster(BOOK)
    assert roster.place("ward", "lin") == Place("病区", "1-01", "林秀英", "Europe/Berlin")
    assert roster.place("ward", None) == Place("病区", time_zone="Europe/Berlin")
    assert roster.place("moon", "gone") == Place("moon", None, "gone", "Asia/Shanghai")


def test_the_step_after_the_last_is_the_first_of_the_next_round() -> None:
    roster = Roster(replace(BOOK, plans=(Plan("p", steps_of("nurse | family"), site="ward"),)))
    calls = [roster.call(alarm(), step, NOON_MS) for step in range(5)]
    assert [call.step for call in calls] == [0, 1, 2, 3, 4]
    assert [call.to[0].caregiver for call in calls] == ["wang", "son", "wang", "son", "wang"]
    assert {call.next_ms for call in calls} == {NOON_MS + 60_000}


def test_what_is_skipped_is_told_with_its_reason_and_the_step_that_was_begun() -> None:
    call = Roster(BOOK).call(alarm(), 1, NOON_MS)
    assert (call.step, call.to) == (2, (Recipient("son", "sms"),))
    assert call.skipped == (Skipped(1, "nobody_on_duty", "head_nurse"),)
    call = Roster(BOOK).call(alarm(), 8, NOON_MS)
    assert (call.step, call.to[0].caregiver) == (10, "wang")
    assert call.skipped == (Skipped(8, "nobody_on_duty", "doctor"), Skipped(9, "no_channel", "centre"))


def test_a_whole_plan_that_reaches_nobody_is_tried_again_after_a_wait() -> None:
    roster = Roster(replace(BOOK, plans=(Plan("p", steps_of("doctor wait 7 8 9 | centre"), site="ward"),)))
    call = roster.call(alarm(), 4, NOON_MS)
    assert (call.to, call.next_ms) == ((), NOON_MS + 7_000)
    assert call.skipped == (Skipped(4, "nobody_on_duty", "doctor"), Skipped(5, "no_channel", "centre"))
    assert roster.call(alarm(), call.step + 1, NOON_MS).skipped[0] == Skipped(6, "nobody_on_duty", "doctor")


def test_in_order_a_step_is_skipped_only_where_nobody_of_it_can_be_reached() -> None:
    mute = replace(SON, caregiver="daughter", contacts=())
    plans = (Plan("p", steps_of("family in order | nurse"), site="ward"),)
    roster = Roster(replace(BOOK, caregivers=(mute, SON, WANG), plans=plans))
    assert roster.call(alarm(), 0, NOON_MS).to == (Recipient("son", "sms"),)
    assert roster.call(alarm(), 0, NOON_MS).skipped == ()
    nobody = Roster(replace(BOOK, caregivers=(mute, replace(mute, caregiver="son"), WANG), plans=plans))
    call = nobody.call(alarm(), 0, NOON_MS)
    assert (call.step, call.skipped) == (2, (Skipped(0, "no_channel", "family in order"),)), "one step, told once"


def test_a_site_that_nobody_answers_for_calls_nobody_ever() -> None:
    roster = Roster(replace(BOOK, caregivers=(WANG, SON)))
    assert [roster.is_heard(site) for site in ("ward", "street", "moon")] == [True, False, False]
    call = roster.call(alarm(site="street", resident=None), 3, NOON_MS)
    assert (call.to, call.next_ms, call.skipped) == ((), None, ())
    planned = Roster(replace(BOOK, caregivers=(), plans=(Plan("p", steps_of("nurse"), resident="lin"),)))
    assert planned.is_heard("ward"), "whoever makes a plan wants to know"


def test_a_team_is_called_where_its_members_are_on_duty_whichever_site_that_is() -> None:
    shifts = (Shift("day", ("wang",), 0, 1440, site="ward"), Shift("never", ("zhou",), 0, 1, site="ward"))
    zhou = replace(WANG, caregiver="zhou", contacts=(("sms", "+86 3"),))
    plans = (Plan("p", steps_of("team:both + caregiver:nobody"), site="street"),)
    roster = Roster(
        replace(BOOK, caregivers=(WANG, zhou), teams=(Team("both", ("zhou", "wang")),), shifts=shifts, plans=plans)
    )
    call = roster.call(alarm(site="street", resident=None), 0, NOON_MS)
    assert {one.caregiver for one in call.to} == {"wang"}


@pytest.mark.parametrize("resident", [None, "zhao"])
def test_family_that_names_no_resident_is_called_for_none(resident: str | None) -> None:
    stranger = replace(SON, residents=())
    plans = (Plan("p", steps_of("family"), site="ward"),)
    roster = Roster(replace(BOOK, caregivers=(stranger,), plans=plans))
    assert roster.call(alarm(resident=resident), 0, NOON_MS).to == ()


def test_who_is_on_duty_and_who_is_next() -> None:
    shifts = (
        Shift("early", ("wang",), 6 * 60, 14 * 60, site="ward"),
        Shift("late", ("zhou", "xu"), 14 * 60, 22 * 60, site="ward"),
    )
    late = tuple(replace(WANG, caregiver=name) for name in ("zhou", "xu"))
    leave = (Holiday("leave", date(2026, 3, 2), date(2026, 3, 2), caregiver="xu"),)
    book = replace(BOOK, sites=(Site("ward", "W"),), caregivers=(WANG, *late, SON), shifts=shifts, holidays=leave)
    roster = Roster(book)
    on_duty = {one.caregiver: one.until_ms for one in roster.duty("ward", NOON_MS)}
    assert on_duty == {"wang": NOON_MS + 2 * 3_600_000, "son": None}
    assert [(one.caregiver, one.from_ms) for one in roster.next_duty("ward", NOON_MS)] == [
        ("zhou", NOON_MS + 2 * 3_600_000)
    ]
    assert roster.next_duty("street", NOON_MS) == []
