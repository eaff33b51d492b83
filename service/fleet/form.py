"""What every form of a noun has, and the fields that several of them share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ingest.contract import Crs
from service.identifier import Identifier

Text = Annotated[str, Field(min_length=1, max_length=200)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


@dataclass(frozen=True, slots=True)
class Importer:
    """What is known besides a file: where files named in it lie, and what zones without a `crs` are in."""

    folder: Path
    crs: Crs | None = None


class Form(BaseModel):
    """Fields of one noun; pydantic's lax mode reads numbers from the text of a spreadsheet."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)
    #: Said of a field that is missing, where more than that can be said.
    MISSING: ClassVar[dict[str, str]] = {}

    id: Identifier

    @classmethod
    def names(cls) -> list[str]:
        """The fields as they are called in a file."""
        return [field.alias or name for name, field in cls.model_fields.items()]


def lower(value: object) -> object:
    """Words in small letters: spreadsheets like to begin them with a capital."""
    return value.lower() if isinstance(value, str) else value
