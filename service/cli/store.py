"""``shouhu store``: where readings are kept."""

from typing import Annotated

import typer

from service.cli.running import LogLevel, LogOption, SettingsOption, load_settings, run_until_stopped, told

app = typer.Typer(no_args_is_help=True, help="Make ready where readings are kept.")


@app.callback()
def store() -> None:
    """Make ready where readings are kept."""


@app.command("init")
def init_(
    settings: SettingsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be asked of a new store.")] = False,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Also roll up what is stored already (InfluxDB; SQLite always does).")
    ] = False,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Make the database or bucket, how long it keeps readings, and the hourly roll-ups. 准备存储

    May be done again at any time: what is there is found, what differs is changed.

    Example: shouhu store init --dry-run
    """
    with told(log_level):
        found, _ = load_settings(settings)
        from service import store as body

        if dry_run:
            for statement in body.statements(found):
                typer.echo(statement)
            typer.echo("nothing was changed (--dry-run)")
            return

        async def work() -> None:
            async for line in body.init(found, backfill=backfill):
                typer.echo(line)

        run_until_stopped(work())
