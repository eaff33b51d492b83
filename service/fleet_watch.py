"""The fleet as it is now: what an import changes is in force within seconds, and no detector forgets anything."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from alerts.bank import Bank
from alerts.calling.coverage import Gap, gaps
from alerts.calling.roster import Book, Roster
from alerts.detectors.bed import BedExit
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.early_warning import EarlyWarning
from alerts.detectors.geofence import Geofence
from alerts.detectors.medical import Medical
from alerts.detectors.sensors import Sensors
from alerts.detectors.standard import DetectorSettings, standard_detectors
from alerts.detectors.supervision import Supervision
from alerts.detectors.vitals import VitalLimits
from alerts.detectors.whereabouts import Whereabouts, whereabouts
from alerts.detectors.zones import ZoneTable
from ingest.clock import wall_clock_ms
from ingest.decode import Decoder, Limits
from ingest.directory import Directory
from service.registry import Registry
from service.silent_devices import SilentDevice, silent_devices

log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 2.0
#: So many gaps of a fleet are told one by one.
_GAPS_TOLD: Final = 20


class FleetWatch:
    """Makes decoder, bank and roster for the registry's fleet, and keeps them in step with it.

    `channels` are the names of those by which people can be called.
    """

    def __init__(
        self,
        registry: Registry,
        settings: DetectorSettings,
        limits: Limits,
        channels: Collection[str] = (),
    ) -> None:
        self._registry = registry
        self._channels = frozenset(channels)
        self._settings = settings
        self._supervision = Supervision(settings.supervision)
        self._sensors = Sensors(settings.sensors)
        self._vitals = VitalLimits(settings.vitals)
        self._bed_exit = BedExit(settings.bed)
        self._early_warning = EarlyWarning(settings.early_warning)
        self._revision = registry.revision()
        directory = Directory(registry.devices())
        self.decoder = Decoder(directory, limits)
        self._rows_of = _rows_of(directory)
        self._outings = registry.outings()
        self._swaps = registry.noted_swaps()
        #: Who is called of an alarm; another one takes its place whenever anything of it changes.
        self.roster = Roster(Book())
        #: What is missing for alarms to reach somebody.
        self.gaps: Sequence[Gap] = ()
        self._call_by(*self._made_roster())
        self._zones = self._without_those_out(registry.zone_table(directory))
        self.bank = Bank(standard_detectors(self._zones, settings), len(directory.devices))
        self._expect(directory, registry.medical(), registry.beds())

    async def run(self) -> None:
        """Look for a change until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                revision = await asyncio.to_thread(self._registry.revision)
                if revision != self._revision:
                    await self._take_over()
                    self._revision = revision
                # Apart from the fleet: they come and go all day, and taking over a large fleet takes seconds.
                outings = await asyncio.to_thread(self._registry.outings)
                if outings != self._outings:
                    self._outings = outings
                    self._zones = self._without_those_out(self._zones)
                    self.bank.replace(Geofence(self._zones, self._settings.geofence))
                    log.info("%d residents are noted as out in company", len(outings))
                swaps = await asyncio.to_thread(self._registry.noted_swaps)
                if swaps != self._swaps:
                    self._call_by(*await asyncio.to_thread(self._made_roster))
                    self._swaps = swaps
                    log.info("%d swaps are noted", len(swaps))
                else:
                    await asyncio.to_thread(self.roster.look_ahead, wall_clock_ms())
            except SQLAlchemyError as error:
                log.warning("the registry cannot be read, the fleet stays as it was: %s", type(error).__name__)

    def whereabouts(self, resident: str, now_ms: int) -> Whereabouts | None:
        """The latest usable fix of any of a resident's devices, and what is known by it; None: there is none."""
        rows, settings = self._rows_of.get(resident, ()), self._settings.geofence
        state = self.bank.state(Geofence.name, np.asarray(rows, dtype=np.intp))
        found = [whereabouts(known, row, self._zones, settings, now_ms) for known, row in zip(state, rows, strict=True)]
        return max((one for one in found if one is not None), key=lambda one: one.fix_ms, default=None)

    def silent_devices(self, site: str) -> list[SilentDevice]:
        """The devices of a site that are not heard, longest silent first; empty where there is no such site."""
        rows = self._rows_at.get(site)
        if rows is None:
            return []
        devices = self.decoder.directory.devices
        return silent_devices(self.bank.state(self._supervision.name, rows), [devices[row] for row in rows.tolist()])

    def _made_roster(self) -> tuple[Roster, Sequence[Gap]]:
        roster = Roster(self._registry.book(self._channels))
        roster.look_ahead(wall_clock_ms())
        return roster, gaps(roster)

    def _call_by(self, roster: Roster, missing: Sequence[Gap]) -> None:
        if missing != self.gaps:
            for gap in missing[:_GAPS_TOLD]:
                # That people look at the console alone is often meant so.
                log.log(logging.INFO if gap.kind == "console_only" else logging.WARNING, "%s", gap.told)
            if len(missing) > _GAPS_TOLD:
                log.warning("and %d more such gaps: shouhu fleet check tells all", len(missing) - _GAPS_TOLD)
        self.roster, self.gaps = roster, missing

    def _without_those_out(self, zones: ZoneTable) -> ZoneTable:
        """The zones, with the rows of those who are out in company."""
        return zones.out_until(
            {row: out.until_ms for out in self._outings for row in self._rows_of.get(out.resident, ())}
        )

    async def _take_over(self) -> None:
        devices = await asyncio.to_thread(self._registry.devices)
        directory = self.decoder.directory.updated(devices)
        zones = await asyncio.to_thread(self._registry.zone_table, directory)
        medical = await asyncio.to_thread(self._registry.medical)
        beds = await asyncio.to_thread(self._registry.beds)
        roster, missing = await asyncio.to_thread(self._made_roster)
        # From here on without a pause: rows, state and zones change between two batches.
        self.bank.resize(len(directory.devices))
        self._rows_of = _rows_of(directory)
        self._zones = self._without_those_out(zones)
        self.bank.replace(Geofence(self._zones, self._settings.geofence))
        self._expect(directory, medical, beds)
        self.decoder.directory = directory
        self._call_by(roster, missing)
        log.info("the fleet has changed: %d devices", len(directory.rows))

    def _expect(self, directory: Directory, medical: Iterable[Medical], beds: Iterable[BedProfile]) -> None:
        known = directory.rows
        here = [device if (device.site, device.device) in known else None for device in directory.devices]
        residents = [device.resident if device else None for device in here]
        self.bank.lead(residents)
        settled = {one.resident: one for one in medical}
        of_rows = [settled.get(resident or "") for resident in residents]
        self.bank.set_params(self._vitals.name, self._vitals.of_residents(of_rows))
        self.bank.set_params(self._early_warning.name, self._early_warning.of_residents(of_rows))
        profiles = {one.resident: one for one in beds}
        self.bank.set_params(
            self._bed_exit.name, self._bed_exit.of_residents([profiles.get(resident or "") for resident in residents])
        )
        types = [device.type if device else None for device in here]
        sites = [device.site for device in directory.devices]
        self.bank.set_params(self._supervision.name, self._supervision.expecting(types, sites))
        rows_at: defaultdict[str, list[int]] = defaultdict(list)
        for (site, _), row in known.items():
            rows_at[site].append(row)
        self._rows_at = {site: np.array(rows) for site, rows in rows_at.items()}
        fenced = np.flatnonzero(self._zones.sets(len(types)) >= 0).tolist()
        self.bank.set_params(self._sensors.name, self._sensors.expecting(types, fenced))


def _rows_of(directory: Directory) -> Mapping[str, Sequence[int]]:
    """The rows of each resident's devices that are now in the fleet."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row in directory.rows.values():
        resident = directory.devices[row].resident
        if resident is not None:
            rows[resident].append(row)
    return rows
