"""Whoever the rota says is on duty is whom the clock on the wall says: minute by minute, also when it jumps."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.calling.rota import HOLIDAY, Holiday, Rota, Shift, Swap

#: Two days in which the clock jumps and one in which it does not. In St. John's of 2010 it was put back at one minute
#: past midnight, to the day before; Lord Howe jumps by half an hour; Apia left out the whole of 2011-12-30.
PLACES = [
    ("Asia/Shanghai", date(2026, 3, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),
]
CARERS = ("a", "b", "c")
MINUTES = st.integers(0, 1439) | st.sampled_from([0, 1, 60, 90, 120, 150, 180, 1380])


@st.composite
def shifts(draw: st.DrawFn) -> list[Shift]:
    days = st.sets(st.integers(0, HOLIDAY), min_size=1).map(lambda found: tuple(sorted(found)))
    return [
        Shift(
            f"s{number}",
            tuple(draw(st.lists(st.sampled_from(CARERS), unique=True, min_size=1))),
            draw(MINUTES),
            draw(MINUTES | st.just(1440)),
            draw(days),
            draw(st.sampled_from(["home", "elsewhere"])),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


@st.composite
def holidays(draw: st.DrawFn, day: date) -> list[Holiday]:
    found = []
    for number in range(draw(st.integers(0, 2))):
        first = day + timedelta(draw(st.integers(-2, 2)))
        carer = draw(st.none() | st.sampled_from(CARERS))
        site = draw(st.sampled_from([None, "home"])) if carer is None else None
        last = first + timedelta(draw(st.integers(0, 1)))
        found.append(Holiday(f"h{number}", first, last, site, draw(st.integers(0, HOLIDAY)), carer))
    return found


def persons(shift: Shift, day: date, free: list[Holiday], swaps: list[Swap]) -> set[str]:
    """Who has a shift that begins on a date, said once more and plainly."""
    kind = day.weekday()
    for site in (None, "home"):  # the site's own holiday stands before everybody's
        for one in free:
            if one.caregiver is None and one.site == site and one.first <= day <= one.last:
                kind = one.like
    if kind not in shift.days:
        return set()
    found = set()
    for place in shift.caregivers:
        person = place
        for swap in swaps:
            if (swap.shift, swap.day) == (shift.shift, day) and swap.absent == person:
                person = swap.stand_in
        off = any(one.caregiver == person and one.first <= day <= one.last for one in free)
        if person != place or not off:
            found.add(person)
    return found


def by_the_clock(
    zone: ZoneInfo, centre: date, shifts: list[Shift], free: list[Holiday], swaps: list[Swap]
) -> Iterator[tuple[int, set[str]]]:
    """Minute after minute, who is on duty: the hand of the clock never goes back for a rota."""
    begin = int(datetime(centre.year, centre.month, centre.day, tzinfo=UTC).timestamp()) - 2 * 86_400
    latest = datetime.min  # noqa: DTZ901 (what the clock shows)
    for minute in range(int(3.5 * 1440)):
        moment = begin + minute * 60
        latest = max(latest, datetime.fromtimestamp(moment, zone).replace(tzinfo=None))
        on_duty = set()
        for shift in shifts:
            for ahead in (-1, 0, 1):
                day = latest.date() + timedelta(ahead)
                midnight = datetime.combine(day, time.min)
                length = (shift.until_min - shift.from_min - 1) % 1440 + 1
                start = midnight + timedelta(minutes=shift.from_min)
                if shift.site == "home" and start <= latest < start + timedelta(minutes=length):
                    on_duty |= persons(shift, day, free, swaps)
        if minute > 1440:  # before, the hand may have been put back already
            yield moment * 1000, on_duty


@pytest.mark.parametrize(("zone", "centre"), PLACES)
@settings(deadline=None, max_examples=6)
@given(data=st.data())
def test_a_rota_agrees_with_the_clock_on_the_wall(zone: str, centre: date, data: st.DataObject) -> None:
    some = data.draw(shifts())
    free = data.draw(holidays(centre))
    swaps = []
    for shift in some:
        if data.draw(st.booleans()):
            absent, stand_in = data.draw(st.permutations(CARERS))[:2]
            day = centre + timedelta(data.draw(st.integers(-1, 1)))
            swaps.append(Swap(shift.shift, day, absent, stand_in))
    clock = ZoneInfo(zone)
    rota = Rota(some, free, swaps, {"home": clock})
    for now_ms, expected in by_the_clock(clock, centre, some, free, swaps):
        running = [span for part in rota.at_site("home", now_ms) for spans in part.values() for span in spans]
        assert {span.caregiver for span in running} == expected, datetime.fromtimestamp(now_ms / 1000, clock)


@pytest.mark.parametrize(("zone", "centre"), PLACES)
@settings(deadline=None, max_examples=15)
@given(turns=st.sets(MINUTES, min_size=1, max_size=4))
@example(turns={0})
@example(turns={150})
def test_shifts_that_hand_over_to_each_other_leave_no_moment_and_share_none(
    zone: str, centre: date, turns: set[int]
) -> None:
    order = sorted(turns)
    some = [
        Shift(f"s{begin}", (f"c{begin}",), begin, end, site="home")
        for begin, end in zip(order, [*order[1:], order[0]], strict=True)
    ]
    rota = Rota(some, clocks={"home": ZoneInfo(zone)})
    begin_ms = int(datetime(centre.year, centre.month, centre.day, tzinfo=UTC).timestamp() - 86_400) * 1000
    for now_ms in range(begin_ms, begin_ms + 3 * 86_400_000, 300_000):
        assert sum(len(spans) for part in rota.at_site("home", now_ms) for spans in part.values()) == 1
