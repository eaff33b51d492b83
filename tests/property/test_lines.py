"""Any reading becomes a line that a reader of line protocol reads back as it was."""

from dataclasses import fields
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.blocks import from_bytes, to_bytes
from ingest.contract import Kind
from ingest.readings import ACTIONS, BY_KIND, CRSS, FALL_STATES, SOURCES, AnyReadings, Bcg, Motion, Status
from ingest.stores.contract import Block, Tag
from ingest.stores.lines import Heads, heads_of, lines_of, topic_of_line
from ingest.stores.schema import decode_samples, encode_samples

PLAIN = [kind for kind in Kind if kind not in (Kind.MOTION, Kind.BCG)]
CODES = {"worn": 2, "present": 2, "charging": 2, "source": len(SOURCES), "crs": len(CRSS), "action": len(ACTIONS)}
CODES["state"] = len(FALL_STATES)
times_ms = st.integers(0, 4_102_444_800_000)
reals = st.floats(allow_nan=True, allow_infinity=True, width=64)


def parse(line: str) -> tuple[str, dict[str, str], dict[str, Any], int]:
    """A reader of line protocol, written from its description: measurement, tags, fields, time."""
    position = 0

    def word(ends: str) -> str:
        nonlocal position
        text = ""
        while line[position] not in ends:
            if line[position] == "\\" and line[position + 1] in ",= ":
                position += 1
            text += line[position]
            position += 1
        return text

    def value() -> Any:
        nonlocal position
        if line[position] != '"':
            text = word(", ")
            return int(text[:-1]) if text.endswith("i") else float(text)
        position += 1
        text = ""
        while line[position] != '"':
            if line[position] == "\\" and line[position + 1] in '"\\':
                position += 1
            text += line[position]
            position += 1
        position += 1
        return text

    measurement = word(", ")
    tags: dict[str, str] = {}
    values: dict[str, Any] = {}
    while line[position] == ",":
        position += 1
        name = word("=")
        position += 1
        tags[name] = word(", ")
    while line[position] == "," or not values:
        position += 1
        name = word("=")
        position += 1
        values[name] = value()
    return measurement, tags, values, int(line[position + 1 :])


@st.composite
def columns(draw: st.DrawFn, kind: Kind, count: int, tags: int) -> AnyReadings:
    values: dict[str, Any] = {
        "row": np.array(draw(st.lists(st.integers(0, tags - 1), min_size=count, max_size=count)), dtype=np.int32),
        "time_assumed": np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool),
    }
    for field in fields(BY_KIND[kind]):
        if field.name in values:
            continue
        element: st.SearchStrategy[Any] = reals
        dtype: Any = np.float64
        if field.name in CODES:
            element, dtype = st.integers(-1, CODES[field.name] - 1), np.int8
        elif field.name in ("time_ms", "received_ms"):
            element, dtype = times_ms, np.int64
        elif field.name == "seq":
            element, dtype = st.integers(-1, 2**53), np.int64
        elif field.name == "firmware":
            element, dtype = st.text(max_size=20), np.object_
        values[field.name] = np.array(draw(st.lists(element, min_size=count, max_size=count)), dtype=dtype)
    return BY_KIND[kind](**values)


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\\"), max_size=12)
tag_values = st.builds(Tag, site=texts.filter(bool), device=texts.filter(bool), resident=texts)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    tags = tuple(draw(st.lists(tag_values, min_size=1, max_size=4)))
    kind = draw(st.sampled_from(PLAIN))
    return Block(draw(columns(kind, draw(st.integers(1, 6)), len(tags))), tags)


