"""The device contract, version 1, as code: topics, message structs and the binary header.

Everything a device may say is described here and nowhere else. The limits are the contract's own
("impossible value"), not medical ones: a value outside them was not measured on a person.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec
import numpy as np

PREFIX: Final = "care/v1/"
ALARM_FEED_PREFIX: Final = "care/v1-alarms/"
COMMAND: Final = "cmd"

#: The hardest acceleration a wrist device can mean, either way.
MAX_ACCELERATION_G: Final = 64.0
#: Unix milliseconds of 2100-01-01: a later time is not a time.
LAST_TIME_MS: Final = 4_102_444_800_000


class Kind(StrEnum):
    """What a message is about; the last part of its topic."""

    VITALS = "vitals"
    MOTION = "motion"
    BED = "bed"
    BCG = "bcg"
    LOCATION = "location"
    SOS = "sos"
    FALL = "fall"
    STATUS = "status"


KINDS: Final = frozenset(kind.value for kind in Kind)

#: Kinds that travel on a session of their own, so that no backlog of telemetry stands before them.
URGENT: Final = frozenset({Kind.SOS, Kind.FALL})


@dataclass(frozen=True, slots=True)
class Lane:
    """A session's share of the traffic: what it subscribes to, and of that what it takes.

    `strays` says whether it answers for what has no known kind, so that each message is one lane's business.
    """

    name: str
    topic_filters: tuple[str, ...]
    kinds: frozenset[Kind]
    strays: bool


URGENT_LANE: Final = Lane("urgent", tuple(f"{PREFIX}+/+/{kind}" for kind in sorted(URGENT)), URGENT, strays=False)
TELEMETRY_LANE: Final = Lane("telemetry", (f"{PREFIX}#",), frozenset(Kind) - URGENT, strays=True)


class Action(StrEnum):
    """What the wearer did with an emergency button."""

    PRESS = "press"
    CANCEL = "cancel"
    TEST = "test"


class FallState(StrEnum):
    """What a device's own fall detector says."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class PositionSource(StrEnum):
    """How a locator knows where it is."""

    GNSS = "gnss"
    WIFI = "wifi"
    LBS = "lbs"


class Crs(StrEnum):
    """The coordinate reference systems devices and maps speak in China."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


NAME_PATTERN: Final = r"[A-Za-z0-9_-]{1,64}"
_TOPIC: Final = re.compile(rf"care/v1/({NAME_PATTERN})/({NAME_PATTERN})/([^/]+)", re.ASCII)


class Address(msgspec.Struct, frozen=True):
    """Who a topic belongs to and the word in the kind's place, which need not be a known kind."""

    site: str
    device: str
    kind: str


def parse_topic(topic: str) -> Address | None:
    """Split a device topic; None where it does not have the contract's form."""
    match = _TOPIC.fullmatch(topic)
    return Address(*match.groups()) if match else None


def topic_of(site: str, device: str, kind: str) -> str:
    """The topic a device publishes `kind` on, or with ``cmd`` the one it listens to."""
    return f"{PREFIX}{site}/{device}/{kind}"


def alarm_topic_of(site: str) -> str:
    """The topic on which every alarm transition of a site is published."""
    return f"{ALARM_FEED_PREFIX}{site}"


# ------------------------------------------------------------------ JSON messages
#
# gc=False: a message holds no reference that could form a cycle, and lives only until it is a column.


def _between(low: float, high: float) -> msgspec.Meta:
    return msgspec.Meta(ge=low, le=high)


Time = Annotated[int, _between(0, LAST_TIME_MS)]
Sequence = Annotated[int, _between(0, 2**53)]
Share = Annotated[float, _between(0, 1)]
Percent = Annotated[float, _between(0, 100)]
HeartRate = Annotated[float, _between(0, 300)]
Respiration = Annotated[float, _between(0, 80)]
Pressure = Annotated[float, _between(0, 350)]
Temperature = Annotated[float, _between(20, 45)]
Steps = Annotated[int, _between(0, 1_000_000)]
Latitude = Annotated[float, _between(-90, 90)]
Longitude = Annotated[float, _between(-180, 180)]
Accuracy = Annotated[float, _between(0, 1_000_000)]
Speed = Annotated[float, _between(0, 400)]
Signal = Annotated[float, _between(-200, 50)]
Text = Annotated[str, msgspec.Meta(max_length=128)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=6553.5)]
Acceleration = Annotated[float, _between(-MAX_ACCELERATION_G, MAX_ACCELERATION_G)]
Amplitude = Annotated[float, _between(-1e9, 1e9)]


