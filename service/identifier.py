"""Identifiers: what may stand in a topic, a tag and a file name alike."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from ingest.contract import NAME_PATTERN

_PATTERN: Final = re.compile(NAME_PATTERN, re.ASCII)


def check_identifier(text: str) -> str:
    """The same text; ValueError where it is not the contract's ``[A-Za-z0-9_-]{1,64}``."""
    if _PATTERN.fullmatch(text) is None:
        raise ValueError(f'must be 1 to 64 of the letters A-Z and a-z, digits, "_" and "-" (got "{text[:80]}")')
    return text


Identifier = Annotated[str, AfterValidator(check_identifier)]
