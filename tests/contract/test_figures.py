"""The load on people over what the journal holds: SQLite and a real PostgreSQL."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from alerts.alarm import Alarm, Outcome
from alerts.calling.escalation import Call, Recipient
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.caregiver_load import CaregiverLoad
from alerts.journal.errands import Errands
from alerts.journal.figures import LoadReader
from alerts.journal.journal import Journal
from alerts.journal.letters import Letters
from alerts.journal.schema import Status, metadata
from alerts.journal.site_load import SiteLoad
from alerts.notify.contract import Message
from ingest.directory import Device, DeviceType
from service.database import make_engine

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
BEIJING, LONDON = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/London")
END = round(datetime(2026, 3, 2, 12, tzinfo=BEIJING).timestamp() * 1000)
DEVICES = (
    *(Device("ward", f"button-{n}", DeviceType.BUTTON, f"r-{n}") for n in range(40)),
    Device("hill", "button-hill", DeviceType.BUTTON, "r-hill"),
)
HILL = len(DEVICES) - 1


class Phone:
    """A channel to people."""

    name = "phone"

    def wants(self, transition: object) -> tuple[Message, ...]:
        return ()

    def calls(self, transition: object, recipient: Recipient) -> Message:
        return Message(recipient.caregiver, b"come", moot_once_taken=True)


class Nurse:
    """Calls the nurse, whatever it is."""

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        return Call(step, (Recipient("nurse", "phone"),), now_ms + 10 * HOUR_MS)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        made = make_engine(request.getfixturevalue("postgresql").url)
        metadata.drop_all(made)
    yield made
    made.dispose()


@pytest.fixture
def journal(engine: Engine) -> Journal:
    return Journal(engine)


def found(
    journal: Journal, at_ms: int, rows: Sequence[int] = (0,), change: Change = Change.BEGAN, **wishes: Any
) -> list[str]:
    """Something is found on some devices; the names of the alarms."""
    usual: dict[str, Any] = {"condition": Condition.BED, "cause": "bed_exit", "priority": Priority.MEDIUM}
    kind = usual | wishes
    findings = [Finding(row=row, change=change, onset_ms=at_ms, found_ms=at_ms, **kind) for row in rows]
    return [transition.alarm.alarm for transition in journal.record(findings, DEVICES, at_ms, at_ms)]


def site(engine: Engine, name: str = "ward", hours: int = 1) -> SiteLoad:
    (load,) = LoadReader(engine).load(END, hours, site=name).sites
    return load


def caregiver(engine: Engine, name: str = "nurse", hours: int = 24, **zones: ZoneInfo) -> CaregiverLoad:
    caregivers = LoadReader(engine).load(END, hours, time_zones=zones).caregivers
    (load,) = [one for one in caregivers if one.caregiver == name]
    return load


def test_alarms_are_counted_by_hour_and_in_ten_minutes_a_site_each(journal: Journal, engine: Engine) -> None:
    for n, before_min in enumerate((130, 50, 40, 9, 8)):
        found(journal, END - before_min * MINUTE_MS, [n])
    found(journal, END - 9 * MINUTE_MS, [HILL], cause="left")
    ward = site(engine)
    assert (ward.alarms, ward.alarms_per_hour, ward.in_ten_minutes, ward.open) == (4, 4.0, 2, 5)
    assert site(engine, hours=4).alarms_per_hour == 1.25
    assert site(engine, "hill").causes == {"left": 1}
    assert [one.site for one in LoadReader(engine).load(END, 1).sites] == ["hill", "ward"]


def test_a_flood_is_more_than_ten_in_ten_minutes_and_ends_when_they_are_fewer(journal: Journal, engine: Engine) -> None:
    begun = END - 40 * MINUTE_MS
    for n in range(10):
        found(journal, begun + n * MINUTE_MS // 2, [n])
    assert site(engine).flood_share == 0.0
    # The eleventh comes nine minutes after the first, which is over a minute later; then there are ten again.
    found(journal, begun + 9 * MINUTE_MS, [10])
    ward = site(engine)
    assert (ward.most_in_ten_minutes, ward.in_ten_minutes) == (11, 0)
    assert ward.flood_share == pytest.approx(1 / 60)


def test_a_flood_that_began_before_the_hours_asked_for_counts_from_their_beginning(
    journal: Journal, engine: Engine
) -> None:
    found(journal, END - 62 * MINUTE_MS, range(20))
    ward = site(engine)
    assert (ward.alarms, ward.most_in_ten_minutes) == (0, 0)
    assert ward.flood_share == pytest.approx(8 / 60)
    assert site(engine, hours=2).flood_share == pytest.approx(10 / 120)


def test_an_alarm_that_comes_and_goes_within_a_minute_chatters(journal: Journal, engine: Engine) -> None:
    for n, apart_ms in enumerate((20_000, 40_000)):
        at_ms = END - 30 * MINUTE_MS
        found(journal, at_ms, [n])
        found(journal, at_ms + apart_ms, [n], Change.ENDED)
        found(journal, at_ms + 2 * apart_ms, [n])
        journal.pass_time(END)
    assert site(engine).chattering == 1


def test_what_is_open_for_more_than_a_day_is_stale(journal: Journal, engine: Engine) -> None:
    found(journal, END - 25 * HOUR_MS, [0])
    (closed,) = found(journal, END - 25 * HOUR_MS, [1])
    found(journal, END - 23 * HOUR_MS, [2])
    journal.resolve(closed, "nurse", Outcome.TRUE, "", END - HOUR_MS * 2)
    ward = site(engine)
    assert (ward.open, ward.stale) == (2, 1)


def test_the_share_of_false_alarms_is_of_those_judged(journal: Journal, engine: Engine) -> None:
    assert LoadReader(engine).load(END, 1).sites == ()
    names = found(journal, END - 3 * HOUR_MS, range(6))
    assert site(engine).false_share is None
    outcomes = (Outcome.TRUE, Outcome.FALSE, Outcome.FALSE, Outcome.FALSE, Outcome.TEST, Outcome.UNCLEAR)
    for name, outcome in zip(names, outcomes, strict=True):
        journal.resolve(name, "nurse", outcome, "", END - 1000)
    ward = site(engine)
    assert (ward.judged_true, ward.judged_false, ward.false_share) == (1, 3, 0.75)


def test_drills_are_left_out(journal: Journal, engine: Engine) -> None:
    (name,) = found(journal, END - 1000, drill=True)
    journal.acknowledge(name, "nurse", END - 500)
    load = LoadReader(engine).load(END, 1)
    assert (load.sites, load.caregivers) == ((), ())


def test_who_took_how_many_and_how_soon(journal: Journal, engine: Engine) -> None:
    names = found(journal, END - HOUR_MS // 2, range(4))
    for took_s, name in zip((10, 20, 60), names, strict=False):
        journal.acknowledge(name, "nurse", END - HOUR_MS // 2 + took_s * 1000)
    journal.resolve(names[0], "nurse", Outcome.TRUE, "", END - 2000)
    journal.resolve(names[3], "doctor", Outcome.TRUE, "", END - HOUR_MS // 2 + 90_000)
    nurse, doctor = caregiver(engine), caregiver(engine, "doctor")
    assert (nurse.taken, nurse.take_median_s, nurse.holds) == (3, 20.0, 2)
    assert (doctor.taken, doctor.take_median_s, doctor.holds) == (1, 90.0, 0)


def test_an_answer_counts_from_the_latest_beginning_of_the_ringing(journal: Journal, engine: Engine) -> None:
    fall = {"condition": Condition.FALL, "cause": "device_confirmed", "priority": Priority.HIGH}
    (name,) = found(journal, END - 40 * MINUTE_MS, **fall)
    journal.acknowledge(name, "nurse", END - 39 * MINUTE_MS)
    found(journal, END - 30 * MINUTE_MS, **fall)
    journal.acknowledge(name, "nurse", END - 29 * MINUTE_MS - 30_000)
    nurse = caregiver(engine)
    assert (nurse.taken, nurse.take_median_s) == (2, 45.0)
    assert site(engine).alarms == 2


def test_a_message_about_several_devices_is_one_call_made_when_it_left(engine: Engine) -> None:
    journal, errands, letters = Journal(engine, (Phone(),), caller=Nurse), Errands(engine), Letters(engine)
    low: dict[str, Any] = {"condition": Condition.DEVICE, "cause": "battery_low", "priority": Priority.LOW}
    at_ms = END - 50 * MINUTE_MS  # 11:10, and the message leaves in the next quarter of an hour

    def leave(left_ms: int) -> None:
        (errand,) = errands.due("phone", left_ms, 10)
        parcel = errands.parcel("phone", errand, left_ms)
        assert parcel is not None
        letters.sent([(letter.number, left_ms) for letter in parcel.letters])

    found(journal, at_ms, range(10), **low)
    leave(at_ms)
    found(journal, at_ms + MINUTE_MS, range(10, 20), **low)
    found(journal, at_ms + 2 * MINUTE_MS, range(20, 30), **low)
    leave(at_ms + 10 * MINUTE_MS)
    assert caregiver(engine).calls == 2
    assert letters.counts() == {("phone", Status.SENT): 30}


def test_calls_are_counted_and_those_at_night_by_the_clock_of_the_site(engine: Engine) -> None:
    journal = Journal(engine, (Phone(),), caller=lambda: Nurse())
    at_noon, at_night = END - HOUR_MS, END - 10 * HOUR_MS  # 11:00 and 2:00 in Beijing, 3:00 and 18:00 in London
    found(journal, at_noon, [0])
    found(journal, at_night, [1, HILL])
    letters = Letters(engine)
    due = letters.due("phone", END, 10)
    assert len(due) == 3
    letters.sent([(letter.number, END) for letter in due])
    everywhere = caregiver(engine)
    assert (everywhere.calls, everywhere.night_calls) == (3, 2)
    assert caregiver(engine, hill=LONDON).night_calls == 1
    assert caregiver(engine, hours=2).calls == 1


def send_all(engine: Engine, at_ms: int = END) -> None:
    letters = Letters(engine)
    if due := letters.due("phone", END, 1000):
        letters.sent([(letter.number, at_ms) for letter in due])


def test_the_calls_of_a_caregiver_are_a_flood_as_the_alarms_of_a_site_are(engine: Engine) -> None:
    journal = Journal(engine, (Phone(),), caller=Nurse)
    for n in range(11):
        found(journal, END - 40 * MINUTE_MS + n * MINUTE_MS * 9 // 10, [n])
    found(journal, END - 5 * MINUTE_MS, [11])
    assert LoadReader(engine).load(END, 1).caregivers == (), "nothing has left"
    send_all(engine)
    nurse = caregiver(engine, hours=1)
    assert (nurse.calls, nurse.calls_per_hour) == (12, 12.0)
    assert (nurse.in_ten_minutes, nurse.most_in_ten_minutes) == (1, 11)
    assert nurse.flood_share == pytest.approx(1 / 60)
    assert caregiver(engine, hours=24).calls_per_hour == 0.5


def test_what_called_a_caregiver_and_was_false_chattered_or_is_in_their_hands_for_a_day(engine: Engine) -> None:
    journal = Journal(engine, (Phone(),), caller=Nurse)
    old, *names = found(journal, END - 25 * HOUR_MS, range(4))
    outcomes = (Outcome.TRUE, Outcome.FALSE, Outcome.FALSE)
    send_all(engine)
    for name, outcome in zip(names, outcomes, strict=True):
        journal.resolve(name, "doctor", outcome, "", END - MINUTE_MS)
    journal.acknowledge(old, "nurse", END - 24 * HOUR_MS)
    (young,) = found(journal, END - HOUR_MS // 2, [20])
    journal.acknowledge(young, "nurse", END - HOUR_MS // 3)
    at_ms = END - 30 * MINUTE_MS
    for change, after_ms in ((Change.BEGAN, 0), (Change.ENDED, 20_000), (Change.BEGAN, 40_000)):
        found(journal, at_ms + after_ms, [30], change)
        send_all(engine)
    nurse, doctor = caregiver(engine, hours=1), caregiver(engine, "doctor", hours=1)
    assert (nurse.judged_true, nurse.judged_false, nurse.false_share) == (1, 2, pytest.approx(2 / 3))
    assert (nurse.holds, nurse.stale, nurse.chattering) == (2, 1, 1)
    assert (doctor.false_share, doctor.taken, doctor.calls) == (None, 3, 0), "it called the nurse"


@pytest.mark.parametrize("hours", [0, 169])
def test_hours_have_bounds(journal: Journal, engine: Engine, hours: int) -> None:
    with pytest.raises(ValueError, match="1 to 168"):
        LoadReader(engine).load(END, hours)
