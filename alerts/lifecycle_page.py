"""The table of an alarm's life as a page shows it: `make pages` rewrites the page."""

from alerts.generated_page import rewrite
from alerts.lifecycle import TABLE, Event, State


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


if __name__ == "__main__":
    rewrite(diagram(), table())
