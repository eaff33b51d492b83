"""What is wrong with devices reaches people as few messages, and nothing about a person ever waits for others."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select

from alerts.calling.escalation import Plan, steps_of
from alerts.calling.people import ResidentCard
from alerts.calling.roster import Book
from alerts.findings import Condition, Priority
from alerts.journal.errands import Errand, Errands
from alerts.journal.ledger import Ledger
from alerts.journal.letters import Letters
from alerts.journal.schema import OUTBOX, Status
from alerts.journal.timing import AlarmTimes
from tests.contract.sentences import PUSH, House, carer, site

LOW = "battery_low"
PEOPLE = tuple(ResidentCard(f"r{n}", f"R {n}", "home") for n in range(30))
NAMES = tuple(one.resident for one in PEOPLE)
STAFF = (carer("technician", site=None), carer("nurse"), carer("head_nurse"))
WARD = Book((site(),), PEOPLE, STAFF)
#: Of a house in which somebody else is called soon.
HASTY = replace(WARD, plans=(Plan("hasty", steps_of("technician wait 30 60 90 | nurse"), ("technical",), "home"),))
FIRST = ["technician", "nurse"]
HERS = Errand("site:home", "technician")


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, WARD)


def test_thirty_low_batteries_in_ten_minutes_are_two_messages_and_a_press_among_them_goes_at_once_alone(
    house: House,
) -> None:
    for number, name in enumerate(NAMES[:15]):
        house.at(20 * number).runs_low(name)
    house.want.push(to=FIRST, of=LOW).between(0, 290)
    house.at(290).press("r7")
    house.want.push(to="nurse").before(291)
    house.at(295).resolve(by="nurse")
    for number, name in enumerate(NAMES[15:], 15):
        house.at(20 * number).runs_low(name)
    house.want.nothing_more(599)
    house.want.push(to=FIRST, of=LOW, alarms=29).between(600, 601)
    house.want.nothing_more(1799)
    house.want.push(to="head_nurse", of=LOW).between(1800, 1801)
    house.want.push(to="head_nurse", of=LOW, alarms=29).between(2400, 2401)


def test_thirty_low_batteries_at_once_are_one_message_and_nobody_waits_for_it(house: House) -> None:
    house.at(0).runs_low(*NAMES)
    house.want.push(to=FIRST, of=LOW, alarms=30).before(0.5)
    house.want.nothing_more(1799)


def test_what_comes_after_a_quiet_while_goes_at_once(house: House) -> None:
    house.at(0).runs_low("r0")
    house.want.push(to=FIRST, of=LOW).before(1)
    house.at(601).runs_low("r1")
    house.want.push(to=FIRST, of=LOW).between(601, 602)


def test_one_message_tells_of_whatever_is_wrong_with_the_devices(house: House) -> None:
    house.at(0).runs_low("r0")
    house.want.push(to=FIRST, of=LOW).before(1)
    house.at(100).goes_wrong("clock_wrong", Priority.LOW, "r1")
    house.at(200).goes_wrong("not_worn", Priority.LOW, "r0")
    house.want.push(to=FIRST, of="clock_wrong + not_worn", alarms=2).between(600, 601)


def test_what_somebody_took_or_closed_meanwhile_drops_out(house: House) -> None:
    house.at(0).runs_low(*NAMES[:4])
    house.want.push(to=FIRST, of=LOW, alarms=4).before(1)
    house.at(60).goes_wrong("clock_wrong", Priority.LOW, "r0")
    house.at(61).goes_wrong("sensor_dead", Priority.LOW, "r0")
    house.at(62).goes_wrong("not_worn", Priority.LOW, "r0")
    house.at(100).acknowledge(by="technician", cause="clock_wrong")
    house.at(101).resolve(by="technician", cause="not_worn")
    house.want.push(to=FIRST, of="sensor_dead").between(600, 601)


def test_where_all_of_it_is_taken_nothing_is_sent(house: House) -> None:
    house.at(0).runs_low("r0")
    house.want.push(to=FIRST, of=LOW).before(1)
    house.at(10).acknowledge(by="technician", cause=LOW)
    house.at(60).goes_wrong("clock_wrong", Priority.LOW, "r0")
    house.at(100).acknowledge(by="technician", cause="clock_wrong")
    house.want.nothing_more(3000)


def test_what_is_well_again_for_a_minute_drops_out_and_rings_anew_when_it_is_not(house: House) -> None:
    house.at(0).runs_low("r0")
    house.want.push(to=FIRST, of=LOW).before(1)
    house.at(20).runs_low("r1", "r2", "r3")
    house.at(60).is_charged("r1")
    house.at(560).is_charged("r2")  # for too short a time: it may come straight back, and would not ring
    house.want.push(to=FIRST, of=LOW, alarms=2).between(600, 601)
    house.at(700).runs_low("r1")
    house.want.push(to=FIRST, of=LOW).between(1200, 1201)


def test_what_is_found_in_a_drill_is_told_apart_from_what_is_real(house: House) -> None:
    house.at(0).runs_low("r0")
    house.want.push(to=FIRST, of=LOW).before(1)
    house.at(10).runs_low("r1", "r2", drill=True)
    house.want.push(to=FIRST, of=LOW, alarms=2).between(10, 11)
    house.at(20).runs_low("r3")
    house.want.push(to=FIRST, of=LOW).between(600, 601)


def test_nobody_is_told_so_late_that_the_next_is_called_before_they_could_answer(engine: Engine) -> None:
    house = House(engine, HASTY)
    house.at(0).runs_low("r0")
    house.want.push(to="technician", of=LOW).before(1)
    house.at(1).acknowledge(by="technician", cause=LOW)
    house.at(10).runs_low("r1")
    house.want.push(to="technician", of=LOW).between(55, 55.1)
    house.want.push(to="nurse", of=LOW).between(100, 100.1)


def test_by_the_settings_each_may_be_told_by_itself(engine: Engine) -> None:
    house = House(engine, WARD, times=AlarmTimes(technical_letters_s=0))
    for name in NAMES:
        house.at(1).runs_low(name)
    house.want.push(to=FIRST * 30, of=LOW).before(2)


@pytest.mark.parametrize(
    ("condition", "priority"),
    [
        *[
            (condition, priority)
            for condition in Condition
            if condition is not Condition.DEVICE
            for priority in Priority
        ],
        *[(Condition.DEVICE, priority) for priority in (Priority.HIGH, Priority.MEDIUM)],
    ],
)
def test_nothing_about_a_person_and_nothing_more_urgent_waits_for_others(
    house: House, condition: Condition, priority: Priority
) -> None:
    house.at(0).runs_low(*NAMES)
    house.want.push(to=FIRST, of=LOW, alarms=30).before(1)
    for number, name in enumerate(NAMES[:3]):
        house.at(2 + number)._find(f"bracelet-{name}", condition, "anything", priority)
        to = FIRST if condition is Condition.DEVICE else ["nurse"]
        house.want.push(to=to, of="anything").between(2 + number, 2.5 + number)


def test_what_gets_worse_is_told_at_once_alone_and_not_once_more(house: House) -> None:
    house.at(0).runs_low("r0")
    house.want.push(to=FIRST, of=LOW).before(1)
    house.at(10).goes_wrong("silent", Priority.LOW, "r1")
    house.at(20).goes_wrong("silent", Priority.MEDIUM, "r1")
    house.want.push(to=FIRST, of="silent").between(20, 21)
    house.want.push(to="head_nurse", of="silent").between(320, 321)
    house.want.nothing_more(619)


def test_that_nobody_can_be_reached_waits_for_nothing(engine: Engine) -> None:
    house = House(engine, replace(WARD, caregivers=(*STAFF[1:], carer("technician", reached=False))))
    house.at(0).runs_low("r0")
    house.want.push(to="nurse", of=LOW).before(1)
    house.at(2).change(replace(WARD, caregivers=(carer("technician"), carer("nurse", reached=False))))
    house.at(3).press("r0")
    house.want.push(to="technician", of="nobody_reachable").between(3, 4)


# ---------------------------------------------------------------------- what leaves, and what comes back


def parcels(engine: Engine, house: House, *names: str, at_s: float = 0) -> tuple[Errands, Letters]:
    """The outbox, with letters that nobody has sent."""
    house.pass_until(house.start_ms + round(at_s * 1000))
    findings = [house.at(at_s)._found(f"bracelet-{name}", Condition.DEVICE, LOW, Priority.LOW) for name in names]
    house.journal.record(findings, house.devices, house.now_ms, house.now_ms)
    return Errands(engine), Letters(engine)


def status(engine: Engine, numbers: Sequence[int]) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(OUTBOX.c.status).where(OUTBOX.c.number.in_(numbers))).scalars())


def test_what_fails_is_sent_again_with_the_same_letters_and_key_and_then_all_else_at_once(
    house: House, engine: Engine
) -> None:
    errands, letters = parcels(engine, house, *NAMES[:3])
    first = errands.parcel(PUSH, HERS, house.now_ms)
    assert first is not None
    numbers = [letter.number for letter in first.letters]
    now_ms = house.start_ms
    for turn in range(1, 4):
        letters.failed_for_now([(number, "busy", now_ms + 60_000) for number in numbers])
        house.journal.record(
            [house.at(turn * 50)._found(f"bracelet-r{10 + turn}", Condition.DEVICE, LOW, Priority.LOW)],
            house.devices,
            now_ms + 1000,
            now_ms + 1000,
        )
        assert HERS not in errands.due(PUSH, now_ms + 59_999, 10), "also those that came since wait for it"
        now_ms += 60_000
        assert HERS in errands.due(PUSH, now_ms, 10)
        again = errands.parcel(PUSH, HERS, now_ms)
        assert again is not None
        assert ([letter.number for letter in again.letters], again.message.key) == (numbers, first.message.key)
        assert again.message.attempts == turn
    letters.sent([(number, now_ms) for number in numbers])
    rest = errands.parcel(PUSH, HERS, now_ms)
    assert rest is not None
    assert len(rest.letters) == 3
    assert rest.message.key != first.message.key
    letters.sent([(letter.number, now_ms) for letter in rest.letters])
    assert errands.parcel(PUSH, HERS, now_ms) is None


def test_what_is_taken_while_it_is_to_be_sent_again_drops_out_and_the_key_stays(house: House, engine: Engine) -> None:
    errands, letters = parcels(engine, house, "r0", "r1")
    first = errands.parcel(PUSH, HERS, house.now_ms)
    assert first is not None
    letters.failed_for_now([(letter.number, "busy", house.now_ms + 1000) for letter in first.letters])
    house.journal.acknowledge(first.letters[0].alarm, "technician", house.now_ms)
    again = errands.parcel(PUSH, HERS, house.now_ms + 1000)
    assert again is not None
    assert (again.letters[0].number, again.message.key) == (first.letters[1].number, first.message.key)
    assert len(again.letters) == 1


def test_what_comes_back_of_one_message_is_recorded_of_each_alarm_in_it(house: House, engine: Engine) -> None:
    errands, letters = parcels(engine, house, *NAMES)
    parcel = errands.parcel(PUSH, HERS, house.now_ms)
    assert parcel is not None
    numbers = [letter.number for letter in parcel.letters]
    letters.sent([(number, house.now_ms + 5) for number in numbers])
    assert status(engine, numbers) == {"sent"}
    assert letters.receive(PUSH, parcel.message.key, Status.READ, house.now_ms + 9) == (numbers, Status.READ)
    assert status(engine, numbers) == {"read"}
    ledger = Ledger(engine)
    times = {(one.sent_ms, one.delivered_ms) for one in map(ledger.of_alarm, {one.alarm for one in parcel.letters})}
    assert times == {(house.now_ms + 5, house.now_ms + 9)}
    for letter in parcel.letters:
        assert [call.caregiver for call in letters.calls(letter.alarm) if call.read_ms] == ["technician"]


def test_a_message_that_reaches_nobody_begins_the_next_step_of_each_alarm_in_it(engine: Engine) -> None:
    house = House(engine, HASTY)
    errands, letters = parcels(engine, house, "r0", "r1")
    parcel = errands.parcel(PUSH, HERS, house.now_ms)
    assert parcel is not None
    numbers = [letter.number for letter in parcel.letters]
    letters.failed_for_good(numbers, "no such number", house.now_ms + 1)
    assert [len(house.journal.hasten(number, house.now_ms + 1)) for number in numbers] == [1, 1]
    house.do(lambda: None)
    house.want.push(to="nurse", of=LOW, alarms=2).before(1)
