"""When alarms, or calls, were too many at once: after ANSI/ISA-18.2 more than 10 in 10 minutes.

A flood ends here with the moment at which the last ten minutes hold 10 or fewer.
"""

from typing import Any, Final

from sqlalchemy import Select, Subquery, case, func, select

FLOOD_MORE_THAN: Final = 10
FLOOD_MS: Final = 600_000


def floods(events: Subquery, start_ms: int, end_ms: int) -> Select[Any]:
    """By `who` of events (who, at_ms, place): `events` in [start_ms, end_ms), `latest` of the last ten minutes, `most`
    in any ten, and for how long (`flood_ms`) they were too many.

    The events have to begin ten minutes early, as those may make the beginning a flood; `place` orders those of one
    moment. After each one there are too many until the next, or until the eleventh last is ten minutes ago.
    """
    at, who = events.c.at_ms, events.c.who
    order = (at, events.c.place)
    placed = select(
        who,
        at,
        func.lag(at, FLOOD_MORE_THAN).over(partition_by=who, order_by=order).label("tenth_ms"),
        func.coalesce(func.lead(at).over(partition_by=who, order_by=order), end_ms).label("next_ms"),
        func.count().over(partition_by=who, order_by=at, range_=(1 - FLOOD_MS, 0)).label("within"),
    ).subquery()
    one = placed.c
    begins = case((one.at_ms > start_ms, one.at_ms), else_=start_ms)
    over = one.tenth_ms + FLOOD_MS
    ends = case((over.is_(None), begins), (over < one.next_ms, over), else_=one.next_ms)
    inside = one.at_ms >= start_ms
    return select(
        one.who,
        func.sum(case((inside, 1), else_=0)).label("events"),
        func.sum(case((one.at_ms >= end_ms - FLOOD_MS, 1), else_=0)).label("latest"),
        func.max(case((inside, one.within), else_=0)).label("most"),
        func.sum(case((ends > begins, ends - begins), else_=0)).label("flood_ms"),
    ).group_by(one.who)
