"""How a step is written, and what the plans are where nobody made one."""

from pathlib import Path

import pytest

from alerts.calling.escalation import DEFAULT_PLANS, KINDS, Step, Target, Waits, step_of
from alerts.calling.escalation_page import diagram, table
from alerts.findings import Priority
from alerts.generated_page import rewritten

ROOT = Path(__file__).parents[4]

NURSE, FAMILY = Target("role", "nurse"), Target("role", "family")


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("nurse", Step((NURSE,))),
        (" Nurse + FAMILY ", Step((NURSE, FAMILY))),
        ("nurse + nurse", Step((NURSE,))),
        ("family in order", Step((FAMILY,), in_order=True)),
        ("team:night + caregiver:C-1", Step((Target("team", "night"), Target("caregiver", "C-1")))),
        ("nurse wait 30 60 90", Step((NURSE,), waits=Waits(30, 60, 90))),
        ("family  in  order  wait 30/60/90", Step((FAMILY,), True, Waits(30, 60, 90))),
    ],
)
def test_a_step_is_read_and_written(text: str, step: Step) -> None:
    assert step_of(text) == step
    assert step_of(str(step)) == step


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "must be a step such as"),
        ("sister", '"sister" is not whom a step can call'),
        ("nurse +", '"" is not whom a step can call'),
        ("team:", '"team:" is not whom a step can call'),
        ("nurse wait 60", "must be whole seconds for high, medium and low"),
        ("nurse wait 0 60 60", "must be whole seconds for high, medium and low"),
        ("nurse wait 60 60 100000", "must be whole seconds for high, medium and low"),
        ("nurse wait soon", '"nurse wait soon" is not whom'),
    ],
)
def test_what_is_no_step_is_told(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        step_of(text)


def test_every_kind_of_care_has_a_plan_for_every_kind_of_alarm() -> None:
    assert set(DEFAULT_PLANS) == {(care, kind) for care in ("institution", "community", "home") for kind in KINDS}
    for (_, kind), plan in DEFAULT_PLANS.items():
        called = {target.name for step in plan.steps for target in step.to}
        if kind in ("low", "technical"):
            assert called <= {"nurse", "head_nurse", "manager", "technician"}, "the staff alone"
        else:
            assert {"nurse", "family", "doctor", "centre"} <= called


def test_a_high_alarm_waits_a_minute_and_others_longer() -> None:
    assert [Waits().of_ms(priority) for priority in Priority] == [60_000, 300_000, 1_800_000]


def test_the_page_shows_the_plans_as_they_are() -> None:
    page = (ROOT / "docs/escalation.md").read_text(encoding="utf-8")
    assert rewritten(page, diagram(), table()) == page, "make pages"
    with pytest.raises(ValueError, match="one place for the diagram"):
        rewritten("nothing", diagram(), table())
