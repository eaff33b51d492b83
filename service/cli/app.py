"""The command line: ``shouhu`` and its sub-commands; each body lives in a module of its own, loaded when asked for."""

import logging
import platform
from importlib import metadata
from typing import Final

import typer

from service.cli import config as cli_config
from service.cli import feedback as cli_feedback
from service.cli import fleet as cli_fleet
from service.cli import notify as cli_notify
from service.cli import report as cli_report
from service.cli import store as cli_store
from service.cli import trial as cli_trial
from service.cli.running import LogLevel, LogOption, SettingsOption, load_settings, run_until_stopped, set_up_log, told

_log = logging.getLogger("shouhu")

#: Libraries whose version matters when somebody asks for help.
_LIBRARIES: Final = (
    *("mqtt5", "aiomqtt", "iotcore", "aiohttp", "apprise", "influxdb-client", "sqlalchemy", "numpy", "uvloop"),
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Shouhu 守护: watches over old people. Bracelets, bed mats, buttons and locators in, alarms to people out. "
    "看护老人：手环、床垫、按钮和定位器的读数进来，警报送到护理员手中。",
    epilog="Try it: shouhu demo. 试一试：shouhu demo",
)


@app.command()
def run(settings: SettingsOption = None, log_level: LogOption = LogLevel.INFO) -> None:
    """Watch: take readings from the broker, raise alarms, tell caregivers, until Ctrl-C. 运行服务

    Example: shouhu run --settings shouhu.toml
    """
    set_up_log(log_level)
    with told(log_level):
        found, path = load_settings(settings)
        _log.info("settings: %s", path or "no shouhu.toml here, using the defaults")
        from service.app import serve

        run_until_stopped(serve(found))


app.add_typer(cli_trial.app)
app.add_typer(cli_report.app)


@app.command()
def version() -> None:
    """Say which version this is, and of which libraries. 版本"""
    typer.echo(f"shouhu {_version('shouhu')} (守护)")
    typer.echo(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    typer.echo(", ".join(f"{name} {_version(name)}" for name in _LIBRARIES))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


app.add_typer(cli_fleet.app, name="fleet")
app.add_typer(cli_config.app, name="config")
app.add_typer(cli_store.app, name="store")
app.add_typer(cli_feedback.app, name="feedback")
app.add_typer(cli_notify.app, name="notify")
