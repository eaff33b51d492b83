"""Fleet files: what is good is read the same from either form; what is bad is told, every line of it, at once."""

from pathlib import Path

import pytest

from alerts.calling.coverage import gaps
from alerts.calling.people import ResidentCard
from alerts.calling.roster import Book, Roster
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.vitals import Limit
from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from service.fleet import Caregiver, Fleet, FleetError, PlacedZone, Resident, Site, csv_file, read_fleet

ROOT = Path(__file__).parents[3]
HEADER = ",".join(csv_file.COLUMNS)


def row(**cells: str) -> str:
    return ",".join(cells.get(column, "") for column in csv_file.COLUMNS)


SITE = row(type="site", id="s", name="S")
RESIDENT = row(type="resident", id="r", name="R", site="s")


def problems(tmp_path: Path, data: str | bytes, name: str = "fleet.csv") -> list[str]:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(FleetError) as caught:
        read_fleet(path)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.removeprefix(str(path)) for problem in caught.value.problems]


def read(tmp_path: Path, data: str | bytes, name: str = "fleet.csv") -> Fleet:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_fleet(path)


def test_the_examples_are_read_and_are_the_same_fleet() -> None:
    fleet = read_fleet(ROOT / "fleet.example.toml")
    assert read_fleet(ROOT / "fleet.example.csv") == fleet
    assert [site.site for site in fleet.sites] == ["chunhui", "songlin-road"]
    assert {device.type for device in fleet.devices} == set(DeviceType)
    # A device that names no site is where its resident lives.
    assert Device("songlin-road", "BTN-0201", DeviceType.BUTTON, "R-201") in fleet.devices
    assert Device("chunhui", "LOC-0001", DeviceType.LOCATOR, "R-101", Crs.GCJ02) in fleet.devices
    assert all((fleet.teams, fleet.shifts, fleet.holidays, fleet.swaps, fleet.plans))
    residents = [ResidentCard(one.resident, one.name, one.site) for one in fleet.residents]
    assert gaps(Roster(Book(fleet.sites, residents, fleet.caregivers, fleet.teams, plans=fleet.plans))) == []


def test_the_smallest_fleet(tmp_path: Path) -> None:
    fleet = read(tmp_path, "type,id,name\nsite,s,House\n")
    assert fleet == Fleet(sites=(Site("s", "House"),))


def test_every_noun_with_every_field(tmp_path: Path) -> None:
    lines = [
        HEADER,
        SITE,
        row(type="resident", id="r", name="林", site="s", room="1", born="1938-05-02", sex="female", language="en"),
        row(type="Bracelet", id="b", resident="r", crs="GCJ02"),
        row(type="zone", id="z", site="s", crs="wgs84", rule="safe", lat="36", lon="117.5", radius_m="20"),
        row(
            type="zone", id="y", resident="r", crs="bd09", rule="Forbidden", polygon="36 117 | 36 118 | 37 118 | 36 117"
        ),
        row(type="caregiver", id="c", name="C", site="s", role="nurse", phone="1"),
    ]
    fleet = read(tmp_path, "\n".join(lines))
    assert fleet.residents[0].language == "en"
    assert str(fleet.residents[0].born) == "1938-05-02"
    assert fleet.devices == (Device("s", "b", DeviceType.BRACELET, "r", Crs.GCJ02),)
    assert fleet.zones == (
        PlacedZone("z", "safe", Crs.WGS84, "s", circle=(36.0, 117.5, 20.0)),
        # A corner that repeats the first is left out.
        PlacedZone("y", "forbidden", Crs.BD09, resident="r", polygon=((36.0, 117.0), (36.0, 118.0), (37.0, 118.0))),
    )
    assert fleet.caregivers == (Caregiver("c", "C", "nurse", "s", "1"),)


