"""What is settled for one resident about leaving the bed and staying in it."""

from dataclasses import dataclass
from typing import Final, Literal

FallRisk = Literal["usual", "high"]
#: "Still in bed" is never said of this resident: for those who do not get up.
NEVER_UP: Final = -1


@dataclass(frozen=True, slots=True)
class BedProfile:
    """Settings of a resident that differ from everybody's; None: those of everybody.

    `fall_risk` ``high``: whoever leaves the bed is told of at once. `night`: first and last minute of the local day
    between which leaving counts, in place of the night of the settings (high fall risk: of the whole day).
    `back_s`: how long others may be away. `up_by_min`: minute of the local day by which the resident is usually up,
    or NEVER_UP.
    """

    resident: str
    fall_risk: FallRisk | None = None
    night: tuple[int, int] | None = None
    back_s: float | None = None
    up_by_min: int | None = None