class Message(msgspec.Struct, frozen=True, gc=False):
    """Fields common to all kinds: device time in Unix milliseconds and the device's own counter."""

    t: Time | None = None
    seq: Sequence | None = None


class VitalsMessage(Message, frozen=True, gc=False):
    """A bracelet's reading of the body; steps count since local midnight."""

    hr: HeartRate | None = None
    spo2: Percent | None = None
    temp: Temperature | None = None
    rr: Respiration | None = None
    sbp: Pressure | None = None
    dbp: Pressure | None = None
    steps: Steps | None = None
    worn: bool | None = None
    quality: Share | None = None
    bat: Percent | None = None


class BedMessage(Message, frozen=True, gc=False):
    """A bed mat's reading; `move` is the share of the period spent moving."""

    present: bool | None = None
    hr: HeartRate | None = None
    rr: Respiration | None = None
    move: Share | None = None
    quality: Share | None = None


class LocationMessage(Message, frozen=True, gc=False):
    """A locator's fix; `acc` is the radius of 68 % confidence in metres."""

    lat: Latitude | None = None
    lon: Longitude | None = None
    acc: Accuracy | None = None
    src: PositionSource | None = None
    crs: Crs | None = None
    speed: Speed | None = None
    bat: Percent | None = None


class SosMessage(Message, frozen=True, gc=False):
    """A press of an emergency button, its cancelling or a test."""

    action: Action | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    acc: Accuracy | None = None
    src: PositionSource | None = None
    crs: Crs | None = None


class FallMessage(Message, frozen=True, gc=False):
    """What a device's own fall detector found."""

    state: FallState | None = None
    confidence: Share | None = None


class StatusMessage(Message, frozen=True, gc=False):
    """The device about itself."""

    bat: Percent | None = None
    charging: bool | None = None
    worn: bool | None = None
    rssi: Signal | None = None
    fw: Text | None = None


class MotionMessage(Message, frozen=True, gc=False, kw_only=True):
    """Acceleration in g, gravity included; `t` is the time of the first sample."""

    rate: Rate
    xyz: Annotated[list[tuple[Acceleration, Acceleration, Acceleration]], msgspec.Meta(min_length=1)]


class BcgMessage(Message, frozen=True, gc=False, kw_only=True):
    """A raw ballistocardiogram in arbitrary units; `t` is the time of the first sample."""

    rate: Rate
    v: Annotated[list[Amplitude], msgspec.Meta(min_length=1)]


MESSAGE_OF: Final[dict[Kind, type[Message]]] = {
    Kind.VITALS: VitalsMessage,
    Kind.MOTION: MotionMessage,
    Kind.BED: BedMessage,
    Kind.BCG: BcgMessage,
    Kind.LOCATION: LocationMessage,
    Kind.SOS: SosMessage,
    Kind.FALL: FallMessage,
    Kind.STATUS: StatusMessage,
}


# ------------------------------------------------------------------ binary messages

#: First bytes of a binary payload, by kind.
MAGIC: Final = {Kind.MOTION: b"M1", Kind.BCG: b"B1"}
CHANNELS: Final = {Kind.MOTION: 3, Kind.BCG: 1}
SAMPLE: Final = np.dtype("<i2")
HEADER: Final = np.dtype(
    [
        ("magic", "S2"),
        ("flags", "u1"),
        ("reserved", "u1"),
        ("rate_dhz", "<u2"),
        ("counts_per_unit", "<u2"),
        ("time_ms", "<i8"),
    ]
)
assert HEADER.itemsize == 16


def encode_json(message: Message) -> bytes:
    """A message as devices send it: fields that are not known are left out."""
    fields = {name: value for name in message.__struct_fields__ if (value := getattr(message, name)) is not None}
    return msgspec.json.encode(fields)


def encode_binary(kind: Kind, *, time_ms: int, rate_hz: float, samples: np.ndarray, counts_per_unit: int) -> bytes:
    """Samples (n, 3) in g for motion or (n,) for bcg as a binary payload; values beyond int16 are clipped."""
    header = np.zeros((), dtype=HEADER)
    header["magic"] = MAGIC[kind]
    header["rate_dhz"] = round(rate_hz * 10)
    header["counts_per_unit"] = counts_per_unit
    header["time_ms"] = time_ms
    limits = np.iinfo(SAMPLE)
    counts = np.clip(np.rint(np.asarray(samples, dtype=np.float64) * counts_per_unit), limits.min, limits.max)
    return header.tobytes() + counts.astype(SAMPLE).tobytes()
