"""What the shipped fall detector reaches on real recordings, through the decoder and detectors of production.

The shipped model has learnt from these sets, so the figures here tell whether what was learnt is still applied as it
was; how well it does on people it has not seen is in docs/detectors/fall.md, and is measured by leaving subjects out.
"""

import os
from pathlib import Path

import pytest

from service.evaluation.evaluate import results_of
from service.evaluation.scorecard import by_group, scorecard
from simulators.recording import RecordingSet, read_set
from simulators.wearing import Form

SETS = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))


def recordings(name: str) -> RecordingSet:
    if not (SETS / name / "index.csv").is_file():
        pytest.skip(f"needs the recordings {name} (SHOUHU_RECORDINGS or ../shared/data; docs say where to get them)")
    return read_set(SETS / name)


def only(chosen: RecordingSet, file: str) -> RecordingSet:
    return RecordingSet(chosen.folder, tuple(entry for entry in chosen.entries if entry.file == file))


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("packet_s", [0.1, 1.0, 2.0])
def test_the_first_recorded_fall_is_found_with_nothing_after_it(form: Form, packet_s: float) -> None:
    (result,), rejected = results_of(only(recordings("weda-fall"), "F01_U01_R01.npz"), packet_s, form)
    assert not rejected
    assert len(result.alarms) == 1
    assert result.entry.onset_s <= result.hit_s <= result.duration_s + packet_s


def test_falls_and_daily_activities_of_weda_fall(capsys: pytest.CaptureFixture[str]) -> None:
    results, rejected = results_of(recordings("weda-fall"))
    card = scorecard(results)
    elders = by_group(results, lambda entry: entry.age_group)["elder"]
    with capsys.disabled():
        print(
            f"\nWEDA-FALL: sensitivity {card.sensitivity.value:.3f}, specificity {card.specificity.value:.3f}, "
            f"of elders {elders.specificity.value:.3f}, AUC {card.auc:.4f}, "
            f"delay p50 {card.delay_p50_s:.1f} s after the labelled onset"
        )
    assert not rejected
    assert card.sensitivity.value >= 0.95
    assert card.specificity.value >= 0.97
    assert elders.specificity.value >= 0.99
    assert card.auc >= 0.99
    # One person knocks the wrist before falling, and both ring.
    assert card.early_alarms <= 1


def test_elders_of_smartfallmm_go_about_their_day_unalarmed(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = recordings("smartfallmm")
    elders = RecordingSet(chosen.folder, tuple(entry for entry in chosen.entries if entry.age_group == "elder"))
    card = scorecard(results_of(elders)[0])
    with capsys.disabled():
        print(f"\nSmartFallMM: specificity of elders {card.specificity.value:.4f} of {card.specificity.total}")
    assert card.specificity.value >= 0.99


def test_daily_wear_rings_no_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    card = scorecard(results_of(recordings("daily-wear"))[0])
    with capsys.disabled():
        print(f"\ndaily wear: {card.false_alarms} false alarms in {card.quiet_hours:.1f} h")
    assert card.quiet_hours > 15
    assert card.false_alarms == 0
