"""A fleet written out and read again is the same fleet, whatever is in it and in whichever form."""

import contextlib
import csv
import io
import json
import string
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from alerts.calling.escalation import KINDS, ROLES, Plan, Step, Target, Waits
from alerts.calling.people import Team
from alerts.calling.rota import HOLIDAY, Holiday, Rota, Shift, Swap
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.vitals import LIMITS, Limit
from alerts.detectors.zones import Hours
from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from service.database import make_engine
from service.fleet import Caregiver, Fleet, FleetError, PlacedZone, Resident, Site, csv_file, read_fleet
from service.fleet.duty_forms import DUTY_DAYS
from service.fleet.form import DAYS
from service.registry import Registry

IDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)
#: What a person may write in a cell; blanks around it are not part of it.
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), min_size=1, max_size=30
).map(str.strip).filter(bool)  # fmt: skip
GROUPS = TEXTS.filter(lambda name: "|" not in name)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "UTC")
CIRCLE = ("lat", "lon", "radius_m")
LATITUDES = st.floats(-80, 80)
OXYGEN = st.sampled_from([None, "air", "oxygen"])
LONGITUDES = st.floats(-179, 178)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    lat, lon = draw(LATITUDES), draw(LONGITUDES)
    if draw(st.booleans()):
        return {"circle": (lat, lon, draw(st.floats(0.01, 200_000)))}
    size = draw(st.floats(0.001, 0.5))
    outer = ((lat, lon), (lat, lon + size), (lat + size, lon + size), (lat + size, lon))
    if draw(st.booleans()):
        return {"polygon": outer}
    hole = tuple((lat + size * north, lon + size * east) for north, east in ((0.25, 0.25), (0.25, 0.5), (0.5, 0.5)))
    return {"areas": ((outer, hole),)}


@st.composite
def hours(draw: st.DrawFn) -> Hours | None:
    begin, end = draw(st.integers(0, 1439)), draw(st.integers(0, 1440))
    days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
    return draw(st.sampled_from([None, Hours(begin, end, days)])) if begin != end else None


@st.composite
def limits(draw: st.DrawFn) -> tuple[tuple[str, Limit], ...]:
    own = draw(st.sets(st.sampled_from(LIMITS), max_size=3))
    numbers, delay_s = st.tuples(st.floats(0, 400), st.floats(0, 400)), st.floats(0, 604_800)
    return tuple(
        (name, Limit(*sorted(draw(numbers), reverse=name.endswith("_high")), draw(delay_s)))
        for name in LIMITS
        if name in own
    )


@st.composite
def profiles(draw: st.DrawFn, resident: str) -> BedProfile:
    minutes = st.integers(0, 1439)
    return BedProfile(
        resident,
        draw(st.sampled_from([None, "usual", "high"])),
        draw(st.none() | st.tuples(minutes, minutes).filter(lambda night: night[0] != night[1])),
        draw(st.none() | st.floats(0, 86_400)),
        draw(st.none() | st.just(-1) | minutes),
    )


ADDRESSES = st.text(st.characters(codec="gb18030", exclude_categories=("C", "Z"), exclude_characters="|"), max_size=20)


@st.composite
def carers(draw: st.DrawFn, name: str, a_site: st.SearchStrategy[str], whose: Any) -> Caregiver:
    role, residents = draw(st.sampled_from(ROLES)), draw(whose)
    if role in ("family", "neighbour") and not residents:
        role = "nurse"
    site, phone = draw(st.none() | a_site), draw(st.none() | TEXTS)
    contacts = tuple(draw(st.dictionaries(IDS, ADDRESSES, max_size=2)).items())
    return Caregiver(name, draw(TEXTS), role, site, phone, draw(st.sampled_from(["zh", "en"])), residents, contacts)


@st.composite
def steps(draw: st.DrawFn, names: list[str], teams: list[str]) -> Step:
    targets = [Target("role", role) for role in ROLES]
    targets += [Target("caregiver", name) for name in names] + [Target("team", name) for name in teams]
    to = draw(st.lists(st.sampled_from(targets), unique=True, min_size=1, max_size=3))
    seconds = st.integers(1, 86_400)
    waits = draw(st.just(Waits()) | st.builds(Waits, seconds, seconds, seconds))
    return Step(tuple(to), draw(st.booleans()), waits)


