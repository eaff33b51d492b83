"""Payloads become columns; what is wrong is named and costs its neighbours nothing."""

import numpy as np
import pytest

from ingest import contract
from ingest.contract import Crs, Kind
from ingest.decode import Decoded, Decoder, Limits
from ingest.directory import Device, DeviceType, Directory
from ingest.readings import ACTIONS, CRSS, Bcg, Bed, Location, Motion, Sos, Status, Vitals
from ingest.rejected import Reason

NOW_MS = 1_790_000_000_000
SITE = "home"


@pytest.fixture
def decoder() -> Decoder:
    devices = [
        Device(SITE, "b1", DeviceType.BRACELET, "r1"),
        Device(SITE, "b2", DeviceType.BRACELET, "r2"),
        Device(SITE, "l1", DeviceType.LOCATOR, "r1", Crs.GCJ02),
    ]
    return Decoder(Directory(devices), Limits(max_payload_bytes=10_000))


def decode(decoder: Decoder, *messages: tuple[str, bytes]) -> Decoded:
    topics = [f"care/v1/{SITE}/{tail}" if "//" not in tail else tail[2:] for tail, _ in messages]
    return decoder.decode(topics, [payload for _, payload in messages], NOW_MS)


def reasons(decoded: Decoded) -> list[Reason]:
    return [r.reason for r in decoded.rejected]


def test_vitals_become_columns_and_absent_fields_are_unknown(decoder: Decoder) -> None:
    payload = b'{"t":1789999999000,"seq":7,"hr":72,"spo2":97.5,"worn":true,"made_up":[1]}'
    decoded = decode(decoder, ("b1/vitals", payload), ("b2/vitals", b' {"hr":null}'))
    (vitals,) = decoded.readings
    assert isinstance(vitals, Vitals)
    assert vitals.row.tolist() == [0, 1]
    assert vitals.time_ms.tolist() == [1789999999000, NOW_MS]
    assert vitals.time_assumed.tolist() == [False, True]
    assert vitals.seq.tolist() == [7, -1]
    assert vitals.heart_rate_bpm.tolist()[0] == 72
    assert np.isnan(vitals.heart_rate_bpm[1])
    assert vitals.spo2_pct[0] == 97.5
    assert vitals.worn.tolist() == [1, -1]
    assert not decoded.rejected


def test_an_array_is_a_backlog_and_only_its_bad_readings_are_lost(decoder: Decoder) -> None:
    payload = b'[{"hr":70},{"hr":301},{"hr":"80"},{"hr":75}]'
    decoded = decode(decoder, ("b1/vitals", payload), ("b2/vitals", b'{"hr":60}'))
    (vitals,) = decoded.readings
    assert vitals.row.tolist() == [0, 0, 1]
    assert isinstance(vitals, Vitals)
    assert vitals.heart_rate_bpm.tolist() == [70, 75, 60]
    assert reasons(decoded) == [Reason.OUT_OF_RANGE, Reason.WRONG_TYPE]
    assert "reading 1" in decoded.rejected[0].detail
    assert "hr" in decoded.rejected[0].detail


@pytest.mark.parametrize(
    ("tail", "payload", "reason"),
    [
        ("//care/v1/home/b1", b"{}", Reason.WRONG_TOPIC),
        ("//care/v1/ho me/b1/vitals", b"{}", Reason.WRONG_TOPIC),
        ("b1/vitals/more", b"{}", Reason.WRONG_TOPIC),
        ("b1/pulse", b"{}", Reason.UNKNOWN_KIND),
        ("ghost/vitals", b"{}", Reason.UNKNOWN_DEVICE),
        ("b1/vitals", b" " * 10_001, Reason.TOO_LARGE),
        ("b1/vitals", b'{"hr":', Reason.NOT_JSON),
        ("b1/vitals", b"", Reason.NOT_JSON),
        ("b1/vitals", b"hello", Reason.NOT_JSON),
        ("b1/vitals", b'{"hr":NaN}', Reason.NON_FINITE),
        ("b1/vitals", b'{"hr":-Infinity}', Reason.NON_FINITE),
        ("b1/vitals", b'{"hr":1e999}', Reason.OUT_OF_RANGE),
        ("b1/vitals", b'{"hr":true}', Reason.WRONG_TYPE),
        ("b1/vitals", b'{"temp":19.9}', Reason.OUT_OF_RANGE),
        ("b1/vitals", b'{"t":99999999999999999999}', Reason.OUT_OF_RANGE),
        ("b1/vitals", b'{"t":1700000000}', Reason.TOO_OLD),
        ("b1/vitals", b'{"t":1790000700000}', Reason.IN_FUTURE),
        ("b1/vitals", b"[" * 9_000, Reason.NOT_JSON),
        ("l1/location", b'{"lat":91,"lon":0}', Reason.OUT_OF_RANGE),
        ("l1/location", b'{"lat":1,"lon":0,"src":"magic"}', Reason.OUT_OF_RANGE),
        ("b1/motion", b"M1", Reason.TRUNCATED),
        ("b1/motion", b"B1" + bytes(20), Reason.NOT_BINARY),
        ("b1/motion", b'{"rate":50,"xyz":[]}', Reason.OUT_OF_RANGE),
        ("b1/motion", b'{"rate":50,"xyz":[[1,2]]}', Reason.WRONG_TYPE),
        ("b1/motion", b'{"rate":50}', Reason.WRONG_TYPE),
        ("b1/sos", b"help!", Reason.NOT_JSON),
    ],
)
def test_bad_input_is_named_and_its_neighbours_are_kept(
    decoder: Decoder, tail: str, payload: bytes, reason: Reason
) -> None:
    kind = tail.rsplit("/", 1)[-1]
    good = {"location": b'{"lat":36.6,"lon":118}', "motion": _motion(), "sos": b""}.get(kind, b'{"hr":66}')
    neighbour = f"b2/{kind if kind in ('location', 'motion', 'sos') else 'vitals'}"
    decoded = decode(decoder, (neighbour, good), (tail, payload), (neighbour, good))
    assert reasons(decoded) == [reason]
    assert decoded.rejected[0].payload == payload
    assert sum(map(len, decoded.readings)) == 2
    assert decoded.readings[0].row.tolist() == [1, 1]


