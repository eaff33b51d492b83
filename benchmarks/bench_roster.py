"""Deciding whom a press calls: from the roster in memory, beside asking the registry in SQLite at each press.

A site with 90 nurses in three shifts (30 on duty, two contacts each), a head nurse and 9 of the family. Three steps:
the nurses on duty (60 letters), the head nurse (one), and a doctor whom nobody has, so that two steps are skipped. The
first press after a change of shift works out who has come on duty, where the service has not looked ahead.

    python benchmarks/bench_roster.py [--presses 2000]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from alerts.alarm import Alarm
from alerts.calling.roster import Roster
from alerts.calling.rota import Shift
from alerts.findings import Condition, Priority
from alerts.lifecycle import State
from service.database import make_engine
from service.fleet import Caregiver, Fleet, Resident, Site
from service.registry import Registry

LIMIT_US: Final = 100.0
_NURSES: Final = 90
_SHIFTS_A_DAY: Final = 3
_NOW_MS: Final = 1_700_000_000_000
_SHIFT_MS: Final = 8 * 3_600_000


def fleet() -> Fleet:
    """The site and its people."""
    nurses = [
        Caregiver(f"n{i}", "N", "nurse", "s", contacts=(("sms", f"{i}"), ("app", f"{i}"))) for i in range(_NURSES)
    ]
    family = [Caregiver(f"f{i}", "F", "family", residents=("r",), contacts=(("sms", f"f{i}"),)) for i in range(9)]
    head = Caregiver("h", "H", "head_nurse", "s", contacts=(("sms", "h"),))
    hours = [(i % _SHIFTS_A_DAY * 480, (i % _SHIFTS_A_DAY + 1) * 480) for i in range(_NURSES)]
    shifts = [Shift(f"s{i}", (f"n{i}",), *both, site="s") for i, both in enumerate(hours)]
    return Fleet(
        (Site("s", "S"),), (Resident("r", "R", "s"),), caregivers=(*nurses, head, *family), shifts=tuple(shifts)
    )


def microseconds(decide: Callable[[int], object], presses: int) -> np.ndarray:
    """Processor time of each decision; the argument is the press's number."""
    taken = np.empty(presses)
    for press in range(presses):
        begin = time.process_time_ns()
        decide(press)
        taken[press] = (time.process_time_ns() - begin) / 1000
    return taken


def main() -> None:
    """Print a line for each, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=2_000)
    presses = parser.parse_args().presses
    alarm = Alarm(
        "a", "s", "d", "r", Condition.SOS, "press", Priority.HIGH, State.UNACKNOWLEDGED, *[_NOW_MS] * 5
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder)}/shouhu.db")
        registry = Registry(engine)
        registry.replace_fleet(fleet())
        roster = Roster(registry.book())
        roster.look_ahead(_NOW_MS)
        begin = _NOW_MS
        told = {
            "30 nurses, 60 letters": microseconds(lambda press: roster.call(alarm, 0, begin + press), presses),
            "head nurse, 1 letter": microseconds(lambda press: roster.call(alarm, 1, begin + press), presses),
            "2 steps skipped, 60 letters": microseconds(lambda press: roster.call(alarm, 3, begin + press), presses),
            "just after a change of shift": microseconds(
                lambda press: roster.call(alarm, 0, begin + press % 5 * _SHIFT_MS), min(presses, 500)
            ),
        }
        asked = microseconds(lambda press: Roster(registry.book()).call(alarm, 0, begin + press), min(presses, 50))
        engine.dispose()
    for name, taken in told.items():
        p50, p99 = np.percentile(taken, [50, 99])
        print(f"{name:32} p50 {p50:8.1f} µs   p99 {p99:8.1f} µs   limit {LIMIT_US:.0f} µs")
    p50 = float(np.percentile(asked, 50))
    ratio = p50 / float(np.percentile(told["30 nurses, 60 letters"], 50))
    print(f"{'asking the registry each time':32} p50 {p50:8.1f} µs   {ratio:.0f} times as long")


if __name__ == "__main__":
    main()