def written(block: Block) -> list[tuple[str, dict[str, str], dict[str, Any], int]]:
    """What the lines must say, worked out one value at a time."""
    readings, result = block.readings, []
    for i in range(len(readings)):
        tag = block.tags[int(readings.row[i])]
        tags = {"device": tag.device, "resident": tag.resident, "site": tag.site}
        seq = int(readings.seq[i])
        values: dict[str, Any] = {"received_ms": int(readings.received_ms[i])}
        if seq >= 0:
            values["seq"] = seq
        if readings.time_assumed[i]:
            values["time_assumed"] = 1
        words = {"action": ACTIONS, "state": FALL_STATES, "source": SOURCES, "crs": CRSS}
        for field in fields(readings):
            if field.name in ("row", "time_ms", "received_ms", "seq", "time_assumed"):
                continue
            value = getattr(readings, field.name)[i]
            if isinstance(value, str):
                if value:
                    values[field.name] = "".join(" " if c < " " or c == "\x7f" else c for c in value)
            elif field.name in CODES:
                if value >= 0:
                    values[field.name] = words[field.name][value].value if field.name in words else int(value)
            elif np.isfinite(value):
                values[field.name] = float(value)
        time_us = int(readings.time_ms[i]) * 1000 + (seq if seq >= 0 else -1 - seq) % 1000
        result.append((readings.KIND.value, {k: v for k, v in tags.items() if v}, values, time_us))
    return result


def order(parsed: tuple[str, dict[str, str], dict[str, Any], int]) -> str:
    return repr((parsed[3], sorted(parsed[1].items()), sorted(parsed[2].items())))


@given(blocks())
def test_a_line_says_what_the_reading_said(block: Block) -> None:
    lines = lines_of(block, keep_samples=True)
    assert not any("\n" in line for line in lines)
    assert sorted(map(parse, lines), key=order) == sorted(written(block), key=order)


@given(blocks())
def test_bytes_of_blocks_are_the_blocks(block: Block) -> None:
    if isinstance(block.readings, Status):
        assert all(isinstance(text, str) for text in block.readings.firmware)
    (again,) = from_bytes(to_bytes([block]))
    assert again.tags == block.tags
    assert type(again.readings) is type(block.readings)
    for field in fields(block.readings):
        np.testing.assert_array_equal(getattr(again.readings, field.name), getattr(block.readings, field.name))
        assert getattr(again.readings, field.name).dtype == getattr(block.readings, field.name).dtype


names = st.text("abcXYZ019_-", min_size=1, max_size=8)


@given(names, names, st.sampled_from(list(Kind)))
def test_a_line_tells_its_topic(site: str, device: str, kind: Kind) -> None:
    row = np.zeros(1, dtype=np.int32)
    status = Status(row, row, row, row, row > 0, row, row, row, row, np.array([""], dtype=object))
    (line,) = lines_of(Block(status, (Tag(site, device, ""),)), keep_samples=True)
    assert topic_of_line(line.encode()) == f"care/v1/{site}/{device}/status"


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6, width=32), max_size=8), min_size=1, max_size=5),
    st.sampled_from([Kind.MOTION, Kind.BCG]),
)
def test_samples_are_rebuilt_to_half_a_count(packets: list[list[float]], kind: Kind) -> None:
    channels = 3 if kind is Kind.MOTION else 1
    count = np.array([len(p) // channels for p in packets], dtype=np.int64)
    flat = np.array([v for p, n in zip(packets, count, strict=True) for v in p[: n * channels]], dtype=np.float32)
    samples = flat.reshape(-1, 3) if kind is Kind.MOTION else flat
    start = np.cumsum(count) - count
    zero = np.zeros(len(count), dtype=np.int64)
    rate = np.full(len(count), 50.0)
    common = (zero.astype(np.int32), zero, zero, zero, zero > 0, rate, start, count, samples)
    readings = Motion(*common) if kind is Kind.MOTION else Bcg(*common)
    scales, data = encode_samples(readings)
    for i, (scale, counts) in enumerate(zip(scales.tolist(), data, strict=True)):
        own = samples[start[i] : start[i] + count[i]]
        again = decode_samples(kind, scale, counts)
        assert again.shape == own.shape
        assert np.abs(again - own).max(initial=0) <= scale * 0.5 + np.abs(own).max(initial=0) * 1e-6


def test_heads_made_before_are_the_same_and_follow_the_resident() -> None:
    heads = Heads()
    tags = (Tag("s 1", "d", "r"), Tag("s 1", "d", ""), Tag("s 1", "d", "r2"))
    for kind in ("vitals", "bed", "vitals"):
        for some in (tags[:2], tags, tags[::-1]):
            assert heads.of(kind, some) == heads_of(kind, some)
