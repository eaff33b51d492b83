"""The page about the schema names what is stored, measurement by measurement."""

from pathlib import Path

import pytest

from ingest.contract import Kind
from ingest.stores.schema import COMMON, FIELDS

PAGE = (Path(__file__).parents[3] / "docs" / "schema.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_names_every_field(kind: Kind) -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |"))
    assert [field.name for field in FIELDS[kind] if f"`{field.name}`" not in row] == []


def test_the_page_names_what_every_point_has() -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| all |"))
    assert [field.name for field in COMMON if f"`{field.name}`" not in row] == []
