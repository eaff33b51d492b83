"""What a bracelet said of being worn holds for vitals that do not say it."""

from typing import Any

import numpy as np
import pytest

from alerts.bank import Bank
from alerts.detectors.standard import DetectorSettings, standard_detectors
from alerts.detectors.zones import ZoneTable
from alerts.findings import Change
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory

T0_MS = 1_760_000_000_000


class Bracelet:
    """A bracelet that says one thing after another, each received as soon as it was said."""

    def __init__(self) -> None:
        self.decoder = Decoder(Directory([Device("s", "br", DeviceType.BRACELET, "r")]))
        self.bank = Bank(standard_detectors(ZoneTable(), DetectorSettings()), 1)

    def says(self, at_s: float, *kinds: str, **fields: Any) -> list[tuple[str, Change]]:
        """One message of each kind: of vitals with a pulse, of status without."""
        time_ms = T0_MS + round(at_s * 1000)
        own = {"vitals": ("hr", "temp", "spo2"), "status": ("charging",)}
        bodies = []
        for kind in kinds:
            told = {name: value for name, value in fields.items() if name == "worn" or name in own[kind]}
            bodies.append(
                str({"t": time_ms, **told}).replace("'", '"').replace("True", "true").replace("False", "false")
            )
        decoded = self.decoder.decode([f"care/v1/s/br/{kind}" for kind in kinds], [b.encode() for b in bodies], time_ms)
        assert not decoded.rejected
        return [(f.cause, f.change) for f in self.bank.update(decoded.readings, time_ms)]

    def pulse(self, begin_s: int, end_s: int, hr: float) -> list[tuple[str, Change]]:
        return [told for at_s in range(begin_s, end_s, 10) for told in self.says(at_s, "vitals", hr=hr)]


LOW = [("heart_rate_low", Change.BEGAN)]


def test_no_pulse_of_a_bracelet_that_said_nothing_of_being_worn_rings() -> None:
    assert Bracelet().pulse(0, 60, hr=0) == LOW


@pytest.mark.parametrize(
    ("word", "raised"), [({"worn": False}, [("not_worn", Change.BEGAN)]), ({"charging": True}, [])]
)
def test_a_bracelet_whose_status_said_it_lies_somewhere_raises_not_worn_and_never_no_pulse(
    word: dict[str, bool], raised: list[tuple[str, Change]]
) -> None:
    bracelet = Bracelet()
    assert bracelet.says(0, "status", **word) == []
    assert bracelet.pulse(1, 7200, hr=0) == raised


def test_what_lies_on_a_table_is_not_a_cold_person_either() -> None:
    bracelet = Bracelet()
    bracelet.says(0, "status", worn=False)
    assert bracelet.says(60, "vitals", temp=24.0) == []
    assert Bracelet().says(60, "vitals", temp=24.0) == [("temperature_low", Change.BEGAN)]


def test_the_word_holds_for_vitals_that_come_beside_it() -> None:
    decoder, bracelet = Bracelet().decoder, Bracelet()
    topics = ["care/v1/s/br/vitals", "care/v1/s/br/status"]
    bodies = [b'{"t": %d, "temp": 24}' % (T0_MS + 5), b'{"t": %d, "worn": false}' % T0_MS]
    decoded = decoder.decode(topics, bodies, T0_MS + 10)
    assert bracelet.bank.update(decoded.readings, T0_MS + 10) == []


@pytest.mark.parametrize(
    "back", [("status", {"worn": True}), ("vitals", {"worn": True, "hr": 0}), ("status", {"charging": False})]
)
def test_a_bracelet_put_on_again_is_watched_at_once(back: tuple[str, dict[str, Any]]) -> None:
    bracelet = Bracelet()
    bracelet.says(0, "status", **({"charging": True} if "charging" in back[1] else {"worn": False}))
    assert bracelet.pulse(1, 60, hr=0) == []
    bracelet.says(60, back[0], **back[1])
    assert bracelet.pulse(70, 130, hr=0) == LOW


def test_a_pulse_is_believed_again_after_a_quarter_of_an_hour_without_a_word() -> None:
    bracelet = Bracelet()
    bracelet.says(0, "status", worn=False)
    assert bracelet.pulse(1, 900, hr=150) == []
    assert bracelet.pulse(901, 1000, hr=150) == [("heart_rate_high", Change.BEGAN)]


def test_a_later_word_says_nothing_of_an_earlier_reading() -> None:
    bracelet = Bracelet()
    bracelet.says(1000, "status", worn=False)
    assert bracelet.says(900, "vitals", temp=24.0) == [("temperature_low", Change.BEGAN)]


def test_what_the_vitals_say_themselves_counts() -> None:
    bracelet = Bracelet()
    bracelet.says(0, "status", worn=False)
    assert bracelet.says(10, "vitals", temp=24.0, worn=True) == [("temperature_low", Change.BEGAN)]


def test_the_word_is_known_after_a_restart() -> None:
    before, after = Bracelet(), Bracelet()
    before.says(0, "status", worn=False)
    assert after.bank.restore(before.bank.save()) == ()
    assert after.pulse(1, 60, hr=0) == []


def test_readings_are_left_as_they_were_sent() -> None:
    bracelet = Bracelet()
    bracelet.says(0, "status", worn=False)
    decoded = bracelet.decoder.decode(["care/v1/s/br/vitals"], [b'{"hr": 0}'], T0_MS + 1000)
    bracelet.bank.update(decoded.readings, T0_MS + 1000)
    assert np.array_equal(decoded.readings[0].worn, [-1])  # type: ignore[union-attr]
