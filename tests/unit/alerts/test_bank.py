"""The bank: state by row, fed with batches."""

from dataclasses import fields, replace
from time import perf_counter
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from alerts.bank import BadState, Bank
from alerts.detectors.bed import BedExit, BedSettings
from alerts.detectors.early_warning import EarlyWarning
from alerts.detectors.geofence import Geofence
from alerts.detectors.sos import Press
from alerts.detectors.standard import DetectorSettings, standard_detectors
from alerts.detectors.supervision import Supervision, SupervisionSettings
from alerts.detectors.vitals import VitalLimits
from alerts.detectors.wandering_signs import WanderingSettings
from alerts.detectors.zones import Zone, ZoneTable
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Crs, Kind
from ingest.readings import Bed, Location, Sos, Vitals

T0_MS = 1_760_000_000_000
CODES = frozenset({"present", "worn", "action", "source", "crs"})


def readings(kind: type[Any], at_s: Any, row: Any, **columns: Any) -> Any:
    row = np.atleast_1d(np.asarray(row, dtype=np.int32))
    time_ms = np.full(len(row), T0_MS) + np.rint(np.asarray(at_s) * 1000).astype(np.int64)
    values: dict[str, Any] = {
        "row": row,
        "time_ms": time_ms,
        "received_ms": time_ms + 100,
        "seq": np.full(len(row), -1),
        "time_assumed": np.zeros(len(row), dtype=np.bool_),
    }
    for f in fields(kind):
        if f.name not in values:
            code = f.name in CODES
            value = np.asarray(columns.get(f.name, -1 if code else np.nan), dtype=np.int8 if code else np.float64)
            values[f.name] = np.broadcast_to(value, (len(row),))
    return kind(**values)


def everything(count: int, zones: ZoneTable | None = None) -> Bank:
    return Bank(standard_detectors(zones or ZoneTable(), DetectorSettings(bed=BedSettings(fall_risk="high"))), count)


def test_findings_bear_the_rows_of_the_directory() -> None:
    bank = everything(1000)
    found = bank.update([readings(Sos, 0, [907, 3], action=0)], T0_MS)
    assert sorted(f.row for f in found) == [3, 907]


def test_each_kind_goes_to_those_who_take_it() -> None:
    bank = everything(10)
    found = bank.update(
        [
            readings(Sos, 0, 1, action=0),
            readings(Vitals, [0, 20], [2, 2], spo2_pct=80.0),
            readings(Bed, [0, 1, 15], [3, 3, 3], present=[1, 0, 0]),
            readings(Vitals, 0, []),
        ],
        T0_MS,
    )
    assert sorted((f.row, f.cause) for f in found) == [(1, "press"), (2, "spo2_low"), (3, "bed_exit")]


def test_state_lives_from_batch_to_batch() -> None:
    bank = everything(10)
    assert bank.update([readings(Vitals, 0, 2, spo2_pct=80.0)], T0_MS) == []
    assert len(bank.update([readings(Vitals, 20, 2, spo2_pct=80.0)], T0_MS)) == 1


def test_ticks_come_to_each_detector_in_its_own_time() -> None:
    bank = Bank([BedExit(BedSettings(fall_risk="high")), Press()], 5)
    bank.update([readings(Bed, [0, 1, 2], [3, 3, 3], present=[1, 1, 0])], T0_MS)
    assert bank.tick(T0_MS + 10_900) == []
    assert bank.tick(T0_MS + 11_500) == [], "less than a second after the last"
    (exit_,) = bank.tick(T0_MS + 12_300)
    assert exit_.row == 3


def test_a_fleet_that_grows_keeps_what_is_known() -> None:
    circle = Zone("garden", "safe", Crs.WGS84, circle=(36.0, 117.0, 50.0))
    bank = everything(2)
    bank.update([readings(Vitals, 0, 1, spo2_pct=80.0)], T0_MS)
    bank.resize(2000)
    bank.replace(Geofence(ZoneTable([circle], {1999: [0]})))
    assert bank.count == 2000
    found = bank.update(
        [
            readings(Vitals, [20, 0, 20], [1, 1999, 1999], spo2_pct=80.0),
            readings(Location, [0, 30], [1999, 1999], lat_deg=36.1, lon_deg=117.0, accuracy_m=5.0),
        ],
        T0_MS,
    )
    assert sorted((f.row, f.cause) for f in found) == [(1, "spo2_low"), (1999, "left_safe_zone"), (1999, "spo2_low")]
    with pytest.raises(ValueError, match="never given back"):
        bank.resize(10)


