"""What is always true of alarms, their transitions and letters, told a second time and not by what made them so."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from alerts.alarm import Alarm, Transition
from alerts.calling.roster import Roster
from alerts.findings import LATCHING, Condition, Priority
from alerts.journal.page import NOBODY_REACHABLE
from alerts.lifecycle import ON_SHELF, TAKEN, Event, State, step


def the_journal_replays(transitions: Sequence[Transition], alarms: Mapping[str, Alarm]) -> None:
    """What happened, gone through anew, makes the same states and the same alarms."""
    states: dict[str, State] = {}
    for one in transitions:
        before = states.get(one.alarm.alarm)
        assert before is one.from_state
        states[one.alarm.alarm] = step(before, one.event, latching=one.alarm.condition in LATCHING)
        assert one.to_state is states[one.alarm.alarm]
    assert states == {name: alarm.state for name, alarm in alarms.items()}
    assert {one.alarm.alarm: one.alarm for one in transitions} == alarms, "and to the same alarms"


def has_its_next_time(alarm: Alarm, roster: Roster) -> None:
    """What nobody has closed has a time at which something happens by itself."""
    if alarm.state is State.RESOLVED:
        assert alarm.due_ms is None
    elif alarm.state in ON_SHELF:
        assert alarm.due_ms == alarm.shelved_until_ms is not None
    elif alarm.state in TAKEN:
        assert alarm.due_ms is not None, "nobody would ever be reminded of it"
    elif roster.is_heard(alarm.site):
        gone = alarm.state is State.RETURNED
        if not gone or (alarm.priority is Priority.HIGH and not alarm.cancelled):
            assert alarm.due_ms is not None, "nobody has taken it, and nothing more would happen"
        else:
            assert alarm.due_ms is None, "it is gone and not urgent, or called off"


def no_step_is_taken_twice(transitions: Sequence[Transition], calls: Sequence[Any]) -> None:
    """Within one ringing no step calls anybody twice by one channel, and steps go on and on."""
    ringing: Counter[str] = Counter()
    of_sequence: dict[int, tuple[str, int]] = {}
    for one in transitions:
        ringing[one.alarm.alarm] += one.rings
        of_sequence[one.sequence] = one.alarm.alarm, ringing[one.alarm.alarm]
    told = Counter((of_sequence[row.sequence], row.step, row.address, row.channel) for row in calls)
    assert max(told.values(), default=1) == 1
    steps: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for sequence, of_step in itertools.groupby(calls, key=lambda row: row.sequence):
        (number,) = {row.step for row in of_step}
        steps[of_sequence[sequence]].append(number)
    assert all(one < other for numbers in steps.values() for one, other in itertools.pairwise(numbers))


def no_letter_of_an_errand_waits_too_long(transitions: Sequence[Transition], letters: Sequence[Any]) -> None:
    """Only what devices say, of low priority, waits for others: ten minutes at most, and less where others are called.

    Those who are called have at least half of the time until somebody else is. What failed is not looked at.
    """
    by_sequence = {one.sequence: one.alarm for one in transitions}
    parcels: defaultdict[int, set[tuple[str, str, str]]] = defaultdict(set)
    for row in letters:
        if row.errand is None:
            assert row.parcel is None
            continue
        alarm = by_sequence[row.sequence]
        assert (alarm.condition, alarm.priority) == (Condition.DEVICE, Priority.LOW)
        assert alarm.device != "shouhu", "what the service says of a site is told at once"
        assert row.errand == f"{'drill' if alarm.drill else 'site'}:{alarm.site}"
        if row.parcel is not None:
            parcels[row.parcel].add((row.channel, row.errand, row.address))
            assert row.parcel <= row.number
        elif row.status == "pending":
            assert 0 <= row.due_ms - row.created_ms <= 600_000
            if alarm.due_ms is not None:
                assert row.due_ms - row.created_ms <= (alarm.due_ms - row.created_ms) / 2
    assert all(len(lanes) == 1 for lanes in parcels.values()), "a message goes to one person about one site"


def whoever_rings_calls_or_tells(
    transitions: Sequence[Transition], alarms: Mapping[str, Alarm], letters: Sequence[Any]
) -> None:
    """A step calls people, or that it could call nobody is an alarm of its own."""
    called = {row.sequence for row in letters if row.step is not None}
    told = {alarm.site for alarm in alarms.values() if alarm.cause == NOBODY_REACHABLE}
    for one in transitions:
        begins = (one.rings or one.event is Event.ESCALATE) and one.alarm.due_ms is not None
        if begins and one.alarm.cause != NOBODY_REACHABLE and one.sequence not in called:
            assert one.alarm.site in told
