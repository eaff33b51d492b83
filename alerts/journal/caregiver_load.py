"""What alarms ask of each caregiver: asked of the journal over the last hours.

An operator of ANSI/ISA-18.2 hears every alarm; a caregiver hears the calls that reach them, so those are counted as
their alarms. Letters, which tell who was called, are kept for a week.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, distinct, func, select

from alerts.alarm import Outcome
from alerts.calling.people import TIME_ZONE
from alerts.journal.floods import FLOOD_MS, floods
from alerts.journal.schema import ALARM, LETTERS_A_TRANSITION, OPEN, OUTBOX, TRANSITION
from alerts.journal.site_load import begins_ringing, chattering, is_stale, real_between
from alerts.lifecycle import UNTAKEN, Event

#: A call at these hours of the wall clock finds people asleep, or a ward at its fewest (our choice).
NIGHT_FROM_H: Final = 22
NIGHT_UNTIL_H: Final = 6
_HOUR_MS: Final = 3_600_000
#: Time zones differ by quarters of an hour.
_QUARTER_MS: Final = 900_000
#: Of each caregiver's answers the latest ones count, so that a week of them is not all taken into memory.
_ANSWERS_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class CaregiverLoad:
    """One caregiver over the hours asked for; shares are 0 to 1, None where there is nothing to share.

    `taken`: alarms nobody had taken before; `take_median_s`: from the beginning of their ringing, None where nothing
    was taken. `calls`: times a channel called this person, `night_calls` those from 22 to 6 o'clock at the alarm's
    site, `most_in_ten_minutes` and `flood_share` as of a site's alarms. Of the alarms that called this person:
    `chattering` ones, and those judged true or false in these hours. `holds`: open alarms in their hands now, `stale`
    those of them that are older than a day.
    """

    caregiver: str
    taken: int
    take_median_s: float | None
    calls: int
    calls_per_hour: float
    night_calls: int
    in_ten_minutes: int
    most_in_ten_minutes: int
    flood_share: float
    chattering: int
    judged_true: int
    judged_false: int
    holds: int
    stale: int

    @property
    def false_share(self) -> float | None:
        """The share of false alarms among those judged."""
        judged = self.judged_true + self.judged_false
        return self.judged_false / judged if judged else None


def caregivers(
    connection: Connection, start_ms: int, end_ms: int, site: str | None, time_zones: Mapping[str, ZoneInfo]
) -> tuple[CaregiverLoad, ...]:
    """Each caregiver of whom there is anything to tell; night is by the clock of the alarm's site."""
    took_s: dict[str, list[float]] = {}
    for caregiver, took_ms in connection.execute(_answers(start_ms, end_ms, site)):
        took_s.setdefault(caregiver, []).append((took_ms or 0) / 1000)
    called: dict[str, Any] = {}
    night_calls: dict[str, int] = {}
    chatter: dict[str, int] = {}
    first = connection.execute(
        select(func.min(TRANSITION.c.sequence)).where(
            TRANSITION.c.at_ms >= start_ms - FLOOD_MS, TRANSITION.c.at_ms < end_ms
        )
    ).scalar_one()
    if first is not None:
        calls = _calls(first, start_ms - FLOOD_MS, end_ms, site)
        called = {row.who: row for row in connection.execute(floods(calls, start_ms, end_ms))}
        for caregiver, where, quarter, count in connection.execute(_by_quarter(calls, start_ms)):
            if _is_night(int(quarter) * _QUARTER_MS, time_zones.get(where)):
                night_calls[caregiver] = night_calls.get(caregiver, 0) + count
        chatter = dict(connection.execute(_chattering(first, start_ms, end_ms, site)).all())
    judged: dict[tuple[str, str], int] = {
        (caregiver, outcome): count for caregiver, outcome, count in connection.execute(_judged(start_ms, end_ms, site))
    }
    held = select(ALARM.c.acknowledged_by, func.count().label("holds"), is_stale(end_ms).label("stale"))
    held = held.where(OPEN, ALARM.c.drill.is_(False), ALARM.c.acknowledged_by.is_not(None))
    held = held.group_by(ALARM.c.acknowledged_by)
    if site is not None:
        held = held.where(ALARM.c.site == site)
    hands = {row.acknowledged_by: row for row in connection.execute(held)}
    found = []
    for name in sorted(took_s.keys() | called.keys() | hands.keys() | {caregiver for caregiver, _ in judged}):
        heard, holds = called.get(name), hands.get(name)
        calls_made = 0 if heard is None else int(heard.events)
        found.append(
            CaregiverLoad(
                caregiver=name,
                taken=len(took_s.get(name, ())),
                take_median_s=float(np.median(took_s[name])) if name in took_s else None,
                calls=calls_made,
                calls_per_hour=calls_made * _HOUR_MS / (end_ms - start_ms),
                night_calls=night_calls.get(name, 0),
                in_ten_minutes=0 if heard is None else int(heard.latest),
                most_in_ten_minutes=0 if heard is None else int(heard.most),
                flood_share=0.0 if heard is None else float(heard.flood_ms) / (end_ms - start_ms),
                chattering=chatter.get(name, 0),
                judged_true=judged.get((name, Outcome.TRUE), 0),
                judged_false=judged.get((name, Outcome.FALSE), 0),
                holds=0 if holds is None else int(holds.holds),
                stale=0 if holds is None else int(holds.stale),
            )
        )
    return tuple(found)


