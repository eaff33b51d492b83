"""A fall as the wrist feels it: a cheap gate over all motion, and a model that judges what surrounds an impact."""

from dataclasses import dataclass, fields
from typing import ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from alerts.detectors import impacts, motion_grid
from alerts.detectors.contract import Records, Result
from alerts.detectors.fall_features import DECIDED_CELLS, IMPACT, SUSPECTED_CELLS
from alerts.detectors.fall_model import FallModel
from alerts.detectors.impacts import AFTER_LEAST, DECIDED_AFTER, ENDED, NEW, SUSPECTED, SUSPECTED_AFTER, Impacts
from alerts.detectors.motion_grid import CELL_MS, COUNTS_PER_G, Streams
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Motion

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
Index = NDArray[np.intp]

#: Silence after which motion is over (a device that sends bursts has sent all of one), besides a packet's own length.
_SILENCE_MS: Final = 3_000
#: Scores are rounded, so that the order in which a processor adds up cannot be seen in them.
_DIGITS: Final = 4
#: What scores less than this after 3 s is not judged again after 4 s. In the public sets no window's log odds rise by
#: more than 0.9 in that second, and from here to the threshold they would have to rise by three.
_HOPELESS: Final = 0.05
_WINDOW: Final = np.arange(DECIDED_CELLS) - IMPACT

#: What has been told of a fall.
_NOTHING: Final = 0
_SUSPICION: Final = 1
_FALL: Final = 2
_CAUSES: Final = {_SUSPICION: ("wrist_suspected", Priority.MEDIUM), _FALL: ("wrist_fall", Priority.HIGH)}


class Judge(Protocol):
    """What scores windows of 25 Hz around an impact in cell 75, from 0 (no fall) to 1; see FallModel."""

    @property
    def suspected_threshold(self) -> float:
        """From this score of `suspected` on a fall is suspected."""
        ...

    @property
    def decided_threshold(self) -> float:
        """From this score of `decided` on it is a fall."""
        ...

    def suspected(self, windows: Float32) -> Float:
        """Scores (n,) of windows (n, 150, 3) in g, through 3 s after the impact."""
        ...

    def decided(self, windows: Float32) -> Float:
        """Scores (n,) of windows (n, 175, 3) in g, through 4 s after the impact."""
        ...


@dataclass(frozen=True, slots=True)
class FallSettings:
    """`quiet_s`: impacts with less than this between them are one fall; people hit the ground more than once and
    move about before they come to lie (our choice). The thresholds belong to the model."""

    quiet_s: float = 5.0


@dataclass(frozen=True, slots=True)
class _Judged:
    """Impacts (n,) with a score at or above its threshold: stream, cell, what is to be told, when that was known."""

    stream: Index
    cell: Int
    level: Int
    score: Float
    found_ms: Int