def test_a_detector_set_anew_keeps_its_state_and_takes_its_own_defaults() -> None:
    bank = Bank([BedExit(BedSettings(fall_risk="high"))], 3)
    bank.update([readings(Bed, [0, 1], [2, 2], present=[1, 0])], T0_MS)
    bank.replace(BedExit(BedSettings(leave_s=100.0, fall_risk="high")))
    assert bank.update([readings(Bed, 20, 2, present=0)], T0_MS) == []
    assert len(bank.update([readings(Bed, 101, 2, present=0)], T0_MS)) == 1


def test_parameters_of_a_row_stay_through_growth_and_replacement() -> None:
    bank = Bank([VitalLimits()], 2)
    params = VitalLimits().defaults(2)
    params["delay_s"][1] = 0.0
    bank.set_params("vital_limits", params)
    bank.resize(4)
    bank.replace(VitalLimits())
    found = bank.update([readings(Vitals, 0, [0, 1, 3], spo2_pct=80.0)], T0_MS)
    assert [f.row for f in found] == [1]
    with pytest.raises(ValueError, match="needs 4 records"):
        bank.set_params("vital_limits", params)
    assert len(Bank([VitalLimits()], 2, {"vital_limits": params}).update([readings(Vitals, 0, 1, spo2_pct=80)], 0)) == 1


def test_state_survives_a_restart() -> None:
    before = everything(5)
    before.update(
        [readings(Bed, [0, 1, 15], [3, 3, 3], present=[1, 0, 0]), readings(Vitals, 0, 2, spo2_pct=80.0)], T0_MS
    )
    after = everything(5)
    assert after.restore(before.save()) == ()
    found = after.update(
        [readings(Bed, [20, 27], [3, 3], present=[1, 1]), readings(Vitals, 20, 2, spo2_pct=80.0)], T0_MS
    )
    assert sorted((f.cause, f.change) for f in found) == [("bed_exit", Change.ENDED), ("spo2_low", Change.BEGAN)]


def test_after_a_restart_rows_may_be_other_rows() -> None:
    before = everything(3)
    before.update([readings(Vitals, 0, [0, 1, 2], spo2_pct=[80.0, 99.0, 80.0])], T0_MS)
    after = everything(2)
    assert after.restore(before.save(), np.array([1, 0, -1])) == ()
    found = after.update([readings(Vitals, 20, [0, 1], spo2_pct=80.0)], T0_MS)
    assert [(f.row, f.onset_ms) for f in found] == [(1, T0_MS)]


def test_state_of_another_form_is_left_out_and_said() -> None:
    saved = msgspec.msgpack.decode(everything(5).save())
    saved["detectors"]["bed_exit"]["dtype"] = "[('other', '<i8')]"
    saved["detectors"]["press"]["records"] = b"short"
    del saved["detectors"]["geofence"]
    saved["detectors"]["gone"] = saved["detectors"]["vital_limits"]
    bank = everything(5)
    assert bank.restore(msgspec.msgpack.encode(saved)) == ("press", "bed_exit", "geofence")


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"nonsense", msgspec.msgpack.encode({"version": 9, "detectors": {}}), b"\x93\x01"]
)
def test_what_is_no_state_is_an_error_and_changes_nothing(data: bytes) -> None:
    bank = everything(5)
    before = bank.save()
    with pytest.raises(BadState):
        bank.restore(data)
    assert bank.save() == before


def test_two_detectors_of_one_name_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="one name"):
        Bank([Press(), Press()], 1)


def test_a_late_backlog_raises_at_most_what_is_true_now() -> None:
    spo2_pct = [80.0, 80.0, 98.0, 80.0, 80.0]
    backlog = readings(Vitals, [0, 60, 120, 180, 240], [1] * 5, spo2_pct=spo2_pct)
    bank, now_ms = everything(3), T0_MS + 3_600_000
    an_hour_late = [
        *bank.update([backlog], now_ms),
        *(found for second in range(20) for found in bank.tick(now_ms + 1000 * second) if found.cause == "spo2_low"),
    ]
    assert [(f.change, f.onset_ms - T0_MS) for f in an_hour_late] == [(Change.BEGAN, 180_000)]
    at_once = everything(3).update([backlog], T0_MS + 150_000)
    assert len(at_once) == 3


