"""What is missing for alarms to reach somebody is told before one is raised."""

from alerts.calling.coverage import gaps
from alerts.calling.escalation import Plan, steps_of
from alerts.calling.people import Caregiver, ResidentCard, Site
from alerts.calling.roster import Book, Roster

SMS = (("sms", "1"),)


def told(book: Book) -> list[str]:
    return [f"{gap.kind}: {gap.told}" for gap in gaps(Roster(book))]


SITES = (Site("ward", "W"), Site("street", "S", "home"))
LIN, ZHAO = ResidentCard("lin", "林", "ward"), ResidentCard("zhao", "赵", "ward")


def test_a_site_where_nobody_has_a_contact_is_left_to_the_console() -> None:
    book = Book(SITES, (LIN,), (Caregiver("wang", "W", "nurse", "ward"),))
    assert told(book) == [
        "console_only: site ward: nobody can be called, its alarms go to the console only",
        "console_only: site street: nobody can be called, its alarms go to the console only",
    ]
    assert told(Book()) == []


def test_steps_that_can_reach_nobody_are_told_once_with_how_many_it_concerns() -> None:
    people = (
        Caregiver("wang", "W", "nurse", "ward", contacts=SMS),
        Caregiver("li", "L", "head_nurse", "ward"),
        Caregiver("son", "S", "family", residents=("lin",), contacts=SMS),
        Caregiver("doctor", "D", "doctor", contacts=SMS),
        Caregiver("centre", "C", "centre", contacts=SMS),
    )
    assert told(Book(SITES[:1], (LIN, ZHAO), people)) == [
        "step: site ward: high and medium alarms: step 2 (head_nurse) can reach nobody for 2 of 2 residents",
        "step: site ward: high and medium alarms: step 3 (family) can reach nobody for 1 of 2 residents",
        "step: site ward: low alarms: step 2 (head_nurse + manager) can reach nobody for 2 of 2 residents",
        "step: site ward: technical alarms: step 2 (head_nurse + manager) can reach nobody for 2 of 2 residents",
    ]


def test_an_own_plan_is_judged_for_those_who_have_it() -> None:
    plans = [Plan(kind, steps_of("nurse"), (kind,), site="ward") for kind in ("high", "medium", "low", "technical")]
    hers = Plan("hers", steps_of("nurse | team:night"), ("high", "medium", "low", "technical"), resident="lin")
    book = Book(SITES[:1], (LIN, ZHAO), (Caregiver("wang", "W", "nurse", "ward", contacts=SMS),), plans=(*plans, hers))
    assert told(book) == [
        "step: site ward: high and medium and low and technical alarms: "
        "step 2 (team:night) can reach nobody for 1 of 1 residents"
    ]


def test_of_a_plan_in_the_place_of_which_some_have_their_own_each_kind_is_told_for_those_who_have_it() -> None:
    plans = [Plan(kind, steps_of("nurse"), (kind,), site="ward") for kind in ("low", "technical")]
    sites = Plan("ours", steps_of("nurse | doctor"), ("high", "medium"), site="ward")
    hers = Plan("hers", steps_of("nurse"), ("high",), resident="lin")
    people = (Caregiver("wang", "W", "nurse", "ward", contacts=SMS),)
    assert told(Book(SITES[:1], (LIN, ZHAO), people, plans=(*plans, sites, hers))) == [
        "step: site ward: high alarms: step 2 (doctor) can reach nobody for 1 of 1 residents",
        "step: site ward: medium alarms: step 2 (doctor) can reach nobody for 2 of 2 residents",
    ]


def test_a_plan_without_anybody_to_call_is_told_and_not_taken_for_a_silent_site() -> None:
    plan = Plan("one", steps_of("nurse"), ("high", "medium", "low", "technical"), site="ward")
    assert told(Book(SITES[:1], plans=(plan,))) == [
        "step: site ward: high and medium and low and technical alarms: step 1 (nurse) can reach nobody"
    ]


def test_a_contact_in_a_channel_that_is_not_in_the_settings_reaches_nobody() -> None:
    book = Book(SITES[:1], (), (Caregiver("wang", "W", "nurse", contacts=SMS),), channels=["wecom"])
    assert told(book)[0] == "channel: caregiver wang: sms is not a channel of the settings"
    assert "step: site ward: high and medium alarms: step 1 (nurse) can reach nobody" in told(book)
