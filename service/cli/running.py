"""How a command runs: its log lines, its event loop, its exit status.

0: fine (also when a person stopped it). 1: what was asked for failed. 2: wrong use or bad input.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from service.settings import Settings

FAILED: Final = 1
WRONG_USE: Final = 2
#: Settings are read from here, in the working folder, where nothing else is said.
DEFAULT_FILE: Final = Path("shouhu.toml")


class LogLevel(StrEnum):
    """How much is told."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LogOption = Annotated[
    LogLevel,
    typer.Option("--log-level", envvar="SHOUHU_LOG_LEVEL", help="How much to tell; debug also shows tracebacks."),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        "-s",
        envvar="SHOUHU_SETTINGS",
        metavar="FILE",
        help="Settings file; without it shouhu.toml in this folder, or the defaults where there is none.",
    ),
]


def complain(text: str) -> None:
    """Say on standard error what is wrong."""
    print(text, file=sys.stderr, flush=True)


def set_up_log(level: LogLevel) -> None:
    """Plain lines on standard error: time, level, where from, what."""
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    if level is not LogLevel.DEBUG:
        # aiomqtt warns of every publish beyond ten that wait for their answer, which is how we use it.
        logging.getLogger("mqtt").setLevel(logging.ERROR)


@contextmanager
def told(level: LogLevel = LogLevel.INFO) -> Iterator[None]:
    """Turn what goes wrong within into a message and an exit status; a traceback is shown at level debug alone."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:  # the outermost place: whatever it is, its user is told in a line
        status = FAILED
        for cause in _causes(error):
            bad_input = hasattr(cause, "problems")
            status = WRONG_USE if bad_input else status
            complain(str(cause) if bad_input else f"shouhu: {_line(cause)}")
        if level is LogLevel.DEBUG:
            logging.getLogger("shouhu").debug("the whole story", exc_info=error)
        elif status == FAILED:
            complain("shouhu: run again with --log-level debug for the whole story")
        raise typer.Exit(status) from None


def _causes(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = str(error).strip().partition("\n")[0]
    if not text:
        return type(error).__name__
    # What nobody foresaw says little without its kind: KeyError's text is a key.
    return text if isinstance(error, OSError | RuntimeError) else f"{type(error).__name__}: {text}"


def run_until_stopped(work: Coroutine[Any, Any, Any]) -> Any:
    """Run on uvloop where there is one; Ctrl-C and SIGTERM end it in order, and a second one at once.

    Returns what `work` returns, or None where it was stopped.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_stoppable(work))


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


async def _stoppable(work: Coroutine[Any, Any, Any]) -> Any:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            return None
        raise


def load_settings(path: Path | None) -> tuple["Settings", Path | None]:
    """The settings and the file they came from, None where they are the defaults; SettingsError as `settings.load`."""
    from service.settings import Settings, load

    if path is None and DEFAULT_FILE.is_file():
        path = DEFAULT_FILE
    return (Settings(), None) if path is None else (load(path), path)