@st.composite
def duties(draw: st.DrawFn, caregivers: list[Caregiver], a_site: Any, residents: list[str]) -> tuple[Any, ...]:
    """Teams, shifts, holidays, swaps and plans of these caregivers, which go together."""

    def some(names: list[str]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=3)))

    def ids(most: int) -> list[str]:
        return draw(st.lists(IDS, unique=True, max_size=most))

    names = [carer.caregiver for carer in caregivers]
    days = st.sets(st.integers(0, 7), min_size=1).map(lambda found: tuple(sorted(found | {HOLIDAY})))
    teams, shifts, holidays, swaps, plans = [], [], [], [], []
    if names:
        teams = [Team(name, some(names)) for name in ids(2)]
        for name in ids(3):
            site = draw(st.none() | a_site)
            there = [carer.caregiver for carer in caregivers if site is None or carer.site in (None, site)]
            zone = draw(st.sampled_from(ZONES)) if site is None else "Asia/Shanghai"
            hours = draw(st.integers(0, 1439)), draw(st.integers(0, 1440))
            shifts += [Shift(name, some(there), *hours, draw(days), site, zone)] if there else []
    dates = st.dates(date(2026, 1, 1), date(2026, 1, 9))
    for name in ids(2):
        first, more = draw(dates), draw(st.integers(0, 3))
        carer = draw(st.none() | st.sampled_from(names)) if names else None
        site = draw(st.none() | a_site) if carer is None else None
        holidays.append(Holiday(name, first, first + timedelta(more), site, HOLIDAY, carer))
    rota = Rota(shifts, holidays)
    for shift in shifts:
        day, absent = draw(dates), shift.caregivers[0]
        others = [name for name in names if name != absent]
        if others and rota.begins(shift, day):
            swaps.append(Swap(shift.shift, day, absent, draw(st.sampled_from(others))))
    for name in ids(2):
        to = tuple(draw(st.lists(steps(names, [team.team for team in teams]), min_size=1, max_size=3)))
        kinds = tuple(
            draw(st.sets(st.sampled_from(KINDS), min_size=1).map(lambda found: sorted(found, key=KINDS.index)))
        )
        resident = draw(st.none() | st.sampled_from(residents)) if residents else None
        plan = Plan(
            name, to, tuple(kind for kind in KINDS if kind in kinds), None if resident else draw(a_site), resident
        )
        if not any((one.site, one.resident) == (plan.site, plan.resident) for one in plans):
            plans.append(plan)
    return tuple(teams), tuple(shifts), tuple(holidays), tuple(swaps), tuple(plans)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    def unique(most: int) -> list[str]:
        return draw(st.lists(IDS, unique=True, max_size=most))

    sites = [
        Site(
            name, draw(TEXTS), draw(st.sampled_from(["institution", "community", "home"])), draw(st.sampled_from(ZONES))
        )
        for name in draw(st.lists(IDS, unique=True, min_size=1, max_size=3))
    ]
    a_site = st.sampled_from([site.site for site in sites])
    groups = st.lists(GROUPS, unique=True, max_size=3).map(tuple)
    born = st.none() | st.dates(date(1900, 1, 1), date(2020, 1, 1))
    residents = [
        Resident(
            name, draw(TEXTS), draw(a_site), draw(st.none() | TEXTS), draw(born),
            draw(st.sampled_from([None, "female", "male"])), draw(st.sampled_from(["zh", "en"])), draw(groups),
        )
        for name in unique(4)
    ]  # fmt: skip
    homes = {person.resident: person.site for person in residents}
    owners = st.none() | st.sampled_from(sorted(homes)) if homes else st.none()
    devices, zones = [], []
    for name in unique(5):
        owner = draw(owners)
        site = homes[owner] if owner is not None else draw(a_site)
        devices.append(Device(site, name, draw(st.sampled_from(DeviceType)), owner, draw(st.sampled_from(Crs))))
    for name in unique(4):
        owner = draw(owners)
        rule, crs = draw(st.sampled_from(["safe", "forbidden"])), draw(st.sampled_from(Crs))
        named = sorted({group for person in residents for group in person.groups})
        group = draw(st.sampled_from(named)) if named and owner is None and draw(st.booleans()) else None
        site = draw(a_site) if owner is None and group is None else None
        zones.append(PlacedZone(name, rule, crs, site, owner, group=group, hours=draw(hours()), **draw(shapes())))
    whose = st.lists(st.sampled_from(sorted(homes)), unique=True, max_size=2).map(tuple) if homes else st.just(())
    caregivers = [draw(carers(name, a_site, whose)) for name in unique(3)]
    settled = [Medical(name, draw(st.sampled_from([1, 2])), draw(OXYGEN), draw(limits())) for name in homes]
    medical = tuple(one for one in settled if one != Medical(one.resident))
    beds = tuple(one for one in (draw(profiles(name)) for name in homes) if one != BedProfile(one.resident))
    parts = (tuple(sites), tuple(residents), tuple(devices), tuple(zones), tuple(caregivers), medical, beds)
    return Fleet(*parts, *draw(duties(caregivers, a_site, sorted(homes))))


