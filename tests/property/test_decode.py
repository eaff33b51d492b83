"""Whatever arrives: nothing raises, nothing is dropped in silence, and a sound reading beside it is kept."""

import json
import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import contract
from ingest.blocks import blocks_of, to_bytes
from ingest.contract import TELEMETRY_LANE, URGENT_LANE, Kind
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory

NOW_MS = 1_790_000_000_000
DECODER = Decoder(Directory([Device("s", "a", DeviceType.BRACELET, "r"), Device("s", "b", DeviceType.LOCATOR)]))
FIELDS = ["t", "seq", "hr", "spo2", "worn", "lat", "lon", "crs", "src", "action", "state", "rate", "xyz", "v", "fw"]

numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([0, 1, -1, NOW_MS, 1e308, 2**63, 2**64]))
values: Any = st.recursive(
    st.one_of(
        st.none(), st.booleans(), numbers, st.text(max_size=5), st.sampled_from(["press", "gcj02", "gnss", "\ud800"])
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)
texts = (objects | st.lists(objects, max_size=4) | values).map(lambda value: json.dumps(value).encode())
cut = st.tuples(texts, st.integers(0, 40)).map(lambda pair: pair[0][: pair[1]])
headers = st.builds(
    lambda magic, flags, rate, scale, time_ms, body: (
        struct.pack("<2sBBHHq", magic, flags, 0, rate, scale, time_ms) + body
    ),
    st.sampled_from([b"M1", b"B1"]),
    st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.one_of(st.just(NOW_MS), st.integers(-(2**63), 2**63 - 1)),
    st.binary(max_size=30),
)
payloads = st.one_of(texts, cut, headers, st.binary(max_size=40))
devices = st.sampled_from(["a", "b", "ghost", "", "sp ace", "ü"])
kinds = st.one_of(st.sampled_from(list(contract.KINDS)), st.sampled_from(["cmd", "pulse", ""]))
topics = st.builds(lambda device, kind: f"care/v1/s/{device}/{kind}", devices, kinds) | st.text(max_size=20)
messages = st.lists(st.tuples(topics, payloads), max_size=8)


@settings(max_examples=600, deadline=None)
@given(messages)
def test_every_message_ends_in_the_readings_or_the_rejected_of_one_lane(batch: list[tuple[str, bytes]]) -> None:
    sound = [("care/v1/s/a/vitals", b'{"hr":61}'), ("care/v1/s/a/sos", b"")]
    batch = [sound[0], *batch, sound[1]]
    names, bodies = [topic for topic, _ in batch], [payload for _, payload in batch]
    taken = 0
    rejected: list[tuple[str, bytes]] = []
    for lane in (URGENT_LANE, TELEMETRY_LANE):
        decoded = DECODER.decode(names, bodies, NOW_MS, lane)
        to_bytes(blocks_of(decoded.readings, DECODER.directory))  # whatever is taken can be kept
        for readings in decoded.readings:
            assert readings.KIND in lane.kinds
            assert np.isin(readings.row, (0, 1)).all()
            assert (abs(readings.time_ms - NOW_MS) <= 31 * 86_400_000).all()
            taken += len(readings)
        rejected += [(r.topic, r.payload) for r in decoded.rejected]
    # An empty list holds no reading, and a command is not for us; every other message leaves a trace.
    silent = sum(
        topic.endswith("/cmd") or (payload.strip().startswith(b"[") and not payload.strip(b" \t\r\n[]"))
        for topic, payload in batch
    )
    assert taken + len(rejected) + silent >= len(batch)
    assert taken >= len(sound)
    assert set(rejected) <= set(batch)


@settings(max_examples=300, deadline=None)
@given(messages)
def test_decoding_together_is_decoding_one_by_one(batch: list[tuple[str, bytes]]) -> None:
    """Neighbours change nothing: no payload leaks into another's device."""

    def counted(part: list[tuple[str, bytes]]) -> dict[tuple[Kind, int], int]:
        decoded = DECODER.decode([topic for topic, _ in part], [payload for _, payload in part], NOW_MS)
        counts: dict[tuple[Kind, int], int] = {}
        for readings in decoded.readings:
            for row in readings.row.tolist():
                counts[readings.KIND, row] = counts.get((readings.KIND, row), 0) + 1
        return counts

    together = counted(batch)
    apart: dict[tuple[Kind, int], int] = {}
    for message in batch:
        for key, count in counted([message]).items():
            apart[key] = apart.get(key, 0) + count
    assert together == apart
