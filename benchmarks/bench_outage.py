"""InfluxDB stops while 5,000 messages a second come in: memory stays, and everything arrives afterwards.

Prints the service's resident memory and its spool over time, the growth against the limit, and, when InfluxDB is back,
how long it took to catch up and whether every message is stored.

    python benchmarks/bench_outage.py [--minutes 1] [--rate 5000]      (the limit is meant for --minutes 10)
"""

import argparse
import time
from typing import Final

from generator import Generator
from house import House, house, word

LIMIT_MB: Final = 200.0
_DEVICES: Final = 1_000
_BEFORE_S: Final = 5.0
_AFTER_S: Final = 5.0
_LINES: Final = 12


class Memory:
    """The service's memory as it goes."""

    def __init__(self, home: House) -> None:
        self._home = home
        self._began_s = time.monotonic()
        self.most_mb = 0.0

    def look(self, *, say: bool = False) -> float:
        """MB now."""
        now_mb = self._home.service.rss_bytes() / 1e6
        self.most_mb = max(self.most_mb, now_mb)
        if say:
            figures = self._home.service.figures()
            print(
                f"{time.monotonic() - self._began_s:6.0f} s {now_mb:7.1f} MB"
                f"  in spool {figures['shouhu_spool_readings']:11,.0f} readings,"
                f" {figures['shouhu_spool_bytes'] / 1e6:7.1f} MB  stored {figures['shouhu_stored_readings']:11,.0f}",
                flush=True,
            )
        return now_mb

    def note(self) -> None:
        """Look and say nothing."""
        self.look()

    def watch(self, seconds: float, lines: int) -> None:
        """Look twice a second, and say so `lines` times."""
        for _ in range(lines):
            until_s = time.monotonic() + seconds / lines
            while time.monotonic() < until_s:
                time.sleep(0.5)
                self.look()
            self.look(say=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=5_000.0)
    options = parser.parse_args()
    outage_s = options.minutes * 60
    count = round((_BEFORE_S + outage_s + _AFTER_S) * options.rate)
    with house(_DEVICES) as home:
        memory = Memory(home)
        generator = Generator(home.broker.port, count, options.rate, _DEVICES)
        memory.watch(_BEFORE_S, 1)
        before_mb = memory.look()
        home.influx.stop()
        print(f"InfluxDB stopped for {outage_s:.0f} s", flush=True)
        memory.watch(outage_s, _LINES)
        home.influx.start()
        back_s = time.monotonic()
        print("InfluxDB is back", flush=True)
        sent = generator.result()
        complete = home.service.wait_stored(sent.published, 120 + outage_s, memory.note)
        caught_up_s = time.monotonic() - back_s
        memory.look(say=True)
        stored = home.influx.count()
    growth_mb = memory.most_mb - before_mb
    print(f"caught up {caught_up_s:.0f} s after InfluxDB was back" if complete else "did NOT catch up in time")
    print(f"growth   {growth_mb / LIMIT_MB:.2f} of {LIMIT_MB:g} MB ({growth_mb:.1f} MB): {word(growth_mb < LIMIT_MB)}")
    print(f"lost     {count - stored:,} of {count:,}: {word(stored == count)}")


if __name__ == "__main__":
    main()
