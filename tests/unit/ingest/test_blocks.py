"""A block stands by itself: its own tags, its own samples, its readings told apart."""

import numpy as np

from ingest.blocks import blocks_of
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
