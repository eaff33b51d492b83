"""The spool keeps its invariants: order, all or nothing, its bound, and distrust of what it reads."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ingest.disk import DiskFull
from ingest.readings import Bcg, Fall
from ingest.spool import Portion, Spool, SpoolFull
from ingest.stores.contract import Block, Tag

ROOT = Path(__file__).parents[3]


def block(*seqs: int) -> Block:
    """Telemetry: packets of one sample, told apart by `seq`."""
    seq = np.array(seqs, dtype=np.int64)
    row, zero = np.zeros(len(seq), dtype=np.int32), np.zeros(len(seq), dtype=np.int64)
    signal = np.zeros(len(seq), dtype=np.float32)
    readings = Bcg(row, zero, zero, seq, zero > 0, zero + 50.0, np.arange(len(seq)), zero + 1, signal)
    return Block(readings, (Tag("site", "device", ""),))


def fall(seq: int) -> Block:
    """What a fall detector says."""
    row, zero = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int64)
    readings = Fall(row, zero, zero, zero + seq, zero > 0, zero.astype(np.int8), zero + np.nan)
    return Block(readings, (Tag("site", "device", ""),))


def seqs_of(portion: Portion | None) -> list[int]:
    assert portion is not None
    return [seq for each in portion.blocks for seq in each.readings.seq.tolist()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


def test_blocks_come_out_in_the_order_they_went_in(path: Path) -> None:
    spool = Spool(path)
    assert spool.peek(10) is None
    spool.append([block(1, 2), block(3)])
    spool.append([])
    spool.append([block()])
    spool.append([block(4)])
    assert (spool.depth, seqs_of(spool.peek(100))) == (4, [1, 2, 3, 4])
    assert seqs_of(spool.peek(1)) == [1, 2, 3], "an append comes out whole"
    first = spool.peek(3)
    assert first is not None
    assert first.readings == 3
    assert seqs_of(spool.peek(3, after=first.position)) == [4]
    spool.close()


def test_a_portion_says_since_when_its_oldest_row_is_durable(path: Path) -> None:
    times_ms = iter((1000, 2000, 3000))
    for reopened in (False, True):
        if not reopened:
            spool = Spool(path, clock_ms=lambda: next(times_ms))
            for number in range(3):
                spool.append([block(number)])
        else:
            spool = Spool(path)
        whole, last = spool.peek(100), spool.peek(100, after=2)
        assert whole is not None
        assert last is not None
        assert (whole.durable_ms, last.durable_ms) == (1000, 3000)
        spool.close()


def test_a_spool_of_an_earlier_version_is_read_on(path: Path) -> None:
    spool = Spool(path)
    spool.append([block(1)])
    spool.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE spool DROP COLUMN durable_ms")
    spool = Spool(path)
    spool.append([block(2)])
    portion = spool.peek(100)
    assert portion is not None
    assert (seqs_of(portion), portion.durable_ms) == ([1, 2], None)
    spool.close()


def test_dropping_is_idempotent_and_positions_are_never_given_twice(path: Path) -> None:
    spool = Spool(path)
    spool.append([block(1)])
    spool.append([block(2)])
    first = spool.peek(1)
    everything = spool.peek(2)
    assert first is not None
    assert everything is not None
    spool.drop_through(everything.position)
    assert (spool.depth, spool.size_bytes, spool.peek(1)) == (0, 0, None)
    spool.close()
    spool = Spool(path)
    spool.append([block(3)])
    spool.drop_through(everything.position)
    spool.drop_through(first.position)
    spool.drop_through(0)
    assert (spool.depth, seqs_of(spool.peek(1))) == (1, [3])
    spool.close()


def test_what_waits_is_found_again_after_opening_anew(path: Path) -> None:
    spool = Spool(path)
    spool.append([block(1, 2)])
    depth, size_bytes = spool.depth, spool.size_bytes
    spool.close()
    spool = Spool(path)
    assert (spool.depth, spool.size_bytes, seqs_of(spool.peek(9))) == (depth, size_bytes, [1, 2])
    spool.close()


def test_a_full_spool_that_waits_takes_nothing_until_there_is_room(path: Path) -> None:
    spool = Spool(path, max_bytes=2000)
    spool.append([block(0)])
    taken = 2000 // spool.size_bytes
    for seq in range(1, taken):
        spool.append([block(seq)])
    with pytest.raises(SpoolFull):
        spool.append([block(taken)])
    assert spool.depth == taken > 1
    assert spool.size_bytes <= 2000
    oldest = spool.peek(1)
    assert oldest is not None
    spool.drop_through(oldest.position)
    spool.append([block(taken)])
    assert seqs_of(spool.peek(100)) == list(range(1, taken + 1))
    spool.close()


def test_a_full_spool_that_drops_the_oldest_counts_them(path: Path) -> None:
    spool = Spool(path, max_bytes=2000, when_full="drop_oldest")
    for seq in range(50):
        spool.append([block(seq)])
    kept = seqs_of(spool.peek(100))
    assert kept == list(range(50 - len(kept), 50))
    assert (spool.depth, spool.dropped_readings) == (len(kept), 50 - len(kept))
    assert spool.size_bytes <= 2000
    spool.close()


def test_falls_and_presses_are_taken_however_full_it_is(path: Path) -> None:
    spool = Spool(path, max_bytes=100)
    spool.append([block(1)])
    spool.append([fall(2)])
    with pytest.raises(SpoolFull):
        spool.append([fall(3), block(3)])
    assert seqs_of(spool.peek(9)) == [1, 2]
    spool.close()


@pytest.mark.parametrize("when_full", ["wait", "drop_oldest"])
def test_one_append_larger_than_the_bound_is_taken_alone(path: Path, when_full: str) -> None:
    spool = Spool(path, max_bytes=100, when_full=when_full)  # type: ignore[arg-type]
    spool.append([block(*range(1000))])
    assert spool.depth == 1000
    if when_full == "wait":
        with pytest.raises(SpoolFull):
            spool.append([block(1)])
    else:
        spool.append([block(1)])
        assert (spool.depth, spool.dropped_readings) == (1, 1000)
    spool.close()


@pytest.mark.parametrize("damage", [b"", b"\x00" * 40, b"\xc1garbage"])
def test_a_damaged_row_is_handed_over_beside_its_neighbours(path: Path, damage: bytes) -> None:
    spool = Spool(path)
    for seq in (1, 2, 3):
        spool.append([block(seq)])
    spool.close()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE spool SET data = ? WHERE position = 2", (damage,))
    other.close()
    spool = Spool(path)
    portion = spool.peek(100)
    assert portion is not None
    assert seqs_of(portion) == [1, 3]
    (damaged,) = portion.damaged
    assert damaged.data == damage
    spool.drop_through(portion.position)
    assert spool.depth == 0
    spool.close()


def test_a_row_of_another_format_is_not_taken_for_ours(path: Path) -> None:
    spool = Spool(path)
    spool.append([block(1)])
    spool.close()
    with sqlite3.connect(path) as other:
        data = b"\x92\x03\x90"  # format 3, no blocks
        other.execute("UPDATE spool SET data = ?, checksum = ?", (data, zlib.crc32(data)))
    other.close()
    spool = Spool(path)
    portion = spool.peek(1)
    assert portion is not None
    assert portion.damaged[0].reason == "format 3 is not 2"
    spool.close()


def test_a_folder_that_is_not_there_is_said_to_be_the_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        Spool(tmp_path / "nowhere" / "spool.db")


# ------------------------------------------------------------------ in a process of its own

WRITES_UNTIL_KILLED = """
    import sys
    import numpy as np
    from ingest.readings import Fall
    from ingest.spool import Spool
    from ingest.stores.contract import Block, Tag

    spool = Spool(sys.argv[1])
    seq = int(sys.argv[2])
    one, zero = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int64)
    while True:
        readings = Fall(one, zero, zero, zero + seq, zero > 0, zero.astype(np.int8), zero + np.nan)
        spool.append([Block(readings, (Tag("site", "device", ""),))])
        print(seq, flush=True)
        seq += 1
