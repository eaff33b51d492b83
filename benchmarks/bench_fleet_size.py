"""A message of a large fleet costs what one of a small fleet costs.

The same vitals at the same rate, once from 1,000 bracelets and once from 100,000, each with a service, broker and
InfluxDB of its own, in turn and several times. Counted are the service's processor seconds from the first message
published to the last one stored, housekeeping of the whole fleet (ticks, remembering the detectors' state) included.

    python benchmarks/bench_fleet_size.py [--messages 200000] [--rate 10000] [--rounds 2]
"""

import argparse
import statistics
from typing import Final

from generator import Generator
from house import house, word

LIMIT: Final = 1.3
_SMALL: Final = 1_000
_LARGE: Final = 100_000


def cost_us(devices: int, messages: int, rate_per_s: float) -> tuple[float, int]:
    """Microseconds a message of the service, and how many are stored, each device having been heard of before."""
    with house(devices) as home:
        # The first message of a device makes its series in InfluxDB, and is not what a day consists of.
        first = Generator(home.broker.port, max(devices, 20_000), rate_per_s, devices).result()
        home.service.wait_stored(first.published, within_s=120)
        before_s = home.service.cpu_s()
        sent = Generator(home.broker.port, messages, rate_per_s, devices).result()
        home.service.wait_stored(first.published + sent.published, within_s=120)
        used_s = home.service.cpu_s() - before_s
        return used_s * 1e6 / messages, home.influx.count() - first.published


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    costs_us: dict[int, list[float]] = {_SMALL: [], _LARGE: []}
    for _ in range(options.rounds):
        for devices, costs in costs_us.items():
            cost, stored = cost_us(devices, options.messages, options.rate)
            costs.append(cost)
            print(
                f"{devices:7,} devices {cost:6.2f} µs CPU a message, {stored:,} of {options.messages:,} stored",
                flush=True,
            )
    small_us, large_us = (statistics.median(costs_us[devices]) for devices in (_SMALL, _LARGE))
    print(f"median: {small_us:.2f} µs at {_SMALL:,}, {large_us:.2f} µs at {_LARGE:,}")
    ratio = large_us / small_us
    print(f"ratio   {ratio:.2f} times (limit {LIMIT:g}): {word(ratio <= LIMIT)}")


if __name__ == "__main__":
    main()
