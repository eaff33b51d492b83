"""Payload bytes become columns, one kind at a time; poison is singled out and its neighbours kept.

JSON of one kind is decoded in one call for the whole batch: the payloads are joined into one array with a random
word between every two. Only when the words come back exactly where they were put was each payload one whole JSON
value by itself, so no payload can leak into its neighbour's device. If that call fails, the batch of that kind
is decoded payload by payload, and a payload that is an array element by element.
"""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest import contract
from ingest.contract import URGENT, Kind, Lane, Message
from ingest.coordinates import to_wgs84
from ingest.directory import KIND_ORDER, Directory, Unroutable
from ingest.numbers import FLAGS, MESSAGE_OF, numbers_of
from ingest.packets import clock_columns, from_binary, sample_columns, starts_of
from ingest.pile import Pile, by_form
from ingest.readings import (
    ACTIONS,
    BY_KIND,
    CRSS,
    FALL_STATES,
    SOURCES,
    UNKNOWN,
    AnyReadings,
    Int,
    Row,
)
from ingest.rejected import Problem, Reason, Rejected


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a batch held: at most one set of columns a kind, and what was rejected."""

    readings: tuple[AnyReadings, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a payload and how wrong a clock may be."""

    max_payload_bytes: int = 256 * 1024
    max_past_s: float = 30 * 86_400.0
    max_future_s: float = 600.0


class _NonFinite:
    """Stands for NaN or an infinity that a device wrote into its JSON; fits no field, not even one of text."""

    __slots__ = ()

    def __init__(self, _word: str) -> None:
        pass


_OUT_OF_RANGE: Final = re.compile(r"Expected `[^`]*` (of length )?(<=|>=|<|>)|Number out of range|Invalid enum value")
_CODES: Final[dict[Kind, dict[str, tuple[str, dict[Any, int]]]]] = {
    Kind.LOCATION: {
        "source": ("src", {v: i for i, v in enumerate(SOURCES)}),
        "crs": ("crs", {v: i for i, v in enumerate(CRSS)}),
    },
    Kind.SOS: {
        "action": ("action", {None: 0} | {v: i for i, v in enumerate(ACTIONS)}),
        "source": ("src", {v: i for i, v in enumerate(SOURCES)}),
        "crs": ("crs", {v: i for i, v in enumerate(CRSS)}),
    },
    Kind.FALL: {"state": ("state", {v: i for i, v in enumerate(FALL_STATES)})},
}
assert ACTIONS[0] is contract.Action.PRESS  # an absent action is a press


#: For a reader with one session: all kinds, and answering for strays.
EVERYTHING: Final = Lane("everything", (f"{contract.PREFIX}#",), frozenset(Kind), strays=True)


