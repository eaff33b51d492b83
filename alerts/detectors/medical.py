"""What a doctor has settled for one resident, as far as detectors must know it."""

from dataclasses import dataclass
from typing import Literal

from alerts.detectors.vitals import Limit

Oxygen = Literal["air", "oxygen"]


@dataclass(frozen=True, slots=True)
class Medical:
    """Settings of a resident that differ from everybody's.

    `spo2_scale` 2 is for people with confirmed hypercapnic respiratory failure, and only where a clinician has said so
    (Royal College of Physicians, NEWS2, 2017, chart 1). `oxygen`: what the resident breathes as a rule, None where
    nobody said. `limits`: limits of their own by name, such as ``spo2_low``.
    """

    resident: str
    spo2_scale: Literal[1, 2] = 1
    oxygen: Oxygen | None = None
    limits: tuple[tuple[str, Limit], ...] = ()
