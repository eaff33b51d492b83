"""Who goes first while an alarm is journalled, and for how long others wait for that."""

import asyncio

from service.right_of_way import RightOfWay

_FOR_EVER_S = 3_600.0


async def turns(count: int = 20) -> None:
    """Let everything that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_nobody_waits_where_nobody_goes_first() -> None:
    right_of_way = RightOfWay(_FOR_EVER_S)
    await right_of_way.given()
    with right_of_way.taken():
        pass
    await right_of_way.given()


async def test_all_wait_until_the_last_who_goes_first_is_done() -> None:
    right_of_way = RightOfWay(_FOR_EVER_S)
    with right_of_way.taken():
        waiting = [asyncio.create_task(right_of_way.given()) for _ in range(3)]
        with right_of_way.taken():
            await turns()
        await turns()
        assert not any(task.done() for task in waiting)
    await asyncio.gather(*waiting)


async def test_nobody_waits_for_long() -> None:
    right_of_way = RightOfWay(0.0)
    with right_of_way.taken():
        await right_of_way.given()
        with right_of_way.taken():  # another one who goes first does not have them wait anew
            await right_of_way.given()


async def test_who_is_cancelled_while_waiting_keeps_nobody() -> None:
    right_of_way = RightOfWay(_FOR_EVER_S)
    with right_of_way.taken():
        waiting = asyncio.create_task(right_of_way.given())
        await turns()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
    await right_of_way.given()