class Decoder:
    """Decodes batches against one snapshot of the fleet; `directory` may be exchanged between batches."""

    def __init__(self, directory: Directory, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.directory = directory
        self._joined = {k: msgspec.json.Decoder(list[m | list[m] | str]) for k, m in MESSAGE_OF.items()}  # type: ignore[valid-type]
        self._single: dict[Kind, msgspec.json.Decoder[Any]] = {
            k: msgspec.json.Decoder(m | list[m])  # type: ignore[valid-type]
            for k, m in MESSAGE_OF.items()
        }

    @property
    def directory(self) -> Directory:
        """The fleet that topics are looked up in."""
        return self._directory

    @directory.setter
    def directory(self, directory: Directory) -> None:
        self._directory = directory
        self._crs_of_row = np.array([CRSS.index(d.crs) for d in directory.devices], dtype=np.int8)

    def decode(
        self, topics: Sequence[str], payloads: Sequence[bytes], received_ms: int, lane: Lane = EVERYTHING
    ) -> Decoded:
        """Decode a batch received at one moment.

        Every payload that is the lane's business ends in the readings, the rejected, or (arrays) in both.
        """
        problems: list[Problem] = []
        routes = self._directory.routes(topics)
        for place, why in routes.unroutable.items():
            if _is_business_of(lane, topics[place], why):
                problems.append(Problem(place, Reason(why.value), ""))
        readings = []
        for index in np.unique(routes.kind).tolist():
            if index < 0 or (kind := KIND_ORDER[index]) not in lane.kinds:
                continue
            pile = self._small_enough(Pile.of(routes.row, routes.kind == index, payloads), problems)
            columns = self._decode_pile(kind, pile, received_ms, problems)
            if columns is not None:
                readings.append(columns)
        rejected = tuple(
            Rejected(topics[p.place], payloads[p.place], p.reason, p.detail, received_ms) for p in problems
        )
        return Decoded(tuple(readings), rejected)

    def _small_enough(self, pile: Pile, problems: list[Problem]) -> Pile:
        limit = self.limits.max_payload_bytes
        if max(map(len, pile.payloads)) <= limit:
            return pile
        sizes = [len(payload) for payload in pile.payloads]
        problems.extend(
            Problem(place, Reason.TOO_LARGE, f"{size} bytes, at most {limit}")
            for place, size in zip(pile.places.tolist(), sizes, strict=True)
            if size > limit
        )
        return pile.take([i for i, size in enumerate(sizes) if size <= limit])

    def _decode_pile(self, kind: Kind, pile: Pile, received_ms: int, problems: list[Problem]) -> AnyReadings | None:
        texts, binaries = by_form(kind, pile, problems)
        parts: list[tuple[AnyReadings, Int]] = []
        if texts.payloads:
            messages, rows, places = self._messages(kind, texts, problems)
            if messages:
                parts.append((self._columns(kind, messages, rows, received_ms), places))
        if binaries.payloads:
            parts.extend(from_binary(kind, binaries.rows, binaries.payloads, binaries.places, received_ms, problems))
        if not parts:
            return None
        readings = _joined(kind, [readings for readings, _ in parts])
        return self._timely(kind, readings, np.concatenate([places for _, places in parts]), problems)

    def _messages(self, kind: Kind, pile: Pile, problems: list[Problem]) -> tuple[list[Message], Row, Int]:
        """Every message of a pile with its row and place, arrays of messages opened up."""
        values = self._all_at_once(kind, pile.payloads)
        if values is None:
            values = []
            for place, payload in zip(pile.places.tolist(), pile.payloads, strict=True):
                taken, refused = self._one_by_one(kind, payload)
                values.append(taken)
                problems.extend(Problem(place, reason, detail) for reason, detail in refused)
        rows, places = pile.rows, pile.places
        if list not in set(map(type, values)):
            return values, rows, places
        lists = [value if isinstance(value, list) else [value] for value in values]
        counts = np.array([len(messages) for messages in lists])
        return list(chain.from_iterable(lists)), np.repeat(rows, counts), np.repeat(places, counts)

    def _all_at_once(self, kind: Kind, payloads: list[bytes]) -> list[Any] | None:
        """Each payload's message or list of messages, from one call; None where any of them is not sound."""
        word = secrets.token_hex(8)
        separator = b',"' + word.encode() + b'",'
        try:
            values = self._joined[kind].decode(b"[" + separator.join(payloads) + b"]")
        except (msgspec.DecodeError, RecursionError):
            return None
        if len(values) != 2 * len(payloads) - 1 or values[1::2].count(word) != len(payloads) - 1:
            return None
        wanted = values[::2]
        return None if str in set(map(type, wanted)) else wanted

    def _one_by_one(self, kind: Kind, payload: bytes) -> tuple[list[Message], list[tuple[Reason, str]]]:
        """The sound messages of one payload, and why the others are not."""
        try:
            value = self._single[kind].decode(payload)
        except (msgspec.DecodeError, RecursionError):
            pass
        else:
            return (value if isinstance(value, list) else [value]), []
        try:
            # Slower, but it reads the NaN that some devices write, so that only that reading is lost.
            tree = json.loads(payload, parse_constant=_NonFinite)
        except (ValueError, RecursionError) as error:
            return [], [(Reason.NOT_JSON, str(error)[:200])]
        taken: list[Message] = []
        refused: list[tuple[Reason, str]] = []
        for index, element in enumerate(tree if isinstance(tree, list) else [tree]):
            try:
                json.dumps(
                    element, ensure_ascii=False, default=repr
                ).encode()  # half a surrogate pair could be stored nowhere
                taken.append(msgspec.convert(element, MESSAGE_OF[kind]))
            except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
                where = f"reading {index}: " if isinstance(tree, list) else ""
                reason = _reason(error, element)
                what = (
                    str(error).replace("got `_NonFinite`", "got NaN or infinity")
                    if reason is Reason.NON_FINITE
                    else str(error)
                )
                refused.append((reason, (where + what)[:200]))
                press = _press_without_the_rest(element) if kind is Kind.SOS else None
                if press is not None:
                    taken.append(press)
        return taken, refused

    def _columns(self, kind: Kind, messages: list[Message], rows: Row, received_ms: int) -> AnyReadings:
        numbers = numbers_of(kind, messages)
        columns: dict[str, Any] = {
            "row": rows,
            **clock_columns(numbers.pop("t"), received_ms),
            "seq": np.where(np.isnan(seq := numbers.pop("seq")), UNKNOWN, seq).astype(np.int64),
            **numbers,
        }
        for name in FLAGS.get(kind, ()):
            columns[name] = np.where(np.isnan(columns[name]), UNKNOWN, columns[name]).astype(np.int8)
        for column, (name, codes) in _CODES.get(kind, {}).items():
            get = attrgetter(name)
            columns[column] = np.array([codes.get(get(m), UNKNOWN) for m in messages], dtype=np.int8)
        if kind is Kind.STATUS:
            columns["firmware"] = np.array([m.fw or "" for m in messages], dtype=object)  # type: ignore[attr-defined]
        if "crs" in columns:
            columns["crs"] = np.where(columns["crs"] == UNKNOWN, self._crs_of_row[rows], columns["crs"]).astype(np.int8)
            columns["lat_deg"], columns["lon_deg"] = to_wgs84(columns["lat_deg"], columns["lon_deg"], columns["crs"])
        if kind is Kind.MOTION:
            columns |= sample_columns("acc_g", [m.xyz for m in messages], 3)  # type: ignore[attr-defined]
        elif kind is Kind.BCG:
            columns |= sample_columns("signal", [m.v for m in messages], 1)  # type: ignore[attr-defined]
        return BY_KIND[kind](**columns)

    def _timely(self, kind: Kind, readings: AnyReadings, places: Int, problems: list[Problem]) -> AnyReadings | None:
        """The readings whose clock can be believed. A press or a fall is believed whatever its clock says."""
        ahead_s = (readings.time_ms - readings.received_ms) / 1000
        wrong = (ahead_s > self.limits.max_future_s) | (ahead_s < -self.limits.max_past_s)
        if not wrong.any():
            return readings
        if kind in URGENT:
            return _with_receive_time(readings, wrong)
        for index in np.flatnonzero(wrong):
            reason = Reason.IN_FUTURE if ahead_s[index] > 0 else Reason.TOO_OLD
            detail = f"device clock {ahead_s[index]:+.0f} s from receive time"
            problems.append(Problem(int(places[index]), reason, detail))
        return readings.take(~wrong) if not wrong.all() else None


def _is_business_of(lane: Lane, topic: str, why: Unroutable) -> bool:
    """Whether a lane answers for a topic that leads nowhere; another lane may have received it too."""
    if why is Unroutable.COMMAND:
        return False
    if why is Unroutable.UNKNOWN_DEVICE:
        return Kind(topic.rpartition("/")[2]) in lane.kinds
    return lane.strays


def _reason(error: Exception, element: object) -> Reason:
    if _holds_non_finite(element):
        return Reason.NON_FINITE
    return Reason.OUT_OF_RANGE if _OUT_OF_RANGE.match(str(error)) else Reason.WRONG_TYPE


def _holds_non_finite(tree: object) -> bool:
    pending = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, _NonFinite):
            return True
        if isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return False


def _press_without_the_rest(element: object) -> Message | None:
    """A press whose position or time makes no sense is still a press; what makes no sense is rejected beside it."""
    if not isinstance(element, dict):
        return None
    try:
        return msgspec.convert({"action": element.get("action")}, MESSAGE_OF[Kind.SOS])
    except (msgspec.ValidationError, UnicodeError):
        return None


# ------------------------------------------------------------------ columns


def _with_receive_time(readings: AnyReadings, wrong: NDArray[np.bool_]) -> AnyReadings:
    return replace(
        readings,
        time_ms=np.where(wrong, readings.received_ms, readings.time_ms),
        time_assumed=readings.time_assumed | wrong,
    )


def _joined(kind: Kind, parts: list[AnyReadings]) -> AnyReadings:
    """Several sets of columns of one kind as one."""
    if len(parts) == 1:
        return parts[0]
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(parts[0])}
    if "start" in columns:
        columns["start"] = starts_of(columns["count"])
    return BY_KIND[kind](**columns)
