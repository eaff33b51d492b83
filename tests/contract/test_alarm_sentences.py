"""What becomes of alarms with time, in sentences: shelves, reminders, flapping, drills, and what is never grouped."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.calling.people import ResidentCard
from alerts.calling.roster import Book
from alerts.findings import Priority
from alerts.lifecycle import State
from ingest.directory import Device, DeviceType
from service.database import make_engine
from tests.contract.sentences import LIN, ZHAO, House, carer, site
from tests.contract.watched import FLEET, Watched

WARD = Book((site(),), (LIN, ZHAO), (carer("nurse"), carer("head_nurse")))
SPO2 = "spo2_low"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    yield House(engine, WARD)
    engine.dispose()


def test_laid_aside_it_is_silent_and_when_the_shelf_ends_it_rings(house: House) -> None:
    house.at(0).finds(SPO2, Priority.HIGH)
    house.want.push(to="nurse", of=SPO2).before(1)
    house.at(30).lay_aside(by="nurse", until_s=1800, cause=SPO2)
    house.want.nothing_more(1799)
    house.want.push(to="nurse", of=SPO2).between(1800, 1801)
    house.want.push(to="head_nurse", of=SPO2).between(1860, 1861)


def test_laid_aside_and_well_again_it_does_not_ring(house: House) -> None:
    house.at(0).finds(SPO2, Priority.HIGH)
    house.want.push(to="nurse", of=SPO2).before(1)
    house.at(30).lay_aside(by="nurse", until_s=1800, cause=SPO2)
    house.at(600).is_well(SPO2, Priority.HIGH)
    house.want.nothing_more(1801)
    assert house.open(SPO2).state is State.CLEARED


@pytest.mark.parametrize(
    ("priority", "after_s"), [(Priority.HIGH, 900), (Priority.MEDIUM, 3600), (Priority.LOW, 86_400)]
)
def test_taken_and_never_closed_it_rings_again(house: House, priority: Priority, after_s: int) -> None:
    house.at(0).finds(SPO2, priority)
    house.want.push(to="nurse", of=SPO2).before(1)
    house.at(10).acknowledge(by="nurse", cause=SPO2)
    house.want.nothing_more(after_s + 9)
    house.want.push(to="nurse", of=SPO2).between(after_s + 10, after_s + 11)


def test_what_comes_and_goes_is_one_alarm_and_one_push(house: House) -> None:
    house.at(0).finds(SPO2, Priority.MEDIUM)
    house.want.push(to="nurse", of=SPO2).before(1)
    for at_s in range(10, 250, 20):
        house.at(at_s).is_well(SPO2, Priority.MEDIUM)
        house.at(at_s + 10).finds(SPO2, Priority.MEDIUM)
    house.want.nothing_more(299)
    assert house.open(SPO2).repeats == 12
    house.want.push(to="head_nurse", of=SPO2).between(300, 301)


def test_gone_before_anybody_looked_it_stays_visible(house: House) -> None:
    house.at(0).finds(SPO2, Priority.MEDIUM)
    house.want.push(to="nurse", of=SPO2).before(1)
    house.at(30).is_well(SPO2, Priority.MEDIUM)
    house.want.nothing_more(86_400)
    assert house.open(SPO2).state is State.RETURNED


def test_a_drill_goes_the_whole_way_apart_from_what_is_real(house: House) -> None:
    house.at(0).drill(until_s=600)
    house.at(1).press()
    house.want.push(to="nurse").before(2)
    house.want.push(to="head_nurse").between(61, 62)
    house.at(70).acknowledge(by="head_nurse")
    house.want.nothing_more(599)
    (drill,) = house.journal.history(drill=True)
    assert house.journal.history(drill=False) == []
    house.at(600).press()  # the drill is over, and nobody has closed its alarm
    house.want.push(to="nurse").between(600, 600.9)
    (real,) = house.journal.history(drill=False)
    assert real.alarm != drill.alarm


def test_thirty_falls_and_presses_at_once_are_thirty_of_each_and_none_waits(tmp_path: Path) -> None:
    people = tuple(ResidentCard(f"r{n}", f"R {n}", "home") for n in range(30))
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    house = House(engine, replace(WARD, residents=people))
    for person in people:
        house.at(0).falls(person.resident)
        house.at(0).press(person.resident)
    house.want.push(to=["nurse"] * 30, of="wrist_fall").before(0.5)
    house.want.push(to=["nurse"] * 30).between(0, 0.5)
    assert len(house.journal.open_alarms()) == 60
    engine.dispose()


def test_a_dead_link_hides_its_200_silent_devices_and_says_so_while_a_press_goes_through(tmp_path: Path) -> None:
    mats = tuple(Device("home", f"mat-{n}", DeviceType.BED_MAT) for n in range(200))
    button = Device("home", "button", DeviceType.BUTTON)
    home = Watched(tmp_path, replace(FLEET, devices=(*mats, button), residents=(), zones=()))
    for _ in range(4):
        home.receive([(mat.device, "bed", {"t": home.now_ms, "present": True}) for mat in mats])
        home.wait(30)
    for _ in range(6):
        home.wait(240)
        home.say("button", "sos")
    assert home.causes() == ["link_down", "press"]
    assert dict(home.alarm("link_down").evidence)["devices_silent"] >= 200
    assert home.pushes("link_down")[0][1] == "nurse"
    assert not home.pushes("silent")
    assert home.pushes("press")[0] == (360.0, "nurse")
    home.close()
