"""Leaving the bed, not coming back to it, and not leaving it."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.bed import BedExit, BedSettings
from alerts.detectors.bed_profile import NEVER_UP, BedProfile
from alerts.findings import Condition, Priority
from ingest.readings import Bed

#: Readings begin at 16:53:20 of a day in China.
HIGH_RISK = BedSettings(fall_risk="high")
ALL_DAY = BedSettings(night_start_min=0, night_end_min=1439)
HOUR_S = 3600


def words(text: str) -> tuple[np.ndarray, np.ndarray]:
    """A word a second: i in bed, o out of it, . lost."""
    said = [(at, "oi".index(word)) for at, word in enumerate(text) if word != "."]
    return np.array([at for at, _ in said]), np.array([word for _, word in said])


def heard(fed: Any, readings: Any, text: str, settings: BedSettings = HIGH_RISK) -> list[tuple[str, str, int]]:
    at_s, present = words(text)
    mat = fed(BedExit(settings))
    found = []
    for second, word in zip(at_s.tolist(), present.tolist(), strict=True):
        found += [(f.cause, f.change.value, second) for f in mat(readings(Bed, second, present=word))]
    return found


@pytest.mark.parametrize(
    ("text", "exits_s"),
    [
        ("iiiiiiiiiiooooooo", [12]),
        ("iiiiiiiiii.oooooo", [13]),  # a lost packet may cost its own period …
        ("iiiiiiiiiio.ooooo", [12]),
        ("iiiiiiiiiioo.oooo", [13]),
        ("iiiiiiiiii.ooiiiii", []),  # … and makes no flicker longer
        ("iiiiiiiiiioiiiiiiiii", []),  # a flicker
        ("iiiiiiiiiiooiiiiiioo", []),  # turning over beside the sensor
        ("iiiiiiiiii......iiii", []),  # lost packets
        ("iiiiiiiiii....o.iiii", []),
        ("iiiiiiiiiiooiooiooio", []),  # sitting on the edge
        ("iiiiiiiiiioooooiooooooo", [12]),  # a hand on the blanket: still out
        ("oooooooooooooooooooo", []),  # never seen in it
        ("ooooooooooiiooooooooo", []),  # nor by a hand on it
    ],
)
def test_who_may_fall_is_told_of_within_three_seconds_of_leaving(
    text: str, exits_s: list[int], fed: Any, readings: Any
) -> None:
    assert heard(fed, readings, text) == [("bed_exit", "began", second) for second in exits_s]


def test_an_exit_ends_when_the_bed_is_occupied_again_for_longer_than_a_flicker(fed: Any, readings: Any) -> None:
    found = heard(fed, readings, "iiiiiiii" + 10 * "o" + "i" + 4 * "o" + 8 * "i")
    assert found == [("bed_exit", "began", 10), ("bed_exit", "ended", 27)]


def test_an_exit_says_since_when_and_against_which_limit(fed: Any, readings: Any) -> None:
    mat = fed(BedExit(HIGH_RISK))
    found = mat(readings(Bed, [0, 1, 2, 3, 4], present=[1, 1, 0, 0, 0]))
    assert [(f.condition, f.priority, f.onset_ms % 100_000) for f in found] == [(Condition.BED, Priority.MEDIUM, 2_000)]
    assert found[0].evidence == (("away_s", 2.0), ("limit_s", 2.5))


@pytest.mark.parametrize(("period_s", "words_needed"), [(1, 3), (2, 2), (3, 2), (3.5, 2), (10, 2)])
def test_a_slower_mat_is_believed_at_fewer_words(period_s: float, words_needed: int, fed: Any, readings: Any) -> None:
    mat = fed(BedExit(HIGH_RISK))
    mat(readings(Bed, np.arange(5) * period_s, present=1))
    absent = readings(Bed, (5 + np.arange(5)) * period_s, present=0)
    found = [len(mat(absent.take(np.array([word])))) for word in range(5)]
    assert found.index(1) + 1 == words_needed


def test_one_word_of_a_slow_mat_is_enough_once_it_was_steady_for_two_nights(fed: Any, readings: Any) -> None:
    for lone_h, words_needed in ((None, 1), (10, 2)):  # hours before it leaves that a single word stood alone
        mat = fed(BedExit(BedSettings(fall_risk="high", up_by_min=NEVER_UP)))
        at_s = np.arange(0, 50 * HOUR_S, 10)
        present = np.ones(len(at_s), dtype=np.int8)
        if lone_h is not None:
            present[-lone_h * 360] = 0
        assert mat(readings(Bed, at_s, present=present)) == []
        found = [len(mat(readings(Bed, 50 * HOUR_S + at, present=0))) for at in (0, 10, 20)]
        assert found.index(1) + 1 == words_needed


def test_silence_confirms_a_slow_mat_only_when_its_next_words_are_overdue(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BedExit(HIGH_RISK))
    mat(readings(Bed, np.arange(6) * 10, present=[1, 1, 1, 1, 1, 0]))
    assert mat.tick(74.9) == []
    assert said(mat.tick(75.3)) == [("bed_exit", "began", 50.0)]


def test_a_mat_that_tells_changes_only_is_believed_when_it_takes_nothing_back(
    fed: Any, readings: Any, said: Any
) -> None:
    mat = fed(BedExit(HIGH_RISK))
    mat(readings(Bed, [0, 3000, 3001.8], present=[1, 0, 1]))  # turns over
    assert mat.tick(3010) == []
    assert mat(readings(Bed, 6000, present=0)) == []
    assert mat.tick(6003.4) == []
    assert said(mat.tick(6003.8)) == [("bed_exit", "began", 6000.0)]
    mat(readings(Bed, 6300, present=1))
    assert said(mat.tick(6306.3)) == [("bed_exit", "ended", 6000.0)]


def test_what_a_mat_that_falls_silent_said_last_is_believed_after_a_while(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BedExit(HIGH_RISK))
    mat(readings(Bed, np.arange(6), present=[1, 1, 1, 1, 1, 0]))
    assert mat.tick(14) == []
    assert said(mat.tick(15.2)) == [("bed_exit", "began", 5.0)]
    assert mat.tick(16) == []
    assert mat(readings(Bed, 20, present=0)) == []
    mat(readings(Bed, 40, present=1))
    assert said(mat.tick(50.2)) == [("bed_exit", "ended", 5.0)]


def test_the_word_in_bed_and_then_silence_is_no_exit(fed: Any, readings: Any) -> None:
    mat = fed(BedExit(HIGH_RISK))
    mat(readings(Bed, np.arange(6), present=1))
    assert mat.tick(5000) == []
    assert mat(readings(Bed, np.arange(6000, 6100), present=-1)) == []
    assert mat.tick(7000) == []


def test_others_may_be_away_for_a_quarter_of_an_hour(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BedExit(ALL_DAY))
    assert mat(readings(Bed, np.arange(60), present=np.arange(60) < 10)) == []
    assert mat(readings(Bed, np.arange(60, 909), present=0)) == []
    found = mat(readings(Bed, np.arange(909, 1000), present=0))
    assert said(found) == [("not_back", "began", 10.0)]
    assert found[0].evidence == (("away_s", 900.0), ("limit_s", 900.0))
    assert said(mat(readings(Bed, np.arange(1000, 1010), present=1))) == [("not_back", "ended", 10.0)]


def test_not_back_is_noticed_though_the_mat_is_silent(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BedExit(ALL_DAY))
    mat(readings(Bed, np.arange(20), present=np.arange(20) < 10))
    assert mat.tick(909) == []
    assert said(mat.tick(910.3)) == [("not_back", "began", 10.0)]
    assert mat.tick(2000) == []


def test_only_who_left_within_the_night_is_missed(fed: Any, readings: Any) -> None:
    for start, end, offset, alarms in (
        (16 * 60, 17 * 60, 480, 1),
        (16 * 60 + 50, 6 * 60, 480, 1),
        (21 * 60, 6 * 60, 480, 0),
        (8 * 60, 9 * 60, 0, 1),
        (17 * 60, 6 * 60, 480, 0),  # rose before the night, and is away all night
    ):
        settings = BedSettings(night_start_min=start, night_end_min=end, utc_offset_min=offset, back_s=600.0)
        mat = fed(BedExit(settings))
        present = np.arange(4000) < 10
        assert len(mat(readings(Bed, np.arange(4000), present=present))) == alarms, (start, end)
        assert mat.tick(8000) == []


def test_still_in_bed_after_the_hour_of_getting_up(fed: Any, readings: Any, said: Any) -> None:
    #: 10:00 next day.
    up_s = 17 * HOUR_S + 400
    mat = fed(BedExit())
    assert mat(readings(Bed, np.arange(0, up_s, 10), present=1)) == []
    found = mat(readings(Bed, np.arange(up_s, up_s + 7200, 10), present=1))
    assert said(found) == [("still_in_bed", "began", float(up_s))]
    assert (found[0].priority, dict(found[0].evidence)) == (
        Priority.LOW,
        {"in_bed_s": float(up_s), "up_by": "10:00"},
    )
    ended = mat(readings(Bed, up_s + 7200 + np.arange(0, 100, 10), present=0))
    assert said(ended) == [("still_in_bed", "ended", float(up_s))]
    # Once up, back in bed is a nap.
    assert mat(readings(Bed, up_s + 7300 + np.arange(0, 7200, 10), present=1)) == []


@pytest.mark.parametrize(
    ("away_from_h", "away_h", "told"),
    [
        (15.0, 0.1, True),  # to the toilet at eight
        (15.0, 1.0, False),  # up at eight, a nap after breakfast
        (17.0, 0.2, False),  # up a moment before ten
    ],
)
def test_a_short_absence_is_not_getting_up(
    away_from_h: float, away_h: float, told: bool, fed: Any, readings: Any
) -> None:
    mat = fed(BedExit())
    at_s = np.arange(0, 19 * HOUR_S, 10)
    away = (at_s >= away_from_h * HOUR_S) & (at_s < (away_from_h + away_h) * HOUR_S)
    found = [f for f in mat(readings(Bed, at_s, present=~away)) if f.cause == "still_in_bed"]
    assert bool(found) is told


def test_residents_may_have_profiles_of_their_own(fed: Any, readings: Any) -> None:
    detector = BedExit()
    mat = fed(detector)
    profiles = [
        None,
        BedProfile("R-1", fall_risk="high"),
        BedProfile("R-2", fall_risk="high", night=(21 * 60, 6 * 60)),
        BedProfile("R-3", night=(0, 1439), back_s=60.0, up_by_min=NEVER_UP),
    ]
    mat.params = detector.of_residents(profiles)
    found = []
    for row in range(4):
        found += mat(readings(Bed, np.arange(600), row, present=np.arange(600) < 10))
    assert [(f.row, f.cause) for f in found] == [(1, "bed_exit"), (3, "not_back")]
    assert [int(up) for up in mat.params["up_by_min"]] == [600, 600, 600, NEVER_UP]
    assert len(BedExit(HIGH_RISK).of_residents([BedProfile("R-4", fall_risk="usual")])) == 1
    assert not BedExit(HIGH_RISK).of_residents([BedProfile("R-4", fall_risk="usual")])["at_once"].any()
