"""``shouhu load``: how much a broker and the service behind it take."""

import asyncio
import ipaddress
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from ingest.clock import wall_clock_ms
from ingest.contract import Kind
from service.cli.wrong_use import WrongUse
from service.settings import Broker, parse_broker
from simulators.crowd import SENDERS, SITE, Crowd, crowd, device_name
from simulators.gateway import Login
from simulators.publisher import Connection, PublisherError, Tally, connect, publish_at, settle
from simulators.stream import Int

_MOST_MESSAGES: Final = 20_000_000
_MOST_RATE_PER_S: Final = 1_000_000.0
_LONGEST_S: Final = 86_400.0
_MOST_DEVICES: Final = 100_000
_MOST_CONNECTIONS: Final = 256
_SETTLE_S: Final = 15.0
#: Prepared messages are sent round and round, so that a long test needs no more memory than a short one.
_PREPARED: Final = 20_000
#: Messages are timed and handed over in slices of this length.
_SLICE_S: Final = 0.25
DEFAULT_MIX: Final = "vitals=4,motion=4,bed=1,location=1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load test measured; latencies are from write to PUBACK and NaN at QoS 0."""

    published: int
    acknowledged: int
    refused: int
    took_s: float
    latency_p50_ms: float
    latency_p99_ms: float
    cpu_s: float

    @property
    def rate_per_s(self) -> float:
        """Messages published a second."""
        return self.published / self.took_s


async def load(
    broker_url: str = "mqtt://127.0.0.1:1883",
    devices: int = 1000,
    rate_per_s: float = 1000.0,
    seconds: float = 30.0,
    qos: int = 1,
    mix: str = DEFAULT_MIX,
    connections: int = 4,
    seed: int = 1,
    write_fleet: Path | None = None,
    yes_i_own_this_broker: bool = False,
    username: str | None = None,
    password: str | None = None,
) -> int:
    """Publish `rate_per_s` messages of `devices` devices for `seconds` and print what the broker made of it.

    With `write_fleet` the fleet file of these devices is written and nothing is published. Returns the exit status:
    1 where not everything was acknowledged (QoS 1) or the connection was lost. WrongUse for wrong use, also for a
    broker on another machine that the user has not said to be theirs.
    """
    broker, shares = _checked(
        broker_url, devices, rate_per_s, seconds, qos, mix, connections, seed, yes_i_own_this_broker
    )
    if write_fleet is not None:
        await asyncio.to_thread(write_fleet.write_text, fleet_text(devices, shares), encoding="utf-8")
        print(
            f"{write_fleet}: {devices} devices of each type, site {SITE}. Import it into a registry of its own with: "
            f"shouhu fleet import {write_fleet} (it takes the place of the fleet that is there)"
        )
        return 0
    console = Console(stderr=True)
    total = max(1, round(rate_per_s * seconds))
    console.print(f"{total} messages, {rate_per_s:g}/s, QoS {qos}, {connections} connections → {broker.url}")
    prepared = crowd(seed, devices, min(total, _PREPARED), shares)
    try:
        outcome = await _publish(
            broker, prepared, total, rate_per_s, qos, connections, Login(username, password), console
        )
    except PublisherError as error:
        console.print(f"[red]shouhu: {error}[/red]")
        return 1
    _print(outcome, rate_per_s, qos)
    return 0 if outcome.refused == 0 and (qos == 0 or outcome.acknowledged == outcome.published) else 1


async def _publish(
    broker: Broker,
    prepared: Crowd,
    total: int,
    rate_per_s: float,
    qos: int,
    connections: int,
    login: Login,
    console: Console,
) -> Outcome:
    tally = Tally()
    name = f"shouhu-load-{time.time_ns() % 10**10}"
    opened: list[Connection] = []
    try:
        for number in range(connections):
            opened.append(await connect(broker.host, broker.port, f"{name}-{number}", tally, login))  # noqa: PERF401
        began_cpu_s = _cpu_s()
        began_ns = time.monotonic_ns()
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        ) as progress:
            task = progress.add_task("publishing 发布", total=total, rate="")
            per_slice = max(1, round(rate_per_s * _SLICE_S))
            # Slice by slice: each is timed, dealt out to the connections and sent before the next is made.
            for first in range(0, total, per_slice):
                index = np.arange(first, min(first + per_slice, total))
                due_ns = began_ns + (index * 1e9 / rate_per_s).astype(np.int64)
                await _send(opened, prepared, index, due_ns, qos)
                took_s = (time.monotonic_ns() - began_ns) / 1e9
                progress.update(task, completed=tally.published, rate=f"{tally.published / took_s:,.0f}/s")
            took_s = (time.monotonic_ns() - began_ns) / 1e9
            await asyncio.gather(*(settle(connection, _SETTLE_S) for connection in opened))
    finally:
        for connection in opened:
            connection.close()
    latency_ms = np.array(tally.latency_ns, dtype=np.float64) / 1e6
    p50, p99 = np.percentile(latency_ms, [50, 99]).tolist() if len(latency_ms) else (np.nan, np.nan)
    return Outcome(tally.published, tally.acknowledged, tally.refused, took_s, p50, p99, _cpu_s() - began_cpu_s)


