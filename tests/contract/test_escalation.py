"""Who is told of an alarm, and when, in sentences: on the real journal and outbox, and a clock of the test's own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alerts.calling.escalation import Plan, steps_of
from alerts.calling.people import Team
from alerts.calling.roster import Book
from alerts.calling.rota import HOLIDAY, Holiday, Shift, Swap
from alerts.findings import Condition, Priority
from alerts.journal.schema import metadata
from service.database import make_engine
from tests.contract.sentences import LIN, ZHAO, House, carer, family, site

STAFF = (carer("nurse"), carer("head_nurse"))
EVERYBODY = (*STAFF, family("daughter"), carer("doctor", site=None), carer("centre", site=None))
WARD = Book((site(),), (LIN, ZHAO), EVERYBODY)

Build = Callable[..., House]


@pytest.fixture(params=["sqlite", "postgresql"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    """Builds a house on a database of its own."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        engine = make_engine(request.getfixturevalue("postgresql").url)
        metadata.drop_all(engine)
    yield lambda book=WARD, **more: House(engine, book, **more)
    engine.dispose()


def shift(name: str, begin: int, end: int, *caregivers: str, **more: Any) -> Shift:
    return Shift(name, caregivers or (name,), begin * 60, end * 60, site=more.pop("site", "home"), **more)


def test_a_press_goes_from_the_nurse_to_the_head_nurse_until_somebody_takes_it(build: Build) -> None:
    house = build()
    house.at(0).press()
    house.want.push(to="nurse").before(1)
    # nobody answers
    house.want.push(to="head_nurse").between(60, 61)
    house.at(62).acknowledge(by="head_nurse")
    house.want.nothing_more()


def test_what_is_taken_at_once_calls_nobody_else(build: Build) -> None:
    house = build()
    house.at(0).press()
    house.want.push(to="nurse").before(1)
    house.at(20).acknowledge(by="nurse")
    house.want.nothing_more()


def test_nobody_ever_answers_and_it_begins_anew(build: Build) -> None:
    house = build()
    house.at(0).press()
    for turn in range(3):
        begin_s = turn * 300
        house.want.push(to="nurse").between(begin_s, begin_s + 1)
        house.want.push(to="head_nurse").between(begin_s + 60, begin_s + 61)
        house.want.push(to="daughter").between(begin_s + 120, begin_s + 121)
        house.want.push(to="doctor").between(begin_s + 180, begin_s + 181)
        house.want.push(to="centre").between(begin_s + 240, begin_s + 241)
    house.at(899).acknowledge(by="centre")
    house.want.nothing_more()


def test_another_residents_family_is_never_told(build: Build) -> None:
    house = build(replace(WARD, caregivers=(*EVERYBODY, family("his-son", "zhao"))))
    house.at(0).press("zhao")
    house.want.push(to="nurse").before(1)
    house.want.push(to="head_nurse").between(60, 61)
    house.want.push(to="his-son").between(120, 121)


def test_a_medium_alarm_waits_longer(build: Build) -> None:
    house = build()
    house.at(0).finds("heart_rate_high", Priority.MEDIUM)
    house.want.push(to="nurse", of="heart_rate_high").before(1)
    house.want.push(to="head_nurse", of="heart_rate_high").between(300, 301)


def test_a_low_alarm_stays_with_the_staff(build: Build) -> None:
    house = build()
    house.at(0).finds("restless", Priority.LOW)
    house.want.push(to="nurse", of="restless").before(1)
    house.want.push(to="head_nurse", of="restless").between(1800, 1801)
    house.want.push(to="nurse", of="restless").between(3600, 3601)


def test_what_is_wrong_with_a_device_is_told_technicians_and_staff_only(build: Build) -> None:
    house = build(replace(WARD, caregivers=(*EVERYBODY, carer("technician", site=None))))
    house.at(0).breaks()
    house.want.push(to=["technician", "nurse"], of="silent").before(1)
    house.want.push(to="head_nurse", of="silent").between(300, 301)
    house.want.push(to=["technician", "nurse"], of="silent").between(600, 601)


NIGHT = Book(
    (site(),),
    (LIN,),
    (carer("day", "nurse"), carer("night", "nurse"), carer("head_nurse")),
    shifts=(shift("day", 8, 20), shift("night", 20, 8)),
)


def test_by_night_the_night_nurse_is_called(build: Build) -> None:
    house = build(NIGHT, begins="2026-03-02 19:59")
    house.at(0).press()
    house.want.push(to="day").before(1)
    house.at(10).resolve(by="day")
    house.at("20:00").press()
    house.want.push(to="night").before(61)
    house.at(70).resolve(by="night")
    house.at("07:59").press()
    house.want.push(to="night").before(12 * 3600 + 1)


def test_who_comes_on_duty_meanwhile_is_called_in_the_next_round(build: Build) -> None:
    house = build(NIGHT, begins="2026-03-02 19:59")
    house.at(0).press()
    house.want.push(to="day").before(1)
    house.want.push(to="head_nurse").between(60, 61)
    # The rest of the ward's plan reaches nobody, so it begins anew at once: with whoever is there by now.
    house.want.push(to="night").between(120, 121)


