"""A fleet as one spreadsheet: a line a noun, and a column `type` that says which.

`type` is site, resident, zone, caregiver, team, shift, holiday, swap, escalation, or the kind of a device: bracelet,
bed_mat, button, locator. An empty cell is a field that is not given. A polygon is written
``lat lon | lat lon | lat lon``, a resident's own limits ``name raise_at clear_at delay_s | …``, a night ``21:00-6:00``,
contacts ``channel address | …``, ids ``A-1 | A-2``.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from alerts.detectors.bed_profile import NEVER_UP, BedProfile
from alerts.detectors.medical import Medical
from ingest.directory import DeviceType
from service.fleet import geojson
from service.fleet.duty_forms import DUTY_DAYS
from service.fleet.entries import NOUNS, Entry, FleetError, Problem
from service.fleet.form import DAYS, time_of
from service.fleet.nouns import Fleet, PlacedZone
from service.fleet.zone_form import cell_of, holes_cell_of
from service.problems import shown, unknown

COLUMNS: Final = (
    "type", "id", "name", "site", "resident", "room", "born", "sex", "language",
    "crs", "rule", "lat", "lon", "radius_m", "polygon", "role", "phone", "spo2_scale", "oxygen", "limits",
    "groups", "group", "holes", "geojson", "from", "until", "days",
    "fall_risk", "night", "back_s", "up_by",
    "care", "time_zone", "contacts", "residents", "caregivers", "first", "last", "like", "caregiver",
    "shift", "date", "absent", "stand_in", "for", "steps",
)  # fmt: skip
_TYPES: Final = tuple(noun for noun in NOUNS if noun != "device") + tuple(DeviceType)
_DELIMITERS: Final = (",", ";", "\t")
#: What a spreadsheet program takes in one cell; a longer outline goes into a file of its own.
_CELL_MOST: Final = 32_000


def decode(data: bytes, file: str) -> str:
    """The text of a spreadsheet: UTF-8 with or without a mark, or GB18030, which Excel writes in China."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FleetError((f"{file}:{line}: is neither UTF-8 nor GB18030 text; save it as CSV UTF-8",)) from error


def parse(text: str, file: str) -> tuple[list[Entry], list[Problem]]:
    """The entries of a spreadsheet and what is wrong with its lines; FleetError where its header is of no use."""
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            rows.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise FleetError((f"{file}:{line}: is not CSV: {error}",)) from error
    if not rows:
        raise FleetError((f"{file}: is empty; the first line must name the columns: {','.join(COLUMNS)}",))
    columns = _columns(rows[0][1], file)
    entries: list[Entry] = []
    problems: list[Problem] = []
    numbers = dict.fromkeys(NOUNS, 0)
    for line, cells in rows[1:]:
        if not any(cells):
            continue
        if any(cells[len(columns) :]):
            what = f"has {len(cells)} cells, but the first line names {len(columns)} columns"
            problems.append((line, f"{file}:{line}: {what}"))
            continue
        fields: dict[str, object] = {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}
        kind = str(fields.get("type", "")).lower()
        if kind not in _TYPES:
            known = ", ".join(_TYPES)
            what = f"{unknown(kind, _TYPES, 'type')} (got {shown(kind)})" if kind else f"is missing; known are {known}"
            problems.append((line, f"{file}:{line}: type: {what}"))
            continue
        noun = kind if kind in NOUNS else "device"
        if noun != "device":
            del fields["type"]
        numbers[noun] += 1
        entries.append(Entry(noun, fields, line, numbers[noun]))
    return entries, problems


def _columns(header: list[str], file: str) -> list[str]:
    columns = [cell.lower() for cell in header]
    while columns and not columns[-1]:  # spreadsheets leave empty columns at the end
        columns.pop()
    problems = [f'{file}:1: column "{c}" {unknown(c, COLUMNS, "column")}' for c in columns if c not in COLUMNS]
    problems += [f'{file}:1: column "{c}" stands twice' for c in COLUMNS if columns.count(c) > 1]
    problems += [f'{file}:1: column "{c}" is missing' for c in ("type", "id") if c not in columns]
    if problems:
        raise FleetError(tuple(problems))
    return columns


