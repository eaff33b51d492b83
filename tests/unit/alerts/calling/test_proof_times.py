"""When tests are sent and a contact counts as unproven, on given clocks."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.calling.escalation import Recipient
from alerts.calling.proof_times import UNPROVEN_MS, ProofTimes, unproven
from alerts.calling.proofs import Proof, ProofResult

CHINA = ZoneInfo("Asia/Shanghai")
TIMES = ProofTimes(weekday=2, hour=10)
WEEK_MS = 7 * 86_400_000
KNOWN = Proof("nurse-1", "sms", known_ms=0)
MINUTE = datetime.fromtimestamp(TIMES.slot_ms(Recipient("nurse-1", "sms"), CHINA, 10**12) / 1000, CHINA).minute


def at(day: int, hour: int, minute: int = 59, zone: ZoneInfo = CHINA) -> int:
    """January 2025; the 1st was a Wednesday."""
    return round(datetime(2025, 1, day, hour, minute, tzinfo=zone).timestamp() * 1000)


SLOT = at(8, 10, MINUTE)
SENT = replace(KNOWN, slot_ms=SLOT, attempts=1, last_sent_ms=SLOT, last_result=ProofResult.SENT, proven_ms=SLOT)


def test_a_test_is_sent_once_a_week_at_its_minute() -> None:
    last = replace(SENT, slot_ms=SLOT - WEEK_MS)
    assert TIMES.due(last, CHINA, SLOT - 1) is None
    assert TIMES.due(last, CHINA, SLOT) == SLOT
    assert TIMES.due(SENT, CHINA, SLOT + 60_000) is None
    assert TIMES.due(SENT, CHINA, SLOT + WEEK_MS) == SLOT + WEEK_MS


def test_it_is_the_hour_of_the_site() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    slot_ms = TIMES.slot_ms(Recipient("nurse-1", "sms"), berlin, at(9, 0, zone=berlin))
    assert datetime.fromtimestamp(slot_ms / 1000, berlin).strftime("%a %H") == "Wed 10"


def test_whoever_is_new_or_was_missed_is_sent_it_on_the_next_day_and_not_at_night() -> None:
    assert TIMES.due(KNOWN, CHINA, at(9, 3)) is None
    assert TIMES.due(KNOWN, CHINA, at(9, 10)) == SLOT
    assert TIMES.due(KNOWN, CHINA, at(9, 19)) == SLOT
    assert TIMES.due(KNOWN, CHINA, at(9, 20)) is None


def test_what_failed_for_now_is_tried_three_times() -> None:
    failed = replace(SENT, last_result=ProofResult.FAILED_FOR_NOW)
    assert TIMES.due(failed, CHINA, SLOT + 599_999) is None
    assert TIMES.due(failed, CHINA, SLOT + 600_000) == SLOT
    assert TIMES.due(replace(failed, attempts=3), CHINA, SLOT + 600_000) is None
    for result in (ProofResult.FAILED_FOR_GOOD, ProofResult.SENDING, ProofResult.READ):
        assert TIMES.due(replace(SENT, last_result=result), CHINA, SLOT + 600_000) is None


@given(st.text("abcdefgh-123", min_size=1, max_size=12), st.integers(1_600_000_000_000, 2_000_000_000_000))
def test_the_time_is_at_most_a_week_old_and_stays_the_contacts_own(name: str, now_ms: int) -> None:
    contact = Recipient(name, "sms")
    slot_ms = TIMES.slot_ms(contact, CHINA, now_ms)
    assert 0 <= now_ms - slot_ms < WEEK_MS
    assert TIMES.slot_ms(contact, CHINA, now_ms + WEEK_MS) == slot_ms + WEEK_MS


def test_contacts_are_spread_over_the_hour() -> None:
    slots = {TIMES.slot_ms(Recipient(f"nurse-{n}", "sms"), CHINA, at(9, 12)) for n in range(500)}
    assert len(slots) > 50


@pytest.mark.parametrize(
    ("proof", "now_ms", "expected"),
    [
        (SENT, SLOT + UNPROVEN_MS, False),
        (SENT, SLOT + UNPROVEN_MS + 1, True),
        (KNOWN, UNPROVEN_MS, False),
        (KNOWN, UNPROVEN_MS + 1, True),
        (replace(SENT, last_result=ProofResult.FAILED_FOR_GOOD), SLOT, True),
        (replace(SENT, last_result=ProofResult.FAILED_FOR_NOW), SLOT, False),
        (replace(SENT, last_result=ProofResult.FAILED_FOR_NOW, attempts=3), SLOT, True),
        (replace(SENT, last_result=ProofResult.SENDING), SLOT, False),
    ],
)
def test_when_a_contact_cannot_be_relied_on(proof: Proof, now_ms: int, expected: bool) -> None:
    assert unproven(proof, now_ms) is expected