def test_hours_are_those_of_the_sites_own_clock_also_when_it_is_put_forward(build: Build) -> None:
    house = build(replace(NIGHT, sites=(site(time_zone="Europe/Berlin"),)), begins="2026-03-29 01:30")
    house.at(0).press()
    house.want.push(to="night").before(1)
    house.at(10).resolve(by="night")
    house.at(5.5 * 3600 - 1).press()  # 07:59:59: an hour was left out
    house.want.push(to="night").before(5.5 * 3600 - 0.5)
    house.at(5.5 * 3600 - 0.4).resolve(by="night")
    house.at("08:00").press()
    house.want.push(to="day").before(5.5 * 3600 + 1)


def test_whoever_stands_in_is_called_and_whoever_is_stood_in_for_is_not(build: Build) -> None:
    swap = Swap("night", date(2026, 3, 2), "night", "day")
    house = build(replace(NIGHT, swaps=(swap,)), begins="2026-03-02 23:00")
    house.at(0).press()
    house.want.push(to="day").before(1)
    house.at(10).resolve(by="day")
    house.at("23:00").press()  # of the next day: the swap was for one night
    house.want.push(to="night").before(86_401)


def test_a_stand_in_has_the_role_of_the_one_whose_place_they_take(build: Build) -> None:
    book = Book(
        (site(),),
        (LIN,),
        (carer("nurse"), carer("head", "head_nurse"), carer("deputy", "manager")),
        shifts=(shift("head", 0, 24),),
        swaps=(Swap("head", date(2026, 3, 2), "head", "deputy"),),
    )
    house = build(book)
    house.at(0).press()
    house.want.push(to="nurse").before(1)
    house.want.push(to="deputy").between(60, 61)


def test_a_swap_during_an_alarm_counts_from_its_next_step_on(build: Build) -> None:
    house = build(NIGHT, begins="2026-03-02 22:00")
    house.at(0).press()
    house.want.push(to="night").before(1)
    house.at(30).change(replace(NIGHT, swaps=(Swap("night", date(2026, 3, 2), "night", "day"),)))
    house.want.push(to="head_nurse").between(60, 61)
    house.want.push(to="day").between(120, 121)


def test_on_a_holiday_the_holidays_rota_counts(build: Build) -> None:
    book = Book(
        (site(),),
        (LIN,),
        (carer("usual", "nurse"), carer("feast", "nurse")),
        shifts=(
            shift("usual", 0, 24, days=(0, 1, 2, 3, 4, 5, 6)),
            shift("feast", 0, 24, days=(HOLIDAY,)),
        ),
        holidays=(Holiday("new-year", date(2026, 3, 3), date(2026, 3, 3)),),
    )
    house = build(book, begins="2026-03-02 23:59")
    house.at(0).press()
    house.want.push(to="usual").before(1)
    house.at(10).resolve(by="usual")
    house.at("00:00").press()
    house.want.push(to="feast").before(61)


def test_a_working_sunday_is_staffed_like_a_monday(build: Build) -> None:
    book = Book(
        (site(),),
        (LIN,),
        (carer("weekday", "nurse"), carer("weekend", "nurse")),
        shifts=(shift("weekday", 0, 24, days=(0, 1, 2, 3, 4)), shift("weekend", 0, 24, days=(5, 6))),
        holidays=(Holiday("made-up", date(2026, 3, 8), date(2026, 3, 8), like=0),),
    )
    house = build(book, begins="2026-03-08 12:00")
    house.at(0).press()
    house.want.push(to="weekday").before(1)


def test_whoever_is_on_leave_is_not_called_and_that_is_told(build: Build) -> None:
    book = replace(WARD, holidays=(Holiday("leave", date(2026, 3, 2), date(2026, 3, 2), caregiver="nurse"),))
    house = build(book)
    house.at(0).press()
    house.want.push(to="head_nurse").before(1)
    assert house.open("nobody_reachable").condition is Condition.DEVICE


def test_a_step_with_nobody_on_duty_is_skipped_at_once_and_is_itself_an_alarm(build: Build) -> None:
    house = build(replace(NIGHT, shifts=NIGHT.shifts[:1]), begins="2026-03-02 23:00")
    assert house.roster.duty("home", house.now_ms)[0].caregiver == "night", "who is in no shift is always on duty"
    house = build(replace(NIGHT, shifts=(*NIGHT.shifts[:1], shift("night", 0, 1))), begins="2026-03-02 23:00")
    house.at(0).press()
    house.want.push(to="head_nurse").before(1)
    alarm = house.open("nobody_reachable")
    assert dict(alarm.evidence)["reason"] == "nobody_on_duty"
    assert (alarm.site, alarm.condition) == ("home", Condition.DEVICE)


