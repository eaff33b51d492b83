"""Whose zones are whose, and when: at any time a resident has the most particular zones of a rule that count then."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.zones import Hours, Zone, ZoneTable
from ingest.directory import DeviceType, Directory
from service.fleet.nouns import PlacedZone, Rule

#: The devices that can say where they are.
_LOCATED: Final = frozenset({DeviceType.BRACELET, DeviceType.BUTTON, DeviceType.LOCATOR})
_DAY_MIN: Final = 24 * 60
_RULES: Final[tuple[Rule, ...]] = ("safe", "forbidden")

#: Every minute of the week (7, 1440), Monday first.
_Week = NDArray[np.bool_]


class Placement:
    """The zones of a fleet and who has them.

    A resident's own zones of a rule stand before those of their groups, and these before the site's, as long as any of
    them counts: who has a safe zone of their own for the night has the site's by day, and the site's pond stays
    forbidden. `groups` are those each resident names.
    """

    def __init__(self, zones: Sequence[PlacedZone], groups: Mapping[str, Sequence[str]]) -> None:
        self._groups = groups
        self._outlines = [zone.outline() for zone in zones]
        self._placed: dict[tuple[str, str, Rule], list[int]] = defaultdict(list)
        for index, zone in enumerate(zones):
            for kind, owner in (("site", zone.site), ("group", zone.group), ("resident", zone.resident)):
                if owner is not None:
                    self._placed[kind, owner, zone.rule].append(index)
        self._found: dict[tuple[tuple[int, ...], ...], tuple[int, ...]] = {}
        #: Zones that count only where no more particular one does, by what is left of the week.
        self._partial: dict[tuple[int, bytes], tuple[int, ...]] = {}

    @property
    def outlines(self) -> Sequence[Zone]:
        """All zones that anybody may have; it grows with `of`."""
        return self._outlines

    def of(self, resident: str | None, site: str) -> list[int]:
        """The zones of a resident, or of a device that is nobody's, as indices of `outlines`."""
        return [index for rule in _RULES for index in self._of_rule(resident, site, rule)]

    def _of_rule(self, resident: str | None, site: str, rule: Rule) -> tuple[int, ...]:
        own = self._placed.get(("resident", resident or "", rule), [])
        groups = self._groups.get(resident or "", ())
        shared = dict.fromkeys(index for group in groups for index in self._placed.get(("group", group, rule), []))
        everyones = self._placed.get(("site", site, rule), [])
        levels = tuple(tuple(level) for level in (own, shared, everyones) if level)
        if levels not in self._found:  # thousands share a site
            self._found[levels] = tuple(self._of_levels(levels))
        return self._found[levels]

    def _of_levels(self, levels: Sequence[Sequence[int]]) -> Iterator[int]:
        left = np.ones((7, _DAY_MIN), dtype=np.bool_)
        for level in levels:
            for index in level:
                yield from self._within(index, left)
            for index in level:
                left = left & ~_week(self._outlines[index].hours)

    def _within(self, index: int, left: _Week) -> Sequence[int]:
        """The zone, as far as it counts within what is left of the week."""
        zone = self._outlines[index]
        if left.all():
            return (index,)
        key = index, left.tobytes()
        if key not in self._partial:
            parts = [replace(zone, hours=hours) for hours in _hours(left & _week(zone.hours))]
            self._partial[key] = tuple(range(len(self._outlines), len(self._outlines) + len(parts)))
            self._outlines += parts
        return self._partial[key]


def zone_table(placement: Placement, directory: Directory) -> ZoneTable:
    """The zones of each directory row whose device can say where it is."""
    row_zones: dict[int, list[int]] = {}
    for row in directory.rows.values():
        device = directory.devices[row]
        if device.type in _LOCATED:
            row_zones[row] = placement.of(device.resident, device.site)
    return ZoneTable(placement.outlines, row_zones)


def _week(hours: Hours | None) -> _Week:
    """The minutes of the week at which a zone with `hours` counts."""
    week = np.zeros((7, _DAY_MIN), dtype=np.bool_)
    if hours is None:
        return ~week
    for day in hours.days:
        if hours.from_min < hours.until_min:
            week[day, hours.from_min : hours.until_min] = True
        else:
            week[day, hours.from_min :] = True
            week[(day + 1) % 7, : hours.until_min] = True
    return week


def _hours(week: _Week) -> list[Hours | None]:
    """The same minutes as hours, none of which crosses midnight; [None] where they are the whole week."""
    if week.all():
        return [None]
    edges = np.diff(np.pad(week, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    days_of: dict[tuple[int, int], list[int]] = defaultdict(list)
    for day in range(7):
        begins, ends = np.flatnonzero(edges[day] == 1).tolist(), np.flatnonzero(edges[day] == -1).tolist()
        for span in zip(begins, ends, strict=True):
            days_of[span].append(day)
    return [Hours(begin, end, tuple(days)) for (begin, end), days in days_of.items()]
