"""A block stands by itself: its own tags, its own samples, its readings told apart."""

from dataclasses import fields

import msgspec
import numpy as np
import pytest

from ingest.blocks import UnreadableBlock, blocks_of, from_bytes, merged, to_bytes
from ingest.directory import Device, DeviceType, Directory
from ingest.readings import Fall, Motion
from ingest.stores.contract import Tag

FLEET = Directory(Device("north", f"d{i}", DeviceType.BRACELET, None if i == 3 else f"r{i}") for i in range(5))


def falls(row: list[int], seq: list[int], time_ms: list[int], *, assumed: list[bool] | None = None) -> Fall:
    n = len(row)
    times = np.array(time_ms, dtype=np.int64)
    return Fall(
        np.array(row, dtype=np.int32),
        times,
        times,
        np.array(seq, dtype=np.int64),
        np.array(assumed or [False] * n),
        np.zeros(n, dtype=np.int8),
        np.full(n, 0.5),
    )


def test_rows_become_the_blocks_own_tags() -> None:
    (block,) = blocks_of([falls([4, 3, 4, 0], [1, 2, 3, 4], [5, 5, 5, 5]), falls([], [], [])], FLEET)
    assert block.tags == (Tag("north", "d0", "r0"), Tag("north", "d3", ""), Tag("north", "d4", "r4"))
    assert [block.tags[row].device for row in block.readings.row] == ["d4", "d3", "d4", "d0"]
    assert block.readings.seq.tolist() == [1, 2, 3, 4]


def test_readings_without_time_and_counter_are_numbered_within_their_millisecond() -> None:
    row, seq = [1, 2, 1, 1, 2, 1], [-1, -1, -1, 7, -1, -1]
    readings = falls(row, seq, [5, 5, 5, 5, 6, 5], assumed=[True, True, True, True, True, False])
    (block,) = blocks_of([readings], FLEET)
    assert block.readings.seq.tolist() == [-1, -1, -2, 7, -1, -1]
    assert readings.seq.tolist() == seq, "what came in is untouched"


def test_a_block_holds_no_samples_but_its_own() -> None:
    samples = np.arange(30, dtype=np.float32).reshape(10, 3)
    zero = np.zeros(3, dtype=np.int64)
    start, count = np.array([6, 0, 3]), np.array([4, 1, 0])
    motion = Motion(zero.astype(np.int32), zero, zero, zero, zero > 0, zero + 50.0, start, count, samples)
    (block,) = blocks_of([motion], FLEET)
    own = block.readings
    assert isinstance(own, Motion)
    assert own.start.tolist() == [0, 4, 5]
    np.testing.assert_array_equal(own.acc_g, samples[[6, 7, 8, 9, 0]])
    (whole,) = blocks_of([own], FLEET)
    assert isinstance(whole.readings, Motion)
    assert whole.readings.acc_g is own.acc_g


def test_blocks_of_one_kind_become_one_with_every_reading_under_its_own_tag() -> None:
    samples = np.arange(12, dtype=np.float32).reshape(4, 3)
    zero = np.zeros(2, dtype=np.int64)
    motion = [
        Motion(
            np.array(row, dtype=np.int32),
            zero,
            zero,
            zero,
            zero > 0,
            zero + 50.0,
            np.array([0, 1]),
            np.array([1, 3]),
            s,
        )
        for row, s in (([0, 1], samples), ([2, 0], samples + 100))
    ]
    first, second = blocks_of(motion, FLEET)
    (fall,) = blocks_of([falls([3], [1], [5])], FLEET)
    whole, other = merged([first, fall, second])
    assert other is fall
    assert [whole.tags[row].device for row in whole.readings.row] == ["d0", "d1", "d2", "d0"]
    assert isinstance(whole.readings, Motion)
    packets = [whole.readings.acc_g[s : s + n] for s, n in zip(whole.readings.start, whole.readings.count, strict=True)]
    for packet, expected in zip(packets, (samples[:1], samples[1:], samples[:1] + 100, samples[1:] + 100), strict=True):
        np.testing.assert_array_equal(packet, expected)
    assert whole.readings.row.dtype == np.int32


def test_blocks_are_put_together_up_to_a_thousand_readings_and_stay_in_order() -> None:
    sizes = [600, 300, 200, 1500, 1, 2]
    begins = np.cumsum([0, *sizes])
    blocks = [
        block
        for begin, size in zip(begins, sizes, strict=False)
        for block in blocks_of([falls([0] * size, list(range(begin, begin + size)), [5] * size)], FLEET)
    ]
    together = merged(blocks)
    assert [len(block.readings) for block in together] == [900, 200, 1500, 3]
    assert np.concatenate([block.readings.seq for block in together]).tolist() == list(range(sum(sizes)))


def test_a_block_written_by_the_version_before_is_read() -> None:
    (block,) = blocks_of([falls([1, 2], [7, 8], [5, 5])], FLEET)
    written = msgspec.msgpack.decode(to_bytes([block]))
    written[0] = 1
    for dtype_shape_data in written[1][0][2].values():
        dtype, (length,), data = dtype_shape_data
        if len(data) == np.dtype(dtype).itemsize:
            dtype_shape_data[2] = data * length
    (again,) = from_bytes(msgspec.msgpack.encode(written))
    assert again.tags == block.tags
    for field in fields(block.readings):
        np.testing.assert_array_equal(getattr(again.readings, field.name), getattr(block.readings, field.name))


def test_a_column_of_the_wrong_length_makes_a_block_unreadable() -> None:
    written = msgspec.msgpack.decode(to_bytes(blocks_of([falls([1, 2, 3], [7, 8, 9], [5, 5, 5])], FLEET)))
    written[1][0][2]["seq"][2] = written[1][0][2]["seq"][2][:16]
    with pytest.raises(UnreadableBlock, match="2 entries in a column of 3"):
        from_bytes(msgspec.msgpack.encode(written))