def test_a_channel_that_is_not_in_the_settings_reaches_nobody(build: Build) -> None:
    house = build(replace(WARD, channels=["sms"]))
    house.at(0).press()
    house.want.nothing_more(30)
    assert house.open().due_ms == house.start_ms + 60_000, "and it is tried again"
    assert dict(house.open("nobody_reachable").evidence)["reason"] == "no_channel"


def test_a_site_of_which_nobody_is_told_is_left_to_the_console_and_raises_no_endless_alarms(build: Build) -> None:
    house = build(replace(WARD, caregivers=(carer("nurse", reached=False),)))
    house.at(0).press()
    house.want.nothing_more(86_400)
    assert [alarm.cause for alarm in house.journal.open_alarms()] == ["press"]


def test_the_family_is_called_one_after_the_other(build: Build) -> None:
    people = (*STAFF, family("daughter"), family("son"), carer("doctor"), carer("centre"))
    plan = Plan("hers", steps_of("nurse | family in order wait 30 60 90 | doctor"), resident="lin")
    house = build(replace(WARD, caregivers=people, plans=(plan,)))
    house.at(0).press()
    house.want.push(to="nurse").before(1)
    house.want.push(to="daughter").between(60, 61)
    house.want.push(to="son").between(90, 91)
    house.want.push(to="doctor").between(120, 121)
    house.want.push(to="nurse").between(180, 181)


def test_in_order_whoever_cannot_be_reached_is_passed_over(build: Build) -> None:
    people = (*STAFF, family("daughter", reached=False), family("son"))
    plan = Plan("hers", steps_of("family in order | nurse"), resident="lin")
    house = build(replace(WARD, caregivers=people, plans=(plan,)))
    house.at(0).press()
    house.want.push(to="son").before(1)
    house.want.push(to="nurse").between(60, 61)
    assert [alarm.cause for alarm in house.journal.open_alarms()] == ["press"], "the step reached somebody"


def test_a_residents_own_plan_stands_in_place_of_the_sites(build: Build) -> None:
    plans = (
        Plan("home", steps_of("head_nurse | nurse"), site="home"),
        Plan("hers", steps_of("family | team:watch"), resident="lin"),
    )
    house = build(replace(WARD, plans=plans, teams=(Team("watch", ("doctor", "centre")),)))
    house.at(0).press("zhao")
    house.want.push(to="head_nurse").before(1)
    house.at(10).resolve(by="head_nurse")
    house.at(20).press("lin")
    house.want.push(to="daughter").before(21)
    house.want.push(to=["doctor", "centre"]).between(80, 81)


def test_at_home_family_station_committee_and_neighbours_ring_at_the_same_time(build: Build) -> None:
    people = (
        family("daughter"), carer("station", "nurse"), carer("committee"),
        carer("neighbour", site=None, residents=("lin",)), carer("neighbour-of-zhao", "neighbour", residents=("zhao",)),
        carer("doctor", site=None, residents=("lin",)), carer("centre", site=None),
    )  # fmt: skip
    house = build(Book((site("home"),), (LIN, ZHAO), people))
    house.at(0).press()
    house.want.push(to=["daughter", "station", "committee", "neighbour"]).before(1)
    house.want.push(to="doctor").between(60, 61)
    house.want.push(to="centre").between(120, 121)
    house.at(125).acknowledge(by="centre")
    house.want.nothing_more()


def test_in_a_community_the_station_comes_first_then_family_and_committee_together(build: Build) -> None:
    people = (family("daughter"), carer("nurse"), carer("committee"), carer("doctor"), carer("centre", site=None))
    house = build(Book((site("community"),), (LIN,), people))
    house.at(0).press()
    house.want.push(to="nurse").before(1)
    house.want.push(to=["daughter", "committee"]).between(60, 61)
    house.want.push(to="doctor").between(120, 121)
    house.want.push(to="centre").between(180, 181)


def test_the_family_doctor_stands_before_the_doctor_of_the_house(build: Build) -> None:
    doctors = (carer("hers", "doctor", residents=("lin",)), carer("doctor"))
    plan = Plan("home", steps_of("doctor"), site="home")
    house = build(replace(WARD, caregivers=doctors, plans=(plan,)))
    house.at(0).press("lin")
    house.want.push(to="hers").before(1)
    house.at(10).resolve(by="hers")
    house.at(20).press("zhao")
    house.want.push(to="doctor").before(21)


def test_two_who_share_a_telephone_are_told_once(build: Build) -> None:
    one, two = carer("one", "nurse"), replace(carer("two", "nurse"), contacts=(("push", "one"),))
    house = build(replace(WARD, caregivers=(one, two)))
    house.at(0).press()
    house.want.push(to="one").before(1)


def test_a_second_press_calls_nobody_twice_and_a_press_after_it_was_closed_begins_anew(build: Build) -> None:
    house = build()
    house.at(0).press()
    house.want.push(to="nurse").before(1)
    house.at(5).press()
    house.at(30).resolve(by="nurse")
    house.want.nothing_more(100)
    house.at(101).press()
    house.want.push(to="nurse").before(102)
