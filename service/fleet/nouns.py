"""Who is watched, with what, where, and by whom: the nouns of a fleet."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from alerts.calling.escalation import Plan
from alerts.calling.people import Caregiver, Language, Site, Team
from alerts.calling.rota import Holiday, Shift, Swap
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.zones import Hours, Zone
from ingest.contract import Crs
from ingest.directory import Device

Sex = Literal["female", "male"]
Rule = Literal["safe", "forbidden"]
Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Resident:
    """A person who is watched over; `room` is where help goes to, `groups` are those whose zones are theirs too."""

    resident: str
    name: str
    site: str
    room: str | None = None
    born: date | None = None
    sex: Sex | None = None
    language: Language = "zh"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedZone:
    """A zone and whom it is for: one resident, the residents of a group, or every resident of a site.

    `circle` is (lat, lon, radius_m), `polygon` corners (lat, lon), `areas` several polygons or such with holes, each
    its outer ring first; degrees in `crs`; exactly one of them is set. Without `hours` it counts always.
    """

    zone: str
    rule: Rule
    crs: Crs
    site: str | None = None
    resident: str | None = None
    circle: tuple[float, float, float] | None = None
    polygon: Ring | None = None
    group: str | None = None
    areas: tuple[tuple[Ring, ...], ...] | None = None
    hours: Hours | None = None

    def outline(self) -> Zone:
        """The zone as the detectors know it; ValueError where it is none."""
        return Zone(self.zone, self.rule, self.crs, self.circle, self.polygon, self.areas, self.hours)


@dataclass(frozen=True, slots=True)
class Outing:
    """A resident is out in company, as `by`, a caregiver, said at `begun_ms`: leaving safe zones is then no alarm."""

    resident: str
    until_ms: int
    by: str
    begun_ms: int


@dataclass(frozen=True, slots=True)
class NotedSwap:
    """A swap that came up during the day, as `by`, a caregiver, said at `noted_ms`; no import knows of it."""

    swap: Swap
    by: str
    noted_ms: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """A whole fleet, checked: identifiers are unique and everything named exists."""

    sites: tuple[Site, ...] = ()
    residents: tuple[Resident, ...] = ()
    devices: tuple[Device, ...] = ()
    zones: tuple[PlacedZone, ...] = ()
    caregivers: tuple[Caregiver, ...] = ()
    #: Of the residents for whom something of the kind is settled.
    medical: tuple[Medical, ...] = ()
    beds: tuple[BedProfile, ...] = ()
    #: Who is on duty when, and who is called after whom.
    teams: tuple[Team, ...] = ()
    shifts: tuple[Shift, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    swaps: tuple[Swap, ...] = ()
    plans: tuple[Plan, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """How many of one noun come, change and go."""

    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What an import changes."""

    sites: Difference = Difference()
    residents: Difference = Difference()
    devices: Difference = Difference()
    zones: Difference = Difference()
    caregivers: Difference = Difference()
    medical: Difference = Difference()
    beds: Difference = Difference()
    teams: Difference = Difference()
    shifts: Difference = Difference()
    holidays: Difference = Difference()
    swaps: Difference = Difference()
    plans: Difference = Difference()
