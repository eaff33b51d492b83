"""Blocks as InfluxDB line protocol: ``kind,device=…,resident=…,site=… field=value,… time``, time in microseconds.

A line holds the fields that are known and always `received_ms`. Enumerations and firmware are text fields,
yes/no is 1i or 0i, samples are base64. The last three digits of the time are `schema.slot`.
"""

import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.contract import topic_of
from ingest.readings import Int
from ingest.stores.contract import Block, Tag
from ingest.stores.schema import SLOTS, Field, Form, Values, filled, slot

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_SPECIAL: Final = re.compile(r"([,= ])")
#: Line protocol has no way to write these within a tag, and no reader expects them within a field.
_UNWRITABLE: Final = re.compile(r"[\\\x00-\x1f\x7f]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HEAD: Final = re.compile(rb"([a-z]+)((?:,[a-z]+=(?:\\.|[^\\, ])*)*) ")
_TAG: Final = re.compile(rb",([a-z]+)=((?:\\.|[^\\, ])*)")
_numbers: Final = msgspec.json.Encoder()


def lines_of(block: Block, *, keep_samples: bool) -> list[str]:
    """One line a reading, without line ends; readings with the same fields known stand together."""
    readings = block.readings
    columns = [c for c in filled(readings, keep_samples=keep_samples) if c.known.any()]
    heads = [head_of(readings.KIND.value, tag) for tag in block.tags]
    head = [heads[row] for row in readings.row.tolist()]
    time_us = readings.time_ms * SLOTS + slot(readings)
    known = np.stack([c.known for c in columns]) if columns else np.zeros((0, 0), dtype=bool)
    if known.all():
        return _lines([(c.field, c.values) for c in columns], head, time_us)
    # Devices of one model know the same fields, so there are few patterns and each is one pass.
    pattern = (1 << np.arange(len(columns))) @ known
    result: list[str] = []
    for bits in np.unique(pattern).tolist():
        which = np.flatnonzero(pattern == bits)
        present = [(c.field, c.values[which]) for i, c in enumerate(columns) if bits >> i & 1]
        result += _lines(present, [head[j] for j in which.tolist()], time_us[which])
    return result


def _lines(columns: Sequence[tuple[Field, Values]], head: list[str], time_us: Int) -> list[str]:
    fields = ",".join(f"{field.name}=%s{'i' if field.form is Form.INTEGER else ''}" for field, _ in columns)
    texts = (_FORMATTED[field.form](values) for field, values in columns)
    return list(map(f"%s{fields} %s".__mod__, zip(head, *texts, _texts(time_us), strict=True)))


def _texts(numbers: Values) -> list[str]:
    # One call for the whole column and a split: several times faster than a call a number.
    return _numbers.encode(numbers.tolist())[1:-1].decode().split(",")


def _quoted(words: NDArray[np.object_]) -> list[str]:
    # Text repeats (a dozen enumerations, one firmware a fleet), so each word is escaped once.
    seen: dict[str, str] = {}
    for word in set(words.tolist()):
        seen[word] = '"' + _CONTROL.sub(" ", word).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return [seen[word] for word in words.tolist()]


def _base64(packets: NDArray[np.object_]) -> list[str]:
    return [f'"{b2a_base64(packet, newline=False).decode()}"' for packet in packets.tolist()]


_FORMATTED: Final[dict[Form, Callable[..., list[str]]]] = {
    Form.REAL: _texts,
    Form.INTEGER: _texts,
    Form.TEXT: _quoted,
    Form.SAMPLES: _base64,
}


def head_of(measurement: str, tag: Tag) -> str:
    """The measurement and tags of a line with the space after them; a device without resident has no such tag."""
    site, device, resident = tag.site, tag.device, tag.resident
    if not _PLAIN.fullmatch(f"{site}{device}{resident}"):
        site, device, resident = _escaped(site), _escaped(device), _escaped(resident)
    whose = f",resident={resident}" if resident else ""
    return f"{measurement},device={device}{whose},site={site} "


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", _UNWRITABLE.sub("_", value))


def topic_of_line(line: bytes) -> str:
    """The topic whose reading became this line; '' where it is no line of ours."""
    head = _HEAD.match(line)
    if head is None:
        return ""
    tags = {name: re.sub(rb"\\(.)", rb"\1", value) for name, value in _TAG.findall(head[2])}
    return topic_of(tags.get(b"site", b"").decode(), tags.get(b"device", b"").decode(), head[1].decode())
