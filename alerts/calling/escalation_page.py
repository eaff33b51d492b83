"""The plans where nobody made one, as a page shows them; `make pages` rewrites the page."""

from collections.abc import Iterator

from alerts.calling.escalation import DEFAULT_PLANS, Plan, Waits
from alerts.generated_page import rewrite


def diagram() -> str:
    """The plans for urgent alarms as a Mermaid flow chart, one row for each kind of care."""
    lines = ["flowchart LR"]
    for (care, kind), plan in DEFAULT_PLANS.items():
        if kind == "high":
            lines += [f"    subgraph {care}", "        direction LR", *_row(care, plan), "    end"]
    return "\n".join(lines)


def _row(care: str, plan: Plan) -> Iterator[str]:
    names = [f"{care}{number}" for number, _ in enumerate(plan.steps, start=1)]
    for name, step in zip(names, plan.steps, strict=True):
        words = "<br>".join(str(target).replace("_", " ") for target in step.to)
        yield f'        {name}["{words}"]'
    for name, following, step in zip(names, [*names[1:], names[0]], plan.steps, strict=True):
        yield f"        {name} -- {step.waits.high_s} s --> {following}"


def table() -> str:
    """All plans as Markdown, and how long each of their steps waits."""
    lines = ["| care | alarms | steps | wait (high, medium, low) |", "|---|---|---|---|"]
    for plan in dict.fromkeys(DEFAULT_PLANS.values()):
        (care,) = {care for (care, _), one in DEFAULT_PLANS.items() if one is plan}
        waits = {step.waits for step in plan.steps}
        assert waits == {Waits()}, "a plan with waits of its own needs a column of its own"
        steps = " → ".join(f"`{step}`" for step in plan.steps)
        usual = Waits()
        lines.append(
            f"| {care} | {', '.join(plan.kinds)} | {steps} | {usual.high_s} s, {usual.medium_s} s, {usual.low_s} s |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    rewrite(diagram(), table())
