"""``shouhu report``: how long alarms took, and how many were answered in time."""

from typing import Annotated

import typer

from service.cli.running import LogLevel, LogOption, SettingsOption, load_settings, told

app = typer.Typer()


@app.command()
def report(
    site: Annotated[str | None, typer.Option("--site", metavar="SITE", help="Only this site.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Alarms raised in so many days.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    settings: SettingsOption = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """How long alarms took, from the device's own time to their end, and how many were answered in time. 延迟报告

    Drills are told apart. Reads the database; the service may run meanwhile.

    Example: shouhu report --days 30
    """
    with told(log_level):
        from service.delay_report import report as body

        found, _ = load_settings(settings)
        body(found.database_url, site, days, as_json)
