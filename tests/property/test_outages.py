"""Whatever falls silent and comes back, in whatever order: nobody is forgotten, and every alarm that began ends."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detectors.outages import Standing
from alerts.detectors.supervision import Supervision, SupervisionSettings
from alerts.findings import Change, Finding
from ingest.directory import DeviceType
from ingest.readings import Bed
from tests.unit.alerts.detectors.conftest import Fed, _readings

DEVICES, SITES = 18, 2
LIMIT_S, WINDOW_S, STEP_S = 100, 30, 5


class Ledger:
    """What a journal would know: open alarms, and of whom nothing is known."""

    def __init__(self) -> None:
        self.single: set[int] = set()
        self.site: set[tuple[int, str]] = set()
        self.lost: set[int] = set()

    def take(self, findings: Sequence[Finding], sites: np.ndarray) -> None:
        for one in findings:
            if one.change is Change.LOST:
                assert not self.lost & set(one.rows), "lost twice"
                self.lost |= set(one.rows)
            elif one.change is Change.HEARD:
                assert set(one.rows) <= self.lost, "found who was not lost"
                self.lost -= set(one.rows)
            elif one.of_site:
                key = int(sites[one.row]), one.cause
                if one.change is Change.BEGAN:
                    self.site.add(key)
                else:
                    assert key in self.site
                    if one.change is Change.ENDED:
                        self.site.remove(key)
            elif one.change is Change.BEGAN:
                self.single.add(one.row)
                self.lost.add(one.row)
            else:
                self.single.remove(one.row)
                self.lost.remove(one.row)


@given(
    sites=st.lists(st.integers(0, SITES - 1), min_size=DEVICES, max_size=DEVICES),
    spells=st.lists(st.tuples(st.integers(1, 50), st.frozensets(st.integers(0, DEVICES - 1))), min_size=1, max_size=8),
    pauses=st.sets(st.integers(0, 7)),
)
@settings(max_examples=60, deadline=None)
def test_nobody_is_forgotten_and_every_alarm_ends(
    sites: list[int], spells: list[tuple[int, frozenset[int]]], pauses: set[int]
) -> None:
    """In each spell the given devices speak for so many steps; before some of them we are away for an hour."""
    detector = Supervision(SupervisionSettings(silent_s=LIMIT_S, back_s=STEP_S, many_devices=4, many_within_s=WINDOW_S))
    fed, of_site, ledger = Fed(detector, DEVICES), np.array(sites), Ledger()
    fed.params = detector.expecting([DeviceType.BED_MAT] * DEVICES, [f"s{site}" for site in sites])
    everybody = frozenset(range(DEVICES))
    at_s, since_s = 0, 0
    heard_s = np.full(DEVICES, -1)
    for number, (steps, speaking) in enumerate([*spells, (30, everybody)]):
        if number in pauses:
            at_s += 3600
            since_s = at_s + STEP_S
            fed.state = np.frombuffer(fed.state.tobytes(), dtype=detector.state_dtype)
        for _ in range(steps):
            at_s += STEP_S
            rows = np.array(sorted(speaking), dtype=np.int32)
            if len(rows):
                ledger.take(fed(_readings(Bed, np.full(len(rows), at_s), rows, latency_s=0.0)), of_site)
                heard_s[rows] = at_s
            ledger.take(fed.tick(at_s), of_site)

            quiet_s = at_s - np.maximum(heard_s, since_s)
            overdue = set(np.flatnonzero(quiet_s > LIMIT_S + WINDOW_S + 2 * STEP_S).tolist())
            assert overdue <= ledger.lost, "of who is long silent it is told that nothing is known"
            standing = fed.state["standing"]
            assert set(np.flatnonzero(standing == Standing.TOLD).tolist()) == ledger.single
            grouped = np.flatnonzero((standing == Standing.MANY) | (standing == Standing.DOWN)).tolist()
            assert {sites[row] for row in grouped} == {site for site, _ in ledger.site}
    assert not ledger.single
    assert not ledger.site
    assert not ledger.lost
    assert not fed.state["standing"].any()
