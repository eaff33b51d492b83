"""Many devices at once for load: a fixed mix of kinds, prepared before the clock starts."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.contract import (
    BedMessage,
    Kind,
    LocationMessage,
    Message,
    PositionSource,
    StatusMessage,
    VitalsMessage,
    encode_binary,
    encode_json,
    topic_of,
)
from simulators.motion import Activity, acceleration, wearers

SITE: Final = "load"
RATE_HZ: Final = 50.0
#: Kinds a load can be made of, and the type of device that sends each.
SENDERS: Final = {
    Kind.VITALS: "bracelet",
    Kind.MOTION: "bracelet",
    Kind.BED: "bed_mat",
    Kind.LOCATION: "locator",
    Kind.STATUS: "bracelet",
}
#: Where the time goes in a prepared payload: patched in when the message is due.
_JSON_TIME_START: Final = len(b'{"t":')
_TIME_DIGITS: Final = 13
_BINARY_TIME_START: Final = 8
#: A time with thirteen digits, as every time from 2001 to 2286 has.
_PLACE_HOLDER_MS: Final = 1_700_000_000_000
_VARIANTS: Final = 64


@dataclass(frozen=True, slots=True)
class Crowd:
    """Topics and payload templates of messages in turn; message i is of topic `topics[i]`.

    Every device sends its own kinds in turn. Templates repeat: what a load test costs does not depend on whether
    a heart rate is 71 or 72.
    """

    topics: tuple[str, ...]
    templates: tuple[bytes, ...]

    def timed(self, index: int, time_ms: int) -> bytes:
        """Template `index` with its time set."""
        template = self.templates[index]
        if template.startswith(b"{"):
            end = _JSON_TIME_START + _TIME_DIGITS
            return b"%s%013d%s" % (template[:_JSON_TIME_START], time_ms, template[end:])
        end = _BINARY_TIME_START + 8
        return template[:_BINARY_TIME_START] + time_ms.to_bytes(8, "little", signed=True) + template[end:]


def device_name(kind: Kind, number: int) -> str:
    """The name of device `number` among those that send `kind`."""
    return f"load-{SENDERS[kind].replace('_', '-')}-{number:05d}"


def crowd(seed: int, devices: int, count: int, mix: dict[Kind, float]) -> Crowd:
    """`count` messages of `devices` devices; `mix` gives each kind's share. The same seed, the same messages."""
    rng = np.random.default_rng(seed)
    kinds = tuple(mix)
    shares = np.array([mix[kind] for kind in kinds])
    chosen = rng.choice(len(kinds), size=count, p=shares / shares.sum())
    variants = [_variants(rng, kind) for kind in kinds]
    variant = rng.integers(0, _VARIANTS, count)
    # Devices of a kind take turns, so that each one's times grow.
    turn = np.empty(count, dtype=np.int64)
    for index in range(len(kinds)):
        mine = chosen == index
        turn[mine] = np.arange(int(mine.sum())) % devices
    names = [[topic_of(SITE, device_name(kind, number), kind) for number in range(devices)] for kind in kinds]
    return Crowd(
        topics=tuple(names[kind][number] for kind, number in zip(chosen.tolist(), turn.tolist(), strict=True)),
        templates=tuple(variants[kind][which] for kind, which in zip(chosen.tolist(), variant.tolist(), strict=True)),
    )


def _variants(rng: np.random.Generator, kind: Kind) -> list[bytes]:
    if kind is Kind.MOTION:
        people = wearers(rng, _VARIANTS)
        time_s = np.arange(round(RATE_HZ)) / RATE_HZ
        acc_g = acceleration(rng, Activity.RESTING, people, time_s, np.zeros(_VARIANTS))
        return [
            encode_binary(kind, time_ms=_PLACE_HOLDER_MS, rate_hz=RATE_HZ, samples=samples, counts_per_unit=2047)
            for samples in acc_g
        ]
    return [encode_json(_message(rng, kind)) for _ in range(_VARIANTS)]


def _message(rng: np.random.Generator, kind: Kind) -> Message:
    t = _PLACE_HOLDER_MS
    match kind:
        case Kind.VITALS:
            return VitalsMessage(
                t=t,
                hr=float(rng.integers(62, 84)),
                spo2=float(rng.integers(96, 99)),
                temp=round(float(rng.uniform(36.3, 36.9)), 1),
                rr=float(rng.integers(13, 18)),
                steps=int(rng.integers(0, 4000)),
                worn=True,
                bat=float(rng.integers(40, 100)),
            )
        case Kind.BED:
            return BedMessage(
                t=t, present=True, hr=float(rng.integers(58, 76)), rr=float(rng.integers(12, 17)), move=0.02
            )
        case Kind.LOCATION:
            return LocationMessage(
                t=t,
                lat=round(36.644 + float(rng.normal(0, 1e-4)), 7),
                lon=round(117.967 + float(rng.normal(0, 1e-4)), 7),
                acc=8.0,
                src=PositionSource.GNSS,
            )
        case Kind.STATUS:
            return StatusMessage(t=t, bat=float(rng.integers(40, 100)), worn=True, rssi=-70.0)
        case _:
            raise ValueError(f"no load is made of {kind}")
