"""Keeps every detector's state by device row, feeds it what came in, and says what was found."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts import clocks, worn
from alerts.detectors.contract import Detector, Records
from alerts.detectors.rowwise import ascending
from alerts.findings import LATCHING, Change, Finding
from alerts.known import Known
from alerts.late import Backlogs, Waiting, key_of
from alerts.parameters import Parameters
from ingest.contract import URGENT, Kind
from ingest.readings import AnyReadings, Int, Status, Vitals

_VERSION: Final = 2
#: What ended longer ago than this, and is heard of only now, came with a late backlog.
_OVER_MS: Final = 60_000
#: The name under which the state of the devices' clocks is kept.
_CLOCKS: Final = "device_clocks"
#: And that of their words on whether they are worn.
_WORN: Final = "device_worn"


class BadState(Exception):
    """Saved state that is none: cut short, or of another program."""


class _Saved(msgspec.Struct, frozen=True):
    """The records of some of the rows saved: where among these they are, int32, and they themselves."""

    dtype: str
    at: bytes
    records: bytes


class _File(msgspec.Struct, frozen=True):
    version: int
    #: Whose each row's device was.
    residents: tuple[str | None, ...]
    detectors: dict[str, _Saved]
    #: What late backlogs told, and nobody yet.
    waiting: tuple[Waiting, ...] = ()


def _encoded(
    parts: Mapping[str, tuple[Int, Records]], residents: tuple[str | None, ...], waiting: tuple[Waiting, ...]
) -> bytes:
    saved = {
        name: _Saved(repr(records.dtype.descr), at.astype("<i4").tobytes(), records.tobytes())
        for name, (at, records) in parts.items()
    }
    return msgspec.msgpack.encode(_File(_VERSION, residents, saved, waiting))


class Bank:
    """All detectors over all rows; a batch costs what its own readings cost, however large the fleet.

    Telemetry comes to the detectors with the time of the device's clock put right (see `clocks`), and vitals with what
    the device said of being worn before (see `worn`); urgent kinds come as sent.
    `params` holds, by detector name, one record a device row; where there is none the detector's defaults hold.
    Rows are those of the directory. ValueError: two detectors of one name, or parameters of another shape.
    """

    def __init__(self, detectors: Sequence[Detector], count: int, params: Mapping[str, Records] | None = None) -> None:
        self._detectors: dict[str, Detector] = {d.name: d for d in detectors}
        if len(self._detectors) != len(detectors):
            raise ValueError("two detectors have one name")
        self._count = count
        self._known = {_CLOCKS: Known(clocks.initial, count, everyone=True)}
        self._known[_WORN] = Known(worn.initial, count)
        self._known |= {d.name: Known(d.initial, count, everyone=_watches_everyone(d)) for d in detectors}
        self._params = {d.name: Parameters(d.defaults, count) for d in detectors}
        self._own_params: set[str] = set()
        self._ticked_ms: dict[str, int] = {}
        #: Told the name of a detector and what it raised over one device; that device it then leaves alone, this once.
        self.on_fault: Callable[[str, Exception], None] | None = None
        self._by_kind = self._takers()
        #: The row at which a detector by resident keeps what it knows, by row, and of whom that is.
        self._lead = np.arange(count)
        self._whose: dict[str, int] = {}
        self._residents: tuple[str | None, ...] = (None,) * count
        self._backlogs = Backlogs()
        for name, records in (params or {}).items():
            self.set_params(name, records)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count

    def resize(self, count: int) -> None:
        """Make room for a fleet that grew; what is known of the rows so far stays. ValueError: it cannot shrink."""
        if count < self._count:
            raise ValueError(f"rows are never given back: {self._count} rows cannot become {count}")
        for known in self._known.values():
            known.resize(count)
        for name, detector in self._detectors.items():
            self._params[name].extend(detector.defaults(count)[self._count :])
        self._lead = np.concatenate([self._lead, np.arange(self._count, count)])
        self._residents += (None,) * (count - self._count)
        self._count = count

    def lead(self, residents: Sequence[str | None]) -> None:
        """Say whose each row's device is (count,), None for nobody's; detectors by resident follow the resident.

        What they know of a resident lies at the first of the resident's rows; where that changes, it moves along.
        """
        if len(residents) != self._count:
            raise ValueError(f"there are {self._count} rows, not {len(residents)}")
        first: dict[str, int] = {}
        for row, resident in enumerate(residents):  # when the fleet changes, not with a message
            if resident is not None:
                first.setdefault(resident, row)
        moved = [who for who, row in first.items() if self._whose.get(who, row) != row]
        old = np.array([self._whose[who] for who in moved], dtype=np.int64)
        new = np.array([first[who] for who in moved], dtype=np.int64)
        # Where somebody else was before, or nobody one knows of, nothing of them may stay.
        gone = [row for who, row in self._whose.items() if first.get(who) != row]
        left = np.array([*gone, *(row for who, row in first.items() if who not in self._whose)], dtype=np.int64)
        for name, detector in self._detectors.items():
            if detector.by_resident and len(left):
                self._known[name].move(old, new, left)
        self._lead = np.array([row if who is None else first[who] for row, who in enumerate(residents)], dtype=np.int64)
        self._whose = first
        self._residents = tuple(residents)

    def set_params(self, name: str, params: Records) -> None:
        """Other parameters (count,) for a detector; its state stays."""
        detector = self._detectors[name]
        if params.dtype != detector.params_dtype or params.shape != (self._count,):
            raise ValueError(f"{name}: needs {self._count} records of {detector.params_dtype}")
        self._params[name].set(params)
        self._own_params.add(name)

    def replace(self, detector: Detector) -> None:
        """Put a detector in the place of one of the same name; state stays, and so do parameters that were set."""
        old = self._detectors[detector.name]
        if detector.state_dtype != old.state_dtype or detector.params_dtype != old.params_dtype:
            raise ValueError(f"{detector.name}: keeps state or parameters of another form")
        self._detectors[detector.name] = detector
        if detector.name not in self._own_params:
            self._params[detector.name].set(detector.defaults(self._count))
        self._by_kind = self._takers()

    def update(self, readings: Iterable[AnyReadings], now_ms: int) -> list[Finding]:
        """Take a batch in; findings bear directory rows. What a late backlog tells of that is over rings no bell, and
        what it tells of besides is told by a tick, once it has ended (see `late`)."""
        findings: list[Finding] = []
        # At most one a kind; first what devices say of themselves, as it bears on the vitals beside it.
        for batch in sorted(readings, key=lambda one: one.KIND is not Kind.STATUS):
            if not len(batch):
                continue
            rows, local = _by_row(batch)
            if batch.KIND not in URGENT:
                clock = self._known[_CLOCKS].take(rows)
                local, found = clocks.correct(clock, local)
                self._known[_CLOCKS].put(rows, clock)
                findings += _by_directory(found, rows)
            if isinstance(local, Vitals | Status) and (worn.says_off(local) or self._known[_WORN].heard_of(rows)):
                words = self._known[_WORN].take(rows)
                local = worn.carried(words, local)
                self._known[_WORN].put(rows, words)
            if self._backlogs:
                of_reading = rows[local.row]
                for whose in (of_reading, self._lead[of_reading]):
                    self._backlogs.heard(whose, local.time_ms, now_ms)
            leads, of_residents = self._by_resident(rows, local)
            for detector in self._by_kind[batch.KIND]:
                if detector.by_resident:
                    findings += self._feed(detector, leads, of_residents, now_ms)
                else:
                    findings += self._feed(detector, rows, local, now_ms)
        return self._backlogs.of(_without_the_past(findings, now_ms), now_ms) if findings else findings

    def _by_resident(self, rows: NDArray[np.integer], local: AnyReadings) -> tuple[NDArray[np.integer], AnyReadings]:
        """The rows at which the residents of `rows` are kept, and the readings by these."""
        leads = self._lead[rows]
        if ascending(leads):  # as for devices; and for one kind of device, where all came in one order
            return leads, local
        return _by_row(local.with_rows(leads[local.row].astype(np.int32)))

    def _feed(self, detector: Detector, rows: NDArray[np.integer], local: AnyReadings, now_ms: int) -> list[Finding]:
        known = self._known[detector.name]
        before = known.take(rows)
        try:
            after, found = detector.update(before, local, self._params[detector.name].take(rows), now_ms)
        except Exception as error:
            if not self._goes_on(detector, len(rows), error):
                return []
            half = len(rows) // 2
            low = local.row < half
            high = local.take(~low)
            return [
                *self._feed(detector, rows[:half], local.take(low), now_ms),
                *self._feed(detector, rows[half:], high.with_rows(high.row - np.int32(half)), now_ms),
            ]
        if after is not before:
            known.put(rows, after)
        return _by_directory(found, rows)

    def tick(self, now_ms: int) -> list[Finding]:
        """Let time pass; each detector notices at most every `tick_s`, and at once after a jump of the clock."""
        findings: list[Finding] = self._backlogs.due(now_ms)
        for name, detector in self._detectors.items():
            if detector.tick_s is None:
                continue
            ticked_ms = self._ticked_ms.get(name)
            if ticked_ms is not None and 0 <= now_ms - ticked_ms < detector.tick_s * 1000.0:
                continue
            self._ticked_ms[name] = now_ms
            findings += self._let_pass(detector, 0, len(self._known[name].rows), now_ms)
        return findings

    def _let_pass(self, detector: Detector, begin: int, end: int, now_ms: int) -> list[Finding]:
        known = self._known[detector.name]
        rows, before = known.rows[begin:end], known.records[begin:end]
        if not len(rows):
            return []
        try:
            after, found = detector.tick(before, self._params[detector.name].take(rows), now_ms)
        except Exception as error:
            if not self._goes_on(detector, end - begin, error):
                return []
            middle = (begin + end) // 2
            return [*self._let_pass(detector, begin, middle, now_ms), *self._let_pass(detector, middle, end, now_ms)]
        if after is not before:
            known.write(begin, end, after)
        return _by_directory(found, rows)

    def _goes_on(self, detector: Detector, rows: int, error: Exception) -> bool:
        """Whether to try again over half of the rows: what a detector raised over a single one is told.

        A fault of ours over one device must not end the watching over all others: the broker would deliver the same
        again after every restart. Where nobody is to be told (`on_fault`), as in tests, it ends everything.
        """
        if self.on_fault is None:
            raise error
        if rows > 1:
            return True
        self.on_fault(detector.name, error)
        return False

    def state(self, name: str, rows: NDArray[np.integer] | None = None) -> Records:
        """A copy of what the detector `name` knows of `rows` (k,), or of all."""
        return self._known[name].take(np.arange(self._count) if rows is None else rows)

    def of_resident(self, name: str, resident: str) -> tuple[Records, Records]:
        """What the detector `name`, one by resident, knows of one, and its parameters: a record (1,) each.

        Of a resident without a device: the state of one who has said nothing, and the defaults.
        """
        row = self._whose.get(resident)
        if row is None:
            detector = self._detectors[name]
            return detector.initial(1), detector.defaults(1)
        rows = np.array([row])
        return self._known[name].take(rows), self._params[name].take(rows)

    @property
    def clock_shift_ms(self) -> Int:
        """What is added to the time of each row's telemetry to put its clock right; not to be written to."""
        shift_ms: Int = self._known[_CLOCKS].records["shift_ms"]
        return shift_ms

    def save(self) -> bytes:
        """The state of all rows, to be given to `restore` after a restart."""
        return self.snapshot()()

    def snapshot(self, begin: int = 0, end: int | None = None, without: Collection[str] = ()) -> Callable[[], bytes]:
        """The state of rows `begin` to `end` (not with it) as it is now, `without` that of the detectors named.

        What is returned makes of it the bytes of `save`, in any thread.
        """
        end = self._count if end is None else end
        parts = {}
        for name, known in self._known.items():
            if name not in without:
                rows, records = known.between(begin, end)
                parts[name] = rows - begin, records
        return partial(_encoded, parts, self._residents[begin:end], self._backlogs.saved(begin, end))

    def restore(self, data: bytes, rows: NDArray[np.integer] | None = None) -> tuple[str, ...]:
        """Take saved state back; returns the names of detectors for which there was none that fits.

        `rows` (saved rows,) are the rows the saved ones have now, -1 for devices that left: row numbers need not
        survive a restart. Without it they are taken to be the same. What is known of a resident goes to the resident,
        whatever devices they have now: say whose they are (`lead`) first. Detectors that are no more are left out;
        BadState where `data` is no state at all, and then nothing has changed.
        """
        try:
            file = msgspec.msgpack.decode(data, type=_File)
        except msgspec.DecodeError as error:
            raise BadState(f"saved state cannot be read: {error}") from error
        if file.version != _VERSION:
            raise BadState(f"saved state has version {file.version}, not {_VERSION}")
        count = len(file.residents)
        of_device = np.arange(count) if rows is None else np.asarray(rows)
        of_resident = self._rows_of(file.residents, of_device)
        missing = []
        for name, known in self._known.items():
            saved = file.detectors.get(name)
            if saved is None or saved.dtype != repr(known.dtype.descr):
                missing.append(name)
                continue
            at = np.frombuffer(saved.at, dtype="<i4")
            if len(saved.records) != len(at) * known.dtype.itemsize or ((at < 0) | (at >= count)).any():
                missing.append(name)
                continue
            now = (of_resident if self._is_by_resident(name) else of_device)[at]
            here = (now >= 0) & (now < self._count)
            known.put(now[here], np.frombuffer(saved.records, dtype=known.dtype)[here])
        self._backlogs.restore(file.waiting, of_device)
        return tuple(missing)

    def _is_by_resident(self, name: str) -> bool:
        return name in self._detectors and self._detectors[name].by_resident

    def _rows_of(self, residents: Sequence[str | None], now: NDArray[np.integer]) -> Int:
        """Where what was kept by resident belongs now; `now` (saved rows,) is where the devices are.

        It was kept at one row of each resident, so no two go to the same one.
        """
        result = np.full(len(residents), -1, dtype=np.int64)
        for saved, resident in enumerate(residents):  # once, at the start
            row = int(now[saved])
            if resident is not None:
                result[saved] = self._whose.get(resident, -1)
            elif 0 <= row < self._count and self._residents[row] is None:
                result[saved] = row
        return result

    def _takers(self) -> dict[Kind, tuple[Detector, ...]]:
        return {kind: tuple(d for d in self._detectors.values() if kind in d.kinds) for kind in Kind}


