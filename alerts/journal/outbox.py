"""Letters leave: one task a channel, so that a dead channel never delays another.

Within a channel letters go out side by side; those of one alarm one after the other, or, where it calls single people,
those to one of them, so that whoever cannot be reached delays nobody else. A few places are kept for high priority: a
flood of silent devices into a slow receiver cannot stand before a press. What the devices of a site ask of one person
leaves as one message (`alerts.journal.errands`), in places of its own.

The database is what counts: letters leave from there after a start, after a failure, and whenever more wait than
there are places. While nothing waits there, a letter leaves straight from the hands of the desk that journalled it,
which saves a press two questions to the database.
"""

import asyncio
import contextlib
import logging
import random
import traceback
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError

from alerts.journal.desk import Desk
from alerts.journal.errands import Errand
from alerts.journal.letters import lane_of
from alerts.journal.schema import Status
from alerts.notify.contract import Channel, Delivered, FailedForGood, FailedForNow, Letter, Read, Result, Sent

_log: Final = logging.getLogger(__name__)

#: Letters of one channel on their way at once, and how many of these places only high priority may take.
_PLACES: Final = 8
_PLACES_KEPT: Final = 2
#: Besides, messages about the devices of a site on their way at once.
_ERRANDS: Final = 2
#: Numbers of letters that are remembered as begun: far more than can be sent between a commit and word of it.
_FOUND_MOST: Final = 1_000
#: The time of day is looked at again after so long, as somebody may set it.
_LOOK_S: Final = 30.0

#: Told of every letter that came to something: channel, what it was, Unix milliseconds.
OnResult = Callable[[str, Result, int], None]


def _nobody(channel: str, result: Result, now_ms: int) -> None:
    """Nobody wants to know."""


async def deliver(
    desk: Desk,
    channel: Channel,
    clock_ms: Callable[[], int],
    draw: Callable[[], float] = random.random,
    *,
    on_result: OnResult = _nobody,
) -> None:
    """Enter a channel and send its letters until cancelled; what was on its way then is sent again after a restart.

    `clock_ms` is the time of day in Unix milliseconds.
    """
    wake = desk.wake(channel.name)
    busy: dict[tuple[str, str], asyncio.Task[None]] = {}
    caught_up = False  # whether no letter waits in the database but those in `busy` and those just posted
    # Lately begun from the database. One that was journalled while the database was asked is posted as well, and may
    # have been sent and struck off by then.
    found: dict[int, None] = {}

    async def carry(*letters: Letter) -> None:
        nonlocal caught_up
        try:
            for letter in letters:
                result = await attempt(channel, channel.send(letter))
                on_result(channel.name, result, clock_ms())
                await _strike_off(desk, channel, (letter,), letter.key, result, clock_ms(), draw())
                if isinstance(result, FailedForNow):
                    caught_up = False
                    break
        except (OperationalError, InterfaceError) as error:
            # The letter stays due and is sent again: twice rather than never.
            _log.error("outbox of %s: database not available: %s", channel.name, type(error.orig).__name__)
            caught_up = False
            await asyncio.sleep(channel.backoff.first_s)
        finally:
            del busy[lane_of(letters[0])]
            wake.set()

    async with channel, asyncio.TaskGroup() as group:

        def start(*letters: Letter) -> None:
            name = f"{channel.name}-{letters[0].key}"
            busy[lane_of(letters[0])] = group.create_task(carry(*letters), name=name)

        def start_found(letter: Letter) -> None:
            nonlocal caught_up
            caught_up = False  # behind it another one of its lane may wait
            found[letter.number] = None
            if len(found) > _FOUND_MOST:
                del found[next(iter(found))]
            start(letter)

        errands = _run_errands(desk, channel, clock_ms, draw, on_result, group)
        group.create_task(errands, name=f"errands of {channel.name}")
        while True:
            wake.clear()
            wait_s: float | None = None
            # Taken in any case: what is not sent from here is found in the database, and not sent twice.
            posted = desk.posted(channel.name)
            caught_up = caught_up and posted is not None
            for letters in _by_lane(posted or (), found):
                caught_up = caught_up and lane_of(letters[0]) not in busy and len(busy) < _PLACES - _PLACES_KEPT
                if caught_up:
                    start(*letters)
            if not caught_up:
                caught_up = not busy  # until a letter fails while the database is asked
                try:
                    wait_s = await _start(desk, channel, clock_ms(), busy, start_found)
                    caught_up = caught_up and not busy and wait_s is None
                except (OperationalError, InterfaceError) as error:
                    _log.error("outbox of %s: database not available: %s", channel.name, type(error.orig).__name__)
                    caught_up = False
                    wait_s = channel.backoff.first_s
            await _woken(wake, wait_s)


