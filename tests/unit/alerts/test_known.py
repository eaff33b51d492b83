"""Records for those heard of: as if every row had one, through growth and moves."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.known import Known
from alerts.parameters import Parameters

FORM = np.dtype([("a", "<i8"), ("b", "<f4", (3,)), ("c", "?")])


def initial(count: int) -> Any:
    records = np.zeros(count, dtype=FORM)
    records["a"] = -1
    return records


def record(value: int) -> Any:
    records = initial(1)
    records["a"], records["b"] = value, value / 2
    return records


@given(st.data(), st.booleans())
def test_it_is_as_an_array_of_all_rows(data: st.DataObject, everyone: bool) -> None:
    count = data.draw(st.integers(1, 12))
    known, plain = Known(initial, count, everyone=everyone), initial(count)
    for step in range(data.draw(st.integers(1, 8))):
        what = data.draw(st.sampled_from(("put", "move", "resize", "write")))
        some = np.array(data.draw(st.lists(st.integers(0, count - 1), unique=True)), dtype=np.intp)
        if what == "put":
            after = np.concatenate([initial(0), *(record(100 * step + int(row)) for row in some)])
            known.put(some, after)
            plain[some] = after
        elif what == "move":
            old = some[: len(some) // 2]
            new = np.array(data.draw(st.permutations(range(count))), dtype=np.intp)[: len(old)]
            kept = plain[old]
            known.move(old, new, some)
            plain[some] = initial(len(some))
            # Where somebody comes from is left by them.
            plain[new] = kept
        elif what == "resize":
            count += 3
            known.resize(count)
            plain = np.concatenate([plain, initial(3)])
        else:
            records, rows = known.records.copy(), known.rows.copy()
            records["c"] = True
            known.write(0, len(records), records)
            plain["c"][rows] = True
        assert np.array_equal(known.take(np.arange(count)), plain)
        assert np.array_equal(plain[known.rows], known.records)
        assert len(set(known.rows.tolist())) == len(known.records)
        assert not everyone or len(known.rows) == count
        begin = count // 3
        rows, records = known.between(begin, count)
        assert np.array_equal(plain[rows], records)
        assert set(rows.tolist()) == {row for row in known.rows.tolist() if row >= begin}


def test_parameters_of_all_rows_are_what_was_set() -> None:
    parameters = Parameters(initial, 4)
    assert np.array_equal(parameters.take(np.array([0, 3])), initial(2))
    different = np.concatenate([record(7), record(8), record(7), record(9)])
    parameters.set(different)
    parameters.extend(record(8))
    assert np.array_equal(parameters.take(np.array([4, 3, 0])), np.concatenate([record(8), record(9), record(7)]))
