"""The in-process feed: in order, never waiting for a slow listener."""

import asyncio

from alerts.alarm import Alarm, Transition
from alerts.findings import Condition, Priority
from alerts.lifecycle import Event, State
from alerts.notify.hub import Hub

ALARM = Alarm(
    *("01HF7YAT000000000000", "ward", "button-1", "resident-1", Condition.SOS, "press", Priority.HIGH),
    *(State.UNACKNOWLEDGED, 1, 2, 3, 3, 1),
)


def transition(sequence: int) -> Transition:
    return Transition(sequence, ALARM, Event.REPEAT, State.UNACKNOWLEDGED, State.UNACKNOWLEDGED, 3)


async def test_every_listener_hears_everything_in_order() -> None:
    hub = Hub()
    with hub.listen() as one, hub.listen() as other:
        for sequence in range(3):
            hub.publish(transition(sequence))
        hub.close()
        assert [t.sequence async for t in one] == [0, 1, 2]
        assert [t.sequence async for t in other] == [0, 1, 2]
    assert hub.listeners == 0


async def test_a_listener_waits_for_what_comes() -> None:
    hub = Hub()
    with hub.listen() as listener:
        waiting = asyncio.create_task(anext(listener))
        await asyncio.sleep(0)
        hub.publish(transition(7))
        assert (await waiting).sequence == 7


async def test_a_wait_that_was_given_up_loses_nothing() -> None:
    hub = Hub()
    with hub.listen() as listener:
        waiting = asyncio.create_task(anext(listener))
        await asyncio.sleep(0)
        waiting.cancel()
        hub.publish(transition(7))
        await asyncio.wait([waiting])
        assert (await anext(listener)).sequence == 7


async def test_a_listener_that_falls_behind_is_let_go_and_the_others_hear_on() -> None:
    hub = Hub(behind_most=2)
    with hub.listen() as slow, hub.listen() as quick:
        heard = []
        for sequence in range(4):
            hub.publish(transition(sequence))
            heard.append((await anext(quick)).sequence)
        assert heard == [0, 1, 2, 3]
        assert [t async for t in slow] == [], "it missed something, so it has to begin anew"


async def test_a_closed_hub_keeps_nobody() -> None:
    hub = Hub()
    hub.close()
    with hub.listen() as listener:
        assert [t async for t in listener] == []