async def _woken(wake: asyncio.Event, wait_s: float | None) -> None:
    """Wait until woken, or until a letter's time has come."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await wake.wait()


async def _run_errands(
    desk: Desk,
    channel: Channel,
    clock_ms: Callable[[], int],
    draw: Callable[[], float],
    on_result: OnResult,
    group: asyncio.TaskGroup,
) -> None:
    """Send what devices ask of people, until cancelled; one message of an errand after the other."""
    wake = desk.errand_wake(channel.name)
    busy: set[Errand] = set()

    async def run(errand: Errand) -> None:
        try:
            parcel = await desk.parcel(channel.name, errand, clock_ms())
            if parcel is not None:
                result = await attempt(channel, channel.send(parcel.message))
                on_result(channel.name, result, clock_ms())
                await _strike_off(desk, channel, parcel.letters, parcel.message.key, result, clock_ms(), draw())
        except (OperationalError, InterfaceError) as error:
            # The parcel stays due and is sent again: twice rather than never.
            _log.error("outbox of %s: database not available: %s", channel.name, type(error.orig).__name__)
            await asyncio.sleep(channel.backoff.first_s)
        finally:
            busy.remove(errand)
            wake.set()

    while True:
        wake.clear()
        now_ms, free = clock_ms(), _ERRANDS - len(busy)
        try:
            for errand in await desk.errands_due(channel.name, now_ms, free, busy=tuple(busy)) if free else ():
                busy.add(errand)
                group.create_task(run(errand), name=f"{channel.name}-{errand.errand}")
            next_ms = await desk.next_errand_ms(channel.name, now_ms)
            wait_s = None if next_ms is None else min(_LOOK_S, (next_ms - now_ms) / 1000)
        except (OperationalError, InterfaceError) as error:
            _log.error("outbox of %s: database not available: %s", channel.name, type(error.orig).__name__)
            wait_s = channel.backoff.first_s
        await _woken(wake, wait_s)


async def _start(
    desk: Desk,
    channel: Channel,
    now_ms: int,
    busy: dict[tuple[str, str], asyncio.Task[None]],
    start: Callable[[Letter], None],
) -> float | None:
    """Send what is due and finds a place; returns how long to wait for more, None: until woken."""
    free = _PLACES - len(busy)
    if free <= 0:
        return None
    for kept, most_urgent in ((0, True), (_PLACES_KEPT, False)):
        places = _PLACES - kept - len(busy)
        if places > 0:
            for letter in await desk.due(channel.name, now_ms, places, busy=tuple(busy), most_urgent=most_urgent):
                start(letter)
    next_ms = await desk.next_due_ms(channel.name, now_ms)
    return None if next_ms is None else (next_ms - now_ms) / 1000


def _by_lane(posted: Iterable[tuple[Letter, ...]], found: Container[int]) -> Iterable[list[Letter]]:
    """Letters of one transition, those of one lane together, without those that were found before."""
    for letters in posted:
        lanes: dict[tuple[str, str], list[Letter]] = {}
        for letter in letters:
            if letter.number not in found:
                lanes.setdefault(lane_of(letter), []).append(letter)
        yield from lanes.values()


async def attempt(channel: Channel, sending: Awaitable[Result]) -> Result:
    """What becomes of one sending within the channel's time limit, whatever happens to it."""
    try:
        async with asyncio.timeout(channel.time_limit_s):
            return await sending
    except TimeoutError:
        return FailedForNow(f"no answer within {channel.time_limit_s:g} s")
    except Exception as error:
        # A fault of ours in one channel must not end the service that other alarms rely on. Only where it
        # happened is logged: what it says may hold an address with a secret in it.
        where = "".join(traceback.format_tb(error.__traceback__))
        _log.error("channel %s: fault in our own code: %s\n%s", channel.name, type(error).__name__, where)
        return FailedForNow(f"fault in the channel: {type(error).__name__}")


async def _strike_off(
    desk: Desk, channel: Channel, letters: Sequence[Letter], key: str, result: Result, now_ms: int, share: float
) -> None:
    """Write down what became of the letters of one message."""
    backoff, numbers = channel.backoff, [letter.number for letter in letters]
    match result:
        case Sent():
            await desk.sent(numbers, now_ms)
        case Delivered():
            await desk.receive(channel.name, key, Status.DELIVERED, now_ms, now_ms)
        case Read():
            await desk.receive(channel.name, key, Status.READ, now_ms, now_ms)
        case FailedForNow(reason, retry_after_s):
            give_up_ms = now_ms - backoff.give_up_s * 1000
            if later := [letter for letter in letters if letter.created_ms > give_up_ms]:
                _log.warning("channel %s: %s to be sent again: %s", channel.name, key, reason)
                wait_s = backoff.wait_s(max(letter.attempts for letter in later), share, retry_after_s)
                again_ms = now_ms + round(wait_s * 1000)
                await desk.failed_for_now([letter.number for letter in later], reason, again_ms)
            if given_up := [letter.number for letter in letters if letter.created_ms <= give_up_ms]:
                reason = f"gave up after {backoff.give_up_s:g} s: {reason}"
                await _give_up(desk, channel, given_up, key, reason, now_ms)
        case FailedForGood(reason):
            await _give_up(desk, channel, numbers, key, reason, now_ms)


async def _give_up(desk: Desk, channel: Channel, numbers: Sequence[int], key: str, reason: str, now_ms: int) -> None:
    _log.error("channel %s: %s cannot be sent: %s", channel.name, key, reason)
    await desk.failed_for_good(numbers, reason, now_ms)
