"""A device that falls silent makes what it told unknown, and never over (Grafana #105571). SQLite and PostgreSQL."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from alerts.findings import Change
from alerts.lifecycle import Event, State
from alerts.notify.feed import feed_fields
from ingest.directory import Device, DeviceType
from tests.contract.ward import BRACELET, BUTTON, HILL, MINUTE, T, Ward, press, silent, vital


@pytest.fixture
def ward(engine: Engine) -> Ward:
    return Ward(engine)


def test_silence_turns_what_the_device_told_unknown_and_hearing_it_known_again(ward: Ward) -> None:
    (raised,) = ward.record(vital(Change.BEGAN, T), now_ms=T)
    fell, lost = ward.record(silent(Change.BEGAN, T + 10 * MINUTE, onset_ms=T), now_ms=T + 10 * MINUTE)
    assert (fell.event, lost.event) == (Event.RAISE, Event.LOSE)
    assert (lost.alarm.alarm, lost.alarm.unknown_since_ms) == (raised.alarm.alarm, T)
    assert (lost.to_state, lost.rings, lost.news) == (State.UNACKNOWLEDGED, False, True)
    assert feed_fields(lost)["unknown_since"] == T, "whoever follows the feed learns of it"
    assert lost.alarm.due_ms == raised.alarm.due_ms, "people are called on"
    assert fell.alarm.unknown_since_ms is None, "that it is silent is known"
    back, seen = ward.record(silent(Change.ENDED, T + 20 * MINUTE, onset_ms=T), now_ms=T + 20 * MINUTE)
    assert (back.event, seen.event, seen.alarm.unknown_since_ms) == (Event.RETURN, Event.SEE, None)
    assert (seen.to_state, seen.news) == (State.UNACKNOWLEDGED, True)
    assert "unknown_since" not in feed_fields(seen)


def test_only_what_the_silent_device_itself_told_last_is_unknown(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T), press(), vital(Change.BEGAN, T, row=HILL), now_ms=T)
    _, lost = ward.record(silent(Change.BEGAN, T + MINUTE), now_ms=T + MINUTE)
    assert lost.alarm.device == "bracelet-1"
    (again,) = ward.record(replace(vital(Change.BEGAN, T + 2 * MINUTE), row=BUTTON), now_ms=T + 2 * MINUTE)
    assert (again.alarm.device, again.alarm.unknown_since_ms) == ("button-1", None), "another tells of it now"


def test_devices_of_one_name_at_two_sites_are_two(ward: Ward) -> None:
    devices = [Device(site, "mat-1", DeviceType.BED_MAT, f"resident-{site}") for site in ("ward", "hill")]
    ward.record(vital(Change.BEGAN, T, row=0), vital(Change.BEGAN, T, row=1), now_ms=T, devices=devices)
    _, lost = ward.record(silent(Change.BEGAN, T + MINUTE, row=1), now_ms=T + MINUTE, devices=devices)
    assert lost.alarm.site == "hill"


def test_a_reading_that_says_so_makes_it_known_again_as_well(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T), now_ms=T)
    ward.record(silent(Change.BEGAN, T + MINUTE), now_ms=T + MINUTE)
    (ended,) = ward.record(vital(Change.ENDED, T + 2 * MINUTE), now_ms=T + 2 * MINUTE)
    assert (ended.to_state, ended.alarm.unknown_since_ms) == (State.RETURNED, None)


def test_the_same_silence_told_twice_is_one(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T), now_ms=T)
    ward.record(silent(Change.BEGAN, T + MINUTE), now_ms=T + MINUTE)
    ward.record(silent(Change.ENDED, T + 2 * MINUTE, onset_ms=T + MINUTE), now_ms=T + 2 * MINUTE)
    assert ward.record(silent(Change.BEGAN, T + MINUTE), now_ms=T + 3 * MINUTE) == []
    assert ward.record(silent(Change.ENDED, T + 2 * MINUTE, onset_ms=T + MINUTE), now_ms=T + 3 * MINUTE) == []


def test_devices_behind_a_dead_link_are_lost_without_alarms_of_their_own(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T), press(), now_ms=T)
    rows = (BRACELET, BUTTON)
    link = replace(silent(Change.LOST, T + MINUTE, onset_ms=T + 1), cause="link_down", rows=rows)
    lost = ward.record(link, now_ms=T + MINUTE)
    assert [one.event for one in lost] == [Event.LOSE, Event.LOSE]
    assert {one.alarm.unknown_since_ms for one in lost} == {T + 1}
    assert len(ward.journal.open_alarms()) == 2
    seen = ward.record(replace(link, change=Change.HEARD, found_ms=T + 2 * MINUTE), now_ms=T + 2 * MINUTE)
    assert [one.event for one in seen] == [Event.SEE, Event.SEE]


def test_an_alarm_of_a_site_is_told_of_the_service_itself(ward: Ward) -> None:
    down = replace(silent(Change.BEGAN, T), cause="link_down", of_site=True, row=HILL)
    (raised,) = ward.record(down, now_ms=T)
    assert (raised.alarm.site, raised.alarm.device, raised.alarm.resident) == ("hill", "shouhu", None)


def test_five_hundred_silent_mats_are_one_question_and_one_transaction(ward: Ward) -> None:
    mats = [Device("ward", f"mat-{n}", DeviceType.BED_MAT, f"resident-{n}") for n in range(500)]
    ward.record(*[vital(Change.BEGAN, T, row=n) for n in range(500)], now_ms=T, devices=mats)
    fell = [silent(Change.BEGAN, T + MINUTE, row=n) for n in range(500)]
    happened = ward.record(*fell, now_ms=T + MINUTE, devices=mats)
    assert [one.event for one in happened] == [Event.RAISE, Event.LOSE] * 500


def test_of_thousands_that_fall_silent_at_once_the_same_is_known(ward: Ward) -> None:
    devices = [Device("ward", f"mat-{n}", DeviceType.BED_MAT, f"resident-{n}") for n in range(3000)]
    devices += [Device("hill", f"mat-{n}", DeviceType.BED_MAT, f"hill-{n}") for n in range(10)]
    ward.record(*(vital(Change.BEGAN, T, row=row) for row in (5, 2999, 3005)), now_ms=T, devices=devices)
    link = replace(silent(Change.LOST, T + MINUTE, onset_ms=T + 1), rows=tuple(range(3000)))
    lost = ward.record(link, now_ms=T + MINUTE, devices=devices)
    assert sorted(one.alarm.device for one in lost) == ["mat-2999", "mat-5"]
    assert {one.alarm.site for one in lost} == {"ward"}