def test_a_clock_set_back_is_told_once_rings_nothing_twice_and_survives_restarts() -> None:
    skew_s = np.where(np.arange(300) < 100, 0.0, -3600.0)
    found = []
    bank = everything(8)
    for second in range(300):  # too fast from the beginning to second 249
        said = readings(Vitals, second, 5, heart_rate_bpm=180.0 if second < 250 else 70.0)
        said = replace(said, time_ms=said.time_ms + int(skew_s[second] * 1000))
        found += bank.update([said], T0_MS + second * 1000)
        if second % 20 == 0:
            restarted = everything(8)
            assert restarted.restore(bank.save()) == ()
            bank = restarted
    assert [(f.row, f.cause, f.change, f.found_ms - T0_MS) for f in found] == [
        (5, "heart_rate_high", Change.BEGAN, 15_000),
        (5, "clock_wrong", Change.BEGAN, 160_100),
        (5, "heart_rate_high", Change.ENDED, 250_100),
    ]
    assert found[0].onset_ms == found[2].onset_ms == T0_MS


def test_a_late_press_rings_all_the_same() -> None:
    presses = readings(Sos, [0, 20], [1, 1], action=[0, 1])
    assert [f.change for f in everything(3).update([presses], T0_MS + 3_600_000)] == [Change.BEGAN, Change.CANCELLED]


