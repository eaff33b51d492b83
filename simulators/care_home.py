"""A care home that is not there: who lives in it, what they wear, and what is going to happen to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Final

from ingest.contract import Crs
from simulators.locator import Place

#: Planned times are multiples of this; the home lives in steps of it.
STEP_S: Final = 5

_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢"
_GIVEN_NAMES: Final = "秀英桂兰建国玉珍德福淑华国强凤英志明桂英长林素梅文斌春兰福生月娥振华秀兰庆云美玲永康翠花宝山慧芳"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who lives in the home; the name is invented."""

    resident: str
    name: str
    room: str
    born_year: int


@dataclass(frozen=True, slots=True)
class Worn:
    """A device of the home: `type` is one of bracelet, bed_mat, button, locator; `crs` is what a locator speaks."""

    device: str
    type: str
    resident: str
    crs: Crs = Crs.WGS84


@dataclass(frozen=True, slots=True)
class CareHome:
    """A site, its people and devices, and the garden they may walk in (WGS-84)."""

    site: str
    name: str
    people: tuple[Person, ...]
    devices: tuple[Worn, ...]
    garden: Place

    def of_type(self, type: str) -> tuple[Worn, ...]:
        """The devices of one type."""
        return tuple(device for device in self.devices if device.type == type)


def care_home(residents: int = 24) -> CareHome:
    """A home in Zichuan: everybody wears a bracelet, every second one has a button, the first half sleeps on a
    mat and the second half wears a locator, half of which speak GCJ-02."""
    people = tuple(
        Person(
            resident=f"r{number:02d}",
            name=_name(number - 1),
            room=f"{1 + (number - 1) // 12}{1 + (number - 1) % 12:02d}",
            born_year=1932 + (number * 7) % 18,
        )
        for number in range(1, residents + 1)
    )
    devices: list[Worn] = []
    for number, person in enumerate(people, start=1):
        devices.append(Worn(f"bracelet-{number:02d}", "bracelet", person.resident))
        if number % 2:
            devices.append(Worn(f"button-{number:02d}", "button", person.resident))
        if number <= residents // 2:
            devices.append(Worn(f"bed-{number:02d}", "bed_mat", person.resident))
        else:
            crs = Crs.GCJ02 if number % 2 else Crs.WGS84
            devices.append(Worn(f"locator-{number:02d}", "locator", person.resident, crs))
    return CareHome("songhe", "松鹤苑养老院", people, tuple(devices), Place(36.6440, 117.9670, 60.0))


def _name(index: int) -> str:
    given = 2 * (index % (len(_GIVEN_NAMES) // 2))
    return _SURNAMES[index % len(_SURNAMES)] + _GIVEN_NAMES[given : given + 2]


class Happening(StrEnum):
    """What can happen to somebody in the home."""

    PRESS = "press"
    FALL_IN_MOTION = "fall_in_motion"
    FALL_BY_DEVICE = "fall_by_device"
    LOW_SPO2 = "low_spo2"
    BED_EXIT = "bed_exit"
    WALK_OUT = "walk_out"
    SILENCE = "silence"


#: The type of device each happening needs.
NEEDS: Final = {
    Happening.PRESS: "button",
    Happening.FALL_IN_MOTION: "bracelet",
    Happening.FALL_BY_DEVICE: "bracelet",
    Happening.LOW_SPO2: "bracelet",
    Happening.BED_EXIT: "bed_mat",
    Happening.WALK_OUT: "locator",
    Happening.SILENCE: "bracelet",
}
#: Within so long after each begins an alarm is to be expected: a walk from anywhere in the garden takes longest.
NOTICED_WITHIN_S: Final = 40
WALKED_OUT_WITHIN_S: Final = 120
#: The opening is over, and all of it noticed, after this long.
OPENING_S: Final = 50
#: How long each lasts before the person is better, back or heard of again.
LASTS_S: Final = 90
#: Whoever something happened to is left in peace for so long.
_PEACE_S: Final = 180


@dataclass(frozen=True, slots=True)
class Planned:
    """What will happen to whom, `at_s` seconds after the home came to life."""

    at_s: int
    happening: Happening
    device: Worn


def opening(home: CareHome) -> tuple[Planned, ...]:
    """One of each happening within the first seconds, each to somebody else."""
    plan = (
        (5, Happening.SILENCE, "bracelet-22"),
        (5, Happening.WALK_OUT, "locator-20"),
        (5, Happening.LOW_SPO2, "bracelet-05"),
        (5, Happening.PRESS, "button-03"),
        (10, Happening.FALL_IN_MOTION, "bracelet-14"),
        (10, Happening.BED_EXIT, "bed-07"),
        (15, Happening.FALL_BY_DEVICE, "bracelet-16"),
    )
    by_name = {device.device: device for device in home.devices}
    return tuple(Planned(at_s, happening, by_name[name]) for at_s, happening, name in plan)


def script(home: CareHome, *, ends_s: float | None = None, every_s: int = 30) -> Iterator[Planned]:
    """The opening, then one more happening every `every_s`, without end, or such that all is noticed by `ends_s`.

    Nobody meets the same twice before everybody has met it, and nobody two things at once.
    """
    first = opening(home)
    yield from first
    met = {(planned.happening, planned.device.device) for planned in first}
    busy_until_s = {planned.device.resident: planned.at_s + _PEACE_S for planned in first}
    kinds = tuple(Happening)
    for turn in count():
        at_s = first[-1].at_s + (turn + 1) * every_s
        happening = kinds[turn % len(kinds)]
        if ends_s is not None and at_s + NOTICED_WITHIN_S > ends_s:
            return
        if ends_s is not None and happening is Happening.WALK_OUT and at_s + WALKED_OUT_WITHIN_S > ends_s:
            continue
        able = [d for d in home.of_type(NEEDS[happening]) if _may(home, happening, d)]
        if all((happening, device.device) in met for device in able):
            met -= {(happening, device.device) for device in able}
        for device in able:
            if (happening, device.device) not in met and busy_until_s.get(device.resident, 0) <= at_s:
                met.add((happening, device.device))
                busy_until_s[device.resident] = at_s + _PEACE_S
                yield Planned(at_s, happening, device)
                break


def _may(home: CareHome, happening: Happening, device: Worn) -> bool:
    """Somebody in bed does not fall while walking."""
    if happening not in (Happening.FALL_IN_MOTION, Happening.FALL_BY_DEVICE):
        return True
    return device.resident not in {mat.resident for mat in home.of_type("bed_mat")}
