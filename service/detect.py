"""What the detectors may be set to: ranges by name or by unit, and numbers that must fit each other.

The numbers themselves, with their defaults and sources, stand with the detectors. A range here says only what cannot
be meant: it is no medical limit.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from alerts.detectors.standard import DetectorSettings

#: By the whole name.
_BY_NAME: Final[Mapping[str, tuple[float, float]]] = {
    "agree_min": (1, 255),
    "clear_at": (0, 400),
    "forget_h": (1, 255),
    "fastest_m_s": (1, 1_000),
    "floor_nat": (0, 100),
    "high_at": (1, 20),
    "gap_min": (1, 1_440),
    "heart_rate_apart_share": (0, 1),
    "held_min": (1, 255),
    "hours_min": (1, 255),
    "laps": (1, 100),
    "link_down_share": (0.5, 1),
    "many_devices": (2, 100_000),
    "medium_at": (1, 20),
    "moving_m_s": (0, 100),
    "moving_most": (0, 1),
    "moving_share": (0, 1),
    "night_end_min": (0, 1_439),
    "night_start_min": (0, 1_439),
    "presence_held_min": (1, 255),
    "quality_min": (0, 1),
    "raise_at": (0, 400),
    "readings_min": (1, 60),
    "respiration_apart_per_min": (0, 80),
    "respiration_least_per_min": (0, 80),
    "said_s": (0.1, 3_600),
    "spreads": (0, 100),
    "steps": (1, 1_000),
    "temperature_least_c": (0, 25),
    "turn_deg": (90, 180),
    "turns": (1, 100),
    "unsaid_s": (0.1, 3_600),
    "times": (0, 100),
    "up_by_min": (-1, 1_439),
    "utc_offset_min": (-720, 840),
}
#: By the unit, which is the last part of the name.
_BY_UNIT: Final[Mapping[str, tuple[float, float]]] = {
    "bpm": (0, 300),
    "g": (0, 64),
    "h": (1, 168),
    "m": (0, 100_000),
    "nat": (0.01, 100),
    "pct": (0, 100),
    "s": (0, 604_800),
}


class DetectError(ValueError):
    """Numbers that cannot be meant; `faults` are the path of each within the section, and what is wrong with it."""

    def __init__(self, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{path}: {what}" for path, what in faults))
        self.faults = faults


def range_of(name: str) -> tuple[float, float] | None:
    """The lowest and highest value a setting of this name may have."""
    return _BY_NAME.get(name) or _BY_UNIT.get(name.rpartition("_")[2])


def faults(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Where a table of settings, whole or in part, holds numbers that cannot be meant, and why."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from faults(value, f"{path}{name}.")
            yield from _limit_faults(value, name, path)
        elif isinstance(value, int | float) and not isinstance(value, bool) and (allowed := range_of(name)):
            low, high = allowed
            if not low <= value <= high:
                yield f"{path}{name}", f"must be {low:,.12g} to {high:,.12g} (got {value:.12g})"
    start: Any = table.get("night_start_min")
    end: Any = table.get("night_end_min")
    if _numbers(start, end) and start == end:
        yield f"{path}night_start_min", f"is the same as night_end_min, a night of no length (got {start:.12g})"
    clear_at: Any = table.get("clear_at")
    medium_at: Any = table.get("medium_at")
    high_at: Any = table.get("high_at")
    if _numbers(clear_at, medium_at) and clear_at >= medium_at:
        yield f"{path}clear_at", f"must be under medium_at, {medium_at:.12g} (got {clear_at:.12g})"
    if _numbers(medium_at, high_at) and high_at < medium_at:
        yield f"{path}high_at", f"must not be under medium_at, {medium_at:.12g} (got {high_at:.12g})"
    battery: Any = table.get("battery_low_pct")
    clear: Any = table.get("battery_clear_pct")
    if _numbers(battery, clear) and clear < battery:
        yield f"{path}battery_clear_pct", f"must not be under battery_low_pct, {battery:.12g} (got {clear:.12g})"


def _limit_faults(limit: Mapping[str, Any], name: str, path: str) -> Iterator[tuple[str, str]]:
    raise_at: Any = limit.get("raise_at")
    clear_at: Any = limit.get("clear_at")
    if not _numbers(raise_at, clear_at):
        return
    if name.endswith("_low") and clear_at < raise_at:
        yield f"{path}{name}.clear_at", f"must not be under raise_at, {raise_at:.12g} (got {clear_at:.12g})"
    if name.endswith("_high") and clear_at > raise_at:
        yield f"{path}{name}.clear_at", f"must not be above raise_at, {raise_at:.12g} (got {clear_at:.12g})"


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _check(settings: DetectorSettings) -> DetectorSettings:
    found = tuple(faults(dataclasses.asdict(settings)))
    if found:
        raise DetectError(found)
    return settings


CheckedDetectorSettings = Annotated[DetectorSettings, AfterValidator(_check)]