def test_no_payload_can_leak_into_its_neighbours_device(decoder: Decoder) -> None:
    """Halves that would be whole when joined, and one that would be two, are refused one by one."""
    decoded = decode(
        decoder,
        ("b1/vitals", b'{"x":[1'),
        ("b1/vitals", b'{"y":2}]}'),
        ("b2/vitals", b'{"hr":1},{"hr":2}'),
        ("b2/vitals", b'{"hr":61}'),
    )
    (vitals,) = decoded.readings
    assert isinstance(vitals, Vitals)
    assert vitals.heart_rate_bpm.tolist() == [61]
    assert reasons(decoded) == [Reason.NOT_JSON] * 3


def test_an_empty_payload_is_a_press(decoder: Decoder) -> None:
    decoded = decode(decoder, ("b1/sos", b""), ("b1/sos", b"{}"), ("b2/sos", b'{"action":"cancel"}'))
    (sos,) = decoded.readings
    assert isinstance(sos, Sos)
    assert [ACTIONS[code] for code in sos.action] == ["press", "press", "cancel"]


def test_a_press_with_an_impossible_position_or_clock_is_still_a_press(decoder: Decoder) -> None:
    decoded = decode(
        decoder,
        ("b1/sos", b'{"lat":1000,"lon":0}'),
        ("b1/sos", b'{"t":1}'),
        ("b2/sos", b'{"t":-5,"action":"press"}'),
    )
    (sos,) = decoded.readings
    assert isinstance(sos, Sos)
    assert sos.row.tolist() == [0, 0, 1]
    assert sos.time_ms.tolist() == [NOW_MS] * 3
    assert sos.time_assumed.tolist() == [True] * 3
    assert np.isnan(sos.lat_deg).all()
    assert reasons(decoded) == [Reason.OUT_OF_RANGE, Reason.OUT_OF_RANGE]


def test_positions_come_out_in_wgs84_whatever_the_device_speaks(decoder: Decoder) -> None:
    gcj = b'{"lat":31.17530398364597,"lon":121.531541859215}'
    decoded = decode(
        decoder,
        ("l1/location", gcj),  # registered as GCJ-02
        ("b1/location", gcj[:-1] + b',"crs":"gcj02"}'),
        ("b1/location", b'{"lat":31.1774276,"lon":121.5272106,"src":"lbs","acc":500}'),
        ("b1/location", b"{}"),
    )
    (location,) = decoded.readings
    assert isinstance(location, Location)
    assert location.lat_deg[:3] == pytest.approx([31.1774276] * 3, abs=1e-6)
    assert location.lon_deg[:3] == pytest.approx([121.5272106] * 3, abs=1e-6)
    assert [CRSS[c] for c in location.crs] == ["gcj02", "gcj02", "wgs84", "wgs84"]
    assert np.isnan(location.lat_deg[3])


def _motion(samples: int = 5, time_ms: int = NOW_MS) -> bytes:
    acc_g = np.tile([0.0, 0.5, 1.0], (samples, 1))
    return contract.encode_binary(Kind.MOTION, time_ms=time_ms, rate_hz=50, samples=acc_g, counts_per_unit=4096)


