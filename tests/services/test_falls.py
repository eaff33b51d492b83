"""A fall from the bracelet to the nurse: its motion, what else is known of the person, and what people say of it."""

import json
import math
import os
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest import contract
from ingest.contract import Kind
from simulators.motion import Activity
from simulators.recording import read_motion, read_set
from tests.services.test_house import device_of
from tests.unit.alerts.motion_of_a_wrist import moving

RECORDINGS = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
SET = RECORDINGS / "weda-fall"
RECORDING = "F01_U01_R01"
needs_recording = pytest.mark.skipif(
    not (SET / f"{RECORDING}.npz").exists(),
    reason=f"needs the recording set weda-fall at {SET} (set SHOUHU_RECORDINGS; docs say where to get it)",
)
RATE_HZ = 50.0
Send = Callable[..., None]


class Wearer:
    """R-1 of the house, whose devices say what they said a minute ago, in order and at once."""

    def __init__(self, house: Any, send: Send) -> None:
        self.house = house
        self._send = send
        self.impact_ms = time.time_ns() // 1_000_000 - 70_000

    def moves(self, acc_g: NDArray[np.float32], from_s: float) -> None:
        """The bracelet's motion from so long after the impact, in packets of a second."""
        size = round(RATE_HZ)
        for first in range(0, len(acc_g) - size + 1, size):
            time_ms = self.impact_ms + round((from_s + first / RATE_HZ) * 1000)
            packet = contract.encode_binary(
                Kind.MOTION, time_ms=time_ms, rate_hz=RATE_HZ, samples=acc_g[first : first + size], counts_per_unit=2048
            )
            self._send(self.house.topic("BR-1", "motion"), packet)

    def says(self, device: str, kind: str, *after_s: float, **fields: Any) -> None:
        """Something else, at so many seconds from the impact."""
        for second in after_s:
            message = {"t": self.impact_ms + round(second * 1000)} | fields
            self._send(self.house.topic(device, kind), json.dumps(message).encode())

    def alarm(self, **wanted: Any) -> dict[str, Any]:
        """The open alarm of a fall once it is as wanted."""

        def found() -> dict[str, Any] | None:
            falls = [one for one in self.house.alarms() if one["condition"] == "fall"]
            return next((one for one in falls if wanted.items() <= one.items()), None)

        alarm: dict[str, Any] = self.house.wait(f"a fall that is {wanted}", found)
        return alarm

    def clip(self, alarm: dict[str, Any], until_s: float | None = None) -> dict[str, Any]:
        """The clip of an alarm, once it is whole or reaches so far beyond the impact."""

        def found() -> dict[str, Any] | None:
            try:
                clip: dict[str, Any] = self.house.get(f"/api/v1/alarms/{alarm['alarm']}/clip")
            except urllib.error.HTTPError:  # none yet
                return None
            reached = until_s is not None and clip["time_s"][-1:] >= [until_s]
            return clip if clip["complete"] or reached else None

        clip: dict[str, Any] = self.house.wait("clip", found)
        return clip


@pytest.fixture
def wearer(build_house: Callable[..., Any], mosquitto: Any) -> Any:
    house = build_house()
    with device_of(mosquitto) as send:
        yield Wearer(house, send)


def suspected(wearer: Wearer) -> dict[str, Any]:
    """The bracelet itself suspects a fall; the alarm it raised."""
    wearer.says("BR-1", "fall", 0, state="suspected")
    return wearer.alarm(priority="medium", cause="device_suspected")


@needs_recording
def test_a_recorded_fall_has_its_motion_and_survives_a_crash_and_is_fed_back(wearer: Wearer, tmp_path: Path) -> None:
    recordings = read_set(SET)
    motion = read_motion(recordings, recordings.entry(RECORDING))
    even_s = np.arange(motion.time_s[0], motion.time_s[-1], 1 / RATE_HZ)
    acc_g = np.stack([np.interp(even_s, motion.time_s, motion.acc_g[:, i]) for i in range(3)], axis=1)
    hit = int(np.linalg.norm(acc_g, axis=1).argmax())
    # Still from two seconds after the impact on, whether what was sent before the crash is delivered again or not.
    lain = round(2 * RATE_HZ)
    whole = np.concatenate(
        [moving(Activity.RESTING, 20), acc_g[: hit + lain].astype(np.float32), moving(Activity.LYING, 46)]
    )
    hit_s = float(np.linalg.norm(whole, axis=1).argmax()) / RATE_HZ
    crash = round((math.floor(hit_s) + 8) * RATE_HZ)
    wearer.moves(whole[:crash], -hit_s)
    alarm = wearer.alarm(resident="R-1")
    assert alarm["cause"] in ("wrist_suspected", "wrist_fall")
    first = wearer.clip(alarm, until_s=crash / RATE_HZ - hit_s - 0.1)
    assert first["time_s"][0] == pytest.approx(-10, abs=0.05)

    wearer.house.kill()
    wearer.house.start()
    wearer.moves(whole[crash:], crash / RATE_HZ - hit_s)
    clip = wearer.clip(alarm)
    assert (clip["device"], clip["resident"], clip["numbers"], clip["gaps_s"]) == ("BR-1", "R-1", 1, [])
    assert clip["rate_hz"] == RATE_HZ
    size_g = np.linalg.norm(np.array(clip["acc_g"]), axis=1)
    assert abs(clip["time_s"][int(size_g.argmax())]) < 1
    assert size_g.max() == pytest.approx(np.linalg.norm(whole, axis=1).max(), abs=0.05)
    told = wearer.house.wait(
        "stillness", lambda: (a := wearer.alarm(resident="R-1")) and a["evidence"].get("lay_still_s", 0) >= 10 and a
    )
    assert "then still for" in told["evidence_words"]["en"]
    assert "之后静止" in told["evidence_words"]["zh"]

    wearer.house.post(f"/api/v1/alarms/{alarm['alarm']}/resolve", {"by": "nurse", "outcome": "true", "note": ""})
    judged = tmp_path / "judged"
    settings = ["--settings", str(wearer.house.folder / "shouhu.toml")]
    said = shouhu("feedback", "export", str(judged), *settings)
    assert said.startswith("1 falls, 0 missed falls, 0 false alarms")
    card = json.loads(shouhu("evaluate", str(judged), "--json"))
    (recording,) = card["recordings"]
    assert recording["event"] == "fall"
    assert recording["alarms"], "what was found in the house is found in the recording"
    assert card["summary"]["sensitivity"] == 1


