"""Who is on duty when: shifts by weekday and hours, holidays, and who stands in for whom; pure.

Hours are those of the clock on the wall. A shift begins at the first moment at which that clock shows its hour or a
later one, and ends likewise, so that those who hand over to each other do so at one moment, also in a night in which
the clock is put forward or back.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alerts.calling.people import TIME_ZONE

#: As a day of a shift: the dates that a holiday makes its own.
HOLIDAY: Final = 7
_DAY_MIN: Final = 24 * 60
_MINUTE_MS: Final = 60_000
#: Days kept of each group of shifts: yesterday, today and tomorrow are looked at, and a screen may ask for a week.
_KEPT_DAYS: Final = 16
#: Where nobody comes or goes for long.
_LOOK_AGAIN_MS: Final = 6 * 3_600_000

#: Shifts of one site, or of every site by one clock.
_Group = str | ZoneInfo


@dataclass(frozen=True, slots=True)
class Shift:
    """Caregivers who are on duty from one minute of the local day to another; ValueError says what is wrong.

    `days` are those on which it begins, Monday 0, `HOLIDAY` the holidays. It ends on the next day where `until_min` is
    not after `from_min`; the same minute is a whole day. It counts at `site`, or at every site and then by the clock of
    `time_zone`.
    """

    shift: str
    caregivers: tuple[str, ...]
    from_min: int
    until_min: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    site: str | None = None
    time_zone: str = TIME_ZONE

    def __post_init__(self) -> None:
        if not (0 <= self.from_min < _DAY_MIN and 0 <= self.until_min <= _DAY_MIN):
            raise ValueError(f"shift {self.shift}: hours are minutes of a day ({self.from_min} to {self.until_min})")
        if not self.days or not set(self.days) <= set(range(HOLIDAY + 1)):
            raise ValueError(f"shift {self.shift}: days are 0 (Monday) to 7 (holidays) (got {self.days})")


@dataclass(frozen=True, slots=True)
class Holiday:
    """Dates, both included, on which another rota counts: that of the weekday `like`, or that of holidays.

    At `site`, or at every one. With a `caregiver` the rota stays and this caregiver is off. What counts is the date on
    which a shift begins.
    """

    holiday: str
    first: date
    last: date
    site: str | None = None
    like: int = HOLIDAY
    caregiver: str | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """In the `shift` that begins on a date one caregiver takes the place of another."""

    shift: str
    day: date
    absent: str
    stand_in: str


@dataclass(frozen=True, slots=True)
class Span:
    """A caregiver on duty over [from_ms, until_ms), in the place of `place` (mostly their own).

    `day` is the date, by the clock on the wall, on which the shift begins.
    """

    caregiver: str
    place: str
    shift: str
    day: date
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class _Spell:
    """Who of a group is on duty over [from_ms, until_ms), by the place they take."""

    from_ms: int
    until_ms: int
    spans: Mapping[str, Sequence[Span]]


class Rota:
    """Who is on duty at any time.

    `clocks` is the time zone of each site. Later swaps take their place behind earlier ones: whoever stands in may be
    stood in for. A stand-in counts also on a day on which they would be off.
    """

    def __init__(
        self,
        shifts: Iterable[Shift],
        holidays: Iterable[Holiday] = (),
        swaps: Iterable[Swap] = (),
        clocks: Mapping[str, ZoneInfo] | None = None,
    ) -> None:
        self._clocks = clocks or {}
        self._default = ZoneInfo(TIME_ZONE)
        self._groups: defaultdict[_Group, list[Shift]] = defaultdict(list)
        self._groups_of: defaultdict[str, dict[_Group, None]] = defaultdict(dict)
        for shift in shifts:
            group: _Group = shift.site if shift.site is not None else ZoneInfo(shift.time_zone)
            self._groups[group].append(shift)
            for caregiver in shift.caregivers:
                self._groups_of[caregiver][group] = None
        self._everywhere: list[_Group] = [group for group in self._groups if isinstance(group, ZoneInfo)]
        self._like: dict[tuple[str | None, date], int] = {}
        self._off: set[tuple[str, date]] = set()
        for holiday in holidays:
            for day in _days(holiday.first, holiday.last):
                if holiday.caregiver is not None:
                    self._off.add((holiday.caregiver, day))
                else:
                    self._like[holiday.site, day] = holiday.like
        self._swaps: defaultdict[tuple[str, date], list[Swap]] = defaultdict(list)
        for swap in swaps:
            self._swaps[swap.shift, swap.day].append(swap)
        self._spells: dict[_Group, _Spell] = {}
        self._known: dict[tuple[_Group, date], tuple[Span, ...]] = {}
        self._most_known = _KEPT_DAYS * (len(self._groups) + 1)

    def always(self, caregiver: str) -> bool:
        """Whether a caregiver is in no shift, and so on duty whenever they are not off."""
        return caregiver not in self._groups_of

    def off(self, caregiver: str, site: str, now_ms: int) -> bool:
        """Whether a caregiver is off today, by the clock of a site."""
        return bool(self._off) and (caregiver, self._today(site, now_ms)) in self._off

    def at_site(self, site: str, now_ms: int) -> list[Mapping[str, Sequence[Span]]]:
        """Who of the rota is on duty for a site, by the place they take, in several parts."""
        return [self._running(group, now_ms) for group in self._of_site(site)]

    def of_place(self, place: str, now_ms: int) -> list[Span]:
        """Who is on duty in the place of a caregiver of the rota, at whichever site."""
        groups = self._groups_of.get(place, {})
        return [span for group in groups for span in self._running(group, now_ms).get(place, ())]

    def ahead(self, site: str, now_ms: int, days: int) -> list[Span]:
        """The spells of duty for a site that are still to begin, of those of today and so many days, in order."""
        found: list[Span] = []
        for group in self._of_site(site):
            today = self._today(group, now_ms)
            for ahead in range(days + 1):
                found += [span for span in self._spans(group, today + timedelta(ahead)) if span.from_ms > now_ms]
        return sorted(found, key=lambda span: span.from_ms)

    def _of_site(self, site: str) -> list[_Group]:
        return [site, *self._everywhere] if site in self._groups else self._everywhere

    def _running(self, group: _Group, now_ms: int) -> Mapping[str, Sequence[Span]]:
        """Who of a group is on duty, by the place they take."""
        spell = self._spells.get(group)
        if spell is None or not spell.from_ms <= now_ms < spell.until_ms:
            spell = self._spells[group] = self._spell(group, now_ms)
        return spell.spans

    def _spell(self, group: _Group, now_ms: int) -> "_Spell":
        today = self._today(group, now_ms)
        # A clock put back at midnight shows yesterday's date again, and one put forward may leave out tomorrow.
        near = [span for ahead in (-1, 0, 1, 2) for span in self._spans(group, today + timedelta(ahead))]
        turns = [turn for span in near for turn in (span.from_ms, span.until_ms) if turn > now_ms]
        running: defaultdict[str, list[Span]] = defaultdict(list)
        for span in near:
            if span.from_ms <= now_ms < span.until_ms:
                running[span.place].append(span)
        return _Spell(now_ms, min(turns, default=now_ms + _LOOK_AGAIN_MS), dict(running))

    def _spans(self, group: _Group, day: date) -> tuple[Span, ...]:
        """The spells of duty of a group that begin on a local day."""
        known = self._known.get((group, day))
        if known is None:
            if len(self._known) >= self._most_known:
                self._known.clear()
            known = self._known[group, day] = tuple(self._found(group, day))
        return known

    def _found(self, group: _Group, day: date) -> Iterator[Span]:
        clock = self._clock(group)
        for shift in self._groups.get(group, ()):
            if not self.begins(shift, day):
                continue
            from_ms = moment_ms(clock, day, shift.from_min)
            overnight = shift.until_min <= shift.from_min
            until_ms = moment_ms(clock, day + timedelta(overnight), shift.until_min)
            if from_ms >= until_ms:  # hours that the clock skips
                continue
            persons = {place: place for place in shift.caregivers}
            for swap in self._swaps.get((shift.shift, day), ()):
                for place, person in persons.items():
                    if person == swap.absent:
                        persons[place] = swap.stand_in
            for place, person in persons.items():
                if person != place or (person, day) not in self._off:
                    yield Span(person, place, shift.shift, day, from_ms, until_ms)

    def begins(self, shift: Shift, day: date) -> bool:
        """Whether a shift begins on a date, holidays considered."""
        return self._like.get((shift.site, day), self._like.get((None, day), day.weekday())) in shift.days

    def _clock(self, group: _Group) -> ZoneInfo:
        return group if isinstance(group, ZoneInfo) else self._clocks.get(group, self._default)

    def _today(self, group: _Group, now_ms: int) -> date:
        return datetime.fromtimestamp(now_ms / 1000, self._clock(group)).date()


def moment_ms(clock: ZoneInfo, day: date, minute: int) -> int:
    """The first moment, Unix milliseconds, at which a clock shows that minute of that day, or a later one."""
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001 (what the clock shows)
    first, second = (round(wall.replace(tzinfo=clock, fold=fold).timestamp() * 1000) for fold in (0, 1))
    if first <= second:  # equal, but for an hour that comes twice
        return first
    # The clock skips it: the moment of the jump lies between the two, on a minute.
    low, high = second // _MINUTE_MS, first // _MINUTE_MS
    while high - low > 1:
        middle = (low + high) // 2
        shown = datetime.fromtimestamp(middle * 60, clock).replace(tzinfo=None)
        low, high = (low, middle) if shown >= wall else (middle, high)
    return high * _MINUTE_MS


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days) for days in range((last - first).days + 1))
