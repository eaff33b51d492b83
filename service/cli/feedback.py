"""``shouhu feedback``: what caregivers said of falls."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.running import LogLevel, LogOption, SettingsOption, load_settings, told

app = typer.Typer(no_args_is_help=True, help="What caregivers said of falls: real, false, missed.")


@app.callback()
def feedback() -> None:
    """What caregivers said of falls: real, false, missed."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder to write; it must be new or empty.")],
    settings: SettingsOption = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Write the judged clips of falls as a recording set, without names of people. 导出反馈

    For `shouhu evaluate` and for training. No setting and no threshold is changed by it.

    Example: shouhu feedback export judged-falls
    """
    with told(log_level):
        from alerts.falls.clip_store import ClipStore
        from service.database import make_engine
        from service.feedback_export import export as body

        found, _ = load_settings(settings)
        engine = make_engine(found.database_url)
        try:
            done = body(ClipStore(engine).labelled(), folder)
        finally:
            engine.dispose()
        typer.echo(f"{done.falls} falls, {done.missed} missed falls, {done.false_alarms} false alarms: {folder}")
        if done.left_out:
            typer.echo(f"{done.left_out} clips hold too little motion and were left out")
