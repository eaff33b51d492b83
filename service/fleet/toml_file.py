"""A fleet as TOML: [[site]], [[resident]], [[device]], [[zone]] and [[caregiver]] entries."""

import re
import tomllib
from typing import Any, Final

from service.fleet.entries import NOUNS, Entry, FleetError, Problem
from service.problems import unknown

#: The line of an entry and the lines of its keys.
_Place = tuple[int | None, dict[str, int]]
_HEADER: Final = re.compile(r"\s*\[\[\s*(\w+)\s*\]\]")
_KEY: Final = re.compile(r"\s*(\w+)\s*=")


def parse(data: bytes, file: str) -> tuple[list[Entry], list[Problem]]:
    """The entries of a TOML file and what is wrong with its outline; FleetError where it is not TOML."""
    try:
        text = data.decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line_number = data.count(b"\n", 0, error.start) + 1
        raise FleetError((f"{file}:{line_number}: is not UTF-8 text",)) from error
    except tomllib.TOMLDecodeError as error:
        raise FleetError((f"{file}: is not TOML: {error}",)) from error
    problems = [(0, f'{file}: "{key}" {unknown(key, NOUNS, "noun")}') for key in document if key not in NOUNS]
    lines = _lines(text)
    entries: list[Entry] = []
    for noun in NOUNS:
        tables: Any = document.get(noun, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            problems.append((0, f"{file}: {noun}: each {noun} must stand under its own line [[{noun}]]"))
            continue
        places: list[_Place] = lines.get(noun, [])
        if len(places) != len(tables):  # written in a form in which lines cannot be told; entries are then counted
            places = [(None, {})] * len(tables)
        for number, (table, (where, keys)) in enumerate(zip(tables, places, strict=True), start=1):
            entries.append(Entry(noun, table, where, number, keys))
    return entries, problems


def _lines(text: str) -> dict[str, list[_Place]]:
    """By noun, where each ``[[noun]]`` stands and where its keys do: tomllib does not tell."""
    found: dict[str, list[_Place]] = {}
    keys: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            keys = {}
            found.setdefault(header[1], []).append((number, keys))
        elif key := _KEY.match(line):
            keys.setdefault(key[1], number)
    return found
