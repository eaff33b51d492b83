"""The load of alarms on people: figures by site and by caregiver over the last hours, asked of the journal.

After ANSI/ISA-18.2, which counts alarms as they are announced to an operator: here each time an alarm begins to ring,
again after a reminder or the end of a shelf too. More than 10 in 10 minutes are a flood, an alarm that changes 3 times
within a minute chatters, one open for more than 24 h is stale. Such figures come from process plants; for care they
are a way to see that somebody is asked too much, not a limit that was tested. A flood ends here with the moment at
which the last ten minutes hold 10 alarms or fewer. Drills are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    case,
    distinct,
    func,
    or_,
    select,
)

from alerts.alarm import Outcome
from alerts.calling.people import TIME_ZONE
from alerts.journal.schema import ALARM, LETTERS_A_TRANSITION, OPEN, OUTBOX, READ_ONLY, TRANSITION
from alerts.lifecycle import UNTAKEN, Event, State

#: Letters, which tell who was called, are kept for a week.
HOURS_MOST: Final = 168
FLOOD_MORE_THAN: Final = 10
FLOOD_MS: Final = 600_000
CHATTERS_FROM: Final = 3
CHATTERS_MS: Final = 60_000
STALE_MS: Final = 86_400_000
#: A call at these hours of the wall clock finds people asleep, or a ward at its fewest (our choice).
NIGHT_FROM_H: Final = 22
NIGHT_UNTIL_H: Final = 6
_HOUR_MS: Final = 3_600_000
#: Time zones differ by quarters of an hour.
_QUARTER_MS: Final = 900_000
_CAUSES: Final = 10
#: Of each caregiver's answers the latest ones count, so that a week of them is not all taken into memory.
_ANSWERS_MOST: Final = 20_000
#: Events by which the condition of an alarm comes or goes.
_CHANGES: Final = (Event.RAISE, Event.REPEAT, Event.FLICKER, Event.WORSEN, Event.RECUR, Event.RETURN)


@dataclass(frozen=True, slots=True)
class SiteLoad:
    """One site over the hours asked for; shares are 0 to 1, None where there is nothing to share.

    `alarms` that rang, `in_ten_minutes` those of the last ten, `most_in_ten_minutes` the highest such number,
    `flood_share` the part of the time in which it was over ten. `chattering` and `stale` are alarms; `open` and
    `stale` are of now. `false_share` is that of the alarms judged true or false in these hours. `causes`: how often
    each rang, most frequent first.
    """

    site: str
    alarms: int
    alarms_per_hour: float
    in_ten_minutes: int
    most_in_ten_minutes: int
    flood_share: float
    chattering: int
    open: int
    stale: int
    judged_true: int
    judged_false: int
    causes: Mapping[str, int]

    @property
    def false_share(self) -> float | None:
        """The share of false alarms among those judged."""
        judged = self.judged_true + self.judged_false
        return self.judged_false / judged if judged else None


@dataclass(frozen=True, slots=True)
class CaregiverLoad:
    """One caregiver over the hours asked for.

    `taken`: alarms nobody had taken before; `take_median_s`: from the beginning of their ringing, None where nothing
    was taken. `calls`: times a channel called this person, `night_calls` those from 22 to 6 o'clock at the alarm's
    site. `holds`: open alarms in their hands now.
    """

    caregiver: str
    taken: int
    take_median_s: float | None
    calls: int
    night_calls: int
    holds: int


@dataclass(frozen=True, slots=True)
class Load:
    """The load over [start_ms, end_ms), by site and by caregiver, each in the order of their identifiers."""

    start_ms: int
    end_ms: int
    sites: tuple[SiteLoad, ...]
    caregivers: tuple[CaregiverLoad, ...]


class LoadReader:
    """Asks the journal; synchronous, for a thread. What it costs follows the hours asked for, not the whole journal."""

    def __init__(self, engine: Engine) -> None:
        self._readers = engine.execution_options(**READ_ONLY)

    def load(
        self, end_ms: int, hours: int, *, site: str | None = None, time_zones: Mapping[str, ZoneInfo] | None = None
    ) -> Load:
        """The load of the last `hours` (1 to 168), of one site or all; `time_zones` by site tell when night is."""
        if not 1 <= hours <= HOURS_MOST:
            raise ValueError(f"hours: 1 to {HOURS_MOST} (got {hours})")
        start_ms = end_ms - hours * _HOUR_MS
        with self._readers.connect() as connection:
            return Load(
                start_ms,
                end_ms,
                _sites(connection, start_ms, end_ms, site),
                _caregivers(connection, start_ms, end_ms, site, time_zones or {}),
            )


def _between(start_ms: int, end_ms: int, site: str | None) -> list[ColumnElement[bool]]:
    """Transitions of real alarms in [start_ms, end_ms), with their alarm."""
    conditions = [
        TRANSITION.c.at_ms >= start_ms,
        TRANSITION.c.at_ms < end_ms,
        ALARM.c.alarm == TRANSITION.c.alarm,
        ALARM.c.drill.is_(False),
    ]
    return conditions if site is None else [*conditions, ALARM.c.site == site]


def _begins_ringing(transition: Any) -> ColumnElement[bool]:
    """Rang nobody before, and rings now."""
    before = transition.c.from_state
    return and_(
        transition.c.to_state == State.UNACKNOWLEDGED, or_(before.is_(None), before.not_in([str(s) for s in UNTAKEN]))
    )


def _sites(connection: Connection, start_ms: int, end_ms: int, site: str | None) -> tuple[SiteLoad, ...]:
    rings = {row.site: row for row in connection.execute(_rings(start_ms, end_ms, site))}
    chattering: dict[str, int] = dict(connection.execute(_chattering(start_ms, end_ms, site)).all())
    judged: dict[str, dict[str, int]] = {}
    for where, outcome, count in connection.execute(_judged(start_ms, end_ms, site)):
        judged.setdefault(where, {})[outcome] = count
    stale = func.sum(case((ALARM.c.raised_ms < end_ms - STALE_MS, 1), else_=0))
    standing = select(ALARM.c.site, func.count().label("open"), stale.label("stale"))
    standing = standing.where(OPEN, ALARM.c.drill.is_(False)).group_by(ALARM.c.site)
    if site is not None:
        standing = standing.where(ALARM.c.site == site)
    now = {row.site: row for row in connection.execute(standing)}
    causes: dict[str, dict[str, int]] = {}
    for where, cause, count in connection.execute(_causes(start_ms, end_ms, site)):
        causes.setdefault(where, {})[cause] = count
    hours = (end_ms - start_ms) / _HOUR_MS
    found = []
    for name in sorted(rings.keys() | now.keys() | judged.keys()):
        rang, stands, outcomes = rings.get(name), now.get(name), judged.get(name, {})
        alarms = 0 if rang is None else int(rang.alarms)
        found.append(
            SiteLoad(
                site=name,
                alarms=alarms,
                alarms_per_hour=alarms / hours,
                in_ten_minutes=0 if rang is None else int(rang.latest),
                most_in_ten_minutes=0 if rang is None else int(rang.most),
                flood_share=0.0 if rang is None else float(rang.flood_ms) / (end_ms - start_ms),
                chattering=chattering.get(name, 0),
                open=0 if stands is None else int(stands.open),
                stale=0 if stands is None else int(stands.stale),
                judged_true=outcomes.get(Outcome.TRUE, 0),
                judged_false=outcomes.get(Outcome.FALSE, 0),
                causes=dict(list(causes.get(name, {}).items())[:_CAUSES]),
            )
        )
    return tuple(found)


def _rings(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    """By site: alarms that rang, those of the last ten minutes, the most in ten, and how long they were too many.

    After each ring there are too many until the next one, or until the eleventh last is ten minutes ago.
    """
    at = TRANSITION.c.at_ms
    order = (at, TRANSITION.c.sequence)
    ringing = (
        select(
            ALARM.c.site,
            at.label("at_ms"),
            func.lag(at, FLOOD_MORE_THAN).over(partition_by=ALARM.c.site, order_by=order).label("tenth_ms"),
            func.coalesce(func.lead(at).over(partition_by=ALARM.c.site, order_by=order), end_ms).label("next_ms"),
            func.count().over(partition_by=ALARM.c.site, order_by=at, range_=(1 - FLOOD_MS, 0)).label("within"),
        )
        # Those shortly before the first hour may make its beginning a flood.
        .where(*_between(start_ms - FLOOD_MS, end_ms, site), _begins_ringing(TRANSITION))
        .subquery()
    )
    rang = ringing.c
    begins = case((rang.at_ms > start_ms, rang.at_ms), else_=start_ms)
    over = rang.tenth_ms + FLOOD_MS
    ends = case((over.is_(None), begins), (over < rang.next_ms, over), else_=rang.next_ms)
    inside = rang.at_ms >= start_ms
    return select(
        rang.site,
        func.sum(case((inside, 1), else_=0)).label("alarms"),
        func.sum(case((rang.at_ms >= end_ms - FLOOD_MS, 1), else_=0)).label("latest"),
        func.max(case((inside, rang.within), else_=0)).label("most"),
        func.sum(case((ends > begins, ends - begins), else_=0)).label("flood_ms"),
    ).group_by(rang.site)


def _chattering(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    """By site: alarms whose condition came and went so often within a minute."""
    before = TRANSITION.c.from_state
    earlier = func.lag(TRANSITION.c.at_ms, CHATTERS_FROM - 1).over(
        partition_by=TRANSITION.c.alarm, order_by=TRANSITION.c.sequence
    )
    changes = (
        select(ALARM.c.site, TRANSITION.c.alarm, (TRANSITION.c.at_ms - earlier).label("took_ms"))
        .where(
            *_between(start_ms, end_ms, site),
            TRANSITION.c.event.in_([str(event) for event in _CHANGES]),
            or_(before.is_(None), before != TRANSITION.c.to_state),
        )
        .subquery()
    )
    chatters = changes.c.took_ms < CHATTERS_MS
    return select(changes.c.site, func.count(distinct(changes.c.alarm))).where(chatters).group_by(changes.c.site)


def _judged(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    query = select(ALARM.c.site, ALARM.c.outcome, func.count())
    query = query.where(*_between(start_ms, end_ms, site), TRANSITION.c.event == Event.RESOLVE)
    return query.group_by(ALARM.c.site, ALARM.c.outcome)


def _causes(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    query = select(ALARM.c.site, ALARM.c.cause, func.count().label("times"))
    query = query.where(*_between(start_ms, end_ms, site), _begins_ringing(TRANSITION))
    return query.group_by(ALARM.c.site, ALARM.c.cause).order_by(func.count().desc(), ALARM.c.cause)


def _caregivers(
    connection: Connection, start_ms: int, end_ms: int, site: str | None, time_zones: Mapping[str, ZoneInfo]
) -> tuple[CaregiverLoad, ...]:
    took_s: dict[str, list[float]] = {}
    for caregiver, took_ms in connection.execute(_answers(start_ms, end_ms, site)):
        took_s.setdefault(caregiver, []).append((took_ms or 0) / 1000)
    calls: dict[str, int] = {}
    night_calls: dict[str, int] = {}
    first = connection.execute(
        select(func.min(TRANSITION.c.sequence)).where(TRANSITION.c.at_ms >= start_ms, TRANSITION.c.at_ms < end_ms)
    ).scalar_one()
    if first is not None:
        for caregiver, where, quarter, count in connection.execute(_calls(first, start_ms, end_ms, site)):
            calls[caregiver] = calls.get(caregiver, 0) + count
            if _is_night(int(quarter) * _QUARTER_MS, time_zones.get(where)):
                night_calls[caregiver] = night_calls.get(caregiver, 0) + count
    held = select(ALARM.c.acknowledged_by, func.count()).where(OPEN, ALARM.c.drill.is_(False))
    held = held.where(ALARM.c.acknowledged_by.is_not(None)).group_by(ALARM.c.acknowledged_by)
    if site is not None:
        held = held.where(ALARM.c.site == site)
    holds: dict[str, int] = dict(connection.execute(held).all())
    return tuple(
        CaregiverLoad(
            caregiver=name,
            taken=len(took_s.get(name, ())),
            take_median_s=float(np.median(took_s[name])) if name in took_s else None,
            calls=calls.get(name, 0),
            night_calls=night_calls.get(name, 0),
            holds=holds.get(name, 0),
        )
        for name in sorted(took_s.keys() | calls.keys() | holds.keys())
    )


def _answers(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    """Who took an alarm that nobody had taken, and how long after it had begun to ring."""
    earlier = TRANSITION.alias("earlier")
    rang_ms = (
        select(func.max(earlier.c.at_ms))
        .where(earlier.c.alarm == TRANSITION.c.alarm, earlier.c.sequence < TRANSITION.c.sequence)
        .where(_begins_ringing(earlier))
        .scalar_subquery()
    )
    untaken = [str(state) for state in UNTAKEN]
    return (
        select(TRANSITION.c.by, TRANSITION.c.at_ms - rang_ms)
        .where(*_between(start_ms, end_ms, site), TRANSITION.c.by.is_not(None))
        .where(TRANSITION.c.from_state.in_(untaken), TRANSITION.c.to_state.not_in(untaken))
        .order_by(TRANSITION.c.at_ms.desc())
        .limit(_ANSWERS_MOST)
    )


def _calls(first: int, start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    """By whom, site and quarter of an hour: calls; one step calls somebody once, by however many channels.

    Letters that left as one message are one call, made when it left.

    Letters are numbered by their transition: those since `first` are found by their number.
    """
    called_ms = case((OUTBOX.c.parcel.is_(None), OUTBOX.c.created_ms), else_=OUTBOX.c.sent_ms)
    quarter = (called_ms // _QUARTER_MS).label("quarter")
    one = func.coalesce(OUTBOX.c.parcel // LETTERS_A_TRANSITION, OUTBOX.c.sequence)
    query = select(OUTBOX.c.address, ALARM.c.site, quarter, func.count(distinct(one)))
    query = query.where(OUTBOX.c.number >= first * LETTERS_A_TRANSITION)
    query = query.where(OUTBOX.c.created_ms >= start_ms, OUTBOX.c.created_ms < end_ms)
    query = query.where(OUTBOX.c.step.is_not(None), OUTBOX.c.sent_ms.is_not(None))
    query = query.where(ALARM.c.alarm == OUTBOX.c.alarm, ALARM.c.drill.is_(False))
    if site is not None:
        query = query.where(ALARM.c.site == site)
    return query.group_by(OUTBOX.c.address, ALARM.c.site, "quarter")


def _is_night(time_ms: int, time_zone: ZoneInfo | None) -> bool:
    hour = datetime.fromtimestamp(time_ms / 1000, time_zone or ZoneInfo(TIME_ZONE)).hour
    return hour >= NIGHT_FROM_H or hour < NIGHT_UNTIL_H
