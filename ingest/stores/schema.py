"""What is stored of a reading, whatever the store: names, forms and values of its fields.

Measurements are the kinds, tags are device, resident and site, fields are below; docs/schema.md is this page for
readers of the database. A number a device did not send is not stored. Raw samples become a summary and, where
they are kept, int16 counts with their scale: value = count * sample_scale, half a count of error, that is at most
1/65534 of the packet's largest value.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.blocks import compact
from ingest.contract import Kind
from ingest.readings import (
    ACTIONS,
    BY_KIND,
    CRSS,
    FALL_STATES,
    SOURCES,
    UNKNOWN,
    AnyReadings,
    Bcg,
    Code,
    Float,
    Int,
    Motion,
    Readings,
)

SAMPLE: Final = np.dtype("<i2")
_LARGEST_COUNT: Final = 32767
#: A store that keeps microseconds has this many places for readings of one device and millisecond.
SLOTS: Final = 1000


Values = Float | Int | NDArray[np.object_]


class Form(StrEnum):
    """How a field's values look."""

    REAL = "real"
    INTEGER = "integer"
    TEXT = "text"
    SAMPLES = "samples"


@dataclass(frozen=True, slots=True)
class Field:
    """A stored field of a kind."""

    name: str
    form: Form


@dataclass(frozen=True, slots=True)
class Filled:
    """A field with its values (n,) and which of them are known (n,); samples are a list of bytes."""

    field: Field
    values: Values
    known: NDArray[np.bool_]


_WORDS: Final[dict[tuple[Kind, str], NDArray[np.object_]]] = {
    (kind, name): np.array([word.value for word in words], dtype=np.object_)
    for kind, name, words in (
        (Kind.SOS, "action", ACTIONS),
        (Kind.FALL, "state", FALL_STATES),
        (Kind.LOCATION, "source", SOURCES),
        (Kind.SOS, "source", SOURCES),
        (Kind.LOCATION, "crs", CRSS),
        (Kind.SOS, "crs", CRSS),
    )
}
_YES_NO: Final = frozenset({"worn", "present", "charging"})
_COMMON: Final = tuple(f.name for f in fields(Readings))
#: Every point has the first of these, so that a reading without any known value is found too.
COMMON: Final = (
    Field("received_ms", Form.INTEGER),
    Field("seq", Form.INTEGER),
    Field("time_assumed", Form.INTEGER),
)
_PACKETS: Final = {
    Kind.MOTION: ("acc_mean_g", "acc_min_g", "acc_max_g", "acc_deviation_g", "sample_scale_g"),
    Kind.BCG: ("signal_mean", "signal_min", "signal_max", "signal_deviation", "sample_scale"),
}


def _form_of(kind: Kind, name: str) -> Form:
    if (kind, name) in _WORDS or name == "firmware":
        return Form.TEXT
    return Form.INTEGER if name in _YES_NO else Form.REAL


def _fields_of(kind: Kind) -> tuple[Field, ...]:
    if kind in _PACKETS:
        *summary, scale = _PACKETS[kind]
        return (
            Field("rate_hz", Form.REAL),
            Field("sample_count", Form.INTEGER),
            *(Field(name, Form.REAL) for name in summary),
            Field(scale, Form.REAL),
            Field("samples", Form.SAMPLES),
        )
    own = (f.name for f in fields(BY_KIND[kind]) if f.name not in _COMMON)
    return tuple(Field(name, _form_of(kind, name)) for name in own)


#: The fields of each kind beside COMMON.
FIELDS: Final[dict[Kind, tuple[Field, ...]]] = {kind: _fields_of(kind) for kind in Kind}
#: Kinds of which hourly roll-ups are kept, and what a roll-up holds of each number: ``heart_rate_bpm_mean`` and so on.
ROLLED_UP: Final = (Kind.VITALS, Kind.BED)
SUMMARIES: Final = ("mean", "min", "max", "count")


def is_number(field: Field) -> bool:
    """Whether a field can be averaged and drawn."""
    return field.form in (Form.REAL, Form.INTEGER)


def slot(readings: AnyReadings) -> Int:
    """Place (n,) 0–999 of each reading within its millisecond, from the reading alone so that writing again hits it.

    Readings of one device and millisecond are the same reading unless `seq` differs; see docs/schema.md.
    """
    return np.where(readings.seq >= 0, readings.seq, -1 - readings.seq) % SLOTS


