"""What the baseline has learned of a resident, and how much it still needs before it says anything."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from alerts.detectors.baseline import CAUSE_OF_WATCH, CAUSES
from alerts.detectors.contract import Records
from alerts.detectors.signs import CHART_UNIT, SIGNS
from alerts.detectors.sources import SOURCES
from alerts.detectors.usual import CHANNELS, COLUMNS, PART_H, PARTS


@dataclass(frozen=True, slots=True)
class Part:
    """What is usual in one part of the day, [from_h, to_h) by the local clock.

    `usual` and `spread` are in the sign's own unit, None where no hour was learned; `speaks` once `hours_left` is 0.
    """

    from_h: int
    to_h: int
    usual: float | None
    spread: float | None
    hours: int
    hours_left: int

    @property
    def speaks(self) -> bool:
        """Whether enough is known of this part of the day for it to be judged."""
        return self.hours_left == 0


@dataclass(frozen=True, slots=True)
class Learned:
    """What is usual of one sign, as measured by ``bracelet`` or ``bed_mat``."""

    sign: str
    measured_by: str
    parts: tuple[Part, ...]

    @property
    def days_left(self) -> int:
        """After how many days at the earliest every part of the day is judged, if each of its hours is measured."""
        return max(-(-part.hours_left // PART_H) for part in self.parts)


#: By channel, what measures it.
_SOURCE: Final = tuple(
    source for source, columns in zip(SOURCES, COLUMNS, strict=True) for _ in range(columns.start, columns.stop)
)


def learned(state: Records, params: Records) -> tuple[Learned, ...]:
    """What is known of one resident, each channel in the order of `CHANNELS`; `state` and `params` (1,) are theirs."""
    level, spread, hours = state["level"][0], state["spread"][0], state["hours"][0]
    left = np.maximum(int(params["hours_min"][0]) - hours.astype(np.int64), 0)
    return tuple(
        Learned(
            SIGNS[sign],
            _SOURCE[channel],
            tuple(
                Part(
                    from_h=part * PART_H,
                    to_h=(part + 1) * PART_H,
                    usual=_measured(sign, level[channel, part]) if hours[channel, part] else None,
                    spread=_measured(sign, spread[channel, part]) if hours[channel, part] else None,
                    hours=int(hours[channel, part]),
                    hours_left=int(left[channel, part]),
                )
                for part in range(PARTS)
            ),
        )
        for channel, sign in enumerate(CHANNELS)
    )


def _measured(sign: int, charted: np.float32) -> float:
    return round(float(charted) * CHART_UNIT[sign], 2)


def unusual(state: Records) -> tuple[tuple[str, int], ...]:
    """The causes of which one resident's alarm has begun and not ended, and since when; `state` (1,) is theirs."""
    active = np.unique(CAUSE_OF_WATCH[np.flatnonzero(state["active"][0])])
    return tuple((CAUSES[cause], int(state["onset_ms"][0, cause])) for cause in active)
