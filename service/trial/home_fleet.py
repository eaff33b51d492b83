"""The simulated care home as a fleet file that ``shouhu fleet import`` takes."""

import json
from typing import Final

from ingest.contract import Crs
from ingest.coordinates import from_wgs84
from simulators.care_home import CareHome

#: The last is the number of their telephone.
_CAREGIVERS: Final = (
    ("c-lin", "林护士", "nurse", "8001"),
    ("c-zhou", "周护士", "nurse", "8002"),
    ("c-he", "何护士长", "head_nurse", "8003"),
)
#: The head nurse is in none, and so always on duty.
_SHIFTS: Final = (("day", "8:00", "20:00", "c-lin"), ("night", "20:00", "8:00", "c-zhou"))


def fleet_text(home: CareHome, channel: str | None = None) -> str:
    """The home in TOML: its site, people, devices and garden, three caregivers and their shifts.

    With a channel they can be called by it, and an alarm calls the nurse on duty, then the head nurse. All names
    are invented. The garden is drawn in GCJ-02, as on the maps that people in China draw on.
    """
    lat, lon = from_wgs84([home.garden.lat_deg], [home.garden.lon_deg], Crs.GCJ02)
    tables: list[tuple[str, dict[str, object]]] = [("site", {"id": home.site, "name": home.name})]
    tables += [
        (
            "resident",
            {
                "id": person.resident,
                "name": person.name,
                "site": home.site,
                "room": person.room,
                "born": _Bare(f"{person.born_year}-01-01"),
            },
        )
        for person in home.people
    ]
    tables += [
        ("device", {"id": worn.device, "type": worn.type, "resident": worn.resident, "crs": worn.crs.value})
        for worn in home.devices
    ]
    zone = {"lat": round(float(lat[0]), 7), "lon": round(float(lon[0]), 7), "radius_m": home.garden.radius_m}
    tables.append(("zone", {"id": "garden", "site": home.site, "rule": "safe", "crs": Crs.GCJ02.value, **zone}))
    for caregiver, name, role, number in _CAREGIVERS:
        fields: dict[str, object] = {"id": caregiver, "name": name, "role": role, "site": home.site}
        if channel is not None:
            fields["contacts"] = _Bare(f"{{ {channel} = {json.dumps(number)} }}")
        tables.append(("caregiver", fields))
    if channel is not None:  # nobody here has a family or a doctor to call
        tables.append(("escalation", {"id": home.site, "site": home.site, "steps": ["nurse", "head_nurse"]}))
    tables += [
        ("shift", {"id": shift, "site": home.site, "from": begin, "until": end, "caregivers": [caregiver]})
        for shift, begin, end, caregiver in _SHIFTS
    ]
    return "\n".join(_table(name, fields) for name, fields in tables)


class _Bare(str):
    """A value that TOML writes without quotes."""

    __slots__ = ()


def _table(name: str, fields: dict[str, object]) -> str:
    lines = [f"[[{name}]]"]
    for key, value in fields.items():
        # A JSON string, number or list of them is also one of TOML.
        lines.append(f"{key} = {value if isinstance(value, _Bare) else json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