TEXT = f"{HEADER}\n{row(type='site', id='s', name='春晖养老院')}\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("gb18030"),
        TEXT.encode("gbk"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\n,,,\n").encode(),
        TEXT.replace("\n", ",,,\n").encode(),
        TEXT.replace("type,id", "Type, ID ").encode(),
        TEXT.replace("春晖养老院", '"春晖养老院"').encode(),
    ],
    ids=[
        "utf-8", "marked", "gb18030", "gbk", "semicolons", "tabs", "windows lines", "blank lines", "empty columns",
        "header with capitals", "quotes",
    ],
)  # fmt: skip
def test_what_spreadsheets_write_is_read(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == Fleet(sites=(Site("s", "春晖养老院"),))


def test_a_cell_may_hold_a_line_break_and_lines_are_still_counted(tmp_path: Path) -> None:
    text = f"{HEADER}\n{row(type='site', id='s', name=chr(34) + 'two' + chr(10) + 'lines' + chr(34))}\nsite,s,Again\n"
    assert problems(tmp_path, text) == [":4: site s: id: stands twice; it stands in line 2 already"]


@pytest.mark.parametrize("born", ["1938-05-02", "1938/5/2", "1938-5-2"])
def test_a_date_as_spreadsheets_write_it(tmp_path: Path, born: str) -> None:
    line = row(type="resident", id="r", name="R", site="s", born=born)
    assert str(read(tmp_path, f"{HEADER}\n{SITE}\n{line}").residents[0].born) == "1938-05-02"


CORNERS = 'must be a corner "lat lon", such as 36.641 117.953'
ZONE = {"type": "zone", "id": "z", "site": "s", "rule": "safe", "crs": "wgs84"}
CIRCLE = ZONE | {"lat": "36", "lon": "117", "radius_m": "5"}

HERS = {"type": "resident", "id": "p", "name": "P", "site": "s"}
OWN = 'must be { spo2_low = { raise_at = 85, clear_at = 87, delay_s = 30 } } or, in CSV, "spo2_low 85 87 30"'
WHO = {"type": "caregiver", "id": "c", "name": "C", "role": "nurse"}
TEAM = {"type": "team", "id": "t", "caregivers": "c"}
SHIFT = {"type": "shift", "id": "n", "caregivers": "c", "from": "22:00", "until": "6:00"}
PLAN = {"type": "escalation", "id": "e", "site": "s", "steps": "nurse"}
BAD = [
    (row(id="x"),
     "type: is missing; known are site, resident, zone, caregiver, team, shift, holiday, swap, escalation, bracelet, "
     "bed_mat, button, locator"),
    (row(type="braclet", id="b"), 'type: is not a known type; did you mean "bracelet"? (got "braclet")'),
    (row(type="site", name="S"), "site number 2: id: is missing"),
    (row(type="site", id="t"), "site t: name: is missing"),
    (row(type="site", id="a/b", name="x"),
     'site a/b: id: must be 1 to 64 of the letters A-Z and a-z, digits, "_" and "-" (got "a/b")'),
    (row(type="site", id="é", name="x"),
     'site é: id: must be 1 to 64 of the letters A-Z and a-z, digits, "_" and "-" (got "é")'),
    (row(type="site", id="s", name="x"), "site s: id: stands twice; it stands in line 2 already"),
    (row(type="site", id="t", name="x", radius_m="1"),
     "site t: radius_m: is not a known field of a site; known here: id, name, care, time_zone"),
    (row(type="resident", id="p", name="x"), "resident p: site: is missing"),
    (row(type="resident", id="p", name="x", site="u"),
     'resident p: site: is not a known site of this file; known here: s (got "u")'),
    (row(type="resident", id="p", name="x", site="s", born="02.05.1938"),
     'resident p: born: must be a date such as 1938-05-02 (got "02.05.1938")'),
    (row(type="resident", id="p", name="x", site="s", born="1938-02-30"),
     'resident p: born: must be a date such as 1938-05-02 (got "1938-02-30")'),
    (row(type="resident", id="p", name="x", site="s", born="1738-02-03"),
     'resident p: born: must be a date such as 1938-05-02 (got "1738-02-03")'),
    (row(type="resident", id="p", name="x", site="s", sex="f"),
     'resident p: sex: must be one of "female" or "male" (got "f")'),
    (row(type="resident", id="p", name="x", site="s", language="de"),
     'resident p: language: must be one of "zh" or "en" (got "de")'),
    (row(type="resident", id="r", name="x", site="s"), "resident r: id: stands twice; it stands in line 3 already"),
    (row(type="button", id="b"), "device b: needs a site or a resident"),
    (row(type="button", id="b", resident="q"),
     'device b: resident: is not a known resident of this file; known here: r (got "q")'),
    (row(type="button", id="b", site="u"), 'device b: site: is not a known site of this file; known here: s (got "u")'),
    (row(type="button", id="b", site="s", crs="utm"),
     'device b: crs: must be one of "wgs84", "gcj02" or "bd09" (got "utm")'),
    (row(type="button", id="b", site="s", name="x"),
     "device b: name: is not a known field of a device; known here: id, type, site, resident, crs"),
    (row(**ZONE), "zone z: needs lat, lon and radius_m, a polygon or a GeoJSON file"),
    (row(**{k: v for k, v in CIRCLE.items() if k != "crs"}),
     'zone z: crs: is missing: say what the coordinates are, "wgs84" (GPS), "gcj02" (Chinese maps) or "bd09" (Baidu), '
     "here or for the whole file with --crs"),
    (row(**CIRCLE | {"rule": ""}), "zone z: rule: is missing"),
    (row(**CIRCLE | {"site": ""}), "zone z: needs a site, a resident or a group, one of the three"),
    (row(**CIRCLE | {"resident": "r"}), "zone z: needs a site, a resident or a group, one of the three"),
    (row(**CIRCLE | {"resident": "q", "site": ""}),
     'zone z: resident: is not a known resident of this file; known here: r (got "q")'),
    (row(**CIRCLE | {"radius_m": "0"}), 'zone z: radius_m: must be greater than 0 (got "0")'),
    (row(**CIRCLE | {"radius_m": "1e9"}), 'zone z: radius_m: must be at most 200,000 (got "1e9")'),
    (row(**CIRCLE | {"radius_m": "nan"}), 'zone z: radius_m: must be a finite number (got "nan")'),
    (row(**CIRCLE | {"radius_m": "5 m"}), 'zone z: radius_m: must be a number (got "5 m")'),
    (row(**CIRCLE | {"lat": "117", "lon": "36"}),
     'zone z: lat: must be at most 90 (got "117"); are lat and lon the wrong way round?'),
    (row(**CIRCLE | {"lon": "-181"}), 'zone z: lon: must be at least -180 (got "-181")'),
    (row(**CIRCLE | {"polygon": "0 0 | 0 1 | 1 1"}),
     "zone z: has lat, lon and radius_m and a polygon, but a zone has one shape"),
    (row(**ZONE | {"polygon": "0 0 | 0 1"}), "zone z: polygon: needs 3 to 10000 different corners (got 2)"),
    (row(**ZONE | {"polygon": "0 0 | 0 1 | 0 0"}), "zone z: polygon: needs 3 to 10000 different corners (got 2)"),
    (row(**ZONE | {"polygon": "0 0 | 1 1 | 1 0 | 0 1"}), "zone z: Self-intersection[0.5 0.5] (longitude latitude)"),
    (row(**ZONE | {"polygon": "0 0 | 1 | 1 1"}), f'zone z: polygon: {CORNERS} (got "1")'.replace('"1"', '" 1 "')),
    (row(**ZONE | {"polygon": "36 117|117 36|36 118"}),
     'zone z: polygon: is not on the earth: corner "117 36": lat is -90 to 90, lon -180 to 180; '
     "are lat and lon the wrong way round?"),
    (row(**ZONE | {"polygon": "0 0|0 nan|1 1"}),
     'zone z: polygon: is not on the earth: corner "0 nan": lat is -90 to 90, lon -180 to 180'),
    (row(type="caregiver", id="c", name="x"), "caregiver c: role: is missing"),
    (row(type="caregiver", id="c", name="x", role="boss"),
     'caregiver c: role: must be one of "nurse", "head_nurse", "doctor", "family", "neighbour", '
     '"committee", "manager", "technician" or "centre" (got "boss")'),
    (row(type="caregiver", id="c", name="x", role="nurse", site="u"),
     'caregiver c: site: is not a known site of this file; known here: s (got "u")'),
    (row(**HERS | {"spo2_scale": "3"}), 'resident p: spo2_scale: must be one of 1 or 2 (got "3")'),
    (row(**HERS | {"oxygen": "2 l"}), 'resident p: oxygen: must be one of "air" or "oxygen" (got "2 l")'),
    (row(**HERS | {"limits": "spo2_low 85"}), f'resident p: limits: {OWN}, each name once (got "spo2_low 85")'),
    (row(**HERS | {"limits": "spo2_low 85 87 30|spo2_low 84 87 30"}),
     f'resident p: limits: {OWN}, each name once (got "spo2_low 85 87 30|spo2_low 84 87 30")'),
    (row(**HERS | {"limits": "sp02_low 85 87 30"}),
     'resident p: limits: "sp02_low" is not a known limit; did you mean "spo2_low"?'),
    (row(**HERS | {"limits": "spo2_low 85 84 30 | heart_rate_low 40 45 -1"}),
     "resident p: limits: spo2_low.clear_at must not be under raise_at, 85 (got 84); "
     "heart_rate_low.delay_s must be 0 to 604,800 (got -1)"),
    (row(**HERS | {"limits": "spo2_low 85 nan 30"}),
     'resident p: limits: spo2_low.clear_at must be a finite number (got "nan")'),
    (row(type="site", id="t", name="T", time_zone="Asia/Peking"),
     'site t: time_zone: must be a time zone such as "Asia/Shanghai" or "Europe/Berlin" (got "Asia/Peking")'),
    (row(type="site", id="t", name="T", care="hotel"),
     'site t: care: must be one of "institution", "community" or "home" (got "hotel")'),
    (row(**WHO | {"role": "family"}),
     "caregiver c: is family, and so needs residents: those whose alarms they are told"),
    (row(**WHO | {"residents": "r | q"}),
     'caregiver c: residents: is not a known resident of this file; known here: r (got "q")'),
    (row(**WHO | {"contacts": "sms 1 | sms 2"}),
     "caregiver c: contacts: names a channel twice; a caregiver has one address in each"),
    (row(**WHO | {"contacts": "s/ms 1"}),
     'caregiver c: contacts: must be 1 to 64 of the letters A-Z and a-z, digits, "_" and "-" (got "s/ms")'),
    (row(**TEAM | {"caregivers": ""}), "team t: caregivers: is missing"),
    (row(**TEAM | {"caregivers": "c"}), 'team t: caregivers: there is no caregiver in this file (got "c")'),
    (row(**SHIFT | {"from": "25:00"}), 'shift n: from: must be a time of day such as "22:00" (got "25:00")'),
    (row(**SHIFT | {"from": "24:00"}), 'shift n: from: is the end of a day; write "0:00"'),
    (row(**SHIFT | {"until": ""}), "shift n: until: is missing"),
    (row(**SHIFT | {"days": "mon day"}),
     'shift n: days: "day" is not a known day; did you mean "holiday"?'),
    (row(**SHIFT | {"site": "s", "time_zone": "UTC"}),
     "shift n: has a site, whose time zone counts; leave time_zone out"),
    (row(type="holiday", id="h", first="2026-02-30"),
     'holiday h: first: must be a date such as 1938-05-02 (got "2026-02-30")'),
    (row(type="holiday", id="h", first="2026-02-20", last="2026-02-19"),
     "holiday h: last: must not be before first, nor more than 366 days on"),
    (row(type="holiday", id="h", first="2026-02-20", like="someday"),
     'holiday h: like: must be the day whose shifts count, such as "sun", or "holiday" (got "someday")'),
    (row(type="swap", date="2026-02-20", shift="n", absent="c", stand_in="c"),
     "swap number 1: absent and stand_in are the same"),
    (row(type="swap", shift="n", absent="c", stand_in="d"), "swap number 1: date: is missing"),
    (row(**PLAN | {"site": ""}), "escalation e: needs a site or a resident, one of the two"),
    (row(**PLAN | {"steps": "nurse | sister"}),
     'escalation e: steps: "sister" is not whom a step can call; known are nurse, head_nurse, doctor, family, '
     "neighbour, committee, manager, technician, centre, team:ID, caregiver:ID"),
    (row(**PLAN | {"steps": "nurse wait 60"}),
     "escalation e: steps: must be whole seconds for high, medium and low alarms, 1 to 86,400 each, such as "
     '"wait 60 300 1800" (got "60")'),
    (row(**PLAN | {"steps": "team:night"}), 'escalation e: steps: there is no team in this file (got "night")'),
    (row(**PLAN | {"for": "urgent"}),
     'escalation e: for: "urgent" is not a known kind of alarm; known here: high, medium, low, technical'),
    (SITE + ",more",
     f"has {len(csv_file.COLUMNS) + 1} cells, but the first line names {len(csv_file.COLUMNS)} columns"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), BAD)
def test_each_kind_of_bad_line_has_its_message(tmp_path: Path, line: str, message: str) -> None:
    assert problems(tmp_path, f"{HEADER}\n{SITE}\n{RESIDENT}\n{line}") == [f":4: {message}"]


def test_every_bad_line_is_told_at_once_and_in_order(tmp_path: Path) -> None:
    lines = [line for line, _ in BAD]
    text = "\n".join([HEADER, SITE, RESIDENT, *lines])
    told = [int(problem.split(":")[1]) for problem in problems(tmp_path, text)]
    assert set(told) == set(range(4, 4 + len(lines)))
    assert told == sorted(told)


DUTY = (SITE, row(**WHO), row(**WHO | {"id": "d"}), row(**WHO | {"id": "away", "site": "t"}))
SWAP = {"type": "swap", "shift": "n", "date": "2026-02-20", "absent": "c", "stand_in": "d"}
CLASHES = [
    ([row(**SHIFT | {"site": "s", "caregivers": "c | away"})],
     ':7: shift n: caregivers: away is at "t", but the shift is at "s"'),
    ([row(**SHIFT), row(type="holiday", id="h", first="2026-02-20")],
     ':8: holiday h: like: no shift without a site has the day "holiday": nobody of the rota would be on duty'),
    ([row(**SHIFT | {"id": "o", "days": "mon holiday"}), row(**SHIFT | {"site": "s", "days": "mon"}),
      row(type="holiday", id="h", first="2026-02-20")],
     ':9: holiday h: like: no shift at s has the day "holiday": nobody of the rota would be on duty'),
    ([row(**SHIFT), row(**SWAP | {"absent": "d", "stand_in": "c"})],
     ":8: swap number 1: absent: d is not in shift n"),
    ([row(**SHIFT), row(**SWAP), row(**SWAP)],
     ":9: swap number 2: absent: c has a stand-in for this shift and date in line 8 already"),
    ([row(**SHIFT | {"days": "sat sun"}), row(**SWAP)],
     ":8: swap number 1: date: shift n does not begin on 2026-02-20"),
    ([row(**PLAN), row(**PLAN | {"id": "f", "for": "low medium"})],
     ':8: escalation f: for: "medium": site s has a plan for these, escalation e'),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "message"), CLASHES)
