"""A hundred thousand payloads nobody should send: no crash, and each accounted for."""

import json
import string
import struct
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import paho.mqtt.client as paho

from ingest.contract import KINDS, TELEMETRY_LANE, URGENT_LANE
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory

COUNT = 100_000
SEED = 3
SKEWS_MS = (-(10**10), -(10**9), -3_600_000, 0, 3_600_000, 10**10)
FIELDS = (
    "t",
    "seq",
    "hr",
    "spo2",
    "temp",
    "worn",
    "lat",
    "lon",
    "crs",
    "src",
    "state",
    "rate",
    "xyz",
    "v",
    "fw",
    "present",
)
WORDS = ("press", "cancel", "gcj02", "gnss", "suspected", "", "\ud800", "守护", "\x00", "NaN")
NUMBERS = (0, 1, -1, 61, 97.5, 1e308, -1e-300, 2**31, 2**53, 2**63, 2**64, 10**400, float("nan"), float("inf"))


class Hostile:
    """A seeded maker of messages: sound, nearly sound, cut, nested, binary with lies in its header, and noise."""

    def __init__(self, site: str, seed: int, now_ms: int) -> None:
        self._random = Random(seed)
        self._site = site
        self._now_ms = now_ms

    def message(self) -> tuple[str, bytes]:
        """One topic and payload."""
        random = self._random
        kind = random.choice(
            sorted(set(KINDS) - {"sos", "fall"}) if random.random() < 0.97 else ["sos", "fall", "pulse", "cmd"]
        )
        device = random.choices(["BR-1", "BR-2", "MAT-1", "LOC-1", "ghost", "sp ace", "ü"], [9, 9, 5, 5, 1, 1, 1])[0]
        payload = random.choices([self._text, self._cut, self._binary, self._noise, self._deep], [12, 3, 4, 3, 0.02])[
            0
        ]()
        return f"care/v1/{self._site}/{device}/{kind}", payload

    def _value(self, depth: int = 0) -> Any:
        random = self._random
        which = random.random()
        if which < 0.6 or depth > 2:
            return random.choice(NUMBERS) if which < 0.45 else self._now_ms + random.choice(SKEWS_MS)
        if which < 0.8:
            return random.choice((*WORDS, None, True, False))
        if which < 0.9:
            return [self._value(depth + 1) for _ in range(random.randint(0, 4))]
        return self._object(depth + 1)

    def _object(self, depth: int = 0) -> dict[str, Any]:
        random = self._random
        if random.random() < 0.3:
            return {
                "t": self._now_ms - random.randint(0, 10**6),
                "seq": random.randint(0, 10**6),
                "hr": random.randint(0, 300),
            }
        return {random.choice(FIELDS): self._value(depth) for _ in range(random.randint(0, 5))}

    def _text(self) -> bytes:
        whole = (
            self._object()
            if self._random.random() < 0.7
            else [self._object() for _ in range(self._random.randint(0, 4))]
        )
        return json.dumps(whole).encode()

    def _cut(self) -> bytes:
        text = self._text()
        return text[: self._random.randrange(len(text))] + self._random.choice((b"", b"]", b"}", b'",', b"\xff"))

    def _binary(self) -> bytes:
        random = self._random
        magic = random.choice((b"M1", b"B1", b"M2"))
        rate, scale = random.choice((0, 500, 1000, 65535)), random.choice((0, 1, 4096, 65535))
        time_ms = random.choice((self._now_ms, 0, -(2**63), 2**63 - 1))
        body = random.randbytes(random.choice((0, 1, 2, 6, 7, 12, 300)))
        return struct.pack("<2sBBHHq", magic, random.choice((0, 0, 255)), 0, rate, scale, time_ms) + body

    def _noise(self) -> bytes:
        if self._random.random() < 0.5:
            return "".join(self._random.choices(string.printable, k=self._random.randint(0, 30))).encode()
        return self._random.randbytes(self._random.randint(0, 40))

    def _deep(self) -> bytes:
        depth = self._random.choice((100, 5_000))
        return (
            b"[" * depth + b"]" * self._random.choice((depth, depth - 1))
            if self._random.random() < 0.5
            else b'{"hr":' * depth
        )


def told_by_the_decoder(
    house: Any, messages: list[tuple[str, bytes]], now_ms: int
) -> tuple[Counter[str], Counter[str]]:
    """Readings by kind and rejected by reason, of the same messages decoded here."""
    types = {
        "BR-1": DeviceType.BRACELET,
        "BR-2": DeviceType.BRACELET,
        "MAT-1": DeviceType.BED_MAT,
        "LOC-1": DeviceType.LOCATOR,
    }
    decoder = Decoder(Directory([Device(house.site, name, type_) for name, type_ in types.items()]))
    taken: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for begin in range(0, len(messages), 500):
        part = messages[begin : begin + 500]
        for lane in (URGENT_LANE, TELEMETRY_LANE):
            decoded = decoder.decode([topic for topic, _ in part], [body for _, body in part], now_ms, lane)
            taken.update({readings.KIND.value: len(readings) for readings in decoded.readings})
            rejected.update(each.reason.value for each in decoded.rejected)
    return taken, rejected


def test_a_hundred_thousand_hostile_payloads_are_each_accounted_for(
    build_house: Callable[..., Any], mosquitto: Any
) -> None:
    house = build_house()
    now_ms = time.time_ns() // 1_000_000
    hostile = Hostile(house.site, SEED, now_ms)
    messages = [hostile.message() for _ in range(COUNT)]
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(2_000)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    for number, (topic, payload) in enumerate(messages, 1):
        sent = client.publish(topic, payload, qos=1)
        if number % 5_000 == 0:  # paho numbers at most 65,535 at once
            sent.wait_for_publish(60)
    taken, rejected = told_by_the_decoder(house, messages, now_ms)

    def counts() -> tuple[float, float]:
        return house.figure("shouhu_readings_total"), house.figure("shouhu_rejected_total")

    expected = float(taken.total()), float(rejected.total())
    house.wait("accounts", lambda: sum(counts()) >= sum(expected), within_s=120)
    client.disconnect()
    client.loop_stop()
    print(f"\n{COUNT} hostile payloads: readings {taken.total()}, rejected {dict(rejected)}")
    assert counts() == expected
    assert house.get("/api/v1/quarantine")["counts"] == dict(rejected)
    house.wait("stored", lambda: house.figure("shouhu_spool_readings") == 0)
    assert house.is_ready()
    assert "Traceback" not in house.log()
