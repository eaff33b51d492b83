"""Whatever is appended, looked at, dropped and opened anew: the spool is a queue, from memory as from the file."""

import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.readings import Fall
from ingest.spool import Spool
from ingest.stores.contract import Block, Tag

steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 5)),
        st.tuples(st.just("peek"), st.integers(1, 12)),
        st.tuples(st.just("walk"), st.integers(1, 12)),
        st.tuples(st.just("drop"), st.integers(0, 12)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=40,
)


def block(first: int, count: int) -> Block:
    seq = np.arange(first, first + count)
    row, zero = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int64)
    readings = Fall(row, zero, zero, seq, zero > 0, zero.astype(np.int8), zero + 0.5)
    return Block(readings, (Tag("site", "device", ""),))


def expected(queue: list[list[int]], limit: int) -> list[list[int]]:
    """The first rows of a queue until the limit is reached."""
    taken: list[list[int]] = []
    while len(taken) < len(queue) and sum(map(len, taken)) < limit:
        taken.append(queue[len(taken)])
    return taken


@given(steps, st.sampled_from([0, 400, 1_000, 4_000_000]))
@settings(max_examples=60, deadline=None)
def test_the_spool_is_a_queue_however_much_of_it_is_in_memory(script: list[tuple[str, int]], fresh_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder, patch("ingest.spool.FRESH_BYTES", fresh_bytes):
        path = Path(folder) / "spool.db"
        spool = Spool(path)
        queue: list[list[int]] = []
        following = 0
        for step, number in script:
            if step == "append":
                spool.append([block(following, number)])
                queue.append(list(range(following, following + number)))
                following += number
            elif step == "reopen":
                spool.close()
                spool = Spool(path)
            else:
                rest, after = queue, 0
                # From the first row, and for a walk on to the last.
                for _ in range(len(queue) + 1 if step == "walk" else 1):
                    portion, wanted = spool.peek(max(1, number), after=after), expected(rest, max(1, number))
                    if portion is None:
                        assert not wanted
                        break
                    found = [seq for each in portion.blocks for seq in each.readings.seq.tolist()]
                    assert found == [seq for row in wanted for seq in row]
                    assert portion.readings == len(found)
                    rest, after = rest[len(wanted) :], portion.position
                if step == "drop" and number and queue:
                    spool.drop_through(after)
                    queue = rest
            assert spool.depth == sum(map(len, queue))
        spool.close()
