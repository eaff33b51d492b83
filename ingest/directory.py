"""Who a device is: its row number, its site, whose it is, and what must be known to read it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat
from types import MappingProxyType
from typing import Final, Self

import numpy as np

from ingest.contract import COMMAND, KINDS, Crs, Kind, parse_topic
from ingest.readings import Int, Row
from ingest.stores.contract import Tag

#: The order in which kinds are numbered in routes.
KIND_ORDER: Final = tuple(Kind)


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


class Unroutable(StrEnum):
    """Why a topic leads nowhere."""

    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_DEVICE = "unknown_device"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Routes:
    """Where topics lead: `row` (n,) and `kind` (n,), an index of KIND_ORDER or -1; why not, by place, stands beside."""

    row: Row
    kind: Int
    unroutable: dict[int, Unroutable]


_NOWHERE: Final = -1


class _Tags(dict[int, Tag]):
    """The tags of rows, each made when it is first asked for."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices

    def __missing__(self, row: int) -> Tag:
        device = self._devices[row]
        tag = self[row] = Tag(device.site, device.device, device.resident or "")
        return tag


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
        self._routes: dict[str, int] = {}  # row * len(KIND_ORDER) + kind, of topics seen so far
        self._tags = _Tags(self._devices)

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

    def tags(self, rows: Row) -> tuple[Tag, ...]:
        """What readings of rows are stored under."""
        return tuple(map(self._tags.__getitem__, rows.tolist()))

    def routes(self, topics: Sequence[str]) -> Routes:
        """Where each topic leads, or why it leads nowhere; routes found once are remembered."""
        found = np.fromiter(map(self._routes.get, topics, repeat(_NOWHERE)), dtype=np.int64, count=len(topics))
        unroutable: dict[int, Unroutable] = {}
        # One by one only what is new, or leads nowhere: what has no end is not remembered.
        for place in np.flatnonzero(found == _NOWHERE).tolist():
            route = self._route(topics[place])
            if isinstance(route, Unroutable):
                unroutable[place] = route
            else:
                found[place] = self._routes[topics[place]] = route
        row, kind = np.divmod(found, len(KIND_ORDER))
        kind[found == _NOWHERE] = _NOWHERE
        return Routes(row.astype(np.int32), kind, unroutable)

    def _route(self, topic: str) -> int | Unroutable:
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
        return row * len(KIND_ORDER) + KIND_ORDER.index(Kind(address.kind))
