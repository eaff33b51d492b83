"""What alarms ask of people, by site: asked of the journal over the last hours.

An alarm that changes 3 times within a minute chatters, one open for more than 24 h is stale (ANSI/ISA-18.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, case, func, or_, select

from alerts.alarm import Outcome
from alerts.journal.floods import FLOOD_MS, floods
from alerts.journal.schema import ALARM, OPEN, TRANSITION
from alerts.lifecycle import UNTAKEN, Event, State

CHATTERS_FROM: Final = 3
CHATTERS_MS: Final = 60_000
STALE_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_CAUSES: Final = 10
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


def sites(connection: Connection, start_ms: int, end_ms: int, site: str | None) -> tuple[SiteLoad, ...]:
    """Each site of which there is anything to tell, or one."""
    rang_by_site = connection.execute(floods(_rings(start_ms - FLOOD_MS, end_ms, site), start_ms, end_ms))
    rings = {row.who: row for row in rang_by_site}
    chatters = chattering(start_ms, end_ms, site)
    chatter = select(chatters.c.site, func.count()).group_by(chatters.c.site)
    chattering_alarms: dict[str, int] = dict(connection.execute(chatter).all())
    judged: dict[str, dict[str, int]] = {}
    for where, outcome, count in connection.execute(_judged(start_ms, end_ms, site)):
        judged.setdefault(where, {})[outcome] = count
    standing = select(ALARM.c.site, func.count().label("open"), is_stale(end_ms).label("stale"))
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
        alarms = 0 if rang is None else int(rang.events)
        found.append(
            SiteLoad(
                site=name,
                alarms=alarms,
                alarms_per_hour=alarms / hours,
                in_ten_minutes=0 if rang is None else int(rang.latest),
                most_in_ten_minutes=0 if rang is None else int(rang.most),
                flood_share=0.0 if rang is None else float(rang.flood_ms) / (end_ms - start_ms),
                chattering=chattering_alarms.get(name, 0),
                open=0 if stands is None else int(stands.open),
                stale=0 if stands is None else int(stands.stale),
                judged_true=outcomes.get(Outcome.TRUE, 0),
                judged_false=outcomes.get(Outcome.FALSE, 0),
                causes=dict(list(causes.get(name, {}).items())[:_CAUSES]),
            )
        )
    return tuple(found)


def real_between(start_ms: int, end_ms: int, site: str | None) -> list[ColumnElement[bool]]:
    """Transitions of real alarms in [start_ms, end_ms), with their alarm."""
    conditions = [
        TRANSITION.c.at_ms >= start_ms,
        TRANSITION.c.at_ms < end_ms,
        ALARM.c.alarm == TRANSITION.c.alarm,
        ALARM.c.drill.is_(False),
    ]
    return conditions if site is None else [*conditions, ALARM.c.site == site]


def begins_ringing(transition: Any) -> ColumnElement[bool]:
    """Rang nobody before, and rings now."""
    before = transition.c.from_state
    return and_(
        transition.c.to_state == State.UNACKNOWLEDGED, or_(before.is_(None), before.not_in([str(s) for s in UNTAKEN]))
    )


def is_stale(end_ms: int) -> ColumnElement[int]:
    """How many of the alarms asked for are older than a day."""
    return func.sum(case((ALARM.c.raised_ms < end_ms - STALE_MS, 1), else_=0))


def chattering(start_ms: int, end_ms: int, site: str | None) -> Subquery:
    """Alarms, with their site, whose condition came and went so often within a minute."""
    before = TRANSITION.c.from_state
    earlier = func.lag(TRANSITION.c.at_ms, CHATTERS_FROM - 1).over(
        partition_by=TRANSITION.c.alarm, order_by=TRANSITION.c.sequence
    )
    changes = (
        select(ALARM.c.site, TRANSITION.c.alarm, (TRANSITION.c.at_ms - earlier).label("took_ms"))
        .where(
            *real_between(start_ms, end_ms, site),
            TRANSITION.c.event.in_([str(event) for event in _CHANGES]),
            or_(before.is_(None), before != TRANSITION.c.to_state),
        )
        .subquery()
    )
    chatters = changes.c.took_ms < CHATTERS_MS
    return select(changes.c.site, changes.c.alarm).where(chatters).distinct().subquery()


def _rings(start_ms: int, end_ms: int, site: str | None) -> Subquery:
    """Each time an alarm began to ring, by site."""
    return (
        select(ALARM.c.site.label("who"), TRANSITION.c.at_ms, TRANSITION.c.sequence.label("place"))
        .where(*real_between(start_ms, end_ms, site), begins_ringing(TRANSITION))
        .subquery()
    )


def _judged(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    query = select(ALARM.c.site, ALARM.c.outcome, func.count())
    query = query.where(*real_between(start_ms, end_ms, site), TRANSITION.c.event == Event.RESOLVE)
    return query.group_by(ALARM.c.site, ALARM.c.outcome)


def _causes(start_ms: int, end_ms: int, site: str | None) -> Select[Any]:
    query = select(ALARM.c.site, ALARM.c.cause, func.count().label("times"))
    query = query.where(*real_between(start_ms, end_ms, site), begins_ringing(TRANSITION))
    return query.group_by(ALARM.c.site, ALARM.c.cause).order_by(func.count().desc(), ALARM.c.cause)
