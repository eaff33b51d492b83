"""A day in the simulated home: everybody lives in steps of five seconds, and the script happens to them."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators import bed_mat, bracelet, button, locator
from simulators.care_home import LASTS_S, STEP_S, CareHome, Happening, Planned
from simulators.motion import Activity, acceleration, wearers
from simulators.stream import Chunk, Float, Incident, Sent, chunk_of, motion_packets

RATE_HZ: Final = 50.0
_PACKET_S: Final = 1
#: How far inside the edge those who walk out first are when the day begins, so that the wait is short.
_NEAR_EDGE_M: Final = 4.0
_BUTTON_STATUS_S: Final = 15
_MEASURED_SPO2_PCT: Final = 84.0
_ACTIVITIES: Final = tuple(Activity)
#: What follows a movement that is over after one step.
_AFTER: Final = {
    Activity.STANDING_UP: Activity.WALKING,
    Activity.SITTING_DOWN: Activity.RESTING,
    Activity.FALLING: Activity.LYING,
}
_LEAVES_REST: Final = 0.03
_LEAVES_WALK: Final = 0.1


def live(home: CareHome, script: Iterable[Planned], *, start_ms: int, seed: int = 1) -> Iterator[Chunk]:
    """The stream of the home from `start_ms` on, without end, in chunks of STEP_S; the same seed, the same stream.

    `script` is in order of time. An incident is in the chunk in which it begins.
    """
    day = _Day(home, np.random.default_rng(seed), start_ms)
    coming = iter(script)
    following = next(coming, None)
    early: list[Planned] = []
    # What happens first to walkers decides where they stand when the day begins.
    while following is not None and following.at_s < 3 * STEP_S:
        early.append(following)
        following = next(coming, None)
    day.prepare(early)
    waiting = early
    second = 0
    while True:
        while following is not None and following.at_s < second + STEP_S:
            waiting.append(following)
            following = next(coming, None)
        due = [planned for planned in waiting if planned.at_s < second + STEP_S]
        waiting = [planned for planned in waiting if planned.at_s >= second + STEP_S]
        yield day.step(second, due)
        second += STEP_S


class _Day:
    """The state of everybody; `step` moves it on by STEP_S."""

    def __init__(self, home: CareHome, rng: np.random.Generator, start_ms: int) -> None:
        self._home, self._rng, self._start_ms = home, rng, start_ms
        self._bracelets, self._mats = home.of_type("bracelet"), home.of_type("bed_mat")
        self._buttons, self._locators = home.of_type("button"), home.of_type("locator")
        count = len(self._bracelets)
        self._wearer_of = {device.resident: index for index, device in enumerate(self._bracelets)}
        self._people = bracelet.bodies(rng, count)
        self._wrists = wearers(rng, count)
        self._battery_pct = rng.uniform(45, 98, count)
        self._activity = np.full(count, _code(Activity.RESTING), dtype=np.int8)
        self._since_s = np.zeros(count)
        self._in_bed = np.array([device.resident in {m.resident for m in self._mats} for device in self._bracelets])
        self._busy_until_s = np.zeros(count)
        self._ill_until_s = np.zeros(count)
        self._silent_until_s = np.zeros(count)
        self._out_of_bed_until_s = np.zeros(len(self._mats))
        self._walkers = locator.walkers(rng, len(self._locators), home.garden.radius_m)
        self._walking_out = np.full(len(self._locators), np.nan)

    def prepare(self, early: Iterable[Planned]) -> None:
        """Put those to whom something happens soon where it can happen: walking, or near the edge of the garden."""
        for planned in early:
            if planned.happening is Happening.FALL_IN_MOTION:
                wearer = self._wearer_of[planned.device.resident]
                self._activity[wearer] = _code(Activity.WALKING)
                self._busy_until_s[wearer] = planned.at_s
            elif planned.happening is Happening.WALK_OUT:
                walker = self._locators.index(planned.device)
                self._walkers.position_m[walker] = (self._home.garden.radius_m - _NEAR_EDGE_M, 0.0)
                self._walking_out[walker] = 0.0

    def step(self, second: int, due: Iterable[Planned]) -> Chunk:
        """Everything that is sent in the STEP_S from `second` on, and what began in it."""
        self._go_on(second)
        messages: list[Sent] = []
        incidents: list[Incident] = []
        for planned in due:
            more, incident = self._begin(planned, second)
            messages += more
            incidents.append(incident)
        messages += self._motion(second)
        messages += self._vitals(second)
        messages += self._beds(second)
        messages += self._locations(second)
        if second % _BUTTON_STATUS_S == 0:
            messages += [
                button.status(self._home.site, b.device, self._at_ms(second), battery_pct=80.0) for b in self._buttons
            ]
        return chunk_of(messages, incidents)

    def _at_ms(self, second: float) -> int:
        return self._start_ms + round(second * 1000)

    def _go_on(self, second: int) -> None:
        """Movements that are over give way to the next, and now and then somebody gets up or sits down."""
        before = self._activity.copy()
        for movement, following in _AFTER.items():
            self._activity[before == _code(movement)] = _code(following)
        left_in_peace = self._busy_until_s <= second
        # Who fell has been helped up by then, or back into bed.
        helped = left_in_peace & (before == _code(Activity.LYING))
        self._activity[helped] = np.where(self._in_bed, _code(Activity.RESTING), _code(Activity.STANDING_UP))[helped]
        free = left_in_peace & ~self._in_bed
        chance = self._rng.random(len(before))
        rise = free & (before == _code(Activity.RESTING)) & (chance < _LEAVES_REST)
        self._activity[rise] = _code(Activity.STANDING_UP)
        sit = free & (before == _code(Activity.WALKING)) & (chance < _LEAVES_WALK)
        self._activity[sit] = _code(Activity.SITTING_DOWN)
        self._since_s[self._activity != before] = second

    def _begin(self, planned: Planned, second: int) -> tuple[list[Sent], Incident]:
        home, device, at_ms = self._home, planned.device, self._at_ms(second)
        wearer = self._wearer_of[device.resident]
        until_s = second + LASTS_S
        match planned.happening:
            case Happening.PRESS:
                return button.press(home.site, device.device, device.resident, at_ms)
            case Happening.FALL_BY_DEVICE:
                # Sliding from a chair: the bracelet's own detector finds it, the motion shows no hard impact.
                self._move(wearer, Activity.RESTING, second, until_s)
                return bracelet.confirmed_fall(home.site, device.device, device.resident, at_ms)
            case Happening.FALL_IN_MOTION:
                self._move(wearer, Activity.FALLING, second, until_s)
                return [], Incident(device.resident, device.device, "fall", ("wrist_suspected", "wrist_fall"), at_ms)
            case Happening.LOW_SPO2:
                self._ill_until_s[wearer] = until_s
                return [], Incident(device.resident, device.device, "vitals", ("spo2_low",), at_ms)
            case Happening.SILENCE:
                self._silent_until_s[wearer] = until_s
                return [], Incident(device.resident, device.device, "device", ("silent",), at_ms)
            case Happening.BED_EXIT:
                self._out_of_bed_until_s[self._mats.index(device)] = until_s
                self._move(wearer, Activity.STANDING_UP, second, until_s)
                return [], Incident(device.resident, device.device, "bed", ("bed_exit",), at_ms)
            case Happening.WALK_OUT:
                walker = self._locators.index(device)
                if np.isnan(self._walking_out[walker]):
                    self._walking_out[walker] = second
                position = self._walkers.position_m[walker]
                left_ms = at_ms + round(1000 * locator.crossing_s(position, home.garden))
                return [], locator.departure(device.device, device.resident, left_ms)

    def _move(self, wearer: int, activity: Activity, second: int, until_s: float) -> None:
        self._activity[wearer] = _code(activity)
        self._since_s[wearer] = second
        self._busy_until_s[wearer] = until_s

    def _motion(self, second: int) -> list[Sent]:
        time_s: Float = second + np.arange(round(STEP_S * RATE_HZ)) / RATE_HZ
        acc_g = np.empty((len(self._bracelets), len(time_s), 3), dtype=np.float32)
        for code in np.unique(self._activity).tolist():
            doing = np.flatnonzero(self._activity == code)
            acc_g[doing] = acceleration(
                self._rng, _ACTIVITIES[code], self._wrists.take(doing), time_s, self._since_s[doing]
            )
        time_ms = self._start_ms + 1000 * time_s
        return [
            packet
            for wearer in np.flatnonzero(self._silent_until_s <= second).tolist()
            for packet in motion_packets(
                self._home.site,
                self._bracelets[wearer].device,
                time_ms,
                acc_g[wearer],
                RATE_HZ,
                packet_samples=round(_PACKET_S * RATE_HZ),
            )
        ]

    def _vitals(self, second: int) -> list[Sent]:
        """One reading a step; bracelets take turns within it, as their clocks do not agree."""
        signs = bracelet.vital_signs(self._rng, self._people, np.array([self._at_ms(second)]))
        messages: list[Sent] = []
        for wearer in np.flatnonzero(self._silent_until_s <= second).tolist():
            ill = self._ill_until_s[wearer] > second
            messages += bracelet.vitals_messages(
                self._home.site,
                self._bracelets[wearer].device,
                signs,
                wearer,
                battery_pct=float(self._battery_pct[wearer]),
                spo2_pct=_MEASURED_SPO2_PCT if ill else None,
            )
        return messages

    def _beds(self, second: int) -> list[Sent]:
        present: NDArray[np.bool_] = (self._out_of_bed_until_s <= second)[:, None]
        sleepers = [self._wearer_of[mat.resident] for mat in self._mats]
        nights = bed_mat.sleep(
            self._rng,
            self._people.heart_rate_bpm[sleepers],
            self._people.respiration_per_min[sleepers],
            present,
            np.array([self._at_ms(second)]),
            period_s=STEP_S,
        )
        back = np.array(sleepers)[self._out_of_bed_until_s == second]
        self._activity[back] = _code(Activity.SITTING_DOWN)
        self._since_s[back] = second
        return [
            message
            for bed, mat in enumerate(self._mats)
            for message in bed_mat.bed_messages(self._home.site, mat.device, nights, bed)
        ]

    def _locations(self, second: int) -> list[Sent]:
        garden = self._home.garden
        strolled, _ = locator.stroll(self._rng, self._walkers, 1, STEP_S, reach_m=0.6 * garden.radius_m)
        position = strolled.position_m
        out = np.flatnonzero(self._walking_out <= second)
        for walker in out.tolist():  # seldom more than one
            gone_s = second - self._walking_out[walker]
            here = self._walkers.position_m[walker]
            if gone_s < LASTS_S:
                position[walker] = locator.walk_out(here, np.array([float(STEP_S) if gone_s > 0 else 0.0]))[0]
            elif np.hypot(*here) > 0.5 * garden.radius_m:  # somebody brings them back
                position[walker] = locator.walk_out(here, np.array([-2.0 * STEP_S]))[0]
            else:
                self._walking_out[walker] = np.nan
        self._walkers = locator.Walkers(position, strolled.heading_rad)
        lat, lon, accuracy_m = locator.fixes(self._rng, garden, position[:, None, :])
        at_ms = np.array([self._at_ms(second)])
        return [
            message
            for walker, worn in enumerate(self._locators)
            for message in locator.location_messages(
                self._home.site,
                worn.device,
                at_ms,
                lat[walker],
                lon[walker],
                accuracy_m[walker],
                crs=worn.crs,
                battery_pct=70.0,
            )
        ]


def _code(activity: Activity) -> int:
    return _ACTIVITIES.index(activity)
