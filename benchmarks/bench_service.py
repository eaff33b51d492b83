"""What the whole service costs a message, from socket to stored, beside the pipeline most would write first.

QoS 1 vitals of 1,000 bracelets with residents, all detectors on, through Mosquitto into InfluxDB: `shouhu run` as a
process, then naive_pipeline.py as a process, each with the same broker and database to itself, in turn. Counted are
the processor seconds of the process alone (all threads, kernel included), from the first message published to the
last one stored. The alternative gets fewer messages because it takes so much longer for each.

    python benchmarks/bench_service.py [--messages 200000] [--rate 20000] [--rounds 3]
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Final

from generator import Generator
from house import House, Program, house, word

LIMIT_US: Final = 12.0
AIM_US: Final = 6.0
LIMIT_RATIO: Final = 8.0
_DEVICES: Final = 1_000
_NAIVE: Final = "naive"
#: The alternative's share of the messages.
_NAIVE_SHARE: Final = 5


def service_us(home: House, messages: int, rate_per_s: float) -> tuple[float, int]:
    """Microseconds a message of the service, and how many were stored."""
    before_s, before = home.service.cpu_s(), home.influx.count()
    stored = home.service.figures()["shouhu_stored_readings"]
    sent = Generator(home.broker.port, messages, rate_per_s, _DEVICES).result()
    home.service.wait_stored(stored + sent.published, within_s=60)
    used_s = home.service.cpu_s() - before_s
    return used_s * 1e6 / messages, home.influx.count() - before


def naive_us(home: House, messages: int, rate_per_s: float) -> tuple[float, int]:
    """The same of the alternative, which is started and ended here."""
    home.influx.ask(f"CREATE DATABASE {_NAIVE}")
    log = home.folder / "naive.log"
    log.unlink(missing_ok=True)
    file = Path(__file__).with_name("naive_pipeline.py")
    command = [sys.executable, str(file), str(home.broker.port), home.influx.url, _NAIVE]
    naive = Program("naive", command, home.folder, lambda: "ready" in log.read_text())
    naive.start()
    try:
        before_s, before = naive.cpu_s(), home.influx.count(_NAIVE, "hr")
        Generator(home.broker.port, messages, rate_per_s, _DEVICES).result()
        give_up_s = time.monotonic() + 60 + messages * 0.001
        while (stored := home.influx.count(_NAIVE, "hr") - before) < messages and time.monotonic() < give_up_s:
            time.sleep(0.25)
        return (naive.cpu_s() - before_s) * 1e6 / messages, stored
    finally:
        naive.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=20_000.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours: list[float] = []
    theirs: list[float] = []
    fewer = options.messages // _NAIVE_SHARE
    for number in range(options.rounds):
        with house(_DEVICES) as home:
            cost_us, stored = service_us(home, options.messages, options.rate)
            ours.append(cost_us)
            home.service.stop()
            naive_cost_us, naive_stored = naive_us(home, fewer, options.rate)
            theirs.append(naive_cost_us)
        print(
            f"round {number + 1}: service {cost_us:6.2f} µs, {stored:,} of {options.messages:,} stored; "
            f"naive {naive_cost_us:6.1f} µs, {naive_stored:,} of {fewer:,} stored",
            flush=True,
        )
    for name, costs_us in (("service", ours), ("naive", theirs)):
        print(
            f"{name:8} {min(costs_us):7.2f} µs CPU a message at least, {statistics.median(costs_us):7.2f} in the median"
        )
    cost_us, ratio = statistics.median(ours), statistics.median(theirs) / statistics.median(ours)
    print(f"{'ratio':8} {ratio:7.1f} times less (limit {LIMIT_RATIO:g}): {word(ratio >= LIMIT_RATIO)}")
    of_limit, of_aim = cost_us / LIMIT_US, cost_us / AIM_US
    print(f"{'limit':8} {of_limit:7.2f} of {LIMIT_US:g} µs, {of_aim:.2f} of {AIM_US:g} µs: {word(cost_us <= LIMIT_US)}")


if __name__ == "__main__":
    main()
