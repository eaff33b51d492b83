"""A line of a fleet file before it is understood, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: The nouns a file may speak of, in the order in which they refer to each other.
NOUNS: Final = (
    "site", "resident", "device", "zone", "caregiver", "team", "shift", "holiday", "swap", "escalation",
)  # fmt: skip


#: A line number, 0 where it is not known, and what is wrong there.
Problem = tuple[int, str]


class FleetError(Exception):
    """The fleet file cannot be used; `problems` names every bad line, and the text is all of them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Entry:
    """One noun as it stands in the file: text from a spreadsheet, or TOML values.

    `line` counts from 1, None where it could not be found; `number` counts the entries of this noun from 1;
    `key_lines` are the lines of single fields where they have lines of their own.
    """

    noun: str
    fields: Mapping[str, object]
    line: int | None
    number: int
    key_lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str | None:
        """The identifier, where there is one."""
        return self.text("id")

    def text(self, key: str) -> str | None:
        """A field that is text, without blanks around it; None where it is absent, empty or something else."""
        value = self.fields.get(key)
        return (value.strip() or None) if isinstance(value, str) else None

    def problem(self, file: str, key: str, what: str) -> str:
        """A sentence about one field (or, with key '', about the whole entry) that says where it stands."""
        line = self.key_lines.get(key, self.line)
        where = file if line is None else f"{file}:{line}"
        who = f"{self.noun} {self.id}" if self.id else f"{self.noun} number {self.number}"
        return f"{where}: {who}: {key}: {what}" if key else f"{where}: {who}: {what}"
