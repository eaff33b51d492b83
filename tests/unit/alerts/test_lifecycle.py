"""The table of an alarm's life, every state with every event."""

import re
from itertools import product
from pathlib import Path

import pytest

from alerts.lifecycle import TABLE, UNTAKEN, Event, IllegalEvent, State, diagram, step, table

DOC = Path(__file__).parents[3] / "docs" / "alarm-lifecycle.md"

#: Written out a second time, by hand: a change of the table has to be meant.
LEGAL = {
    (None, "raise", "unacknowledged"),
    ("unacknowledged", "repeat", "unacknowledged"),
    ("unacknowledged", "worsen", "unacknowledged"),
    ("unacknowledged", "return", "returned"),
    ("unacknowledged", "cancel", "returned"),
    ("unacknowledged", "ease", "unacknowledged"),
    ("unacknowledged", "witness", "unacknowledged"),
    ("unacknowledged", "acknowledge", "acknowledged"),
    ("unacknowledged", "resolve", "resolved"),
    ("returned", "repeat", "unacknowledged"),
    ("returned", "worsen", "unacknowledged"),
    ("returned", "cancel", "returned"),
    ("returned", "ease", "returned"),
    ("returned", "witness", "returned"),
    ("returned", "acknowledge", "cleared"),
    ("returned", "resolve", "resolved"),
    ("acknowledged", "repeat", "acknowledged"),
    ("acknowledged", "worsen", "acknowledged"),
    ("acknowledged", "recur", "unacknowledged"),
    ("acknowledged", "return", "cleared"),
    ("acknowledged", "cancel", "cleared"),
    ("acknowledged", "ease", "acknowledged"),
    ("acknowledged", "witness", "acknowledged"),
    ("acknowledged", "resolve", "resolved"),
    ("cleared", "repeat", "unacknowledged"),
    ("cleared", "worsen", "unacknowledged"),
    ("cleared", "cancel", "cleared"),
    ("cleared", "ease", "cleared"),
    ("cleared", "witness", "cleared"),
    ("cleared", "resolve", "resolved"),
}


@pytest.mark.parametrize(("state", "event"), list(product([None, *State], Event)))
def test_every_event_in_every_state_is_as_written_or_raises(state: State | None, event: Event) -> None:
    wanted = [State(after) for before, what, after in LEGAL if before == state and what == event]
    if wanted:
        assert step(state, event) is wanted[0]
    else:
        with pytest.raises(IllegalEvent) as caught:
            step(state, event)
        assert (caught.value.state, caught.value.event) == (state, event)


@pytest.mark.parametrize(("state", "event"), list(TABLE))
def test_latching_changes_nothing_but_return(state: State | None, event: Event) -> None:
    after = step(state, event, latching=True)
    assert after is (state if event is Event.RETURN else TABLE[state, event])


@pytest.mark.parametrize("state", State)
def test_only_a_person_closes_an_alarm(state: State) -> None:
    closing = {event for event in Event if TABLE.get((state, event)) is State.RESOLVED}
    assert closing == (set() if state is State.RESOLVED else {Event.RESOLVE})


@pytest.mark.parametrize("state", sorted(UNTAKEN))
def test_only_a_person_takes_an_alarm(state: State) -> None:
    taking = {event for event in Event if TABLE.get((state, event), state) not in UNTAKEN}
    assert taking == {Event.ACKNOWLEDGE, Event.RESOLVE}


def test_every_open_state_rings_again_or_goes_on_when_the_condition_comes_again() -> None:
    present = {State.UNACKNOWLEDGED, State.ACKNOWLEDGED}
    assert all(step(state, Event.REPEAT) in present for state in State if state is not State.RESOLVED)


def test_the_page_shows_the_table() -> None:
    page = DOC.read_text(encoding="utf-8")
    drawn = re.search(r"```mermaid\n(.*?)\n```", page, re.DOTALL)
    assert drawn is not None
    assert drawn.group(1) == diagram()
    assert table() in page
