"""The table of an alarm's life as a page shows it: `python -m alerts.lifecycle_page PAGE` rewrites the page."""

import re
import sys
from pathlib import Path
from typing import Final

from alerts.lifecycle import TABLE, Event, State

_DIAGRAM: Final = re.compile(r"(?<=```mermaid\n).*?(?=\n```)", re.DOTALL)
_TABLE: Final = re.compile(r"^\| \| raise .*?\|(?=\n\n)", re.DOTALL | re.MULTILINE)


def diagram() -> str:
    """The table as a Mermaid state diagram, one arrow for all events between the same two states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (before, event), after in TABLE.items():
        label = f"{event} (unless latching)" if event in (Event.RETURN, Event.SHELVE) else str(event)
        arrows.setdefault((before or "[*]", after), []).append(label)
    lines = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", *lines, f"    {State.RESOLVED} --> [*]"])


def table() -> str:
    """The table as Markdown: states down, events across, the state after in each cell."""
    events = list(Event)
    lines = ["| | " + " | ".join(events) + " |", "|---" * (len(events) + 1) + "|"]
    for before in (None, *State):
        cells = [TABLE.get((before, event), "") for event in events]
        lines.append(f"| {before or '(none)'} | " + " | ".join(cells) + " |")
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