def duty_lines(thing: Shift | Holiday | Swap | Plan) -> list[str]:
    def words(name: str, value: Any) -> str:
        return f"{name} = {json.dumps(value)}"

    match thing:
        case Shift():
            lines = [words("id", thing.shift), words("caregivers", thing.caregivers)]
            lines += [words("from", clock(thing.from_min)), words("until", clock(thing.until_min))]
            lines += [words("days", [DUTY_DAYS[day] for day in thing.days])]
            return [*lines, words("time_zone", thing.time_zone) if thing.site is None else words("site", thing.site)]
        case Holiday():
            lines = [words("id", thing.holiday), f"first = {thing.first}", f"last = {thing.last}"]
            owners = (("site", thing.site), ("caregiver", thing.caregiver))
            return [*lines, *(words(name, owner) for name, owner in owners if owner is not None)]
        case Swap():
            lines = [words("shift", thing.shift), f"date = {thing.day}"]
            return [*lines, words("absent", thing.absent), words("stand_in", thing.stand_in)]
        case Plan():
            lines = [
                words("id", thing.plan),
                words("for", thing.kinds),
                words("steps", [str(one) for one in thing.steps]),
            ]
            owner = ("site", thing.site) if thing.site is not None else ("resident", thing.resident)
            return [*lines, words(*owner)]


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def toml_of(fleet: Fleet) -> str:
    """TOML's basic strings are JSON's, as long as DEL is escaped."""
    lines = []
    medical = {one.resident: one for one in fleet.medical}
    beds = {one.resident: one for one in fleet.beds}
    for noun in ("site", "resident", "device", "zone", "caregiver", "team", "shift", "holiday", "swap", "plan"):
        for thing in getattr(fleet, f"{noun}s"):
            lines.append(f"[[{'escalation' if noun == 'plan' else noun}]]")
            if noun in ("shift", "holiday", "swap", "plan"):
                lines += duty_lines(thing)
                continue
            for field in fields(thing):
                value = getattr(thing, field.name)
                if field.name == "contacts":
                    pairs = (
                        f"{json.dumps(channel)} = {json.dumps(address, ensure_ascii=False)}"
                        for channel, address in value
                    )
                    lines += [f"contacts = {{ {', '.join(pairs)} }}"] if value else []
                elif field.name == "residents" and not value:
                    pass
                elif field.name == noun:
                    lines.append(f"id = {json.dumps(value)}")
                elif field.name == "circle" and value is not None:
                    lines += [
                        f"{key} = {float(part)!r}" for key, part in zip(("lat", "lon", "radius_m"), value, strict=True)
                    ]
                elif field.name == "areas" and value is not None:
                    lines += [f"polygon = {json.dumps(value[0][0])}", f"holes = {json.dumps(value[0][1:])}"]
                elif isinstance(value, Hours):
                    days = [DAYS[day] for day in value.days]
                    lines.append(f'from = "{clock(value.from_min)}"\nuntil = "{clock(value.until_min)}"\ndays = {days}')
                elif isinstance(value, date):
                    lines.append(f"{field.name} = {value}")
                elif value is not None:
                    lines.append(f"{field.name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f"))
            if noun == "resident" and (bed := beds.get(thing.resident)):
                lines += [f'fall_risk = "{bed.fall_risk}"'] if bed.fall_risk else []
                lines += [f'night = "{clock(bed.night[0])} - {clock(bed.night[1])}"'] if bed.night else []
                lines += [f"back_s = {bed.back_s!r}"] if bed.back_s is not None else []
                if bed.up_by_min is not None:
                    lines.append(f'up_by = "{"never" if bed.up_by_min < 0 else clock(bed.up_by_min)}"')
            if noun == "resident" and (own := medical.get(thing.resident)):
                lines.append(f"spo2_scale = {own.spo2_scale}")
                lines += [f'oxygen = "{own.oxygen}"'] if own.oxygen else []
                lines.append("[resident.limits]")
                for name, limit in own.limits:
                    parts = [f"{part.name} = {getattr(limit, part.name)!r}" for part in fields(limit)]
                    lines.append(f"{name} = {{ {', '.join(parts)} }}")
    return "\n".join(lines)


ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@ONE_FOLDER
@given(fleets(), st.sampled_from([",", ";", "\t"]), st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]))
def test_through_a_spreadsheet(tmp_path: Path, fleet: Fleet, delimiter: str, encoding: str) -> None:
    rows = csv.reader(io.StringIO(csv_file.write(fleet), newline=""))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    data = out.getvalue().encode(encoding)
    if encoding == "gb18030":
        with contextlib.suppress(UnicodeDecodeError):
            # What happens to be UTF-8 as well cannot be told from it.
            assume(data.decode("utf-8") == out.getvalue())
    path = tmp_path / "fleet.csv"
    path.write_bytes(data)
    assert read_fleet(path) == fleet


@ONE_FOLDER
@given(fleets())
def test_through_toml(tmp_path: Path, fleet: Fleet) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(toml_of(fleet), encoding="utf-8", newline="\n")
    assert read_fleet(path) == fleet


@settings(deadline=None, max_examples=30)
@given(st.lists(fleets(), min_size=1, max_size=3))
def test_through_the_registry_one_after_the_other(sequence: list[Fleet]) -> None:
    engine = make_engine("sqlite://")
    registry = Registry(engine)
    for fleet in sequence:
        registry.replace_fleet(fleet)
        found = registry.fleet()
        for field in fields(fleet):
            assert set(getattr(found, field.name)) == set(getattr(fleet, field.name))
    engine.dispose()


@pytest.mark.parametrize("name", ["fleet.csv", "fleet.toml"])
@ONE_FOLDER
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_the_file_holds_it_is_read_or_told(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data if name.endswith("toml") else b"type,id,name,site,polygon,lat\n" + data)
    told: tuple[str, ...] = ()
    try:
        read_fleet(path)
    except FleetError as error:
        told = error.problems
    assert all(problem.startswith(str(path)) for problem in told)
