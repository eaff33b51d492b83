"""From a file to a checked fleet: everything that is wrong is told at once, and nothing is half-read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ingest.contract import Crs
from service.fleet import csv_file, toml_file
from service.fleet.duty_checks import clashes
from service.fleet.entries import NOUNS, Entry, FleetError, Problem
from service.fleet.form import Fields, Importer
from service.fleet.forms import FORMS, groups_of
from service.fleet.nouns import Fleet
from service.problems import path_of, sentence, shown, unknown


def read_fleet(path: Path, crs: Crs | None = None) -> Fleet:
    """The fleet in a ``.toml`` or ``.csv`` file; FleetError with every problem as ``file:line: what is wrong``.

    `crs` is what the coordinates of zones are in that do not say it; without it each must.
    """
    file = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FleetError((f"{file}: cannot be read: {error.strerror}",)) from error
    match path.suffix.lower():
        case ".toml":
            entries, problems = toml_file.parse(data, file)
        case ".csv":
            entries, problems = csv_file.parse(csv_file.decode(data, file), file)
        case _:
            raise FleetError((f"{file}: must be a .toml or a .csv file",))
    return assemble(entries, file, Importer(path.parent, crs), problems)


def assemble(entries: Sequence[Entry], file: str, importer: Importer, problems: Sequence[Problem] = ()) -> Fleet:
    """The fleet of `entries`; FleetError with `problems` and everything else that is wrong, in the order of lines."""
    told = list(problems)
    if not any(entry.noun == "site" for entry in entries):
        told.append((0, f"{file}: holds no site"))
    names = _Names.of(entries)
    first: dict[tuple[str, str, str], Entry] = {}
    forms: dict[str, list[Any]] = {noun: [] for noun in NOUNS}
    checked: list[tuple[Entry, Fields]] = []
    for entry in entries:
        form, wrong = _check(entry, file, importer)
        forms[entry.noun].append(form)
        wrong += names.wrong(entry, file)
        if form is not None:
            checked.append((entry, form))
            wrong += names.strangers(entry, form, file)
        if entry.id:
            site = names.site_of(entry) or "" if entry.noun == "device" else ""
            before = first.setdefault((entry.noun, site, entry.id), entry)
            if before is not entry:
                where = f"line {before.line}" if before.line else f"entry {before.number}"
                wrong.append(entry.problem(file, "id", f"stands twice; it stands in {where} already"))
        told += [(entry.line or 0, text) for text in wrong]
    told += clashes(checked, file)
    if told:
        raise FleetError(tuple(text for _, text in sorted(told, key=lambda item: item[0])))
    devices = [entry for entry in entries if entry.noun == "device"]
    return Fleet(
        sites=tuple(form.noun() for form in forms["site"]),
        residents=tuple(form.noun() for form in forms["resident"]),
        devices=tuple(form.noun(names.site_of(e)) for e, form in zip(devices, forms["device"], strict=True)),
        zones=tuple(form.noun() for form in forms["zone"]),
        caregivers=tuple(form.noun() for form in forms["caregiver"]),
        medical=tuple(filter(None, (form.medical() for form in forms["resident"]))),
        beds=tuple(filter(None, (form.bed() for form in forms["resident"]))),
        teams=tuple(form.noun() for form in forms["team"]),
        shifts=tuple(form.noun() for form in forms["shift"]),
        holidays=tuple(form.noun() for form in forms["holiday"]),
        swaps=tuple(form.noun() for form in forms["swap"]),
        plans=tuple(form.noun() for form in forms["escalation"]),
    )


def _check(entry: Entry, file: str, importer: Importer) -> tuple[Fields | None, list[str]]:
    form = FORMS[entry.noun]
    try:
        return form.model_validate(dict(entry.fields), context=importer), []
    except ValidationError as error:
        problems = []
        for detail in error.errors():
            location = detail["loc"]
            key = str(location[0]) if location else ""
            if detail["type"] == "extra_forbidden":
                what = unknown(key, form.names(), f"field of a {entry.noun}")
            elif detail["type"] == "missing":
                what = form.MISSING.get(key, "is missing")
            else:
                what = sentence(detail)
                if key == "lat" and detail["type"] == "less_than_equal":
                    what += "; are lat and lon the wrong way round?"
            problems.append(entry.problem(file, path_of(location[:1]), what))
        return None, problems


@dataclass(frozen=True, slots=True)
class _Names:
    """The identifiers a file gives, the site of each resident, and the groups they name.

    Entries that are wrong themselves count too, so that one mistake is told once.
    """

    sites: frozenset[str]
    residents: Mapping[str, str | None]
    groups: frozenset[str]
    ids: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "_Names":
        sites = {entry.id for entry in entries if entry.noun == "site" and entry.id}
        residents = {entry.id: entry.text("site") for entry in entries if entry.noun == "resident" and entry.id}
        groups = {name for entry in entries if entry.noun == "resident" for name in _groups(entry)}
        ids = {noun: frozenset(entry.id for entry in entries if entry.noun == noun and entry.id) for noun in NOUNS}
        return cls(frozenset(sites), residents, frozenset(groups), ids)

    def site_of(self, device: Entry) -> str | None:
        """The device's site: its own, or that of its resident."""
        return device.text("site") or self.residents.get(device.text("resident") or "")

    def wrong(self, entry: Entry, file: str) -> list[str]:
        """What an entry says of others that is not so."""
        keys = FORMS[entry.noun].model_fields
        site = entry.text("site") if "site" in keys else None
        resident = entry.text("resident") if "resident" in keys else None
        group = entry.text("group") if "group" in keys else None
        problems = []
        if group is not None and group not in self.groups:
            problems.append(entry.problem(file, "group", _stranger(group, self.groups, "group")))
        if site is not None and site not in self.sites:
            problems.append(entry.problem(file, "site", _stranger(site, self.sites, "site")))
        if resident is not None and resident not in self.residents:
            problems.append(entry.problem(file, "resident", _stranger(resident, self.residents, "resident")))
        elif resident is not None and site is not None and entry.noun == "device":
            home = self.residents[resident]
            if home is not None and home != site:
                what = f'is "{site}", but resident {resident} lives at "{home}"'
                problems.append(entry.problem(file, "site", what))
        return problems

    def strangers(self, entry: Entry, form: Fields, file: str) -> list[str]:
        """The names in an entry's lists that are nobody's."""
        return [
            entry.problem(file, field, _stranger(name, self.ids[noun], noun))
            for field, noun, name in form.references()
            if name not in self.ids[noun]
        ]


def _groups(resident: Entry) -> tuple[str, ...]:
    try:
        return groups_of(resident.fields.get("groups", []))
    except ValueError:
        return ()  # told where the resident is checked


def _stranger(name: str, known: Iterable[str], noun: str) -> str:
    """Say that a name is nobody's; all names are listed only where they are few."""
    words = sorted(known)
    text = unknown(name, words, f"{noun} of this file") if words else f"there is no {noun} in this file"
    if "did you mean" not in text and len(words) > 8:
        text = f"is not a known {noun} of this file"
    return f"{text} (got {shown(name)})"
