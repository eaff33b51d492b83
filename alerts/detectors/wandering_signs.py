"""Signs of wandering in how somebody walks, fence or no fence: pacing, lapping, being out at night. Off by default."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Index, Segments, in_order
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.coordinates import metres_per_degree
from ingest.readings import AnyReadings, Location

Float = NDArray[np.float64]
Flag = NDArray[np.bool_]

_CAUSES: Final = ("pacing", "lapping", "out_at_night")
_PACING, _LAPPING, _NIGHT = range(3)
_DAY_MIN: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class WanderingSettings:
    """Numbers of our own: the patterns are published, limits for satellites are not.

    `enabled`: these signs ring for some who only like to walk, so nobody is watched for them unless asked for.
    `leg_m`: a straight piece of a walk, and at least twice the accuracies of both its ends: less is noise.
    `turn_deg`: from so much on a turn is a turning back, else it counts towards a lap.
    `turns`, `laps`: so many turnings back are pacing, so many full circles lapping.
    `calm_s`: an episode is over when nobody turned back, nor completed a lap, for so long, or when no fix came.
    `night_start_min`, `night_end_min`: minutes of the local day between which nobody is expected to be out.
    `away_m`: farther than this from where the night began, beyond both accuracies and in two fixes, is out.
    `utc_offset_min`: the local clock's minutes before UTC.
    """

    enabled: bool = False
    leg_m: float = 20.0
    turn_deg: float = 135.0
    turns: int = 6
    laps: int = 3
    calm_s: float = 600.0
    night_start_min: int = 1380
    night_end_min: int = 300
    away_m: float = 100.0
    utc_offset_min: int = 480


class WanderingSigns:
    """Pacing (to and fro), lapping (in circles) and being out at night, told from the legs of a walk.

    The patterns are those of Martino-Saltzman, Blasch, Morris and McNeal, "Travel behavior of nursing home residents
    perceived as wanderers and nonwanderers" (The Gerontologist 31, 1991): direct, random, pacing, lapping. A walk is
    cut into legs longer than the fixes' error; a leg that goes back by `turn_deg` or more is a turning back, smaller
    turns the same way round add up to laps. Needs `lat`, `lon`, with `acc`: fixes without an accuracy, or with one that
    is worse than `leg_m`, are left out. Misses whatever is smaller than the error: pacing in a room or a corridor.
    """

    name: ClassVar[str] = "wandering_signs"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.LOCATION})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8"),
            ("lat_deg", "<f8"),  # where the last leg ended
            ("lon_deg", "<f8"),
            ("accuracy_m", "<f8"),
            ("heading_deg", "<f8"),
            ("wound_deg", "<f8"),  # turned the same way round since the last lap
            ("count", "<i8", (2,)),  # turnings back, laps
            ("first_ms", "<i8", (2,)),
            ("latest_ms", "<i8", (2,)),
            ("night", "<i8"),  # the number of the night, and where it began
            ("night_lat_deg", "<f8"),
            ("night_lon_deg", "<f8"),
            ("night_accuracy_m", "<f8"),
            ("far_ms", "<i8"),  # since when they seem to be out
            ("onset_ms", "<i8", (3,)),  # of what was told, else NEVER
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype([("spare", "i1")])
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: WanderingSettings | None = None) -> None:
        self._settings = settings or WanderingSettings()

    def initial(self, count: int) -> Records:
        """People of whom no fix is known."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "first_ms", "latest_ms", "night", "far_ms", "onset_ms"):
            state[field] = NEVER
        for field in ("lat_deg", "lon_deg", "accuracy_m", "heading_deg"):
            state[field] = np.nan
        return state

    def defaults(self, count: int) -> Records:
        """Nothing differs from person to person yet."""
        return np.zeros(count, dtype=self.params_dtype)

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take fixes in; see the class."""
        assert isinstance(readings, Location)
        state = copied(state)
        fine = np.isfinite(readings.lat_deg + readings.lon_deg) & (readings.accuracy_m <= self._settings.leg_m)
        fixes = readings.take(fine)
        index = in_order(fixes.row, fixes.time_ms, state["last_ms"])
        if not len(index):
            return state, []
        fixes = fixes.take(index)
        findings: list[Finding] = []
        # A leg begins where the one before it ended, so fixes of one person come one after another, those of all
        # people at once; of live readings there is one each.
        for at in Segments.of(fixes.row).turns():
            findings += self._step(state, fixes, at)
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone changes nothing."""
        return state, []

    def _step(self, state: Records, fixes: Location, at: Index) -> list[Finding]:
        """Take one fix of each of several people in; `state` is the caller's own and is written."""
        rows, time_ms = fixes.row[at].astype(np.intp), fixes.time_ms[at]
        mine = state[rows]
        calm_ms = self._settings.calm_s * 1000.0
        over = mine["onset_ms"] != NEVER
        silent = time_ms - mine["last_ms"] > calm_ms
        mine["lat_deg"][silent] = np.nan
        calm = (time_ms[:, np.newaxis] - mine["latest_ms"] > calm_ms) | silent[:, np.newaxis]
        mine["count"][calm] = 0
        began = np.zeros((len(at), 3), dtype=np.bool_)
        ended = np.zeros((len(at), 3), dtype=np.bool_)
        ended[:, :2] = over[:, :2] & calm
        self._legs(mine, fixes, at, time_ms)
        certain = mine["count"] >= [self._settings.turns, self._settings.laps]
        began[:, :2] = certain & (~over[:, :2] | ended[:, :2])
        began[:, _NIGHT], ended[:, _NIGHT] = self._night(mine, fixes, at, time_ms, over[:, _NIGHT])
        findings = [
            self._finding(mine, int(i), int(cause), Change.ENDED, fixes, at) for i, cause in np.argwhere(ended).tolist()
        ]
        mine["onset_ms"][ended] = NEVER
        since_ms = np.column_stack([mine["first_ms"], mine["far_ms"]])
        mine["onset_ms"][began] = since_ms[began]
        findings += [
            self._finding(mine, int(i), int(cause), Change.BEGAN, fixes, at) for i, cause in np.argwhere(began).tolist()
        ]
        mine["last_ms"] = time_ms
        state[rows] = mine
        return findings

    def _legs(self, mine: Records, fixes: Location, at: Index, time_ms: NDArray[np.int64]) -> None:
        """Let legs end, and count what they turn; `mine` is written."""
        settings = self._settings
        accuracy_m = fixes.accuracy_m[at]
        north_m, east_m = _apart(mine["lat_deg"], mine["lon_deg"], fixes, at)
        least_m = np.maximum(settings.leg_m, 2.0 * (accuracy_m + mine["accuracy_m"]))
        with np.errstate(invalid="ignore"):  # NaN where no leg has begun
            leg = np.hypot(north_m, east_m) >= least_m
        heading_deg = np.degrees(np.arctan2(east_m, north_m))
        turned_deg = (heading_deg - mine["heading_deg"] + 180.0) % 360.0 - 180.0
        back = leg & (np.abs(turned_deg) >= settings.turn_deg)
        bend = leg & (np.abs(turned_deg) < settings.turn_deg)
        mine["wound_deg"][back] = 0.0
        mine["wound_deg"][bend] += turned_deg[bend]
        lap = np.abs(mine["wound_deg"]) >= 360.0
        mine["wound_deg"][lap] -= np.copysign(360.0, mine["wound_deg"][lap])
        for sign, happened in ((_PACING, back), (_LAPPING, lap)):
            mine["first_ms"][:, sign] = np.where(
                happened & (mine["count"][:, sign] == 0), time_ms, mine["first_ms"][:, sign]
            )
            mine["count"][:, sign] += happened
            mine["latest_ms"][happened, sign] = time_ms[happened]
        anew = np.isnan(mine["lat_deg"])
        mine["heading_deg"] = np.where(anew, np.nan, np.where(leg, heading_deg, mine["heading_deg"]))
        mine["wound_deg"][anew] = 0.0
        here = leg | anew
        mine["lat_deg"] = np.where(here, fixes.lat_deg[at], mine["lat_deg"])
        mine["lon_deg"] = np.where(here, fixes.lon_deg[at], mine["lon_deg"])
        mine["accuracy_m"] = np.where(here, accuracy_m, mine["accuracy_m"])

    def _night(
        self, mine: Records, fixes: Location, at: Index, time_ms: NDArray[np.int64], out: Flag
    ) -> tuple[Flag, Flag]:
        """Whose being out at night begins, whose ends, each (n,); `mine` is written."""
        settings = self._settings
        minutes = time_ms // 60_000 + settings.utc_offset_min
        length = (settings.night_end_min - settings.night_start_min) % _DAY_MIN
        into = (minutes - settings.night_start_min) % _DAY_MIN
        dark = into < length
        night = (minutes - into) // _DAY_MIN
        first = dark & (night != mine["night"])
        for field, value in (("night_lat_deg", fixes.lat_deg), ("night_lon_deg", fixes.lon_deg)):
            mine[field] = np.where(first, value[at], mine[field])
        mine["night_accuracy_m"] = np.where(first, fixes.accuracy_m[at], mine["night_accuracy_m"])
        mine["night"] = np.where(first, night, mine["night"])
        north_m, east_m = _apart(mine["night_lat_deg"], mine["night_lon_deg"], fixes, at)
        away_m = np.hypot(north_m, east_m) - fixes.accuracy_m[at] - mine["night_accuracy_m"]
        far = dark & ~first & (away_m > settings.away_m)
        again = far & (mine["far_ms"] != NEVER)
        mine["far_ms"] = np.where(far, np.where(again, mine["far_ms"], time_ms), NEVER)
        return again & ~out, out & ~far

    def _finding(self, mine: Records, i: int, cause: int, change: Change, fixes: Location, at: Index) -> Finding:
        evidence: Evidence = (
            ("lat_deg", float(fixes.lat_deg[at[i]])),
            ("lon_deg", float(fixes.lon_deg[at[i]])),
            ("accuracy_m", float(fixes.accuracy_m[at[i]])),
        )
        if cause != _NIGHT:
            evidence = ((("turns", "laps")[cause], int(mine["count"][i, cause])), *evidence)
        return Finding(
            row=int(fixes.row[at[i]]),
            condition=Condition.GEOFENCE,
            cause=_CAUSES[cause],
            change=change,
            priority=Priority.LOW,
            onset_ms=int(mine["onset_ms"][i, cause]),
            found_ms=int(fixes.time_ms[at[i]]),
            evidence=evidence,
        )


def _apart(lat_deg: Float, lon_deg: Float, fixes: Location, at: Index) -> tuple[Float, Float]:
    """Metres north and east (n,) from positions to fixes."""
    to_north, to_east = metres_per_degree(fixes.lat_deg[at])
    return (fixes.lat_deg[at] - lat_deg) * to_north, (fixes.lon_deg[at] - lon_deg) * to_east
