"""``shouhu replay``: a recording sent over a real broker as a device would have sent it."""

import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ingest.clock import wall_clock_ms
from service.cli.wrong_use import WrongUse
from service.identifier import check_identifier
from service.settings import Broker, parse_broker
from simulators.gateway import Gateway, Login, Pace
from simulators.recording import RecordingError, read_set
from simulators.wearing import Form, messages_of

_GIVE_UP_AFTER_S: Final = 30.0
_FASTEST: Final = 1000.0


async def replay(
    set_folder: Path,
    recording: str,
    device: str,
    broker_url: str,
    speed: float = 1.0,
    packet_s: float = 1.0,
    format: str = "binary",
    username: str | None = None,
    password: str | None = None,
) -> int:
    """Publish a recording as `device` (SITE/DEVICE) and wait for every acknowledgement; returns the exit status.

    The last sample carries the moment at which it is published, so at a speed above 1 the first ones lie in the past
    and no time is ever in the future. WrongUse or RecordingError for wrong use; ConnectionError where the broker
    takes nothing for half a minute.
    """
    site, name, form, broker = _checked(device, broker_url, speed, packet_s, format)
    recordings = read_set(set_folder)
    entry = recordings.entry(recording)
    unshifted = messages_of(recordings, entry, site=site, device=name, start_ms=0, packet_s=packet_s, form=form)
    if not unshifted:
        raise RecordingError(f"{set_folder / entry.file}: holds no sample")
    length_ms = unshifted[-1].at_ms
    console = Console(stderr=True)
    console.print(
        f"{entry.file}: {entry.kind}, {length_ms / 1000:.1f} s"
        + (f", activity {entry.activity}" if entry.activity else "")
        + (f", holds a {entry.event}" if entry.event else "")
        + f" → {unshifted[0].topic} on {broker.url}, {speed:g}×"
    )
    start_ms = wall_clock_ms() - round(length_ms * (1 - 1 / speed))
    messages = messages_of(recordings, entry, site=site, device=name, start_ms=start_ms, packet_s=packet_s, form=form)
    gateway = Gateway(
        broker,
        client_id=f"shouhu-replay-{time.time_ns() % 10**10}",
        login=Login(username, password),
        give_up_after_s=_GIVE_UP_AFTER_S,
    )
    began_s = time.monotonic()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed}/{task.total} messages"),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("replaying 重放", total=len(messages))
        acknowledged = await gateway.publish(messages, Pace(start_ms, speed), lambda _: progress.advance(task))
    payload_bytes = sum(len(message.payload) for message in messages)
    print(
        f"{acknowledged} messages ({payload_bytes} bytes) acknowledged in {time.monotonic() - began_s:.1f} s; "
        f"the recording ended, nothing more is sent"
    )
    return 0


def _checked(device: str, broker_url: str, speed: float, packet_s: float, form: str) -> tuple[str, str, Form, Broker]:
    """The site, device, format and broker; WrongUse with everything that is wrong at once."""
    problems = []
    site, slash, name = device.partition("/")
    if not slash:
        problems.append(f'--device: must be SITE/DEVICE such as songhe/bracelet-01 (got "{device}")')
    else:
        for what, text in (("site", site), ("device", name)):
            try:
                check_identifier(text)
            except ValueError as error:
                problems.append(f"--device: the {what} {error}")
    if not 0 < speed <= _FASTEST:
        problems.append(f"--speed: must be above 0 and at most {_FASTEST:g} (got {speed:g})")
    if not 0.02 <= packet_s <= 60:
        problems.append(f"--packet-s: must be 0.02 to 60 seconds (got {packet_s:g})")
    if form not in tuple(Form):
        problems.append(f'--format: must be {" or ".join(Form)} (got "{form}")')
    try:
        broker = parse_broker(broker_url)
    except ValueError as error:
        problems.append(f"--broker: {error}")
    if problems:
        raise WrongUse(*problems)
    return site, name, Form(form), broker
