"""The simulated home through the decoder and the fall detector of production: all falls, and nothing else."""

from itertools import islice

from alerts.bank import Bank
from alerts.detectors.fall import WristFall
from alerts.findings import Finding
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from simulators.care_home import STEP_S, Happening, Planned, care_home
from simulators.life import live

START_MS = 1_760_000_000_000
LATE_MS = 200


def found_in(script: list[Planned], *, seconds: int, seed: int) -> list[Finding]:
    """What the bracelets' motion tells, findings' rows being those of the home's devices."""
    home = care_home()
    decoder = Decoder(Directory(Device(home.site, worn.device, DeviceType(worn.type)) for worn in home.devices))
    bank = Bank([WristFall()], len(home.devices))
    findings: list[Finding] = []
    for number, chunk in enumerate(
        islice(live(home, script, start_ms=START_MS, seed=seed), seconds // STEP_S), start=1
    ):
        motion = [message for message in chunk.messages if message.topic.endswith("/motion")]
        now_ms = START_MS + number * STEP_S * 1000 + LATE_MS
        decoded = decoder.decode([m.topic for m in motion], [m.payload for m in motion], now_ms)
        findings += bank.update(decoded.readings, now_ms) + bank.tick(now_ms)
    return findings


def test_every_fall_is_found_the_second_time_too() -> None:
    home = care_home()
    bracelets = home.of_type("bracelet")
    script = [Planned(30 + 15 * i, Happening.FALL_IN_MOTION, bracelets[i % 24]) for i in range(48)]
    findings = found_in(script, seconds=800, seed=3)
    rows = {worn.device: row for row, worn in enumerate(home.devices)}
    falls = [(f.row, f.onset_ms) for f in findings if f.cause == "wrist_fall"]
    assert len(falls) == len(script)
    for planned in script:
        at_ms = START_MS + planned.at_s * 1000
        assert any(row == rows[planned.device.device] and 0 < onset_ms - at_ms < 2000 for row, onset_ms in falls)


def test_an_hour_of_daily_life_rings_no_alarm() -> None:
    assert found_in([], seconds=3600, seed=1) == []
