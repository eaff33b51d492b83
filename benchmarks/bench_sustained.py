"""20,000 messages a second at QoS 1 for as long as asked, and nothing piles up.

Generator, Mosquitto, InfluxDB and the service share the machine's processors (two, where the limit was set). Every two
seconds it prints what was published, what the service has stored, what lies in its spool, and what is still
with the broker. At the end every published message is counted in InfluxDB.

    python benchmarks/bench_sustained.py [--seconds 30] [--rate 20000]
"""

import argparse
import os
import time
from typing import Final

import numpy as np
from generator import Generator
from house import house, word

_DEVICES: Final = 1_000
_EVERY_S: Final = 2.0
#: So little is lost to starting and ending that this much of the rate counts as the rate.
_ACHIEVED: Final = 0.99
#: If more than half a second's messages more wait in the last third than in the first, the queue grows.
_FLAT_S: Final = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=20_000.0)
    options = parser.parse_args()
    count = round(options.seconds * options.rate)
    waiting: list[float] = []
    with house(_DEVICES) as home:
        programs = (home.broker, home.influx, home.service)
        before_s = [each.cpu_s() for each in programs]
        generator = Generator(home.broker.port, count, options.rate, _DEVICES)
        began_s = time.monotonic()
        print(f"{count:,} messages, {options.rate:,.0f}/s, {os.cpu_count()} processors")
        print(f"{'s':>5} {'offered':>10} {'stored':>10} {'in spool':>9} {'with broker':>11}")
        while generator.running:
            time.sleep(_EVERY_S)
            elapsed_s = time.monotonic() - began_s
            figures = home.service.figures()
            offered = min(count, round(elapsed_s * options.rate))
            stored, spooled = figures["shouhu_stored_readings"], figures["shouhu_spool_readings"]
            taken = figures['shouhu_messages_total{lane="telemetry"}']
            if offered < count:
                waiting.append(offered - stored)
            print(
                f"{elapsed_s:5.0f} {offered:10,} {stored:10,.0f} {spooled:9,.0f} {max(0, offered - taken):11,.0f}",
                flush=True,
            )
        sent = generator.result()
        home.service.wait_stored(sent.published, within_s=60)
        took_s = time.monotonic() - began_s
        stored_in_influx = home.influx.count()
        used_s = [each.cpu_s() - before for each, before in zip(programs, before_s, strict=True)]
    rate_per_s = sent.published / sent.took_s
    third = max(1, len(waiting) // 3)
    growth = float(np.mean(waiting[-third:]) - np.mean(waiting[:third])) if waiting else 0.0
    print(f"published and acknowledged {sent.acknowledged:,} in {sent.took_s:.1f} s, all stored after {took_s:.1f} s")
    shares = ", ".join(f"{each.name} {used / took_s:.0%}" for each, used in zip(programs, used_s, strict=True))
    print(f"processor shares: {shares}")
    share = rate_per_s / options.rate
    print(f"rate     {share:6.3f} of {options.rate:,.0f}/s: {word(share >= _ACHIEVED)}")
    print(f"lost     {count - stored_in_influx:6,} of {count:,}: {word(stored_in_influx == count)}")
    allowed = _FLAT_S * options.rate
    print(
        f"waiting  {growth / allowed:+6.2f} of what it may grow ({growth:+,.0f} of {allowed:,.0f} readings, "
        f"first third to last): {word(growth < allowed)}"
    )


if __name__ == "__main__":
    main()
