"""What a locator says late, all at once or in parts, rings for what is true now and for nothing else."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.bank import Bank
from alerts.detectors.geofence import Geofence, Zone, ZoneTable
from alerts.detectors.sos import Press
from alerts.findings import Change, Condition, Finding
from ingest.contract import Crs
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory

T0_MS = 1_760_000_000_000
LAT, LON = 36.64, 117.96
NORTH_M = 110_990.0
GARDEN = Zone("garden", "safe", Crs.WGS84, circle=(LAT, LON, 100.0))

#: An hour or more of being in or out, in stretches of minutes, and where the messages are parted.
stretches = st.lists(st.tuples(st.booleans(), st.integers(5, 30)), min_size=1, max_size=8)
parts = st.lists(st.floats(0, 1), max_size=5)


def fix(at_ms: int, out: bool) -> dict[str, object]:
    away_m = 600.0 if out else 5.0
    return {"t": at_ms, "lat": LAT + away_m / NORTH_M, "lon": LON, "acc": 8.0, "src": "gnss"}


def watched() -> tuple[Decoder, Bank]:
    directory = Directory([Device("s", "loc", DeviceType.LOCATOR, "r")])
    return Decoder(directory), Bank([Press(), Geofence(ZoneTable([GARDEN], {0: [0]}))], 1)


def send(decoder: Decoder, bank: Bank, payloads: list[object], now_ms: int, kind: str = "location") -> list[Finding]:
    bodies = [json.dumps(payload).encode() for payload in payloads]
    decoded = decoder.decode([f"care/v1/s/loc/{kind}"] * len(bodies), bodies, now_ms)
    assert not decoded.rejected
    return [*bank.update(decoded.readings, now_ms), *bank.tick(now_ms)]


@settings(max_examples=80, deadline=None)
@given(past=stretches, ends_out=st.booleans(), cuts=parts, in_one_batch=st.booleans())
def test_a_backlog_in_one_burst_raises_at_most_what_is_true_now(
    past: list[tuple[bool, int]], ends_out: bool, cuts: list[float], in_one_batch: bool
) -> None:
    decoder, bank = watched()
    outs = [out for out, minutes in past for _ in range(2 * minutes)] + [ends_out] * 20
    now_ms = T0_MS + len(outs) * 30_000
    fixes = [fix(T0_MS + i * 30_000, out) for i, out in enumerate(outs)]
    # What is newest is ten minutes old: all of it came late.
    now_ms += 600_000
    edges = [0, *sorted(int(cut * len(fixes)) for cut in cuts), len(fixes)]
    messages: list[object] = [fixes[a:b] for a, b in itertools.pairwise(edges) if a < b]
    found: list[Finding] = []
    if in_one_batch:
        found += send(decoder, bank, messages, now_ms)
    else:
        for number, message in enumerate(messages):
            found += send(decoder, bank, [message], now_ms + number * 1000)
    for second in range(10, 70, 5):
        found += bank.tick(now_ms + second * 1000)
    began = [f for f in found if f.change is Change.BEGAN]
    assert len(began) == int(ends_out)
    assert all(f.cause == "left_safe_zone" for f in began)
    assert not [f for f in found if f.change is Change.ENDED]


@pytest.mark.parametrize("every_s", [5, 10, 20])
@pytest.mark.parametrize("slow_s", [0, 290, 400, 3600])
def test_a_locator_whose_clock_was_slow_from_the_first_is_missed_as_soon_as_any_other(
    slow_s: int, every_s: int
) -> None:
    decoder, bank = watched()
    rung_s: list[int] = []
    for second in range(0, 600, every_s):
        now_ms = T0_MS + second * 1000
        found = send(decoder, bank, [fix(now_ms - slow_s * 1000, out=second >= 300)], now_ms)
        for passed_s in range(1, every_s):
            found += bank.tick(now_ms + passed_s * 1000)
        rung_s += [second for f in found if f.condition is Condition.GEOFENCE and f.change is Change.BEGAN]
    assert len(rung_s) == 1
    assert 300 <= rung_s[0] <= 300 + 3 * every_s


def test_a_press_on_a_bad_fix_is_never_held_back_by_position_logic() -> None:
    """Whatever place a press comes with, and whatever the fence thinks of it, it rings at once."""
    bad_places: list[dict[str, object]] = [
        {},
        {"lat": 0.0, "lon": 0.0},
        {"lat": -36.0, "lon": -60.0, "acc": 9e5, "src": "lbs"},
        {"lat": LAT, "lon": LON, "acc": 0.0, "crs": "bd09"},
        {"lat": LAT + 3.0, "lon": LON},
        {"lat": LAT},
        {"lat": None, "lon": None, "acc": None},
    ]
    for number, place in enumerate(bad_places):
        decoder, bank = watched()
        send(decoder, bank, [fix(T0_MS, out=False), fix(T0_MS + 30_000, out=False)], T0_MS + 30_200)
        # A second after a fix inside, and once in the middle of a late backlog.
        press_ms = T0_MS + 31_000
        found = send(decoder, bank, [{"t": press_ms, **place}], press_ms + 100, kind="sos")
        assert [(f.condition, f.change) for f in found] == [(Condition.SOS, Change.BEGAN)], number
        late: list[object] = [[fix(T0_MS + 40_000 + i * 1000, out=True) for i in range(20)]]
        send(decoder, bank, late, T0_MS + 900_000)
        found = send(decoder, bank, [{"t": T0_MS + 900_500, **place}], T0_MS + 900_600, kind="sos")
        assert [(f.condition, f.change) for f in found] == [(Condition.SOS, Change.BEGAN)], number


def test_a_rejected_place_does_not_take_the_press_with_it() -> None:
    decoder, bank = watched()
    now_ms = T0_MS + 100
    topics, bodies = ["care/v1/s/loc/location", "care/v1/s/loc/sos"], [b'{"lat":99,"lon":10}', b""]
    decoded = decoder.decode(topics, bodies, now_ms)
    assert len(decoded.rejected) == 1
    assert [f.condition for f in bank.update(decoded.readings, now_ms)] == [Condition.SOS]
    assert np.isnan(decoded.readings[0].lat_deg).all()  # type: ignore[union-attr]
