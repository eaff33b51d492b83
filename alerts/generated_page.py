"""A page whose diagram and table are written from the code: both pages that have them are rewritten here."""

import re
import sys
from pathlib import Path
from typing import Final

_DIAGRAM: Final = re.compile(r"(?<=```mermaid\n).*?(?=\n```)", re.DOTALL)


def rewritten(page: str, diagram: str, table: str) -> str:
    """A page with the diagram and the table as they now are; ValueError where it has no one place for them.

    The place of the table is where one with the same first row stands.
    """
    first_row = re.escape(table.partition("\n")[0])
    place_of_table = re.compile(rf"^{first_row}$.*?\|(?=\n\n)", re.DOTALL | re.MULTILINE)
    for place, text in ((_DIAGRAM, diagram), (place_of_table, table)):
        page, places = place.subn(text.replace("\\", r"\\"), page)
        if places != 1:
            raise ValueError(f"there must be one place for the diagram and one for the table (found {places})")
    return page


def rewrite(diagram: str, table: str) -> None:
    """Rewrite the pages named on the command line."""
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(rewritten(path.read_text(encoding="utf-8"), diagram, table), encoding="utf-8")
