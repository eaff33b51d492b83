"""The command line as its user meets it: what it says, and the status it ends with."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import service.app
import service.trial.replay
from ingest.contract import Crs
from service.cli.app import app
from service.cli.fleet import CrsChoice
from service.cli.running import LogLevel, run_until_stopped, told
from service.cli.wrong_use import WrongUse
from service.database import make_engine
from service.fleet import FleetError, Summary
from service.registry import Registry
from service.settings import SettingsError

ROOT = Path(__file__).parents[4]
COMMANDS = [
    [], ["run"], ["demo"], ["replay"], ["evaluate"], ["load"], ["report"], ["version"],
    ["fleet"], ["fleet", "import"], ["fleet", "check"], ["fleet", "export"], ["config"], ["config", "check"],
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and nothing set in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("SHOUHU_SETTINGS", "SHOUHU_LOG_LEVEL", "SHOUHU_MQTT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def shouhu(folder: Path) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.stdout, result.stderr

    return run


Shouhu = Callable[..., tuple[int, str, str]]


def raising(error: BaseException) -> Callable[..., Coroutine[Any, Any, None]]:
    async def body(*_arguments: object, **_options: object) -> None:
        raise error

    return body


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "shouhu")
def test_every_command_helps(shouhu: Shouhu, command: list[str]) -> None:
    status, out, _ = shouhu(*command, "--help")
    assert status == 0
    assert "Usage" in out
    if len(command) == 2 or (command and command[0] not in ("fleet", "config", "version")):
        assert "Example: shouhu " + " ".join(command) in re.sub(r"\s+", " ", out)


def test_the_first_page_names_every_command_in_both_languages(shouhu: Shouhu) -> None:
    _, out, _ = shouhu("--help")
    assert "守护" in out
    for command in ("run", "demo", "replay", "evaluate", "load", "report", "fleet", "config", "version"):
        assert re.search(rf"\b{command}\b", out)


@pytest.mark.parametrize(
    "arguments", [["rum"], ["run", "--port", "1"], ["fleet", "import"], ["demo", "--seconds", "x"], ["replay", "set"]]
)
def test_wrong_use_is_status_2(shouhu: Shouhu, arguments: list[str]) -> None:
    assert shouhu(*arguments)[0] == 2


def test_version_names_itself_python_and_libraries(shouhu: Shouhu) -> None:
    status, out, _ = shouhu("version")
    assert status == 0
    assert re.search(r"^shouhu \d+\.\d+\.\d+ \(守护\)$", out, re.MULTILINE)
    assert re.search(r"^Python 3\.\d+", out, re.MULTILINE)
    assert re.search(r"mqtt5 \d", out)


def test_config_check_of_nothing_shows_the_defaults(shouhu: Shouhu, folder: Path) -> None:
    status, out, _ = shouhu("config", "check")
    assert status == 0
    assert f"data folder         {folder / 'shouhu-data'}" in out
    assert "mqtt://127.0.0.1:1883" in out
    assert "ok: no shouhu.toml here, these are the defaults" in out


def test_config_check_finds_the_file_of_the_working_folder(shouhu: Shouhu, folder: Path) -> None:
    (folder / "shouhu.toml").write_text("[http]\nport = 8181\n")
    status, out, _ = shouhu("config", "check")
    assert status == 0
    assert "http://127.0.0.1:8181" in out
    assert "ok: shouhu.toml" in out


def test_config_check_hides_every_secret(shouhu: Shouhu, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOUHU_TEST_SECRET", "hunter2")
    (folder / "s.toml").write_text(
        """
        [mqtt]
        brokers = ["mqtts://broker.example"]
        username = "house"
        password = { env = "SHOUHU_TEST_SECRET" }
        [database]
        url = "postgresql+psycopg://u@h/d"
        password = { env = "SHOUHU_TEST_SECRET" }
        [store]
        kind = "influxdb2"
        [store.influxdb2]
        token = { env = "SHOUHU_TEST_SECRET" }
        [[notify.webhook]]
        name = "duty"
        url = "https://example.org/hook?key=hunter2"
        secret = { env = "SHOUHU_TEST_SECRET" }
        """
    )
    status, out, error = shouhu("config", "check", "--settings", "s.toml")
    assert status == 0, error
    assert "hunter2" not in out + error
    for line in ("broker user         house, password set", "u:***@h/d", "token set", "example.org, secret set"):
        assert line in out


def test_config_check_tells_every_problem_and_ends_with_2(shouhu: Shouhu, folder: Path) -> None:
    (folder / "s.toml").write_text('[htp]\n[http]\nport = "x"\n')
    status, out, error = shouhu("config", "check", "-s", "s.toml")
    assert (status, out) == (2, "")
    assert error.splitlines() == [
        's.toml: http.port: must be a whole number (got "x")',
        's.toml: htp: is not a known key; did you mean "http"?',
    ]


def test_settings_that_are_asked_for_must_be_there(shouhu: Shouhu) -> None:
    assert shouhu("run", "--settings", "none.toml")[::2] == (
        2,
        "none.toml: cannot be read: No such file or directory\n",
    )


def test_settings_may_be_named_in_the_environment(
    shouhu: Shouhu, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "other.toml").write_text("[http]\nport = 8282\n")
    monkeypatch.setenv("SHOUHU_SETTINGS", "other.toml")
    assert "http://127.0.0.1:8282" in shouhu("config", "check")[1]


def test_what_is_missing_for_alarms_to_reach_somebody_is_told(shouhu: Shouhu, folder: Path) -> None:
    example, channel = str(ROOT / "fleet.example.toml"), '[[notify.apprise]]\nname = "sms"\nurl = "json://localhost/"\n'
    status, out, _ = shouhu("fleet", "check", example)
    assert status == 1
    assert "note: caregiver C-wang: sms is not a channel of the settings" in out
    (folder / "shouhu.toml").write_text(channel)
    assert shouhu("fleet", "check", example)[:2] == (0, "ok: every step of every plan can reach somebody\n")
    (folder / "small.csv").write_text("type,id,name\nsite,s,House\n")
    status, out, _ = shouhu("fleet", "import", "small.csv")
    assert status == 0
    assert "note: site s: nobody can be called, its alarms go to the console only" in out
    assert shouhu("fleet", "check")[0] == 1, "of what the registry holds"


def test_a_fleet_is_imported_tried_and_exported(shouhu: Shouhu, folder: Path) -> None:
    example = str(ROOT / "fleet.example.toml")
    status, out, _ = shouhu("fleet", "import", example, "--dry-run")
    assert status == 0
    assert "devices     6 added, 0 changed, 0 removed" in out
    assert "nothing was changed" in out
    status, out, _ = shouhu("fleet", "import", example)
    assert status == 0
    assert f"imported {example}" in out
    status, out, _ = shouhu("fleet", "import", str(ROOT / "fleet.example.csv"))
    assert status == 0
    assert "devices     0 added, 0 changed, 0 removed" in out
    assert shouhu("fleet", "export", "out.csv")[0] == 0
    again = shouhu("fleet", "import", "out.csv", "--dry-run")[1]
    assert again.count("0 added, 0 changed, 0 removed") == len(fields(Summary))
    status, _, error = shouhu("fleet", "export", "out.csv")
    assert status == 1
    assert error.startswith("shouhu: out.csv: File exists\n")


def test_zones_from_geojson_are_imported_with_the_importers_crs_and_exported_beside_the_sheet(
    shouhu: Shouhu, folder: Path
) -> None:
    assert [str(one) for one in CrsChoice] == [str(one) for one in Crs]
    areas = [[[[117.0, 36.0], [117.1, 36.0], [117.1, 36.1]]], [[[117.5, 36.0], [117.6, 36.0], [117.6, 36.1]]]]
    (folder / "yards.geojson").write_text(json.dumps({"type": "MultiPolygon", "coordinates": areas}))
    (folder / "fleet.csv").write_text("type,id,name,site,rule,geojson\nsite,s,S\nzone,yards,,s,safe,yards.geojson\n")
    status, _, error = shouhu("fleet", "import", "fleet.csv")
    assert status == 2
    assert "fleet.csv:3: zone yards: crs: is missing" in error
    assert "--crs" in error
    assert shouhu("fleet", "import", "fleet.csv", "--crs", "utm")[0] == 2
    assert shouhu("fleet", "import", "fleet.csv", "--crs", "gcj02")[0] == 0
    (folder / "out").mkdir()
    status, out, _ = shouhu("fleet", "export", "out/now.csv")
    assert status == 0
    assert out.splitlines() == ["wrote out/now.csv", "wrote out/yards.geojson"]
    assert "zones       0 added, 0 changed, 0 removed" in shouhu("fleet", "import", "out/now.csv", "--dry-run")[1]


def test_a_bad_fleet_is_told_line_by_line_and_nothing_is_imported(shouhu: Shouhu, folder: Path) -> None:
    shouhu("fleet", "import", str(ROOT / "fleet.example.toml"))
    (folder / "bad.csv").write_text("type,id,name\nsite,a b,X\nsite,c,\n")
    status, out, error = shouhu("fleet", "import", "bad.csv")
    assert (status, out) == (2, "")
    assert [line.partition(": ")[0] for line in error.splitlines()] == ["bad.csv:2", "bad.csv:3"]
    engine = make_engine(f"sqlite:///{folder}/shouhu-data/shouhu.db")
    assert len(Registry(engine).residents()) == 3
    engine.dispose()


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SettingsError(("a: b", "c: d")), 2, "a: b\nc: d\n"),
        (FleetError(("f:1: x",)), 2, "f:1: x\n"),
        (WrongUse("--speed: must be more"), 2, "--speed: must be more\n"),
        (OSError(98, "address in use", "127.0.0.1:8080"), 1, "shouhu: 127.0.0.1:8080: address in use\n"),
        (RuntimeError("another service is running"), 1, "shouhu: another service is running\n"),
        (KeyError("row"), 1, "shouhu: KeyError: 'row'\n"),
        (ValueError(), 1, "shouhu: ValueError\n"),
        (ExceptionGroup("two", [OSError(5, "disk", "/d"), ExceptionGroup("in", [RuntimeError("x\ny")])]), 1,
         "shouhu: /d: disk\nshouhu: x\n"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_in_lines_without_a_traceback(
    shouhu: Shouhu, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    monkeypatch.setattr(service.app, "serve", raising(error))
    got_status, out, got = shouhu("run", "--log-level", "error")
    assert (got_status, out) == (status, "")
    hint = "shouhu: run again with --log-level debug for the whole story\n"
    assert got == (said if status == 2 else said + hint)


def test_debug_tells_the_whole_story(shouhu: Shouhu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.app, "serve", raising(RuntimeError("boom")))
    _, _, error = shouhu("run", "--log-level", "debug")
    assert "Traceback" in error
    assert "shouhu: boom" in error


def test_what_a_body_returns_is_the_status(shouhu: Shouhu, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[object] = []

    async def body(*arguments: object) -> int:
        got.extend(arguments)
        return 1

    monkeypatch.setattr(service.trial.replay, "replay", body)
    monkeypatch.setenv("SHOUHU_MQTT_PASSWORD", "hunter2")
    status, _, _ = shouhu("replay", "set", "rec", "--device", "s/d", "--speed", "2", "--username", "u")
    assert status == 1
    assert got == [Path("set"), "rec", "s/d", "mqtt://127.0.0.1:1883", 2.0, 1.0, "binary", "u", "hunter2"]


def test_an_exit_within_passes_through() -> None:
    with pytest.raises(typer.Exit) as caught, told(LogLevel.INFO):
        raise typer.Exit(7)
    assert caught.value.exit_code == 7


def test_work_that_is_cancelled_from_elsewhere_is_not_a_stop() -> None:
    with pytest.raises(asyncio.CancelledError):
        run_until_stopped(raising(asyncio.CancelledError())())


def test_work_returns_what_it_returns() -> None:
    async def work() -> str:
        return "done"

    assert run_until_stopped(work()) == "done"
