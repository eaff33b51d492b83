"""Those who answer alarms, those they answer for, and where: as much of the registry as calling somebody needs.

Names, rooms and addresses are personal: they are kept in the registry and in memory, and nowhere else.
"""

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["zh", "en"]
#: What somebody is to a resident or a site; `centre` is an operator of the district's centre.
Role = Literal[
    "nurse", "head_nurse", "doctor", "family", "neighbour", "committee", "manager", "technician", "centre"
]  # fmt: skip
#: How a site looks after its residents; it settles who is called where nothing else was said.
Care = Literal["institution", "community", "home"]

TIME_ZONE: Final = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Site:
    """A care home, a ward, or a street of homes; `time_zone` is a name of the IANA data base."""

    site: str
    name: str
    care: Care = "institution"
    time_zone: str = TIME_ZONE


@dataclass(frozen=True, slots=True)
class ResidentCard:
    """What a text may say of a resident; `room` is where help goes to."""

    resident: str
    name: str
    site: str
    room: str | None = None


@dataclass(frozen=True, slots=True)
class Caregiver:
    """Somebody who answers alarms; without a site, those of every site.

    With `residents` only those of these residents, wherever they are. `contacts` are pairs of a channel's name and the
    address there, empty where the channel needs none; each channel at most once.
    """

    caregiver: str
    name: str
    role: Role
    site: str | None = None
    phone: str | None = None
    language: Language = "zh"
    residents: tuple[str, ...] = ()
    contacts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """How one channel reaches one caregiver, and in which language to speak to them."""

    caregiver: str
    channel: str
    address: str
    language: Language


@dataclass(frozen=True, slots=True)
class Team:
    """Caregivers that a plan may call by one name."""

    team: str
    caregivers: tuple[str, ...]
