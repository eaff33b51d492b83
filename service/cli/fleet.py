"""``shouhu fleet``: who is watched over."""

from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.running import LogLevel, LogOption, SettingsOption, load_settings, told

if TYPE_CHECKING:
    from alerts.calling.roster import Book
    from service.fleet import Fleet, Summary
    from service.registry import Registry
    from service.settings import Settings


class CrsChoice(StrEnum):
    """`ingest.contract.Crs`, which is too heavy to load only to print a help page."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


app = typer.Typer(no_args_is_help=True, help="Sites, residents, devices, zones, caregivers and who is called.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .toml or .csv file; see fleet.example.toml, .csv.")],
    settings: SettingsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    crs: Annotated[
        CrsChoice | None,
        typer.Option(help="What the coordinates are in of zones and GeoJSON files that do not say it."),
    ] = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Make the registry hold what the file says, and nothing else.

    Every bad line is told at once, and then nothing is imported.

    Example: shouhu fleet import fleet.csv --dry-run
    """
    with told(log_level):
        from ingest.contract import Crs
        from service.fleet import read_fleet

        found, _ = load_settings(settings)
        fleet = read_fleet(file, None if crs is None else Crs(crs))
        registry = _registry(found.database_url)
        summary = registry.compare(fleet) if dry_run else registry.replace_fleet(fleet)
        for line in lines(summary):
            typer.echo(line)
        _tell_gaps(_book_of(fleet, found))
        typer.echo("nothing was changed (--dry-run)" if dry_run else f"imported {file}")


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A fleet file; without it what the registry holds.")
    ] = None,
    settings: SettingsOption = None,
    crs: Annotated[
        CrsChoice | None,
        typer.Option(help="What the coordinates are in of zones and GeoJSON files that do not say it."),
    ] = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Say "ok", or what is missing for every alarm to reach somebody; ends with 1 where anything is.

    Sites of which nobody is told, steps of a plan that can reach nobody, contacts in channels that are not in the
    settings. Nothing is changed.

    Example: shouhu fleet check fleet.csv
    """
    with told(log_level):
        from ingest.contract import Crs
        from service.fleet import read_fleet

        found, _ = load_settings(settings)
        if file is None:
            book = _registry(found.database_url).book(found.notify.people)
        else:
            book = _book_of(read_fleet(file, None if crs is None else Crs(crs)), found)
        if _tell_gaps(book):
            raise typer.Exit(1)
        typer.echo("ok: every step of every plan can reach somebody")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv file to write; it must not exist yet.")],
    settings: SettingsOption = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Write what the registry holds as a spreadsheet that import reads back, with GeoJSON files for large zones.

    Example: shouhu fleet export fleet.csv
    """
    with told(log_level):
        from service.fleet import csv_file

        found, _ = load_settings(settings)
        fleet = _registry(found.database_url).fleet()
        outlines = {file.with_name(name): text for name, text in csv_file.outlines(fleet).items()}
        # With a mark, by which Excel knows UTF-8.
        for path, text in {file: "\ufeff" + csv_file.write(fleet), **outlines}.items():
            with path.open("x", encoding="utf-8", newline="") as out:
                out.write(text)
            typer.echo(f"wrote {path}")


def _registry(url: object) -> "Registry":
    from sqlalchemy import URL

    from service.database import make_engine
    from service.registry import Registry

    assert isinstance(url, URL)
    return Registry(make_engine(url))


def _book_of(fleet: "Fleet", settings: "Settings") -> "Book":
    from alerts.calling.people import ResidentCard
    from alerts.calling.roster import Book

    residents = [ResidentCard(one.resident, one.name, one.site, one.room) for one in fleet.residents]
    parts = (fleet.caregivers, fleet.teams, fleet.shifts, fleet.holidays, fleet.swaps, fleet.plans)
    return Book(fleet.sites, residents, *parts, settings.notify.people)


def _tell_gaps(book: "Book") -> bool:
    from alerts.calling.coverage import gaps
    from alerts.calling.roster import Roster

    missing = gaps(Roster(book))
    for gap in missing:
        typer.echo(f"note: {gap.told}")
    return bool(missing)


def lines(summary: "Summary") -> list[str]:
    """A summary in lines such as ``residents    24 added, 0 changed, 2 removed``."""
    result = []
    for field in fields(summary):
        part = getattr(summary, field.name)
        result.append(f"{field.name:<12}{part.added} added, {part.changed} changed, {part.removed} removed")
    return result
