"""Blocks as InfluxDB line protocol: ``kind,device=…,resident=…,site=… field=value,… time``, time in microseconds.

A line holds the fields that are known and always `received_ms`. Enumerations and firmware are text fields,
yes/no is 1i or 0i, samples are base64. The last three digits of the time are `schema.slot`.
"""

import re
import string
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import astuple

from ingest.contract import topic_of
from ingest.readings import Int
from ingest.stores.contract import Block, Tag
from ingest.stores.schema import SLOTS, Field, Form, Values, filled, slot

_PLAIN: Final = (string.ascii_letters + string.digits + "_-").encode()
_SPECIAL: Final = re.compile(r"([,= ])")
#: Line protocol has no way to write these within a tag, and no reader expects them within a field.
_UNWRITABLE: Final = re.compile(r"[\\\x00-\x1f\x7f]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HEAD: Final = re.compile(rb"([a-z]+)((?:,[a-z]+=(?:\\.|[^\\, ])*)*) ")
_TAG: Final = re.compile(rb",([a-z]+)=((?:\\.|[^\\, ])*)")
_numbers: Final = msgspec.json.Encoder()
#: Up to here a float that is whole is that integer.
_EXACT: Final = 2.0**53
#: Heads of one measurement that are kept, at some 200 bytes each.
_MOST_HEADS: Final = 200_000


class Heads:
    """The beginnings of lines, each made once: the same devices speak again and again."""

    def __init__(self) -> None:
        self._known: dict[str, dict[Tag, str]] = {}

    def of(self, measurement: str, tags: Sequence[Tag]) -> list[str]:
        """As `heads_of`."""
        known = self._known.setdefault(measurement, {})
        try:
            return list(map(known.__getitem__, tags))
        except KeyError:
            if len(known) > _MOST_HEADS:  # residents come and go, and devices with them
                known.clear()
            known.update(zip(tags, heads_of(measurement, tags), strict=True))
            return list(map(known.__getitem__, tags))


def lines_of(block: Block, *, keep_samples: bool, heads: Heads | None = None) -> list[str]:
    """One line a reading, without line ends, in the order of the readings; `heads` are those made before."""
    readings = block.readings
    columns = [c for c in filled(readings, keep_samples=keep_samples) if c.known.any()]
    beginnings = (heads or Heads()).of(readings.KIND.value, block.tags)
    head = [beginnings[row] for row in readings.row.tolist()]
    time_us = readings.time_ms * SLOTS + slot(readings)
    known = np.stack([c.known for c in columns]) if columns else np.zeros((0, 0), dtype=bool)
    if known.all():
        return list(_lines([(c.field, c.values) for c in columns], head, time_us))
    # Devices of one model know the same fields, so there are few patterns and each is one pass.
    pattern = (1 << np.arange(len(columns))) @ known
    result = [""] * len(readings)
    for bits in np.unique(pattern).tolist():
        which = np.flatnonzero(pattern == bits)
        present = [(c.field, c.values[which]) for i, c in enumerate(columns) if bits >> i & 1]
        places = which.tolist()
        for place, line in zip(places, _lines(present, [head[j] for j in places], time_us[which]), strict=True):
            result[place] = line
    return result


def _lines(columns: Sequence[tuple[Field, Values]], head: list[str], time_us: Int) -> Iterator[str]:
    # Each column as texts that hold the field's name already, so that a line is nothing but its parts joined.
    parts = [
        _parts(f"{',' if i else ''}{field.name}=", field.form, values) for i, (field, values) in enumerate(columns)
    ]
    return map("".join, zip(head, *parts, _joined(" ", time_us, ""), strict=True))


def _parts(name: str, form: Form, values: Values) -> list[str]:
    if form is Form.TEXT:
        return _quoted(name, values)
    if form is Form.SAMPLES:
        return [f'{name}"{b2a_base64(packet, newline=False).decode()}"' for packet in values.tolist()]
    return _joined(name, values, "i" if form is Form.INTEGER else "")


def _joined(name: str, numbers: Values, mark: str) -> list[str]:
    if numbers[0] == numbers[-1] and (numbers == numbers[0]).all():
        return [name + _texts(numbers[:1]) + mark] * len(numbers)
    # One call for the whole column and a split: several times faster than a call a number.
    return (name + _texts(numbers).replace(",", f"{mark}\n{name}") + mark).split("\n")


def _texts(numbers: Values) -> str:
    if numbers.dtype == np.float64 and np.abs(numbers).max() < _EXACT:
        # Whole numbers, as most sensors send, are written five times faster as such, and shorter.
        whole = numbers.astype(np.int64)
        if (whole == numbers).all():
            numbers = whole
    return _numbers.encode(numbers.tolist())[1:-1].decode()


def _quoted(name: str, words: Values) -> list[str]:
    # Text repeats (a dozen enumerations, one firmware a fleet), so each word is escaped once.
    seen: dict[str, str] = {}
    texts: list[str] = words.tolist()
    for word in set(texts):
        seen[word] = f'{name}"' + _CONTROL.sub(" ", word).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return [seen[word] for word in texts]


def heads_of(measurement: str, tags: Sequence[Tag]) -> list[str]:
    """The measurement and tags of lines with the space after them; a device without resident has no such tag."""
    words = list(map(astuple, tags))
    # Bytes are looked through without a step a letter, which an expression would take.
    if "".join(chain.from_iterable(words)).encode().translate(None, _PLAIN):
        words = [(_escaped(site), _escaped(device), _escaped(resident)) for site, device, resident in words]
    return [
        f"{measurement},device={device},resident={resident},site={site} "
        if resident
        else f"{measurement},device={device},site={site} "
        for site, device, resident in words
    ]


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", _UNWRITABLE.sub("_", value))


def topic_of_line(line: bytes) -> str:
    """The topic whose reading became this line; '' where it is no line of ours."""
    head = _HEAD.match(line)
    if head is None:
        return ""
    tags = {name: re.sub(rb"\\(.)", rb"\1", value) for name, value in _TAG.findall(head[2])}
    return topic_of(tags.get(b"site", b"").decode(), tags.get(b"device", b"").decode(), head[1].decode())
