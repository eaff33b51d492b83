"""Databases that what keeps alarms has to run on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.journal.schema import metadata
from service.database import make_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        made = make_engine(request.getfixturevalue("postgresql").url)
        metadata.drop_all(made)
    yield made
    made.dispose()
