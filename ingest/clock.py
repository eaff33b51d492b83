"""The time of day, read in one place; pure code is given it."""

import time


def wall_clock_ms() -> int:
    """Unix milliseconds now."""
    return time.time_ns() // 1_000_000