def _watches_everyone(detector: Detector) -> bool:
    """Whether time tells a detector something of a device that has said nothing yet."""
    nothing = detector.initial(1)
    after, found = detector.tick(nothing, detector.defaults(1), 0)
    return after is not nothing or bool(found)


def _by_row(batch: AnyReadings) -> tuple[NDArray[np.integer], AnyReadings]:
    """The rows (k,) of a batch, and its readings sorted and numbered by these.

    Once for all detectors: mostly there is one reading a row, and then what they know lies as the readings do.
    """
    order = batch.row.argsort(kind="stable")
    row = batch.row[order]
    first = np.ones(len(row), dtype=np.bool_)
    first[1:] = row[1:] != row[:-1]
    compact = np.cumsum(first, dtype=np.int32)
    compact -= 1
    return row[first].astype(np.intp), batch.take(order).with_rows(compact)


def _by_directory(findings: list[Finding], rows: NDArray[np.integer]) -> list[Finding]:
    return [
        replace(finding, row=int(rows[finding.row]), rows=tuple(rows[list(finding.rows)].tolist()))
        if finding.rows
        else replace(finding, row=int(rows[finding.row]))
        for finding in findings
    ]


def _without_the_past(findings: list[Finding], now_ms: int) -> list[Finding]:
    """Leave out conditions that both began and ended, long ago, in the batch just heard; falls and presses stay."""
    ended = {key_of(f) for f in findings if f.change is Change.ENDED and now_ms - f.found_ms > _OVER_MS}
    over = ended & {key_of(f) for f in findings if f.change is Change.BEGAN and f.condition not in LATCHING}
    return [f for f in findings if key_of(f) not in over] if over else findings