def test_what_does_not_go_together_is_told_with_its_line(tmp_path: Path, lines: list[str], message: str) -> None:
    text = "\n".join([HEADER, *DUTY, row(type="site", id="t", name="T"), *lines])
    assert problems(tmp_path, text) == [message]


def test_a_stand_in_may_be_stood_in_for(tmp_path: Path) -> None:
    lines = [HEADER, *DUTY, row(type="site", id="t", name="T"), row(**SHIFT), row(**SWAP)]
    lines.append(row(**SWAP | {"absent": "d", "stand_in": "away"}))
    assert [swap.stand_in for swap in read(tmp_path, "\n".join(lines)).swaps] == ["d", "away"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [f": is empty; the first line must name the columns: {HEADER}"]),
        (b"type,id\n", [": holds no site"]),
        (
            b"id,nmae\n",
            [':1: column "nmae" is not a known column; did you mean "name"?', ':1: column "type" is missing'],
        ),
        (b"type,id,id\n", [':1: column "id" stands twice']),
        (b'type,id\nsite,"s\n', [":2: is not CSV: unexpected end of data"]),
        (b"type,id,name\nsite,s,\xff\xff\n", [":2: is neither UTF-8 nor GB18030 text; save it as CSV UTF-8"]),
    ],
)
def test_a_spreadsheet_that_is_none(tmp_path: Path, data: bytes, expected: list[str]) -> None:
    assert problems(tmp_path, data) == expected


