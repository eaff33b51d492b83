"""A bed mat: whether somebody lies on it, heart and breath rates, and how much they move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.contract import BedMessage, Kind
from simulators.stream import Float, Incident, Int, Sent, optional, sent


@dataclass(frozen=True, slots=True)
class Sleep:
    """What k mats measure at n times: columns (k, n); the rates are NaN where nobody lies."""

    time_ms: Int
    present: NDArray[np.bool_]
    heart_rate_bpm: Float
    respiration_per_min: Float
    moving_share: Float


def sleep(
    rng: np.random.Generator,
    heart_rate_bpm: Float,
    respiration_per_min: Float,
    present: NDArray[np.bool_],
    time_ms: Int,
    *,
    turns_per_h: float = 4.0,
    period_s: float = 10.0,
) -> Sleep:
    """k sleepers with usual rates (k,), in bed where `present` (k, n), who now and then turn over.

    Turning over and getting up fill a good part of the reporting period with movement.
    """
    shape = present.shape
    turning = rng.random(shape) < turns_per_h * period_s / 3600
    rising = present & ~np.roll(present, -1, axis=1)
    rising[:, -1] = False
    moving = np.where(turning | rising, rng.uniform(0.4, 0.9, shape), rng.uniform(0.0, 0.05, shape))
    return Sleep(
        time_ms=time_ms,
        present=present,
        heart_rate_bpm=np.where(present, heart_rate_bpm[:, None] - 4 + rng.normal(0, 1.5, shape), np.nan),
        respiration_per_min=np.where(present, respiration_per_min[:, None] - 1 + rng.normal(0, 0.6, shape), np.nan),
        moving_share=np.where(present, moving, 0.0),
    )


def bed_messages(site: str, device: str, nights: Sleep, bed: int) -> list[Sent]:
    """What the mat `bed` sends."""
    columns = zip(
        nights.time_ms.tolist(),
        nights.present[bed].tolist(),
        optional(nights.heart_rate_bpm[bed].tolist(), 0),
        optional(nights.respiration_per_min[bed].tolist(), 1),
        optional(nights.moving_share[bed].tolist(), 2),
        strict=True,
    )
    return [
        sent(
            site,
            device,
            Kind.BED,
            BedMessage(t=time_ms, present=present, hr=heart_rate, rr=respiration, move=moving, quality=0.9),
            time_ms,
        )
        for time_ms, present, heart_rate, respiration, moving in columns
    ]


def exits(device: str, resident: str, present: NDArray[np.bool_], time_ms: Int) -> list[Incident]:
    """The truth of one mat: each time somebody left the bed, presence (n,) at times (n,)."""
    left = np.flatnonzero(present[:-1] & ~present[1:]) + 1
    return [Incident(resident, device, "bed", ("bed_exit",), int(time_ms[index])) for index in left]