def test_binary_and_json_motion_of_any_length_meet_in_one_set_of_columns(decoder: Decoder) -> None:
    decoded = decode(
        decoder,
        ("b1/motion", _motion(3)),
        ("b2/motion", b'{"t":1790000000000,"rate":25,"xyz":[[1,2,3],[4,5,6]]}'),
        ("b1/motion", _motion(4)),
        ("b2/motion", _motion(3)),
    )
    (motion,) = decoded.readings
    assert isinstance(motion, Motion)
    assert motion.count.sum() == len(motion.acc_g) == 12
    packets = {
        (int(row), int(count)): motion.acc_g[start : start + count]
        for row, start, count in zip(motion.row, motion.start, motion.count, strict=True)
    }
    assert packets[1, 2].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert packets[0, 4].tolist() == [[0, 0.5, 1]] * 4
    assert packets[0, 3].tolist() == packets[1, 3].tolist() == [[0, 0.5, 1]] * 3


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (2, b"\x01", Reason.NOT_BINARY),
        (4, b"\0\0", Reason.OUT_OF_RANGE),
        (6, b"\0\0", Reason.OUT_OF_RANGE),
        (6, b"\1\0", Reason.OUT_OF_RANGE),
        (8, b"\xff" * 8, Reason.OUT_OF_RANGE),
        (8, b"\0" * 8, Reason.TOO_OLD),
    ],
)
def test_a_binary_header_that_makes_no_sense_is_refused_alone(
    decoder: Decoder, offset: int, value: bytes, reason: Reason
) -> None:
    bad = bytearray(_motion())
    bad[offset : offset + len(value)] = value
    decoded = decode(decoder, ("b1/motion", _motion()), ("b1/motion", bytes(bad)), ("b2/motion", _motion()[:-1]))
    assert sorted(reasons(decoded)) == sorted([reason, Reason.TRUNCATED])
    assert [len(r) for r in decoded.readings] == [1]


def test_bcg_binary_and_json(decoder: Decoder) -> None:
    binary = contract.encode_binary(
        Kind.BCG, time_ms=NOW_MS, rate_hz=12.5, samples=np.array([0.5, -0.25]), counts_per_unit=100
    )
    decoded = decode(decoder, ("b1/bcg", b'{"rate":100,"v":[1,2,3]}'), ("b2/bcg", binary))
    (bcg,) = decoded.readings
    assert isinstance(bcg, Bcg)
    assert bcg.rate_hz.tolist() == [100, 12.5]
    assert bcg.signal.tolist() == [1, 2, 3, 0.5, -0.25]
    assert bcg.start.tolist() == [0, 3]


def test_each_message_is_one_lanes_business(decoder: Decoder) -> None:
    topics = [
        f"care/v1/{tail}"
        for tail in ("home/b1/sos", "home/b1/vitals", "home/ghost/sos", "home/ghost/vitals", "x/sos", "home/b1/cmd")
    ]
    payloads = [b"{}"] * len(topics)
    urgent = decoder.decode(topics, payloads, NOW_MS, contract.URGENT_LANE)
    telemetry = decoder.decode(topics, payloads, NOW_MS, contract.TELEMETRY_LANE)
    assert [type(r) for r in urgent.readings] == [Sos]
    assert [type(r) for r in telemetry.readings] == [Vitals]
    assert [(r.topic, r.reason) for r in urgent.rejected] == [(topics[2], Reason.UNKNOWN_DEVICE)]
    assert [(r.topic, r.reason) for r in telemetry.rejected] == [
        (topics[3], Reason.UNKNOWN_DEVICE),
        (topics[4], Reason.WRONG_TOPIC),
    ]


def test_bed_and_status(decoder: Decoder) -> None:
    decoded = decode(
        decoder,
        ("b1/bed", b'{"present":false,"move":0.25}'),
        ("b1/status", b'{"bat":12.5,"charging":false,"fw":"1.0"}'),
        ("b2/status", b"{}"),
    )
    bed, status = sorted(decoded.readings, key=lambda r: r.KIND)
    assert isinstance(bed, Bed)
    assert isinstance(status, Status)
    assert bed.present.tolist() == [0]
    assert status.firmware.tolist() == ["1.0", ""]
    assert status.charging.tolist() == [0, -1]


def test_the_directory_can_be_exchanged_and_rows_stay(decoder: Decoder) -> None:
    known = list(decoder.directory.devices)
    decoder.directory = decoder.directory.updated([Device(SITE, "new", DeviceType.BUTTON), *known[1:]])
    decoded = decode(decoder, ("new/sos", b""), ("b2/sos", b""), ("b1/sos", b""))
    (sos,) = decoded.readings
    assert sos.row.tolist() == [3, 1]
    assert reasons(decoded) == [Reason.UNKNOWN_DEVICE]


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        ("status", b'{"fw":"\\ud800"}', Reason.WRONG_TYPE),
        ("status", b'{"fw":NaN}', Reason.NON_FINITE),
        ("bed", b'{"present":"\\ud800"}', Reason.WRONG_TYPE),
        ("vitals", b'{"hr":60,"\\ud800":1}', Reason.WRONG_TYPE),
    ],
)
def test_text_that_could_not_be_stored_is_rejected_alone(
    decoder: Decoder, kind: str, payload: bytes, reason: Reason
) -> None:
    """Half a surrogate pair fits no UTF-8, and what stands for NaN is no text: either once ended the service."""
    decoded = decode(decoder, (f"b1/{kind}", payload), ("b2/vitals", b'{"hr":61}'))
    assert reasons(decoded) == [reason]
    assert sum(len(readings) for readings in decoded.readings) == 1
