"""Who a device is: its row number, its site, whose it is, and what must be known to read it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from ingest.contract import COMMAND, KINDS, Crs, Kind, parse_topic


class DeviceType(StrEnum):
    """The four devices of the district's plan."""

    BRACELET = "bracelet"
    BED_MAT = "bed_mat"
    BUTTON = "button"
    LOCATOR = "locator"


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device; `resident` is None for one nobody wears (a button in a corridor)."""

    site: str
    device: str
    type: DeviceType
    resident: str | None = None
    crs: Crs = Crs.WGS84


@dataclass(frozen=True, slots=True)
class Route:
    """Where a topic leads: a device's row and the kind of its message."""

    row: int
    kind: Kind


class Unroutable(StrEnum):
    """Why a topic leads nowhere."""

    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_DEVICE = "unknown_device"
    COMMAND = "command"


class Directory:
    """An unchanging snapshot of the fleet: topics to rows, rows to devices.

    A row number, once given, belongs to that device in every later snapshot made with `updated`, so that
    state kept by row stays true. A device that left the fleet keeps its row, but no topic leads there.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices: tuple[Device, ...] = tuple(devices)
        self._row_of = {(d.site, d.device): row for row, d in enumerate(self._devices)}
        if len(self._row_of) != len(self._devices):
            raise ValueError("a device stands twice in the fleet")
        self._routes: dict[str, Route] = {}

    @property
    def devices(self) -> Sequence[Device]:
        """Every device by row number, those that left included."""
        return self._devices

    @property
    def rows(self) -> MappingProxyType[tuple[str, str], int]:
        """(site, device) to row number, of the devices now in the fleet."""
        return MappingProxyType(self._row_of)

    def updated(self, devices: Iterable[Device]) -> Self:
        """A new snapshot of `devices` in which those already known keep their rows."""
        wanted = {(d.site, d.device): d for d in devices}
        kept = [wanted.get((d.site, d.device), d) for d in self._devices]
        known = {(d.site, d.device) for d in self._devices}
        result = type(self)([*kept, *(d for key, d in wanted.items() if key not in known)])
        for key in known - wanted.keys():
            del result._row_of[key]
        return result

    def routes(self, topics: Iterable[str]) -> list[Route | Unroutable]:
        """`route` of each topic."""
        known = self._routes.get
        return [known(topic) or self.route(topic) for topic in topics]

    def route(self, topic: str) -> Route | Unroutable:
        """Where a topic leads, or why it leads nowhere; routes found once are remembered."""
        known = self._routes.get(topic)
        if known is not None:
            return known
        address = parse_topic(topic)
        if address is None:
            return Unroutable.WRONG_TOPIC
        if address.kind == COMMAND:
            return Unroutable.COMMAND  # what this service itself tells a device
        if address.kind not in KINDS:
            return Unroutable.UNKNOWN_KIND
        row = self._row_of.get((address.site, address.device))
        if row is None:
            return Unroutable.UNKNOWN_DEVICE
        route = Route(row, Kind(address.kind))
        self._routes[topic] = route
        return route