async def _send(opened: list[Connection], prepared: Crowd, index: Int, due_ns: Int, qos: int) -> None:
    """Send messages `index` (n,): device k always over the same connection, so that its messages stay in order."""
    ahead_ms = wall_clock_ms() - time.monotonic_ns() // 1_000_000
    dealt: list[list[int]] = [[] for _ in opened]
    # One payload a message: its time is written into it.
    for position, which in enumerate((index % len(prepared.topics)).tolist()):
        dealt[hash_of(prepared.topics[which]) % len(opened)].append(position)
    work = []
    for connection, positions in zip(opened, dealt, strict=True):
        mine_ns = due_ns[positions]
        which = (index[positions] % len(prepared.topics)).tolist()
        times_ms = (mine_ns // 1_000_000 + ahead_ms).tolist()
        payloads = [prepared.timed(i, t) for i, t in zip(which, times_ms, strict=True)]
        work.append(publish_at(connection, [prepared.topics[i] for i in which], payloads, mine_ns, qos))
    # The first lost connection ends the test: its error is the one that is told.
    await asyncio.gather(*work)


def hash_of(topic: str) -> int:
    """A number for a device that is the same in every run, which Python's own hash is not."""
    device = topic.split("/")[3]
    return sum(device.encode())


def fleet_text(devices: int, mix: dict[Kind, float]) -> str:
    """The fleet file, in TOML, that makes the service know the devices of a load."""
    lines = [f'[[site]]\nid = "{SITE}"\nname = "load test"\n']
    written: set[str] = set()
    for kind in mix:
        if SENDERS[kind] in written:
            continue
        written.add(SENDERS[kind])
        lines += [
            f'[[device]]\nid = "{device_name(kind, number)}"\nsite = "{SITE}"\ntype = "{SENDERS[kind]}"\n'
            for number in range(devices)
        ]
    return "\n".join(lines)


def _checked(
    broker_url: str,
    devices: int,
    rate_per_s: float,
    seconds: float,
    qos: int,
    mix: str,
    connections: int,
    seed: int,
    mine: bool,
) -> tuple[Broker, dict[Kind, float]]:
    problems = []
    for name, value, low, high in (
        ("--devices", devices, 1, _MOST_DEVICES),
        ("--rate", rate_per_s, 0.01, _MOST_RATE_PER_S),
        ("--seconds", seconds, 0.1, _LONGEST_S),
        ("--connections", connections, 1, _MOST_CONNECTIONS),
        ("--qos", qos, 0, 1),
        ("--seed", seed, 0, 2**63),
    ):
        if not low <= value <= high:
            problems.append(f"{name}: must be {low:g} to {high:g} (got {value:g})")
    if not problems and rate_per_s * seconds > _MOST_MESSAGES:
        problems.append(f"--rate and --seconds: make more than {_MOST_MESSAGES} messages")
    shares: dict[Kind, float] = {}
    for part in mix.split(","):
        name, _, share = part.partition("=")
        try:
            shares[Kind(name.strip())] = float(share or 1)
        except ValueError:
            shares.clear()
            break
    if (
        not shares
        or not set(shares) <= set(SENDERS)
        or min(shares.values()) <= 0
        or not np.isfinite(list(shares.values())).all()
    ):
        problems.append(
            f'--mix: must be kinds and shares such as "{DEFAULT_MIX}", of {", ".join(SENDERS)} (got "{mix}")'
        )
    broker = None
    try:
        broker = parse_broker(broker_url)
    except ValueError as error:
        problems.append(f"--broker: {error}")
    if broker is not None and broker.tls:
        problems.append("--broker: a load over TLS would measure this program; use mqtt://")
    if broker is not None and not _is_loopback(broker.host) and not mine:
        problems.append(
            f"--broker: {broker.host} is not this machine; a load test can put a broker out of service. "
            "Say --yes-i-own-this-broker if it is yours"
        )
    if problems or broker is None:
        raise WrongUse(*problems)
    return broker, shares


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _print(outcome: Outcome, rate_per_s: float, qos: int) -> None:
    table = Table("measured 测得", "", show_edge=False)
    table.columns[1].justify = "right"
    table.add_row("published 已发布", f"{outcome.published:,}")
    if qos:
        table.add_row("acknowledged 已确认", f"{outcome.acknowledged:,}")
        table.add_row("refused 被拒绝", f"{outcome.refused:,}")
    table.add_row("took 用时", f"{outcome.took_s:.2f} s")
    table.add_row("rate 速率", f"{outcome.rate_per_s:,.0f} /s (asked for {rate_per_s:,.0f})")
    if qos:
        table.add_row("PUBACK latency p50", f"{outcome.latency_p50_ms:.2f} ms")
        table.add_row("PUBACK latency p99", f"{outcome.latency_p99_ms:.2f} ms")
    table.add_row("CPU of this program 本程序CPU", f"{outcome.cpu_s:.2f} s")
    Console().print(table)