def test_a_device_is_at_the_site_of_its_resident(tmp_path: Path) -> None:
    other = row(type="site", id="t", name="T")
    lines = [HEADER, SITE, other, RESIDENT, row(type="button", id="b", site="t", resident="r")]
    assert problems(tmp_path, "\n".join(lines)) == [':5: device b: site: is "t", but resident r lives at "s"']


def test_devices_of_two_sites_may_have_one_name_and_of_one_site_not(tmp_path: Path) -> None:
    other = row(type="site", id="t", name="T")
    at_s, at_t, his = (
        row(type="button", id="b", site="s"),
        row(type="button", id="b", site="t"),
        row(type="locator", id="b", resident="r"),
    )
    assert len(read(tmp_path, f"{HEADER}\n{SITE}\n{other}\n{at_s}\n{at_t}").devices) == 2
    assert problems(tmp_path, f"{HEADER}\n{SITE}\n{RESIDENT}\n{at_s}\n{his}") == [
        ":5: device b: id: stands twice; it stands in line 4 already"
    ]


def test_a_name_that_nearly_is_one_is_guessed(tmp_path: Path) -> None:
    lines = [HEADER, row(type="site", id="chunhui", name="S"), row(type="button", id="b", site="chunhiu")]
    assert problems(tmp_path, "\n".join(lines)) == [
        ':3: device b: site: is not a known site of this file; did you mean "chunhui"? (got "chunhiu")'
    ]