def shouhu(*arguments: str) -> str:
    command = [sys.executable, "-c", "from service.cli.app import app; app()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wearer_in_bed_throughout_is_lowered_and_never_hidden(wearer: Wearer) -> None:
    wearer.says("MAT-1", "bed", -30, -20, -10, 0, present=True)
    suspected(wearer)
    wearer.says("MAT-1", "bed", 10, 20, 30, present=True)
    alarm = wearer.alarm(priority="low")
    assert (alarm["state"], alarm["cancelled"], alarm["repeats"]) == ("unacknowledged", False, 0)
    assert alarm["evidence"]["bed"] == "in_bed"
    assert alarm["evidence_words"]["zh"] == "床垫：一直在床上；因床垫信息而降级"
    course = wearer.house.get(f"/api/v1/alarms/{alarm['alarm']}")["transitions"]
    assert [step["event"] for step in course] == ["raise", "ease"]


def test_a_wearer_who_left_the_bed_is_raised(wearer: Wearer) -> None:
    wearer.says("MAT-1", "bed", -30, -20, -10, present=True)
    suspected(wearer)
    wearer.says("MAT-1", "bed", 5, present=False)
    alarm = wearer.alarm(priority="high")
    assert alarm["evidence_words"]["en"] == (
        "bed mat: left the bed at that moment; made more urgent by what the bed mat says"
    )


def test_walking_on_cancels_and_the_alarm_stays(wearer: Wearer) -> None:
    wearer.moves(moving(Activity.WALKING, 12), -12)
    suspected(wearer)
    wearer.moves(moving(Activity.LYING, 8), 0)
    wearer.moves(moving(Activity.WALKING, 20), 8)
    alarm = wearer.alarm(cancelled=True)
    assert alarm["state"] == "returned"
    assert alarm["evidence"]["cancelled_by"] == "walking"
    assert 16 <= alarm["evidence"]["walked_after_s"] <= 28
    assert wearer.clip(alarm)["gaps_s"] == []
    wearer.house.post(f"/api/v1/alarms/{alarm['alarm']}/resolve", {"by": "nurse", "outcome": "false", "note": ""})
    assert wearer.house.alarms() == []


def test_lying_still_for_a_minute_makes_a_suspicion_urgent_also_after_a_crash(wearer: Wearer) -> None:
    suspected(wearer)
    wearer.house.kill()
    wearer.house.start()
    wearer.moves(moving(Activity.LYING, 65), 0)
    alarm = wearer.alarm(priority="high")
    assert alarm["evidence_words"]["en"] == "lay still for a minute or more afterwards; made more urgent by lying still"


def test_the_wearer_cancels_with_any_of_their_devices(wearer: Wearer) -> None:
    suspected(wearer)
    wearer.says("BTN-1", "sos", 20, action="cancel")
    alarm = wearer.alarm(cancelled=True)
    assert alarm["evidence"]["cancelled_by"] == "wearer"


def test_a_missed_fall_is_kept_with_the_motion_that_was_stored(wearer: Wearer) -> None:
    wearer.moves(moving(Activity.WALKING, 60), -30)
    report = {"by": "nurse", "resident": "R-1", "note": "found by the bed", "at_ms": wearer.impact_ms}

    def stored() -> bool:
        return bool(wearer.house.figure("shouhu_stored_readings") >= 60)

    wearer.house.wait("motion in the store", stored)
    told = wearer.house.post("/api/v1/missed-falls", report)
    assert (told["motion_s"], told["reason"]) == (60, None)
    told = wearer.house.post("/api/v1/missed-falls", report | {"resident": "R-2"})
    assert (told["motion_s"], told["reason"]) == (0, "none")