class WristFall:
    """Falls in the motion of a wrist: suspected 3 s after the impact (medium), decided 4 s after it (high); latches.

    Needs motion with gravity at 15 to 200 Hz and any range, packets of any length, at least from 0.5 s before the
    impact to 1.5 s after it; of a burst that holds less than 3 s before and 4 s after, the rest is taken to be as its
    end. See `motion_grid` for how streams are kept, `impacts` for the gate, `FallModel` for what judges.
    """

    name: ClassVar[str] = "wrist_fall"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.MOTION})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            *motion_grid.STATE_FIELDS,
            *impacts.STATE_FIELDS,
            ("hit_ms", "<i8"),
            ("onset_ms", "<i8"),
            ("told", "<i4"),
            ("best_score", "<f4"),
            motion_grid.CELLS_FIELD,
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype([("quiet_s", "<f8")])
    tick_s: ClassVar[float | None] = 1.0
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: FallSettings | None = None, model: Judge | None = None) -> None:
        self._settings = settings or FallSettings()
        self._model: Judge = model or FallModel.load()

    def initial(self, count: int) -> Records:
        """Rows that sent no motion yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        motion_grid.start(state)
        impacts.start(state)
        state["hit_ms"] = state["onset_ms"] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        params = np.empty(count, dtype=self.params_dtype)
        params["quiet_s"] = self._settings.quiet_s
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take packets of motion in; see the class."""
        assert isinstance(readings, Motion)
        state, streams = motion_grid.take(state, readings)
        if streams is None:
            return state, []
        found = impacts.find(state, streams)
        if not len(found.cell):
            return state, []
        closed_ms = streams.closed_ms[found.stream]
        closed = closed_ms != NEVER
        complete = found.known_after >= DECIDED_AFTER
        first = np.flatnonzero((found.stage == NEW) & (found.known_after >= SUSPECTED_AFTER))
        suspected = self._scores(state, streams, found.take(first), _SUSPICION)
        found.stage[first] = SUSPECTED
        hopeful = np.ones(len(found.cell), dtype=np.bool_)
        hopeful[first] = suspected >= _HOPELESS
        final = np.flatnonzero((complete | (closed & (found.stage < ENDED) & _enough(found))) & hopeful)
        decided = self._scores(state, streams, found.take(final), _FALL)
        # What showed a stream to be over was the packet after it.
        over_ms = np.maximum(closed_ms, streams.end[found.stream] * CELL_MS)
        final_ms = np.where(complete, (found.cell + DECIDED_AFTER + 1) * CELL_MS, over_ms)
        first_ms = (found.cell[first] + SUSPECTED_AFTER + 1) * CELL_MS
        stays = hopeful & ~(complete | closed)
        row = streams.row[found.stream]
        impacts.keep(state, row[stays], found.cell[stays], found.stage[stays], of=row)
        told = (
            self._told(found.take(first), _SUSPICION, suspected, first_ms),
            self._told(found.take(final), _FALL, decided, final_ms[final]),
        )
        return state, _findings(state, params, streams, told)

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Judge what was sent before a silence: a burst is over, or a bracelet was broken by the fall."""
        silent = now_ms - state["received_ms"] >= _SILENCE_MS + state["span_ms"]
        row = np.flatnonzero((state["waiting"][:, 0] != NEVER) & silent)
        streams = motion_grid.known(state, row)
        found = impacts.waiting(state, row, streams)
        final = np.flatnonzero((found.stage < ENDED) & _enough(found))
        if not len(final):
            return state, []
        state = copied(state)
        # The clocks of device and service are not compared, but nothing is found before it happened.
        final_ms = np.maximum(now_ms, streams.end[found.stream[final]] * CELL_MS)
        decided = self._scores(state, streams, found.take(final), _FALL)
        found.stage[final] = ENDED
        impacts.keep(state, row[found.stream], found.cell, found.stage, of=row)
        return state, _findings(state, params, streams, (self._told(found.take(final), _FALL, decided, final_ms),))

    def _scores(self, state: Records, streams: Streams, found: Impacts, level: int) -> Float:
        """The scores (n,) of impacts; the best of each row is kept in `state`, the caller's own."""
        if not len(found.cell):
            return np.zeros(0)
        cells = streams.cells(found.stream, found.cell[:, np.newaxis] + _WINDOW)
        windows = cells[:, :, :3].astype(np.float32) / np.float32(COUNTS_PER_G)
        judge = self._model.decided if level == _FALL else self._model.suspected
        score: Float = np.round(judge(windows if level == _FALL else windows[:, :SUSPECTED_CELLS]), _DIGITS)
        np.maximum.at(state["best_score"], streams.row[found.stream], score.astype(np.float32))
        return score

    def _told(self, found: Impacts, level: int, score: Float, found_ms: Int) -> _Judged:
        """Those of the impacts (n,) whose score reaches the threshold of its level."""
        threshold = self._model.decided_threshold if level == _FALL else self._model.suspected_threshold
        enough = np.flatnonzero(score >= threshold)
        levels = np.full(len(enough), level)
        return _Judged(found.stream[enough], found.cell[enough], levels, score[enough], found_ms[enough])


def _enough(found: Impacts) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = found.known_after >= AFTER_LEAST
    return known


def _findings(state: Records, params: Records, streams: Streams, parts: tuple[_Judged, ...]) -> list[Finding]:
    """What is news of the impacts judged to be falls; `state` is the caller's own and is written."""
    stream, cell, level, score, found_ms = (
        np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(_Judged)
    )
    findings: list[Finding] = []
    # Few impacts are falls, and whether one is news depends on those before it.
    for i in np.lexsort((cell, level, found_ms, stream)):
        row, onset_ms = int(streams.row[stream[i]]), int(cell[i]) * CELL_MS + CELL_MS // 2
        mine = state[row]
        if mine["hit_ms"] == NEVER or abs(onset_ms - mine["hit_ms"]) >= params["quiet_s"][row] * 1000.0:
            mine["onset_ms"], mine["told"] = onset_ms, _NOTHING
        mine["hit_ms"] = onset_ms
        if level[i] <= mine["told"]:
            continue
        mine["told"] = level[i]
        cause, priority = _CAUSES[int(level[i])]
        window = streams.cells(stream[[i]], cell[[i], np.newaxis] + _WINDOW)[0, :, :3] / COUNTS_PER_G
        findings.append(
            Finding(
                row=row,
                condition=Condition.FALL,
                cause=cause,
                change=Change.BEGAN,
                priority=priority,
                onset_ms=int(mine["onset_ms"]),
                found_ms=int(found_ms[i]),
                evidence=(("score", float(score[i])), *_evidence(window)),
            )
        )
    return findings


def _evidence(window: Float) -> Evidence:
    """Figures a person can follow, of a window (cells, 3) in g: how hard, how light before, how still and turned after.

    `lowest_g` is the least acceleration in the second before the impact (0 is free fall); `still_g` the standard
    deviation of the vector from 1.5 to 3 s after it; `turn_deg` the angle of gravity then to gravity 1 to 3 s before.
    """
    size_g = np.linalg.norm(window, axis=1)
    before, after = window[IMPACT - 75 : IMPACT - 25], window[IMPACT + 38 : IMPACT + 75]
    up, now = before.mean(axis=0), after.mean(axis=0)
    cosine = up @ now / max(float(np.linalg.norm(up) * np.linalg.norm(now)), 1e-9)
    still_g = float(np.sqrt(after.var(axis=0).sum()))
    return (
        ("peak_g", round(float(size_g[IMPACT]), 2)),
        ("lowest_g", round(float(size_g[IMPACT - 25 : IMPACT].min()), 2)),
        ("still_g", round(still_g, 3)),
        ("turn_deg", round(float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))))),
    )