def write(fleet: Fleet) -> str:
    """A fleet as a spreadsheet that `parse` reads back the same, beside the files of `outlines`."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for site in fleet.sites:
        writer.writerow(
            {"type": "site", "id": site.site, "name": site.name, "care": site.care, "time_zone": site.time_zone}
        )
    medical = {one.resident: one for one in fleet.medical}
    beds = {one.resident: one for one in fleet.beds}
    for person in fleet.residents:
        writer.writerow(
            {"type": "resident", "id": person.resident, "name": person.name, "site": person.site}
            | {"room": person.room, "born": person.born, "sex": person.sex, "language": person.language}
            | {"groups": _cell(person.groups)}
            | _medical(medical.get(person.resident))
            | _bed(beds.get(person.resident))
        )
    for device in fleet.devices:
        writer.writerow(
            {"type": device.type, "id": device.device, "site": device.site, "resident": device.resident}
            | {"crs": device.crs}
        )
    for zone in fleet.zones:
        writer.writerow(
            {"type": "zone", "id": zone.zone, "site": zone.site, "resident": zone.resident}
            | {"crs": zone.crs, "rule": zone.rule, "group": zone.group}
            | _shape(zone)
            | _hours(zone)
        )
    for carer in fleet.caregivers:
        writer.writerow(
            {"type": "caregiver", "id": carer.caregiver, "name": carer.name, "site": carer.site}
            | {"role": carer.role, "phone": carer.phone, "language": carer.language}
            | {"residents": _cell(carer.residents), "contacts": _cell(" ".join(pair) for pair in carer.contacts)}
        )
    for line in _duty(fleet):
        writer.writerow(line)
    return out.getvalue()


def _duty(fleet: Fleet) -> Iterator[Mapping[str, object]]:
    """The lines of who is on duty when, and who is called after whom."""
    for team in fleet.teams:
        yield {"type": "team", "id": team.team, "caregivers": _cell(team.caregivers)}
    for shift in fleet.shifts:
        zone = shift.time_zone if shift.site is None else None
        yield {"type": "shift", "id": shift.shift, "site": shift.site, "time_zone": zone} | {
            "caregivers": _cell(shift.caregivers),
            "from": time_of(shift.from_min),
            "until": time_of(shift.until_min),
            "days": " ".join(DUTY_DAYS[day] for day in shift.days),
        }
    for off in fleet.holidays:
        like = DUTY_DAYS[off.like] if off.caregiver is None else None
        yield {"type": "holiday", "id": off.holiday, "site": off.site, "caregiver": off.caregiver} | {
            "first": off.first,
            "last": off.last,
            "like": like,
        }
    for swap in fleet.swaps:
        yield {"type": "swap", "shift": swap.shift, "date": swap.day, "absent": swap.absent, "stand_in": swap.stand_in}
    for plan in fleet.plans:
        yield {"type": "escalation", "id": plan.plan, "site": plan.site, "resident": plan.resident} | {
            "for": " ".join(plan.kinds),
            "steps": _cell(map(str, plan.steps)),
        }


def _cell(words: Iterable[str]) -> str:
    return " | ".join(words)


def outlines(fleet: Fleet) -> dict[str, str]:
    """GeoJSON by file name, of the zones that are of several polygons or too large for a cell."""
    return {
        str(cells["geojson"]): geojson.written(zone.outline().outline)
        for zone in fleet.zones
        if "geojson" in (cells := _shape(zone))
    }


def _medical(medical: Medical | None) -> dict[str, str | int | None]:
    if medical is None:
        return {}
    limits = " | ".join(f"{name} {one.raise_at!r} {one.clear_at!r} {one.delay_s!r}" for name, one in medical.limits)
    return {"spo2_scale": medical.spo2_scale, "oxygen": medical.oxygen, "limits": limits}


def _bed(profile: BedProfile | None) -> dict[str, str | float | None]:
    if profile is None:
        return {}
    night = None if profile.night is None else "-".join(map(_clock, profile.night))
    up_by = None if profile.up_by_min is None else _clock(profile.up_by_min)
    return {"fall_risk": profile.fall_risk, "night": night, "back_s": profile.back_s, "up_by": up_by}


def _clock(minute: int) -> str:
    return "never" if minute == NEVER_UP else f"{minute // 60}:{minute % 60:02}"


def _shape(zone: PlacedZone) -> dict[str, float | str]:
    if zone.circle is not None:
        return dict(zip(("lat", "lon", "radius_m"), zone.circle, strict=True))
    areas = zone.outline().outline
    if len(areas) == 1:
        outer, *holes = areas[0]
        cells: dict[str, float | str] = {"polygon": cell_of(outer), "holes": holes_cell_of(holes)}
        if all(len(str(cell)) <= _CELL_MOST for cell in cells.values()):
            return cells
    return {"geojson": f"{zone.zone}.geojson"}


def _hours(zone: PlacedZone) -> dict[str, str]:
    if zone.hours is None:
        return {}
    days = " ".join(DAYS[day] for day in zone.hours.days)
    return {"from": time_of(zone.hours.from_min), "until": time_of(zone.hours.until_min), "days": days}