"""


def test_what_was_appended_survives_kill_9(path: Path) -> None:
    generator = np.random.default_rng(11)
    following = 0
    for _ in range(4):
        command = [sys.executable, "-c", textwrap.dedent(WRITES_UNTIL_KILLED), str(path), str(following)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert child.stdout is not None
        confirmed = [int(child.stdout.readline()) for _ in range(int(generator.integers(1, 60)))]
        child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate()
        confirmed += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        assert child.returncode == -signal.SIGKILL

        spool = Spool(path)
        portion = spool.peek(100_000)
        assert portion is not None
        found = seqs_of(portion)
        assert portion.damaged == ()
        assert found == list(range(found[0], found[-1] + 1)), "in order, none missing, none doubled"
        assert found[-1] in (confirmed[-1], confirmed[-1] + 1), "at most the unconfirmed one more"
        assert spool.depth == len(found)
        middle = spool.peek(len(found) // 2)
        assert middle is not None
        spool.drop_through(middle.position)
        following = found[-1] + 1
        spool.close()


DISK_FILLS_UP = """
    import resource, sys
    import numpy as np
    from ingest.readings import Fall
    from ingest.disk import DiskFull
    from ingest.spool import Spool
    from ingest.stores.contract import Block, Tag

    def block(n):
        one, zero = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int64)
        readings = Fall(one, zero, zero, zero, zero > 0, zero.astype(np.int8), zero + np.nan)
        return Block(readings, (Tag("site", "device", ""),))

    spool = Spool(sys.argv[1])
    spool.append([block(10)])
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    taken = 0
    try:
        while True:
            spool.append([block(1000)])
            taken += 1
    except DiskFull as error:
        print(error)
    before = spool.depth
    assert before == 10 + 1000 * taken, (before, taken)
    try:
        spool.append([block(1000)])
    except DiskFull:
        pass
    assert spool.depth == before
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    spool.append([block(1000)])
    assert spool.depth == before + 1000
    assert sum(len(b.readings) for b in spool.peek(10**9).blocks) == before + 1000
"""


def test_a_full_disk_is_said_and_nothing_is_half_written(path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(DISK_FILLS_UP), str(path)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    assert str(path) in child.stdout