def _answers(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    """Who took an alarm that nobody had taken, and how long after it had begun to ring."""
    earlier = TRANSITION.alias("earlier")
    rang_ms = (
        select(func.max(earlier.c.at_ms))
        .where(earlier.c.alarm == TRANSITION.c.alarm, earlier.c.sequence < TRANSITION.c.sequence)
        .where(begins_ringing(earlier))
        .scalar_subquery()
    )
    untaken = [str(state) for state in UNTAKEN]
    return (
        select(TRANSITION.c.by, TRANSITION.c.at_ms - rang_ms)
        .where(*real_between(start_ms, end_ms, site), TRANSITION.c.by.is_not(None))
        .where(TRANSITION.c.from_state.in_(untaken), TRANSITION.c.to_state.not_in(untaken))
        .order_by(TRANSITION.c.at_ms.desc())
        .limit(_ANSWERS_MOST)
    )


#: Letters that called somebody, and left.
_LEFT: Final[tuple[ColumnElement[bool], ...]] = (OUTBOX.c.step.is_not(None), OUTBOX.c.sent_ms.is_not(None))


def _calls(first: int, start_ms: int, end_ms: int, site: str | None) -> Subquery:
    """Calls (who, site, at_ms, place); one step calls somebody once, by however many channels.

    Letters that left as one message are one call, made when it left. Letters are numbered by their transition: those
    since `first` are found by their number.
    """
    called_ms = case((OUTBOX.c.parcel.is_(None), OUTBOX.c.created_ms), else_=OUTBOX.c.sent_ms)
    place = func.coalesce(OUTBOX.c.parcel // LETTERS_A_TRANSITION, OUTBOX.c.sequence)
    query = select(
        OUTBOX.c.address.label("who"),
        func.min(ALARM.c.site).label("site"),
        func.min(called_ms).label("at_ms"),
        place.label("place"),
    )
    query = query.where(OUTBOX.c.number >= first * LETTERS_A_TRANSITION, *_LEFT)
    query = query.where(OUTBOX.c.created_ms >= start_ms, OUTBOX.c.created_ms < end_ms)
    query = query.where(ALARM.c.alarm == OUTBOX.c.alarm, ALARM.c.drill.is_(False))
    if site is not None:
        query = query.where(ALARM.c.site == site)
    return query.group_by(OUTBOX.c.address, "place").subquery()


def _by_quarter(calls: Subquery, start_ms: int) -> Select[Any]:
    """Calls by whom, site and quarter of an hour."""
    quarter = (calls.c.at_ms // _QUARTER_MS).label("quarter")
    query = select(calls.c.who, calls.c.site, quarter, func.count()).where(calls.c.at_ms >= start_ms)
    return query.group_by(calls.c.who, calls.c.site, "quarter")


def _chattering(first: int, start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    """By whom: the chattering alarms that called them."""
    chatters = chattering(start_ms, end_ms, site)
    query = select(OUTBOX.c.address, func.count(distinct(OUTBOX.c.alarm)))
    query = query.where(OUTBOX.c.number >= first * LETTERS_A_TRANSITION, *_LEFT)
    return query.where(OUTBOX.c.alarm == chatters.c.alarm).group_by(OUTBOX.c.address)


def _judged(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    """By whom and outcome: the alarms judged in these hours that had called them."""
    query = select(OUTBOX.c.address, ALARM.c.outcome, func.count(distinct(ALARM.c.alarm)))
    query = query.where(*real_between(start_ms, end_ms, site), TRANSITION.c.event == Event.RESOLVE)
    query = query.where(OUTBOX.c.alarm == ALARM.c.alarm, *_LEFT)
    return query.group_by(OUTBOX.c.address, ALARM.c.outcome)


def _is_night(time_ms: int, time_zone: ZoneInfo | None) -> bool:
    hour = datetime.fromtimestamp(time_ms / 1000, time_zone or ZoneInfo(TIME_ZONE)).hour
    return hour >= NIGHT_FROM_H or hour < NIGHT_UNTIL_H