TOML = """
[[site]]
id = "s"
name = "S"

[[resident]]
id = "r"
name = "R"
site = "s"
born = 1938-05-02

[[zone]]
id = "z"
site = "s"
rule = "safe"
crs = "gcj02"
polygon = [[36, 117], [36, 118], [37, 118.5]]
"""


def test_toml_says_the_same(tmp_path: Path) -> None:
    fleet = read(tmp_path, TOML, "fleet.toml")
    assert str(fleet.residents[0].born) == "1938-05-02"
    assert fleet.zones[0].polygon == ((36.0, 117.0), (36.0, 118.0), (37.0, 118.5))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[device]]\nid = "d"\ntype = "mat"\nsite = "s"',
         [':21: device d: type: must be one of "bracelet", "bed_mat", "button" or "locator" (got "mat")']),
        ('[[device]]\nid = 7\ntype = "button"\nsite = "s"',
         [':20: device number 1: id: must be text in "quotes" (got 7)']),
        ('[[device]]\nid = "d"\ntype = "button"\n\n  resident = "x"',
         [':23: device d: resident: is not a known resident of this file; known here: r (got "x")']),
        ('[[devise]]\nid = "d"', [': "devise" is not a known noun; did you mean "device"?']),
        ('[device]\nid = "d"', [": device: each device must stand under its own line [[device]]"]),
        ('[[site]]\nid = "s"\nname = "x"', [":20: site s: id: stands twice; it stands in line 2 already"]),
        ('[[resident]]\nid = "p"\nname = "x"\nsite = "s"\nborn = 1938-05-02T00:00:00',
         [':23: resident p: born: must be a date such as 1938-05-02 (got "1938-05-02 00:00:00")']),
        ('[[zone]]\nid = "y"\nsite = "s"\nrule = "safe"\ncrs = "wgs84"\npolygon = [[1, 2], [3, "x"], [4, 5]]',
         [f':24: zone y: polygon: {CORNERS} (got [3, "x"])']),
        ('[[resident]]\nid = "p"\nname = "x"\nsite = "s"\nspo2_scale = "two"',
         [':23: resident p: spo2_scale: must be one of 1 or 2 (got "two")']),
        ('[[resident]]\nid = "p"\nname = "x"\nsite = "s"\nlimits = { spo2_low = { raise_at = 85 } }',
         [f':23: resident p: limits: spo2_low: {OWN} (got {{"raise_at": 85}})']),
        ('[[zone]]\nid = "y"\nsite = "s"\nrule = "safe"\ncrs = "wgs84"\npolygon = 3',
         [":24: zone y: polygon: must be corners: [[lat, lon], …] or, in CSV, lat lon | lat lon | … (got 3)"]),
    ],
)  # fmt: skip
def test_each_kind_of_bad_toml_has_its_message(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, TOML + "\n" + text, "fleet.toml") == expected