def filled(readings: AnyReadings, *, keep_samples: bool) -> list[Filled]:
    """All fields of the readings with their values, COMMON first."""
    everywhere = np.ones(len(readings), dtype=bool)
    common = [
        Filled(COMMON[0], readings.received_ms, everywhere),
        Filled(COMMON[1], readings.seq, readings.seq >= 0),
        Filled(COMMON[2], readings.time_assumed.astype(np.int64), readings.time_assumed),
    ]
    if isinstance(readings, Motion | Bcg):
        return common + _packets(readings, keep_samples=keep_samples)
    return common + [_column(readings.KIND, field, getattr(readings, field.name)) for field in FIELDS[readings.KIND]]


def _column(kind: Kind, field: Field, values: Float | Code | NDArray[np.object_]) -> Filled:
    words = _WORDS.get((kind, field.name))
    if words is not None:
        return Filled(field, words[np.asarray(values, dtype=np.intp)], np.asarray(values != UNKNOWN))
    if field.form is Form.TEXT:
        return Filled(field, np.asarray(values, dtype=np.object_), np.asarray(values != "", dtype=bool))
    if field.form is Form.INTEGER:
        return Filled(field, np.asarray(values, dtype=np.int64), np.asarray(values != UNKNOWN))
    reals = np.asarray(values, dtype=np.float64)
    return Filled(field, reals, np.isfinite(reals))


def _packets(readings: Motion | Bcg, *, keep_samples: bool) -> list[Filled]:
    packets = compact(readings)
    samples = packets.samples
    channels = 3 if samples.ndim == 2 else 1
    size = np.sqrt(np.einsum("ij,ij->i", samples, samples, dtype=np.float64)) if channels == 3 else samples
    summary, known = _summary(size.astype(np.float64), packets.start, packets.count)
    everywhere = np.ones(len(packets), dtype=bool)
    rate, count, mean, low, high, deviation, scale, raw = FIELDS[readings.KIND]
    result = [Filled(rate, packets.rate_hz, everywhere), Filled(count, packets.count, everywhere)]
    result += [Filled(f, v, known) for f, v in zip((mean, low, high, deviation), summary, strict=True)]
    if keep_samples:
        scales, counts = encode_samples(packets)
        result += [Filled(scale, scales, known), Filled(raw, counts, known)]
    return result


def _summary(values: Float, start: Int, count: Int) -> tuple[list[Float], NDArray[np.bool_]]:
    """Mean, lowest, highest and standard deviation of each packet, and which packets hold anything."""
    known = count > 0
    # reduceat would take the next packet's first sample for an empty packet.
    at, n = start[known], count[known]
    result = [np.full(len(count), np.nan) for _ in range(4)]
    if len(at):
        mean = np.add.reduceat(values, at) / n
        spread = values - np.repeat(mean, n)
        deviation = np.sqrt(np.add.reduceat(spread * spread, at) / n)
        found = (mean, np.minimum.reduceat(values, at), np.maximum.reduceat(values, at), deviation)
        for column, numbers in zip(result, found, strict=True):
            column[known] = numbers
    return result, known


def encode_samples(packets: Motion | Bcg) -> tuple[Float, NDArray[np.object_]]:
    """Scale (n,) and little-endian int16 counts as bytes (n,) of compact packets; motion is x y z interleaved."""
    samples = packets.samples if packets.samples.ndim == 2 else packets.samples[:, np.newaxis]
    largest = np.abs(samples).max(axis=1, initial=0.0).astype(np.float64)
    known = packets.count > 0
    scale = np.ones(len(packets))
    if known.any():
        scale[known] = np.maximum.reduceat(largest, packets.start[known]) / _LARGEST_COUNT
    scale[scale == 0] = 1.0
    counts = np.rint(samples / np.repeat(scale, packets.count)[:, np.newaxis]).astype(SAMPLE)
    data = memoryview(counts.tobytes())
    width = counts.shape[1] * SAMPLE.itemsize
    result = np.empty(len(packets), dtype=np.object_)
    # One slice a packet: each packet becomes one value of its own.
    edges = zip((packets.start * width).tolist(), ((packets.start + packets.count) * width).tolist(), strict=True)
    result[:] = [bytes(data[begin:end]) for begin, end in edges]
    return scale, result


def decode_samples(kind: Kind, scale: float, counts: bytes) -> NDArray[np.float32]:
    """Samples of one packet as they were: (n, 3) in g for motion, (n,) for bcg."""
    values = np.frombuffer(counts, dtype=SAMPLE).astype(np.float64) * scale
    return (values.reshape(-1, 3) if kind is Kind.MOTION else values).astype(np.float32)