def test_a_batch_costs_the_same_in_a_large_fleet() -> None:
    rows = np.random.default_rng(0).permutation(1000)[:500]
    batch = replace(readings(Vitals, 0, rows, spo2_pct=97.0, heart_rate_bpm=70.0, battery_pct=80.0))
    cost_s = {}
    for count in (1000, 100_000):
        bank = everything(count)
        spread = batch.with_rows((rows * (count // 1000)).astype(np.int32))
        best = np.inf
        for step in range(60):
            later = replace(spread, time_ms=spread.time_ms + step * 1000, received_ms=spread.received_ms + step * 1000)
            start = perf_counter()
            bank.update([later], T0_MS)
            best = min(best, perf_counter() - start)
        cost_s[count] = best
    assert cost_s[100_000] < 2 * cost_s[1000]


def test_all_kinds_have_somebody_who_hears_them() -> None:
    assert Supervision(SupervisionSettings()).kinds == frozenset(Kind)


def tense(at_s: Any, row: Any, **columns: Any) -> Any:
    """Readings whose points make five."""
    return readings(Vitals, at_s, row, heart_rate_bpm=115.0, respiration_per_min=26.0, **columns)


def test_a_detector_by_resident_sees_the_devices_of_one_as_one() -> None:
    bank = Bank([EarlyWarning()], 5)
    bank.lead(["a", "b", "b", None, "a"])
    assert bank.update([tense([0, 0, 0], [2, 3, 4])], T0_MS) == []
    found = bank.update([tense([60, 60, 60], [1, 3, 0])], T0_MS)
    assert [f.row for f in found] == [0, 1, 3]


def test_what_is_known_of_a_resident_moves_with_the_resident_and_stays_with_nobody_else() -> None:
    bank = Bank([EarlyWarning()], 3)
    bank.lead(["a", "b", None])
    bank.update([tense([0, 0], [0, 1])], T0_MS)
    bank.resize(4)
    bank.lead(["b", None, "c", "a"])  # b got a's device, a a new one, and c that of nobody
    found = bank.update([tense([60] * 4, [0, 1, 2, 3])], T0_MS)
    assert [f.row for f in found] == [0, 3]
    assert bank.update([tense(120, 1)], T0_MS) != [], "the device that is nobody's now began anew"


def test_who_comes_to_a_row_knows_nothing_of_who_left_it() -> None:
    bank = Bank([EarlyWarning()], 1)
    bank.lead(["a"])
    bank.update([tense(0, 0)], T0_MS)
    bank.lead(["b"])
    assert bank.update([tense(60, 0)], T0_MS) == []
    with pytest.raises(ValueError, match="there are 1 rows, not 2"):
        bank.lead(["a", "b"])


def test_who_gets_a_device_that_was_nobodys_knows_nothing_of_who_tried_it() -> None:
    bank = Bank([EarlyWarning()], 1)
    bank.update([tense(0, 0)], T0_MS)
    bank.lead(["b"])
    assert bank.update([tense(60, 0)], T0_MS) == []


def test_over_a_restart_too_what_is_known_goes_with_the_resident() -> None:
    before = Bank([EarlyWarning()], 4)
    before.lead(["a", "b", "c", None])
    before.update([tense([0] * 4, [0, 1, 2, 3])], T0_MS)
    # Meanwhile a and b changed devices, c has another one, and new ones stand before them in the fleet.
    after = Bank([EarlyWarning()], 6)
    after.lead(["d", "b", "a", None, "c", None])
    assert after.restore(before.save(), np.array([1, 2, 0, 3])) == ()
    found = after.update([tense([60] * 6, np.arange(6))], T0_MS)
    assert [f.row for f in found] == [1, 2, 3, 4]


class Faulty(Press):
    """Has a fault that shows over what one device sends, and over its state."""

    tick_s: ClassVar[float | None] = 1.0

    def update(self, state: Any, readings: Any, params: Any, now_ms: int) -> Any:
        state["open_ms"] = 0
        if (readings.seq == 13).any():
            raise IndexError("over the readings of one device")
        return super().update(state, readings, params, now_ms)

    def tick(self, state: Any, params: Any, now_ms: int) -> Any:
        if (state["open_ms"] == T0_MS + 5).any():
            raise IndexError("over the state of one device")
        found = [
            Finding(int(row), Condition.SOS, "late", Change.BEGAN, Priority.LOW, 1, 1) for row in range(len(state))
        ]
        return state, found


def test_a_fault_over_one_device_ends_nobody_elses_watching() -> None:
    presses = replace(readings(Sos, 0, [1, 3, 5, 7, 9], action=0), seq=np.array([-1, -1, 13, -1, -1]))
    bank = Bank([Faulty(), VitalLimits()], 10)
    with pytest.raises(IndexError):
        bank.update([presses], T0_MS)
    told: list[str] = []
    bank.on_fault = lambda name, error: told.append(f"{name} {error}")
    found = bank.update([presses, readings(Vitals, [0, 20], [2, 2], spo2_pct=80.0)], T0_MS)
    assert sorted((f.row, f.cause) for f in found) == [
        (1, "press"),
        (2, "spo2_low"),
        (3, "press"),
        (7, "press"),
        (9, "press"),
    ]
    assert told == ["press over the readings of one device"]
    assert bank.state("press")["open_ms"][5] != 0, "what it left half done is not kept"

    assert len(bank.update([readings(Sos, 0.005, 4, action=0)], T0_MS)) == 1
    assert sorted(f.row for f in bank.tick(T0_MS)) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert told[1:] == ["press over the state of one device"]


def test_a_detector_keeps_records_of_those_it_heard_alone_but_for_the_watch_over_silence() -> None:
    bank = everything(1000)
    bank.tick(T0_MS)
    bank.update([readings(Vitals, 0, [7, 900], spo2_pct=97.0, heart_rate_bpm=70.0)], T0_MS)
    saved = msgspec.msgpack.decode(bank.save())["detectors"]
    kept = {name: len(one["at"]) // 4 for name, one in saved.items()}
    assert {name: kept[name] for name in ("device_clocks", "supervision")} == {
        "device_clocks": 1000,
        "supervision": 1000,
    }
    assert {name: kept[name] for name in ("vital_limits", "bed_exit", "geofence", "wrist_fall", "press")} == {
        "vital_limits": 2,
        "bed_exit": 0,
        "geofence": 0,
        "wrist_fall": 0,
        "press": 0,
    }


def test_pieces_make_the_whole_and_may_leave_detectors_out() -> None:
    before = everything(5)
    before.update([readings(Vitals, 0, np.arange(5), spo2_pct=[80.0, 99.0, 80.0, 99.0, 80.0])], T0_MS)
    after = everything(5)
    for begin, end in ((0, 2), (2, 5)):
        piece = before.snapshot(begin, end, {"wrist_fall"})()
        assert after.restore(piece, np.arange(begin, end)) == ("wrist_fall",)
    assert after.save() == before.save()


def test_time_tells_nothing_of_rows_without_a_record() -> None:
    settings = DetectorSettings(wandering=WanderingSettings(enabled=True))
    detectors = standard_detectors(ZoneTable(), settings)
    everyone = [d.name for d in detectors if d.tick(nothing := d.initial(1), d.defaults(1), 0)[0] is not nothing]
    assert everyone == ["supervision"]
    for detector in detectors:
        for at_ms in (1, T0_MS, T0_MS + 86_400_000):
            nothing = detector.initial(3)
            after, found = detector.tick(nothing, detector.defaults(3), at_ms)
            assert detector.name in everyone or (after is nothing and found == []), detector.name
