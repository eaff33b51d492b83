"""What people read of a site's devices: how many of which cause, and which, as far as the channel may say."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.calling.escalation import Recipient
from alerts.findings import Condition, Priority
from alerts.lifecycle import Event
from alerts.notify.contract import Place
from alerts.notify.summons import Summons, read_summons, summons_message, together
from alerts.notify.words import LEVELS, Privacy, Style, Text, call_text, letter_text
from tests.unit.alerts.summons import NAME, RAISED, RAISED_MS

WHO = Recipient("technician", "sms")


class Book:
    """Knows rooms of those residents that have a number, and who they are."""

    def contact(self, caregiver: str, channel: str) -> None:
        return None

    def recipients(self) -> tuple[Recipient, ...]:
        return ()

    def sites(self, recipient: Recipient) -> tuple[str, ...]:
        return ()

    def place(self, site: str, resident: str | None) -> Place:
        return Place("静安护理院", f"1-{resident}", NAME) if resident else Place("静安护理院")


def body(device: str, cause: str, resident: str | None = None, **more: Any) -> bytes:
    about = {"condition": Condition.DEVICE, "priority": Priority.LOW, "alarm": f"{device}-{cause}"}
    alarm = replace(RAISED.alarm, device=device, cause=cause, resident=resident, **about | more)  # type: ignore[arg-type]
    return summons_message(replace(RAISED, alarm=alarm), WHO).body


def read(*bodies: bytes) -> tuple[Summons, ...]:
    return read_summons(together(bodies))


def text(*bodies: bytes, level: Privacy = "room", language: str = "zh", url: str | None = None) -> Text:
    return letter_text(read(*bodies), Book(), language, Style(level, console_url=url))


THREE = (
    body("BR-1", "clock_wrong", "01"),
    body("BR-2", "battery_low", "02", raised_ms=RAISED_MS - 3_600_000),
    body("DOOR-3", "battery_low"),
)


def test_causes_with_their_numbers_and_devices_in_chinese() -> None:
    assert text(*THREE, url="https://shouhu.example/") == Text(
        "低级别警报：3 条设备警报",
        "地点：静安护理院\n电量低 2 条：BR-2（1-02 室）、DOOR-3\n设备时钟不准 1 条：BR-1（1-01 室）\n"
        "开始时间：2025-06-15 22:06\n请在控制台接手：https://shouhu.example/",
    )


def test_causes_with_their_numbers_and_devices_in_english() -> None:
    assert text(*THREE, language="en") == Text(
        "Low priority: 3 technical alarms",
        "Where: 静安护理院\nBattery low: 2 – BR-2 (room 1-02), DOOR-3\n"
        "The device's clock is wrong: 1 – BR-1 (room 1-01)\nSince: 2025-06-15 22:06\nTake it on the console.",
    )


def test_of_many_some_are_named_and_the_rest_is_counted() -> None:
    many = [body(f"BR-{n}", "battery_low", f"{n:02}") for n in range(32)]
    said = text(*many, body("BR-99", "not_worn", "99"), language="en")
    assert said.title == "Low priority: 33 technical alarms"
    _, low, worn, *_ = said.body.splitlines()
    assert low.startswith("Battery low: 32 – BR-0 (room 1-00), BR-1 (room 1-01)")
    assert low.endswith("BR-19 (room 1-19), and 12 more")
    assert worn == "Bracelet not worn: 1"
    assert "BR-18（1-18 室）、BR-19（1-19 室）、另有 12 条\n" in text(*many).body


def test_in_both_languages_it_fits_into_one_message_of_wecom() -> None:
    many = [body(f"BR-{n:08}", "battery_low", f"{n:02}") for n in range(500)]
    said = letter_text(
        read(*many), Book(), "zh", Style(languages=("zh", "en"), console_url="https://shouhu.example.org/")
    )
    assert len(f"{said.title}\n{said.body}".encode()) < 2048


def test_each_level_says_what_the_one_before_does_and_more() -> None:
    said = [text(*THREE, level=level) for level in LEVELS]
    assert said[0] == Text("警报", "静安护理院有 3 条设备警报，请打开控制台查看。\n请在控制台接手。")
    assert [("1-02" in one.body, "BR-2" in one.body, NAME in one.body) for one in said] == [
        (False, False, False),
        (True, True, False),
        (True, True, True),
        (True, True, True),
    ]
    assert not any(NAME in one.title for one in said)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_drill_and_a_later_call_say_so(language: str) -> None:
    drill, second = {"zh": ("【演练】", "第 2 次呼叫"), "en": ("[DRILL] ", "Second call")}[language]
    for level in LEVELS:
        said = text(
            *[body(f"BR-{n}", "silent", drill=True, step=2 + n) for n in range(3)], level=level, language=language
        )
        assert said.title.startswith(drill)
        assert second in said.body.splitlines()
        assert second not in text(*THREE, body("BR-4", "silent", step=2), level=level, language=language).body


def test_what_holds_one_alarm_reads_as_ever() -> None:
    place = Book().place("ward", "02")
    for level in LEVELS:
        assert text(THREE[1], level=level) == call_text(read(THREE[1])[0], place, "zh", Style(level))


def test_a_letter_holds_one_or_several() -> None:
    (one,) = read(THREE[0])
    assert (one.cause, one.event) == ("clock_wrong", Event.RAISE)
    assert [summons.device for summons in read(*THREE)] == ["BR-1", "BR-2", "DOOR-3"]
    assert NAME not in together(THREE).decode()