def test_toml_without_lines_of_its_own_counts_the_entries(tmp_path: Path) -> None:
    text = 'site = [{ id = "s", name = "S" }, { id = "s", name = "T" }]'
    assert problems(tmp_path, text, "fleet.toml") == [": site s: id: stands twice; it stands in entry 1 already"]


def test_a_file_that_is_no_fleet(tmp_path: Path) -> None:
    assert problems(tmp_path, "[[site]\n", "fleet.toml") == [
        ": is not TOML: Expected ']]' at the end of an array declaration (at line 1, column 7)"
    ]
    assert problems(tmp_path, b"a = '\xff'", "fleet.toml") == [":1: is not UTF-8 text"]
    assert problems(tmp_path, "x", "fleet.xlsx") == [": must be a .toml or a .csv file"]
    with pytest.raises(FleetError, match="cannot be read: No such file or directory"):
        read_fleet(tmp_path / "none.csv")


def test_a_fleet_written_is_read_again(tmp_path: Path) -> None:
    fleet = Fleet(sites=(Site("s", 'a "b", c;\nd'),), residents=(Resident("r", "'=1+1", "s"),))
    assert read(tmp_path, csv_file.write(fleet)) == fleet


def test_what_is_settled_for_a_resident_is_the_same_in_both_forms(tmp_path: Path) -> None:
    wanted = (
        Medical(
            "p", 2, "oxygen", (("spo2_low", Limit(85.0, 87.0, 30.0)), ("heart_rate_high", Limit(120.0, 115.5, 0.0)))
        ),
    )
    limits = "heart_rate_high 120 115.5 0 | spo2_low 85 87 30"
    lines = [HEADER, SITE, RESIDENT, row(**HERS | {"spo2_scale": "2", "oxygen": "Oxygen", "limits": limits})]
    fleet = read(tmp_path, "\n".join(lines))
    assert fleet.medical == wanted
    assert read(tmp_path, csv_file.write(fleet)) == fleet
    text = (
        '[[site]]\nid = "s"\nname = "S"\n[[resident]]\nid = "p"\nname = "P"\nsite = "s"\nspo2_scale = 2\n'
        'oxygen = "oxygen"\n[resident.limits]\n'
        "heart_rate_high = { raise_at = 120, clear_at = 115.5, delay_s = 0 }\n"
        "spo2_low = { raise_at = 85, clear_at = 87, delay_s = 30 }\n"
    )
    assert read(tmp_path, text, "fleet.toml").medical == wanted


