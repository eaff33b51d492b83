"""The plans where nobody made one, as a page shows them; `make pages` rewrites the page."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alerts.calling.escalation import DEFAULT_PLANS, Plan, Waits

_DIAGRAM: Final = re.compile(r"(?<=```mermaid\n).*?(?=\n```)", re.DOTALL)
_TABLE: Final = re.compile(r"^\| care \| alarms .*?\|(?=\n\n)", re.DOTALL | re.MULTILINE)


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


def rewritten(page: str) -> str:
    """A page with the diagram and the table as they now are; ValueError where it has no place for them."""
    for place, text in ((_DIAGRAM, diagram()), (_TABLE, table())):
        page, places = place.subn(text.replace("\\", r"\\"), page)
        if places != 1:
            raise ValueError(f"there must be one place for the diagram and one for the table (found {places})")
    return page


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")
