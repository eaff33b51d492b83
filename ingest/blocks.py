"""From readings to blocks, what the spool and the stores take, and from blocks to bytes and back.

A block stands by itself: its rows index its own tags, not the directory, and its shared samples are exactly those
of its readings. So it can be written to disk, and read by a process with another fleet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import chain
from typing import Final, TypeVar

import msgspec
import numpy as np

from ingest.contract import Kind
from ingest.directory import Directory
from ingest.readings import BY_KIND, AnyReadings, Bcg, Int, Motion
from ingest.stores.contract import Block, Tag

_FORMAT: Final = 2
#: Format 1 is still read: in it a column of equal entries was written out.
_READABLE: Final = frozenset({1, 2})
_TEXT: Final = "text"
MERGED_READINGS: Final = 1_000

_Packets = TypeVar("_Packets", bound=Motion | Bcg)


class UnreadableBlock(Exception):
    """Bytes that are not blocks of this format, or no longer."""


# ------------------------------------------------------------------ readings to blocks


def blocks_of(readings: Iterable[AnyReadings], directory: Directory) -> list[Block]:
    """One block a set of readings that is not empty; `readings.row` are directory rows.

    A block's readings are told apart by device, time and `seq`. Those that came without time and `seq` have their
    receive time in common, so they are numbered here, before anything durable: seq -1, -2, … in their order.
    """
    return [_block_of(each, directory) for each in readings if len(each)]


def _block_of(readings: AnyReadings, directory: Directory) -> Block:
    rows, row = np.unique(readings.row, return_inverse=True)
    own = readings.with_rows(row.astype(np.int32))
    if isinstance(own, Motion | Bcg):
        own = compact(own)
    nameless = own.time_assumed & (own.seq < 0)
    if nameless.any():
        own = replace(own, seq=_numbered(own, np.flatnonzero(nameless)))
    return Block(own, directory.tags(rows))


def _numbered(readings: AnyReadings, index: Int) -> Int:
    """`seq` with readings at `index` numbered -1, -2, … within each device and millisecond."""
    row, time_ms = readings.row[index], readings.time_ms[index]
    order = np.lexsort((time_ms, row))  # stable: equal ones stay in their order
    row, time_ms = row[order], time_ms[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (time_ms[1:] != time_ms[:-1])
    position = np.arange(len(order))
    rank = position - np.maximum.accumulate(np.where(first, position, 0))
    seq = readings.seq.copy()
    seq[index[order]] = -1 - rank
    return seq


def compact(packets: _Packets) -> _Packets:
    """The same packets with shared samples that are theirs alone, one after another in their order."""
    end = np.cumsum(packets.count)
    begin = end - packets.count
    total = int(end[-1]) if len(end) else 0
    if total == len(packets.samples) and np.array_equal(begin, packets.start):
        return packets
    samples = packets.samples[np.arange(total) + np.repeat(packets.start - begin, packets.count)]
    (shared,) = packets.SHARED
    return replace(packets, start=begin.astype(np.int64), **{shared: samples})


def merged(blocks: Iterable[Block]) -> list[Block]:
    """The same readings in fewer blocks, those of a kind in their order: what is done a block is done less often.

    Together are put blocks of up to `MERGED_READINGS`; beyond that copying costs more than it saves.
    """
    groups: list[list[Block]] = []
    open_groups: dict[Kind, tuple[list[Block], int]] = {}
    for block in blocks:
        kind, count = block.readings.KIND, len(block.readings)
        group, held = open_groups.get(kind, ([], MERGED_READINGS))
        if held + count > MERGED_READINGS:
            group, held = [], 0
            groups.append(group)
        group.append(block)
        open_groups[kind] = group, held + count
    return [_one(group) if len(group) > 1 else group[0] for group in groups]


def _one(blocks: list[Block]) -> Block:
    readings = [block.readings for block in blocks]
    columns = {name: [getattr(each, name) for each in readings] for name in _NAMES[readings[0].KIND]}
    columns["row"] = _behind_one_another(columns["row"], [len(block.tags) for block in blocks])
    if "start" in columns:
        packed = [compact(each) for each in readings if isinstance(each, Motion | Bcg)]
        (shared,) = readings[0].SHARED
        columns[shared] = [each.samples for each in packed]
        columns["start"] = _behind_one_another([each.start for each in packed], [len(each.samples) for each in packed])
    joined = type(readings[0])(**{name: np.concatenate(parts) for name, parts in columns.items()})
    return Block(joined, tuple(chain.from_iterable(block.tags for block in blocks)))


def _behind_one_another(indices: list[np.ndarray], lengths: list[int]) -> list[np.ndarray]:
    """Indices into several arrays as indices into these arrays joined."""
    result, offset = [], 0
    for index, length in zip(indices, lengths, strict=True):
        result.append(index + index.dtype.type(offset))
        offset += length
    return result


# ------------------------------------------------------------------ blocks to bytes


class _Column(msgspec.Struct, array_like=True):
    """`data` is one entry where all are equal, which many are: not sent, or the receive time of a batch."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes | list[str]


class _Block(msgspec.Struct, array_like=True):
    kind: str
    tags: tuple[Tag, ...]
    columns: dict[str, _Column]


class _Blocks(msgspec.Struct, array_like=True):
    format: int
    blocks: list[_Block]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Blocks)
_NAMES: Final = {kind: tuple(f.name for f in fields(columns)) for kind, columns in BY_KIND.items()}


def to_bytes(blocks: Sequence[Block]) -> bytes:
    """Blocks as MessagePack: columns as their plain bytes with dtype and shape."""
    return _encoder.encode(
        _Blocks(
            _FORMAT,
            [
                _Block(
                    b.readings.KIND.value,
                    b.tags,
                    {name: _packed(getattr(b.readings, name)) for name in _NAMES[b.readings.KIND]},
                )
                for b in blocks
            ],
        )
    )


def _packed(column: np.ndarray) -> _Column:
    if column.dtype == np.object_:
        words = column.tolist()
        return _Column(_TEXT, column.shape, words[:1] if words and words.count(words[0]) == len(words) else words)
    data, width = column.tobytes(), column.itemsize
    if column.ndim == 1 and data[:width] == data[-width:] and data == data[:width] * len(column):
        data = data[:width]
    return _Column(column.dtype.str, column.shape, data)


def from_bytes(data: bytes) -> list[Block]:
    """Blocks from `to_bytes`; UnreadableBlock where the bytes are damaged or of another format."""
    try:
        decoded = _decoder.decode(data)
        if decoded.format not in _READABLE:
            raise UnreadableBlock(f"format {decoded.format} is not {_FORMAT}")
        return [_unpacked_block(block) for block in decoded.blocks]
    except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
        raise UnreadableBlock(f"{type(error).__name__}: {error}") from error


def _unpacked_block(packed: _Block) -> Block:
    columns = {name: _unpacked(column) for name, column in packed.columns.items()}
    return Block(BY_KIND[Kind(packed.kind)](**columns), packed.tags)


def _unpacked(column: _Column) -> np.ndarray:
    if isinstance(column.data, list):
        text = np.empty(column.shape, dtype=np.object_)
        text[:] = column.data
        return text
    values = np.frombuffer(column.data, dtype=column.dtype)
    if len(column.shape) == 1:
        (length,) = column.shape
        values = values.repeat(length) if len(values) == 1 else values
        if len(values) != length:
            raise ValueError(f"{len(values)} entries in a column of {length}")
        return values
    return values.reshape(column.shape)
