"""What people read of an alarm: whole texts in both languages, how much each level says, and whose words they are."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.calling.escalation import Recipient
from alerts.findings import Condition, Evidence, Priority
from alerts.lifecycle import Event
from alerts.notify.contract import Place
from alerts.notify.summons import Summons, read_summons, summons_message
from alerts.notify.words import LEVELS, Language, Privacy, Style, Text, call_text, proof_text, texts
from tests.unit.alerts.summons import NAME, RAISED
from tests.unit.test_docs import console_words

WHO = Recipient("nurse-1", "sms")
ROOM = Place("静安护理院", "3-12", NAME)


def summons(event: Event = Event.RAISE, **more: Any) -> Summons:
    message = summons_message(replace(RAISED, event=event, alarm=replace(RAISED.alarm, **more)), WHO)
    (read,) = read_summons(message.body)
    return read


def text(
    level: Privacy = "room", language: str = "zh", place: Place = ROOM, *, url: str | None = None, **more: Any
) -> Text:
    return call_text(summons(**more), place, language, Style(level, console_url=url))


def test_a_press_in_chinese() -> None:
    assert text(url="https://shouhu.example/") == Text(
        "高级别警报：紧急求助：按下求助按钮",
        "地点：静安护理院，3-12 室\n开始时间：2025-06-15 23:06\n请在控制台接手：https://shouhu.example/",
    )


def test_a_press_in_english() -> None:
    assert text(language="en") == Text(
        "High priority: Emergency call: Pressed the emergency button",
        "Where: 静安护理院, room 3-12\nSince: 2025-06-15 23:06\nTake it on the console.",
    )


def test_each_level_says_what_the_one_before_does_and_more() -> None:
    said = [text(level, evidence=(("heart_rate_bpm", 38),)) for level in LEVELS]
    assert said[0] == Text("警报", "静安护理院有一条警报，请打开控制台查看。\n请在控制台接手。")
    assert [("3-12" in one.body, NAME in one.body, "心率 38 /min" in one.body) for one in said] == [
        (False, False, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ]
    assert not any(NAME in one.title for one in said)


@pytest.mark.parametrize("level", ["none", "room"])
@pytest.mark.parametrize("condition", list(Condition))
@pytest.mark.parametrize("place", [ROOM, replace(ROOM, room=None)])
def test_no_level_under_name_holds_one(level: Privacy, condition: Condition, place: Place) -> None:
    for language in ("zh", "en"):
        said = text(level, language, place, condition=condition, evidence=(("peak_g", 3.1),))
        assert NAME not in said.title + said.body


def test_a_drill_and_a_test_say_so_first() -> None:
    for level in LEVELS:
        assert text(level, drill=True).title.startswith("【演练】")
        assert text(level, "en", drill=True).title.startswith("[DRILL] ")
    assert proof_text("sms", ROOM, "zh", Style()).title == "【测试】能联系到您吗？"
    assert proof_text("sms", ROOM, "en", Style()).title == "[TEST] Can we reach you?"
    assert NAME not in proof_text("sms", ROOM, "zh", Style("full")).body


@pytest.mark.parametrize(
    ("step", "chinese", "english"),
    [
        (1, None, None),
        (2, "第 2 次呼叫", "Second call"),
        (3, "第 3 次呼叫", "Third call"),
        (11, "第 11 次呼叫", "Call 11"),
    ],
)
def test_which_call_it_is_is_said_from_the_second_on(step: int, chinese: str | None, english: str | None) -> None:
    for level in LEVELS:
        lines = [text(level, language, step=step).body.splitlines() for language in ("zh", "en")]
        assert chinese is None or chinese in lines[0]
        assert english is None or english in lines[1]
        assert chinese is not None or not any("呼叫" in line for line in lines[0])


def test_a_reminder_says_that_nobody_closed_it() -> None:
    assert "此警报尚未结束处理。" in text(event=Event.REMIND).body


def test_where_there_is_no_room_an_identifier_says_whom() -> None:
    assert "地点：静安护理院，老人 resident-1" in text(place=Place("静安护理院")).body
    assert "Where: 静安护理院, device button-1" in text(language="en", place=Place("静安护理院"), resident=None).body


def test_time_is_that_of_the_site() -> None:
    assert "2025-06-15 17:06" in text(place=replace(ROOM, time_zone="Europe/Berlin")).body
    assert "2025-06-15 15:06 UTC" in text(place=replace(ROOM, time_zone="Nowhere/At/All")).body


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ((("spo2_pct", 84.0), ("limit_pct", 91.0)), "Known: SpO₂ 84 % (limit 91 %)"),
        ((("temperature_c", 39.25), ("limit_c", 39.1)), "Known: Temperature 39.25 °C (limit 39.1 °C)"),
        ((("respiration_per_min", 26), ("score_lowest", 3)), "Known: Respiration 26 /min"),
        ((("speed_m_s", 1.1), ("lat_deg", 31.1774276), ("lon_deg", 121.5272106)), "31.17743, 121.52721 (WGS-84)"),
        ((("zone", "garden"), ("distance_m", 240)), "Known: Zone garden; Beyond the edge by 240 m"),
    ],
)
def test_values_have_their_units_and_limits(evidence: Evidence, said: str) -> None:
    assert said in text("full", "en", condition=Condition.VITALS, evidence=evidence).body


def test_of_a_fall_the_sentence_is_told() -> None:
    fall: dict[str, Any] = {
        "condition": Condition.FALL,
        "cause": "wrist_fall",
        "evidence": (("peak_g", 3.1), ("lay_still_s", 30)),
    }
    assert "已知：撞击 3.1 g，之后静止 30 秒" in text("full", **fall).body
    assert "Known: impact of 3.1 g, then still for 30 s" in text("full", "en", **fall).body


def test_a_channel_may_speak_both_languages() -> None:
    both: tuple[Language, ...] = ("zh", "en")
    said = call_text(summons(), ROOM, "zh", Style(languages=both))
    chinese, english = text(), text(language="en")
    assert said == Text(f"{chinese.title} / {english.title}", f"{chinese.body}\n\n{english.body}")


def test_a_cause_nobody_has_translated_is_shown_as_it_is_called() -> None:
    assert "紧急求助：brand new" in text(cause="brand_new").title


def test_braces_in_names_are_no_templates() -> None:
    assert "{url} {0}" in text(place=Place("{url} {0}", "3")).body


def test_nothing_but_identifiers_is_in_a_letter() -> None:
    message = summons_message(RAISED, WHO)
    assert message.address == "nurse-1"
    assert message.moot_once_taken
    assert NAME not in message.body.decode()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_are_those_of_the_console(language: str) -> None:
    words = dict(zip(("en", "zh"), console_words(), strict=True))[language]
    ours = texts(language)
    for prefix in ("condition", "cause", "evidence", "priority"):
        there = {
            key.removeprefix(f"{prefix}."): word
            for key, word in words.items()
            # Sentences with values in them are the console's own.
            if key.startswith(f"{prefix}.") and not key.endswith("_detail") and "{" not in word
        }
        assert dict(ours[prefix]) == there, prefix
    assert set(ours["priority"]) == set(Priority)


def test_both_languages_have_the_same_templates() -> None:
    english, chinese = texts("en"), texts("zh")
    assert {name: set(part) for name, part in english.items()} == {name: set(part) for name, part in chinese.items()}
