"""The table of an alarm's life, every state with every event."""

from itertools import product
from pathlib import Path

import pytest

from alerts.generated_page import rewritten
from alerts.lifecycle import (
    GONE,
    ON_SHELF,
    TABLE,
    TAKEN,
    UNTAKEN,
    Event,
    IllegalEvent,
    State,
    begins_ringing,
    step,
)
from alerts.lifecycle_page import diagram, table

DOC = Path(__file__).parents[3] / "docs" / "alarm-lifecycle.md"

#: Open states, and what changes nothing in any of them.
OPEN = [state.value for state in State if state is not State.RESOLVED]
SAME = {(state, event, state) for state in OPEN for event in ("ease", "witness", "lose", "see")}

#: Written out a second time, by hand: a change of the table has to be meant.
LEGAL = SAME | {
    (None, "raise", "unacknowledged"),
    ("unacknowledged", "repeat", "unacknowledged"),
    ("unacknowledged", "worsen", "unacknowledged"),
    ("unacknowledged", "return", "returned"),
    ("unacknowledged", "cancel", "returned"),
    ("unacknowledged", "escalate", "unacknowledged"),
    ("unacknowledged", "acknowledge", "acknowledged"),
    ("unacknowledged", "shelve", "shelved"),
    ("unacknowledged", "resolve", "resolved"),
    ("returned", "repeat", "unacknowledged"),
    ("returned", "flicker", "unacknowledged"),
    ("returned", "worsen", "unacknowledged"),
    ("returned", "cancel", "returned"),
    ("returned", "escalate", "returned"),
    ("returned", "acknowledge", "cleared"),
    ("returned", "shelve", "shelved_returned"),
    ("returned", "resolve", "resolved"),
    ("acknowledged", "repeat", "acknowledged"),
    ("acknowledged", "worsen", "acknowledged"),
    ("acknowledged", "recur", "unacknowledged"),
    ("acknowledged", "return", "cleared"),
    ("acknowledged", "cancel", "cleared"),
    ("acknowledged", "remind", "unacknowledged"),
    ("acknowledged", "shelve", "shelved"),
    ("acknowledged", "resolve", "resolved"),
    ("cleared", "repeat", "unacknowledged"),
    ("cleared", "flicker", "acknowledged"),
    ("cleared", "worsen", "unacknowledged"),
    ("cleared", "cancel", "cleared"),
    ("cleared", "remind", "returned"),
    ("cleared", "shelve", "shelved_returned"),
    ("cleared", "resolve", "resolved"),
    ("shelved", "repeat", "shelved"),
    ("shelved", "worsen", "unacknowledged"),
    ("shelved", "return", "shelved_returned"),
    ("shelved", "cancel", "shelved_returned"),
    ("shelved", "shelve", "shelved"),
    ("shelved", "unshelve", "unacknowledged"),
    ("shelved", "resolve", "resolved"),
    ("shelved_returned", "repeat", "shelved"),
    ("shelved_returned", "worsen", "unacknowledged"),
    ("shelved_returned", "cancel", "shelved_returned"),
    ("shelved_returned", "shelve", "shelved_returned"),
    ("shelved_returned", "unshelve", "cleared"),
    ("shelved_returned", "resolve", "resolved"),
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
def test_a_latching_alarm_does_not_return_and_is_not_shelved(state: State | None, event: Event) -> None:
    if event is Event.SHELVE:
        with pytest.raises(IllegalEvent, match="a press or a fall"):
            step(state, event, latching=True)
    else:
        assert step(state, event, latching=True) is (state if event is Event.RETURN else TABLE[state, event])


@pytest.mark.parametrize("state", State)
def test_only_a_person_closes_an_alarm(state: State) -> None:
    closing = {event for event in Event if TABLE.get((state, event)) is State.RESOLVED}
    assert closing == (set() if state is State.RESOLVED else {Event.RESOLVE})


@pytest.mark.parametrize("state", sorted(UNTAKEN))
def test_only_a_person_takes_an_alarm(state: State) -> None:
    taking = {event for event in Event if TABLE.get((state, event), state) not in UNTAKEN}
    assert taking == {Event.ACKNOWLEDGE, Event.SHELVE, Event.RESOLVE}


def test_the_condition_coming_again_makes_every_open_state_one_in_which_it_is_there() -> None:
    assert all(step(state, Event.REPEAT) not in GONE for state in State if state is not State.RESOLVED)


def test_what_gets_worse_rings_unless_somebody_is_at_it() -> None:
    rings = {state for state in State if begins_ringing(state, Event.WORSEN, TABLE.get((state, Event.WORSEN), state))}
    assert rings == UNTAKEN | ON_SHELF | {State.CLEARED}


@pytest.mark.parametrize(("state", "event"), list(TABLE))
def test_what_begins_to_ring_calls_for_somebody_and_what_goes_on_ringing_does_not_begin(
    state: State | None, event: Event
) -> None:
    after = TABLE[state, event]
    rings = begins_ringing(state, event, after)
    if after not in UNTAKEN or event in (Event.FLICKER, Event.ESCALATE, Event.LOSE, Event.SEE, Event.RETURN):
        assert not rings
    elif state not in UNTAKEN:
        assert rings, "from here on nobody holds it"


def test_open_states_are_of_three_kinds() -> None:
    assert sorted([*UNTAKEN, *TAKEN, *ON_SHELF]) == sorted(OPEN)


def test_the_page_shows_the_table() -> None:
    page = DOC.read_text(encoding="utf-8")
    assert rewritten(page, diagram(), table()) == page, "make pages rewrites it"
    assert f"```mermaid\n{diagram()}\n```" in page
    assert f"\n{table()}\n" in page


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="one place"):
        rewritten("# The life of an alarm\n", diagram(), table())
