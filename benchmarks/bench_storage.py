"""From decoded readings to a request body, stage by stage: spool, read back, lines; gzip is shown apart.

Prints CPU microseconds a vitals reading of every stage for batches of several sizes, and how many times less their
sum is than `influxdb_client.Point`, which has no spool. Gzip is not in the sum: it is used over a network alone.
"""

import gzip
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from influxdb_client import Point

from ingest.blocks import blocks_of
from ingest.directory import Device, DeviceType, Directory
from ingest.readings import AnyReadings, Vitals
from ingest.spool import Spool
from ingest.stores.lines import lines_of

DEVICES = 20_000
READINGS = 60_000
NOW_MS = 1_790_000_000_000
#: What the writer takes out of the spool at once, and what goes into one request.
PORTION, REQUEST = 1_000, 5_000


def batch(size: int, at: int) -> AnyReadings:
    """Vitals of `size` devices, as a bracelet sends them: no blood pressure, no steps."""
    generator = np.random.default_rng(at)
    index = np.arange(at, at + size)
    nothing = np.full(size, np.nan)
    return Vitals(
        row=(index % DEVICES).astype(np.int32),
        time_ms=NOW_MS + index,
        received_ms=np.full(size, NOW_MS + at + 80),
        seq=index // DEVICES,
        time_assumed=np.zeros(size, dtype=bool),
        heart_rate_bpm=generator.integers(50, 100, size).astype(float),
        spo2_pct=generator.integers(92, 100, size).astype(float),
        temperature_c=np.round(generator.normal(36.5, 0.3, size), 1),
        respiration_per_min=generator.integers(10, 20, size).astype(float),
        systolic_mmhg=nothing,
        diastolic_mmhg=nothing,
        steps=nothing,
        worn=np.ones(size, dtype=np.int8),
        quality=np.round(generator.uniform(0.5, 1, size), 2),
        battery_pct=generator.integers(20, 100, size).astype(float),
    )


class Stages:
    """CPU time by stage."""

    def __init__(self) -> None:
        self.used_ns: dict[str, int] = {}

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        started_ns = time.process_time_ns()
        result = work()
        self.used_ns[name] = self.used_ns.get(name, 0) + time.process_time_ns() - started_ns
        return result


def ours(size: int, directory: Directory, folder: Path) -> Stages:
    """The way of all readings, in batches of a size, to gzipped bodies."""
    stages = Stages()
    spool = Spool(folder / f"spool-{size}.db")
    for at in range(0, READINGS, size):
        readings = batch(min(size, READINGS - at), at)
        blocks = stages("blocks", lambda r=readings: blocks_of([r], directory))
        stages("append", lambda b=blocks: spool.append(b))
    after = stored = 0
    while stored < READINGS:
        blocks, taken = [], 0
        while taken < REQUEST:
            portion = stages("peek", lambda a=after: spool.peek(PORTION, after=a))
            if portion is None:
                break
            blocks += portion.blocks
            taken += portion.readings
            after = portion.position
        lines = stages("lines", lambda b=blocks: [line for one in b for line in lines_of(one, keep_samples=True)])
        assert len(lines) == taken
        body = stages("body", lambda t=lines: "\n".join(t).encode())
        stages("(gzip)", lambda b=body: gzip.compress(b, 1))
        stages("drop", lambda a=after: spool.drop_through(a))
        stored += taken
    spool.close()
    return stages


def point_by_point(count: int) -> float:
    """CPU µs a reading of a Point a reading, gzipped as the client does."""
    draw = random.Random(1)
    started_ns = time.process_time_ns()
    lines = []
    for i in range(count):
        point = Point("vitals").tag("site", "site").tag("device", f"b{i}").tag("resident", f"r{i}")
        for name in ("heart_rate_bpm", "spo2_pct", "temperature_c", "respiration_per_min", "quality", "battery_pct"):
            point = point.field(name, draw.randint(50, 100))
        point = point.field("worn", 1).field("seq", i).field("received_ms", NOW_MS)
        lines.append(point.time(NOW_MS + i, "ms").to_line_protocol())
    "\n".join(lines).encode()
    return (time.process_time_ns() - started_ns) / 1000 / count


def main() -> None:
    directory = Directory(Device("site-1", f"BR-{i:05}", DeviceType.BRACELET, f"R-{i:05}") for i in range(DEVICES))
    theirs_us = point_by_point(10_000)
    sizes = [int(word) for word in sys.argv[1:]] or [50, 200, 1000, 2000]
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            used_ns = ours(size, directory, Path(folder)).used_ns
            each = {name: ns / 1000 / READINGS for name, ns in used_ns.items()}
            total_us = sum(us for name, us in each.items() if name != "(gzip)")
            parts = "  ".join(f"{name} {us:5.2f}" for name, us in each.items())
            ratio = theirs_us / total_us
            print(f"batches of {size:5}  {parts}  = {total_us:5.2f} µs CPU a reading, {ratio:.1f} times less")
    print(f"Point by point, without a spool: {theirs_us:.2f} µs")


if __name__ == "__main__":
    main()
