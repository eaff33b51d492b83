"""A drill goes the whole way and hides nothing real: SQLite and PostgreSQL."""

import pytest
from sqlalchemy import Engine

from alerts.findings import Change
from alerts.journal.drills import MOST_MS, DrillTooLong
from alerts.lifecycle import Event, State
from alerts.notify.feed import feed_fields
from tests.contract.ward import HILL, HOUR, MINUTE, SECOND, T, Ward, press, vital


@pytest.fixture
def ward(engine: Engine) -> Ward:
    return Ward(engine)


def test_in_a_drill_all_that_is_found_at_the_site_is_a_test_and_people_are_called(ward: Ward) -> None:
    ward.journal.begin_drill("ward", "lin", T + HOUR, T)
    at_ward, at_hill = ward.record(press(T + 1), press(T + 1, row=HILL), now_ms=T + 1)
    assert (at_ward.alarm.drill, at_hill.alarm.drill) == (True, False)
    assert ward.pass_time(T + 1 + MINUTE) == [Event.ESCALATE, Event.ESCALATE]
    assert len(ward.called()) == 4
    assert feed_fields(at_ward)["drill"] is True, "whoever follows the feed takes it for no real one"
    assert "drill" not in feed_fields(at_hill)
    assert [one.alarm for one in ward.journal.history(drill=True)] == [at_ward.alarm.alarm]
    assert [one.alarm for one in ward.journal.history(drill=False)] == [at_hill.alarm.alarm]
    assert len(ward.journal.history()) == 2


def test_a_drill_ends_by_itself_or_when_somebody_says_so(ward: Ward) -> None:
    ward.journal.begin_drill("ward", "lin", T + HOUR, T)
    assert [drill.site for drill in ward.journal.drills(T + HOUR - 1)] == ["ward"]
    assert ward.journal.drills(T + HOUR) == []
    (real,) = ward.record(press(T + HOUR), now_ms=T + HOUR)
    assert not real.alarm.drill
    ward.journal.begin_drill("ward", "lin", T + 3 * HOUR, T + 2 * HOUR)
    assert ward.journal.end_drill("ward", T + 2 * HOUR + 1)
    assert not ward.journal.end_drill("ward", T + 2 * HOUR + 2)
    assert not ward.journal.end_drill("hill", T)
    assert not ward.record(press(T + 2 * HOUR + 3), now_ms=T + 2 * HOUR + 3)[0].alarm.drill


def test_a_restart_finds_the_drill(ward: Ward) -> None:
    begun = ward.journal.begin_drill("ward", "lin", T + HOUR, T)
    again = Ward(ward.engine)
    assert again.journal.drills(T + MINUTE) == [begun]
    assert again.record(press(T + MINUTE), now_ms=T + MINUTE)[0].alarm.drill


@pytest.mark.parametrize("until_ms", [T, T - 1, T + MOST_MS + 1])
def test_nobody_can_forget_a_drill(ward: Ward, until_ms: int) -> None:
    with pytest.raises(DrillTooLong, match="4 hours"):
        ward.journal.begin_drill("ward", "lin", until_ms, T)
    assert ward.journal.drills(T) == []


def test_what_began_before_a_drill_can_end_in_it_and_what_began_in_it_after_it(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T), now_ms=T)
    ward.journal.begin_drill("ward", "lin", T + HOUR, T + SECOND)
    (test,) = ward.record(vital(Change.BEGAN, T + 2 * SECOND), now_ms=T + 2 * SECOND)
    assert (test.event, test.alarm.drill) == (Event.RAISE, True), "the test hides nothing real, nor is it hidden"
    ended = ward.record(vital(Change.ENDED, T + 3 * SECOND), now_ms=T + 3 * SECOND)
    assert [(one.alarm.drill, one.to_state) for one in ended] == [(False, State.RETURNED), (True, State.RETURNED)]
    ward.record(vital(Change.BEGAN, T + 2 * MINUTE), now_ms=T + 2 * MINUTE)
    ward.journal.end_drill("ward", T + 3 * MINUTE)
    (over,) = ward.record(vital(Change.ENDED, T + 4 * MINUTE), now_ms=T + 4 * MINUTE)
    assert (over.alarm.drill, over.to_state) == (True, State.RETURNED)
