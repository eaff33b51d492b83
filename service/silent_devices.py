"""Which devices of a site are not heard, whether told singly or hidden behind an alarm of their site."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from alerts.detectors.contract import Records
from alerts.detectors.outages import Standing
from alerts.detectors.segments import NEVER
from ingest.directory import Device


class ToldAs(StrEnum):
    """How a silence is told: by an alarm of its own, with others of its site, or not yet."""

    SINGLE = "single"
    SITE = "site"
    WAITING = "waiting"


_TOLD_AS: Final = {
    Standing.TOLD: ToldAs.SINGLE,
    Standing.MANY: ToldAs.SITE,
    Standing.DOWN: ToldAs.SITE,
    Standing.HELD: ToldAs.WAITING,
    Standing.LEFT: ToldAs.WAITING,
}


@dataclass(frozen=True, slots=True)
class SilentDevice:
    """A device that is not heard: since when (Unix ms by the clock that receives; None: never heard)."""

    device: Device
    heard_ms: int | None
    told_as: ToldAs


def silent_devices(state: Records, devices: Sequence[Device]) -> list[SilentDevice]:
    """Those of `devices` (n,) that are silent by what supervision knows of them (n,); longest silent first."""
    found = []
    for place in np.flatnonzero(np.isin(state["standing"], list(_TOLD_AS))).tolist():
        heard_ms = int(state["heard_ms"][place])
        told_as = _TOLD_AS[Standing(int(state["standing"][place]))]
        found.append(SilentDevice(devices[place], None if heard_ms == NEVER else heard_ms, told_as))
    return sorted(found, key=lambda one: (one.heard_ms or 0, one.device.device))
