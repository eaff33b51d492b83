"""A bracelet: the vital signs of its wearer, its own fall detector, and what it says of itself.

Its motion comes from `simulators.motion`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from ingest.contract import FallMessage, FallState, Kind, StatusMessage, VitalsMessage
from simulators.stream import Float, Incident, Int, Sent, optional, sent

DAY_MS: Final = 86_400_000
#: Local time of the lowest temperature and heart rate of the day, early in the morning.
_LOWEST_H: Final = 4.5


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is usual for k people, by day's mean; columns (k,)."""

    heart_rate_bpm: Float
    spo2_pct: Float
    temperature_c: Float
    respiration_per_min: Float
    systolic_mmhg: Float
    diastolic_mmhg: Float

    def __len__(self) -> int:
        return len(self.heart_rate_bpm)


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """Vital signs of k people at n times: columns (k, n), steps counted since local midnight."""

    time_ms: Int
    heart_rate_bpm: Float
    spo2_pct: Float
    temperature_c: Float
    respiration_per_min: Float
    systolic_mmhg: Float
    diastolic_mmhg: Float
    steps: Int


def bodies(rng: np.random.Generator, count: int) -> Bodies:
    """`count` old people in fair health: well inside all limits at which NEWS2 gives points."""
    return Bodies(
        heart_rate_bpm=rng.uniform(64, 78, count),
        spo2_pct=rng.uniform(97.0, 98.2, count),
        temperature_c=rng.uniform(36.4, 36.8, count),
        respiration_per_min=rng.uniform(14, 17.5, count),
        systolic_mmhg=rng.uniform(122, 142, count),
        diastolic_mmhg=rng.uniform(70, 82, count),
    )


def vital_signs(rng: np.random.Generator, people: Bodies, time_ms: Int, *, utc_offset_h: float = 8.0) -> VitalSigns:
    """Vital signs at `time_ms` (n,): a daily rhythm with its low before dawn, and slow wandering around it.

    `utc_offset_h` is the place's local time (China: +8).
    """
    local_ms = (time_ms + int(utc_offset_h * 3_600_000)) % DAY_MS
    hour = local_ms / 3_600_000
    rhythm = -np.cos(2 * np.pi * (hour - _LOWEST_H) / 24)[None, :]  # -1 before dawn, +1 late in the afternoon
    shape = (len(people), len(time_ms))
    awake_share = np.clip((hour - 7) / 14, 0, 1)
    return VitalSigns(
        time_ms=time_ms,
        heart_rate_bpm=people.heart_rate_bpm[:, None] + 6 * rhythm + _wandering(rng, shape, 2.0),
        spo2_pct=np.clip(people.spo2_pct[:, None] + 0.2 * rhythm + _wandering(rng, shape, 0.3), 0, 100),
        temperature_c=people.temperature_c[:, None] + 0.25 * rhythm + _wandering(rng, shape, 0.03),
        respiration_per_min=people.respiration_per_min[:, None] + 0.8 * rhythm + _wandering(rng, shape, 0.5),
        systolic_mmhg=people.systolic_mmhg[:, None] + 7 * rhythm + _wandering(rng, shape, 3.0),
        diastolic_mmhg=people.diastolic_mmhg[:, None] + 4 * rhythm + _wandering(rng, shape, 2.0),
        steps=np.broadcast_to((3000 * awake_share).astype(np.int64)[None, :], shape),
    )


def vitals_messages(
    site: str,
    device: str,
    signs: VitalSigns,
    person: int,
    *,
    battery_pct: float,
    spo2_pct: float | None = None,
    heart_rate_bpm: float | None = None,
) -> list[Sent]:
    """What the bracelet of one person sends; `spo2_pct` and `heart_rate_bpm` are those of an ill person."""
    columns = zip(
        signs.time_ms.tolist(),
        optional(signs.heart_rate_bpm[person].tolist(), 0),
        optional(signs.spo2_pct[person].tolist(), 0),
        optional(signs.temperature_c[person].tolist(), 1),
        optional(signs.respiration_per_min[person].tolist(), 0),
        optional(signs.systolic_mmhg[person].tolist(), 0),
        optional(signs.diastolic_mmhg[person].tolist(), 0),
        signs.steps[person].tolist(),
        strict=True,
    )
    return [
        sent(
            site,
            device,
            Kind.VITALS,
            VitalsMessage(
                t=time_ms,
                hr=heart_rate if heart_rate_bpm is None else heart_rate_bpm,
                spo2=spo2 if spo2_pct is None else spo2_pct,
                temp=temperature,
                rr=respiration,
                sbp=systolic,
                dbp=diastolic,
                steps=steps,
                worn=True,
                quality=0.9,
                bat=round(battery_pct, 1),
            ),
            time_ms,
        )
        for time_ms, heart_rate, spo2, temperature, respiration, systolic, diastolic, steps in columns
    ]


def confirmed_fall(
    site: str, device: str, resident: str, at_ms: int, *, confidence: float = 0.9, confirm_after_ms: int = 3000
) -> tuple[list[Sent], Incident]:
    """A fall that the bracelet itself saw: suspected at once, confirmed a little later."""
    confirmed_ms = at_ms + confirm_after_ms
    messages = [
        sent(site, device, Kind.FALL, FallMessage(t=at_ms, state=FallState.SUSPECTED, confidence=0.6), at_ms),
        sent(
            site,
            device,
            Kind.FALL,
            FallMessage(t=confirmed_ms, state=FallState.CONFIRMED, confidence=confidence),
            confirmed_ms,
        ),
    ]
    return messages, Incident(resident, device, "fall", ("device_suspected", "device_confirmed"), at_ms)


def status(site: str, device: str, at_ms: int, *, battery_pct: float, rssi_dbm: float) -> Sent:
    """The bracelet about itself."""
    message = StatusMessage(
        t=at_ms, bat=round(battery_pct, 1), charging=False, worn=True, rssi=round(rssi_dbm), fw="sim-1.0"
    )
    return sent(site, device, Kind.STATUS, message, at_ms)


def _wandering(rng: np.random.Generator, shape: tuple[int, int], deviation: float) -> Float:
    """Noise that forgets slowly (first order autoregression), with the given standard deviation."""
    keep = 0.9
    white = rng.normal(0.0, deviation * np.sqrt(1 - keep * keep), shape)
    start = rng.normal(0.0, deviation, (shape[0], 1))
    noise: Float = lfilter([1.0], [1.0, -keep], white, axis=1, zi=keep * start)[0]
    return noise
