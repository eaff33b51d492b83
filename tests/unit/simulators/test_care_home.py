"""The simulated home: who lives there, what happens, and that it is the same for the same seed."""

from itertools import islice, pairwise

import pytest

from simulators.care_home import (
    NOTICED_WITHIN_S,
    OPENING_S,
    Happening,
    care_home,
    opening,
    script,
)
from simulators.life import live
from simulators.stream import Chunk

START_MS = 1_760_000_000_000


def chunks(count: int, seed: int = 1) -> list[Chunk]:
    home = care_home()
    return list(islice(live(home, script(home), start_ms=START_MS, seed=seed), count))


def test_sixty_devices_of_all_four_types_are_worn_by_twenty_four_people() -> None:
    home = care_home()
    assert len(home.people) == 24
    assert [len(home.of_type(t)) for t in ("bracelet", "bed_mat", "button", "locator")] == [24, 12, 12, 12]
    assert len({device.device for device in home.devices}) == 60
    assert len({person.name for person in home.people}) == 24


def test_the_opening_is_one_of_each_happening_to_somebody_else_within_forty_five_seconds() -> None:
    first = opening(care_home())
    assert {planned.happening for planned in first} == set(Happening)
    assert len({planned.device.resident for planned in first}) == len(first)
    assert max(planned.at_s for planned in first) <= 15


def test_happenings_go_on_without_end_and_nobody_has_two_at_once() -> None:
    plan = list(islice(script(care_home()), 400))
    assert [planned.at_s for planned in plan] == sorted(planned.at_s for planned in plan)
    last_s: dict[str, int] = {}
    for planned in plan:
        resident = planned.device.resident
        assert planned.at_s - last_s.get(resident, -1000) >= 180
        last_s[resident] = planned.at_s


@pytest.mark.parametrize("ends_s", [50.0, 60.0, 100.0, 600.0])
def test_a_script_with_an_end_leaves_time_to_notice_the_last(ends_s: float) -> None:
    plan = list(script(care_home(), ends_s=ends_s))
    assert plan[: len(opening(care_home()))] == list(opening(care_home()))
    later = plan[len(opening(care_home())) :]
    assert all(planned.at_s + NOTICED_WITHIN_S <= ends_s for planned in later)
    assert OPENING_S <= 50


def test_the_same_seed_lives_the_same_life() -> None:
    assert chunks(6, seed=3) == chunks(6, seed=3)
    assert chunks(1, seed=3) != chunks(1, seed=4)


def test_messages_of_a_chunk_are_in_order_and_follow_the_chunk_before() -> None:
    lived = chunks(12)
    times = [message.at_ms for chunk in lived for message in chunk.messages]
    assert all(a.messages[-1].at_ms <= b.messages[0].at_ms for a, b in pairwise(lived))
    assert times == sorted(times)
    assert times[0] >= START_MS


def test_the_incidents_of_a_minute_are_those_of_the_script() -> None:
    incidents = [incident for chunk in chunks(12) for incident in chunk.incidents]
    assert [incident.device for incident in incidents] == [
        planned.device.device for planned in script(care_home(), ends_s=100.0) if planned.at_s < 60
    ]


def test_a_silent_bracelet_says_nothing_and_is_heard_again() -> None:
    lived = chunks(24)
    spoken = [
        index
        for index, chunk in enumerate(lived)
        if any("/bracelet-22/" in message.topic for message in chunk.messages)
    ]
    assert spoken == [0, *range(19, 24)]
