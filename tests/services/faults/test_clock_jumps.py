"""Clocks that jump, a device's or the service's own: decoder and detectors with the time given to them."""

import json
from collections.abc import Callable, Sequence

import pytest

from alerts.bank import Bank
from alerts.detectors.standard import DetectorSettings, standard_detectors
from alerts.detectors.supervision import Supervision
from alerts.detectors.zones import ZoneTable
from alerts.findings import Change, Finding
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from ingest.rejected import Reason

BEGIN_MS = 1_790_000_000_000
HOUR_S = 3_600
#: Heart rate is well for so long, then too high: an alarm is due 15 s later.
WELL_S = 400
LAST_S = 440

Skew = Callable[[int], int]


def right(_second: int) -> int:
    """A clock that is right."""
    return 0


def between(begin_s: int, end_s: int, skew_s: int) -> Skew:
    """A clock that is wrong by `skew_s` over [begin_s, end_s)."""
    return lambda second: skew_s if begin_s <= second < end_s else 0


def watch(device_clock: Skew, own_clock: Skew) -> tuple[list[tuple[int, Finding]], list[Reason]]:
    """A bracelet that speaks once a second, and what is found at which second."""
    decoder = Decoder(Directory([Device("s", "a", DeviceType.BRACELET, "r")]))
    settings = DetectorSettings()
    bank = Bank(standard_detectors(ZoneTable((), ()), settings), 1)
    supervision = Supervision(settings.supervision)
    bank.set_params(supervision.name, supervision.expecting([DeviceType.BRACELET], ["s"]))
    findings: list[tuple[int, Finding]] = []
    rejected: list[Reason] = []
    for second in range(LAST_S):
        body = {
            "t": BEGIN_MS + 1000 * (second + device_clock(second)),
            "seq": second,
            "hr": 70 if second < WELL_S else 180,
        }
        now_ms = BEGIN_MS + 1000 * (second + own_clock(second)) + 50
        decoded = decoder.decode(["care/v1/s/a/vitals"], [json.dumps(body).encode()], now_ms)
        rejected += [each.reason for each in decoded.rejected]
        found: Sequence[Finding] = [*bank.update(decoded.readings, now_ms), *bank.tick(now_ms)]
        findings += [(second, finding) for finding in found]
    return findings, rejected


def causes(findings: list[tuple[int, Finding]]) -> list[tuple[int, str]]:
    return [(second, finding.cause) for second, finding in findings]


@pytest.mark.parametrize("skew_s", [HOUR_S, -HOUR_S])
def test_the_services_own_clock_may_jump_an_hour_and_back(skew_s: int) -> None:
    findings, rejected = watch(right, between(100, 160, skew_s))
    assert causes(findings) == [(WELL_S + 15, "heart_rate_high")]
    # With its own clock an hour slow every reading seems to come from the future: kept aside, and told.
    assert rejected == ([Reason.IN_FUTURE] * 60 if skew_s < 0 else [])


def test_the_services_own_clock_may_jump_an_hour_ahead_and_stay() -> None:
    findings, rejected = watch(right, between(100, LAST_S, HOUR_S))
    # Two seconds later than else: so long it might be the beginning of a late backlog.
    assert causes(findings) == [(WELL_S + 17, "heart_rate_high")]
    assert not rejected


def test_a_device_clock_an_hour_ahead_for_a_while_is_quarantined_and_forgotten() -> None:
    findings, rejected = watch(between(100, 160, HOUR_S), right)
    assert causes(findings) == [(WELL_S + 15, "heart_rate_high")]
    assert rejected == [Reason.IN_FUTURE] * 60


def test_a_device_clock_an_hour_behind_for_a_while_is_taken_for_a_backlog() -> None:
    findings, rejected = watch(between(100, 160, -HOUR_S), right)
    assert causes(findings) == [(WELL_S + 15, "heart_rate_high")]
    assert not rejected


def test_a_device_clock_that_was_set_back_does_not_blind_the_detectors() -> None:
    findings, rejected = watch(between(100, LAST_S, -HOUR_S), right)
    assert causes(findings) == [(160, "clock_wrong"), (WELL_S + 15, "heart_rate_high")]
    assert dict(findings[0][1].evidence) == {"behind_s": HOUR_S + 0.05}
    assert not rejected
    # When it happened, not what the device said.
    assert findings[1][1].onset_ms == BEGIN_MS + 1000 * WELL_S + 50


def test_a_device_clock_nine_minutes_ahead_for_a_while_does_not_blind_the_detectors() -> None:
    findings, rejected = watch(between(100, 160, 540), right)
    assert [(second, f.cause, f.change) for second, f in findings] == [
        (100, "clock_wrong", Change.BEGAN),
        (160, "clock_wrong", Change.ENDED),
        (WELL_S + 15, "heart_rate_high", Change.BEGAN),
    ]
    assert dict(findings[0][1].evidence) == {"ahead_s": 539.95}
    assert not rejected
