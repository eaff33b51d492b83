"""The load of alarms on people: figures by site and by caregiver over the last hours, asked of the journal.

After ANSI/ISA-18.2, which counts alarms as they are announced to an operator: here each time an alarm begins to ring,
again after a reminder or the end of a shelf too. Such figures come from process plants; for care they are a way to see
that somebody is asked too much, not a limit that was tested. Drills are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from alerts.journal.caregiver_load import CaregiverLoad, caregivers
from alerts.journal.schema import READ_ONLY
from alerts.journal.site_load import SiteLoad, sites

#: Letters, which tell who was called, are kept for a week.
HOURS_MOST: Final = 168
_HOUR_MS: Final = 3_600_000


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
                sites(connection, start_ms, end_ms, site),
                caregivers(connection, start_ms, end_ms, site, time_zones or {}),
            )
