"""Recording sets: what is read, and what is said of a set that is not as it should be."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ingest.contract import HEADER, BcgMessage, LocationMessage, MotionMessage
from simulators.recording import RecordingError, read_motion, read_set
from simulators.wearing import Form, messages_of

INDEX = "file,kind,subject,age_group,activity,event,onset_s,end_s,duration_s,rate_hz\n"
T_S = np.arange(120) / 50
XYZ_G = np.tile(np.array([0.0, 0.0, 1.0], dtype=np.float32), (120, 1))


def write(folder: Path, lines: str = "a.npz,motion,U1,young,F01,fall,1.0,2.0,2.4,50\n", **arrays: Any) -> Path:
    (folder / "index.csv").write_text(INDEX + lines)
    np.savez(folder / "a.npz", **({"t_s": T_S, "xyz_g": XYZ_G} | arrays))
    return folder


def test_a_motion_recording_becomes_packets_with_the_time_of_their_first_sample(tmp_path: Path) -> None:
    recordings = read_set(write(tmp_path))
    messages = messages_of(recordings, recordings.entry("a"), site="s", device="d", start_ms=1_700_000_000_000)
    headers = [np.frombuffer(message.payload[:16], dtype=HEADER)[0] for message in messages]
    assert [int(header["time_ms"]) for header in headers] == [1_700_000_000_000 + k for k in (0, 1000, 2000)]
    assert [len(message.payload) for message in messages] == [316, 316, 136]
    assert [message.at_ms for message in messages] == [1_700_000_000_000 + k for k in (1000, 2000, 2400)]
    assert {message.topic for message in messages} == {"care/v1/s/d/motion"}


def test_json_packets_hold_the_same_samples(tmp_path: Path) -> None:
    recordings = read_set(write(tmp_path))
    messages = messages_of(
        recordings, recordings.entry("a"), site="s", device="d", start_ms=0, packet_s=0.5, form=Form.JSON
    )
    packets = [msgspec.json.decode(message.payload, type=MotionMessage) for message in messages]
    assert sum(len(packet.xyz) for packet in packets) == 120
    assert packets[1].t == 500
    assert {packet.rate for packet in packets} == {50.0}


def test_nothing_is_sent_that_is_not_in_the_recording(tmp_path: Path) -> None:
    recordings = read_set(write(tmp_path))
    messages = messages_of(recordings, recordings.entry("a"), site="s", device="d", start_ms=0, packet_s=0.7)
    samples = np.concatenate([np.frombuffer(message.payload[16:], dtype="<i2") for message in messages])
    assert len(samples) == 3 * 120


def test_a_location_recording_says_that_it_is_wgs84(tmp_path: Path) -> None:
    write(tmp_path, "a.npz,location,U1,,walk,,,,,\n", t_s=T_S, lat_deg=np.full(120, 36.6), lon_deg=np.full(120, 117.9))
    recordings = read_set(tmp_path)
    messages = messages_of(recordings, recordings.entry("a.npz"), site="s", device="d", start_ms=0)
    fix = msgspec.json.decode(messages[-1].payload, type=LocationMessage)
    assert (fix.t, fix.lat, fix.lon, fix.crs) == (2380, 36.6, 117.9, "wgs84")


def test_a_respiration_recording_becomes_bed_signal(tmp_path: Path) -> None:
    write(tmp_path, "a.npz,respiration,U1,,bed,,,,,125\n", t_s=np.arange(250) / 125, resp=np.sin(np.arange(250)))
    recordings = read_set(tmp_path)
    messages = messages_of(recordings, recordings.entry("a"), site="s", device="d", start_ms=0, form=Form.JSON)
    packet = msgspec.json.decode(messages[1].payload, type=BcgMessage)
    assert (packet.t, packet.rate, len(packet.v)) == (1000, 125.0, 125)


def test_an_unknown_recording_names_those_that_are_near(tmp_path: Path) -> None:
    recordings = read_set(write(tmp_path, "F01_U01_R01.npz,motion,U1,,F01,,,,,50\n"))
    with pytest.raises(RecordingError, match=r"no recording 'F01_U1_R01'; near: F01_U01_R01"):
        recordings.entry("F01_U1_R01")


def test_an_unknown_set_names_those_that_are_near(tmp_path: Path) -> None:
    (tmp_path / "weda-fall").mkdir()
    with pytest.raises(RecordingError, match=r"weda-fal: no such folder; near: .*weda-fall"):
        read_set(tmp_path / "weda-fal")


@pytest.mark.parametrize(
    ("index", "what"),
    [
        ("file,subject,activity\na.npz,U1,F01\n", r"index\.csv: column kind is missing"),
        (INDEX, r"index\.csv: holds no recording"),
        (INDEX + "a.npz,movement,U1,,F01,,,,,50\n", r"index\.csv:2: kind: is not one of .*'movement'"),
        (INDEX + "a.npz,motion,U1,,F01,slip,,,,50\n", r"index\.csv:2: event: .*'slip'"),
        (INDEX + "a.npz,motion,U1,,F01,,,,,fast\n", r"index\.csv:2: rate_hz: .*'fast'"),
        (INDEX + "../a.npz,motion,U1,,F01,,,,,50\n", r"index\.csv:2: file: leads out of the folder"),
    ],
)
def test_a_wrong_index_is_told_with_file_line_and_column(tmp_path: Path, index: str, what: str) -> None:
    (tmp_path / "index.csv").write_text(index)
    with pytest.raises(RecordingError, match=what):
        read_set(tmp_path)


def test_every_wrong_line_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(INDEX + "a,motion,U,,A,,-1,,,50\n,motion,U,,A,,,,,50\n")
    with pytest.raises(RecordingError) as error:
        read_set(tmp_path)
    assert len(error.value.problems) == 2


def test_a_folder_without_an_index_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"index\.csv: no such file"):
        read_set(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"xyz_g": XYZ_G[:, :2]}, r"a\.npz: xyz_g: has shape \(120, 2\), expected \(120, 3\)"),
        ({"xyz_g": np.full((120, 3), np.nan)}, r"a\.npz: xyz_g: holds a number that is not finite"),
        ({"xyz_g": np.full((120, 3), "1")}, r"a\.npz: xyz_g: holds <U1, expected numbers"),
        ({"t_s": T_S[::-1]}, r"a\.npz: t_s: goes back in time at sample 1"),
        ({"t_s": np.full(120, np.inf)}, r"a\.npz: t_s: holds a time that is not finite"),
        ({"t_s": T_S[:0]}, r"a\.npz: t_s: has shape \(0,\)"),
        ({"t_s": np.array([{}] * 120)}, r"a\.npz: cannot be read: .*pickle"),
    ],
)
def test_wrong_arrays_are_told_with_file_and_array(tmp_path: Path, arrays: dict[str, Any], what: str) -> None:
    recordings = read_set(write(tmp_path, **arrays))
    with pytest.raises(RecordingError, match=what):
        read_motion(recordings, recordings.entry("a"))


def test_a_missing_array_a_broken_file_and_a_missing_file_are_told(tmp_path: Path) -> None:
    recordings = read_set(write(tmp_path))
    np.savez(tmp_path / "a.npz", t_s=T_S, acc=XYZ_G)
    with pytest.raises(RecordingError, match=r"a\.npz: array xyz_g is missing \(found t_s, acc\)"):
        read_motion(recordings, recordings.entry("a"))
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(RecordingError, match=r"a\.npz: cannot be read"):
        read_motion(recordings, recordings.entry("a"))
    (tmp_path / "a.npz").unlink()
    with pytest.raises(RecordingError, match=r"a\.npz: no such file"):
        read_motion(recordings, recordings.entry("a"))