def test_what_is_settled_about_a_bed_is_the_same_in_both_forms(tmp_path: Path) -> None:
    wanted = (BedProfile("p", "high", (20 * 60 + 30, 6 * 60), 600.0, 9 * 60),)
    own = {"fall_risk": "High", "night": "20:30-6:00", "back_s": "600", "up_by": "9:00"}
    fleet = read(tmp_path, "\n".join([HEADER, SITE, RESIDENT, row(**HERS | own)]))
    assert fleet.beds == wanted
    assert read(tmp_path, csv_file.write(fleet)) == fleet
    text = (
        '[[site]]\nid = "s"\nname = "S"\n[[resident]]\nid = "p"\nname = "P"\nsite = "s"\n'
        'fall_risk = "high"\nnight = "20:30 - 6:00"\nback_s = 600\nup_by = "09:00"\n'
    )
    assert read(tmp_path, text, "fleet.toml").beds == wanted
    never = read(tmp_path, "\n".join([HEADER, SITE, RESIDENT, row(**HERS | {"up_by": "Never"})]))
    assert never.beds == (BedProfile("p", up_by_min=-1),)
    assert read(tmp_path, csv_file.write(never)) == never


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("fall_risk", "some", 'fall_risk: must be one of "usual" or "high" (got "some")'),
        ("night", "21:00", 'night: must be two times such as "21:00-6:00"'),
        ("night", "6:00-06:00", 'night: must be two times such as "21:00-6:00"'),
        ("night", "21:60-6:00", 'night: must be two times such as "21:00-6:00"'),
        ("back_s", "-1", "back_s: must be"),
        ("up_by", "24:00", 'up_by: must be a time such as "10:00", or "never" (got'),
    ],
)
def test_what_cannot_be_meant_about_a_bed_is_told(tmp_path: Path, key: str, value: str, told: str) -> None:
    (problem,) = problems(tmp_path, "\n".join([HEADER, SITE, RESIDENT, row(**HERS | {key: value})]))
    assert told in problem
