"""What is wrong with a file somebody wrote, in a sentence for that person."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic_core import ErrorDetails

#: A value quoted in a message is cut here.
_LONGEST_VALUE: Final = 60

_TYPES: Final[Mapping[str, str]] = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": 'must be text in "quotes"',
    "date_parsing": "must be a date such as 1938-05-02",
    "date_from_datetime_parsing": "must be a date such as 1938-05-02",
    "date_type": "must be a date such as 1938-05-02",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("must be greater than", "gt"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than": ("must be less than", "lt"),
    "less_than_equal": ("must be at most", "le"),
}
#: Errors of a whole table or list: its value is not shown, as it may hold anything, a password among it.
_WHOLES: Final[Mapping[str, str]] = {
    "model_type": "must be a table of keys",
    "model_attributes_type": "must be a table of keys",
    "dataclass_type": "must be a table of keys",
    "dict_type": "must be a table of keys",
    "tuple_type": "must be a list in [brackets]",
    "list_type": "must be a list in [brackets]",
}


def sentence(error: ErrorDetails) -> str:
    """One of pydantic's errors in plain words with the value in brackets, where there is one that may be shown."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _WHOLES:
        return _WHOLES[kind]
    if kind in ("missing", "missing_argument"):
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind in _TYPES:
        text = _TYPES[kind]
    elif kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        text = f"{words} {context[key]:,.12g}"
    elif kind in ("literal_error", "enum"):
        text = f"must be one of {str(context['expected']).replace(chr(39), chr(34))}"
    elif kind == "string_too_short":
        text = "must not be empty"
    elif kind == "string_too_long":
        text = f"must have at most {context['max_length']} characters"
    else:
        text = error["msg"][:1].lower() + error["msg"][1:]
    return f"{text} (got {shown(error['input'])})"


def shown(value: object) -> str:
    """A value as its writer wrote it, or nearly, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:
        text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def unknown(word: str, known: Iterable[str], noun: str = "key") -> str:
    """Say that a word is not known, with the nearest that is, or with all of them where none is near."""
    words = list(known)
    nearest = difflib.get_close_matches(word, words, n=1)
    if nearest:
        return f'is not a known {noun}; did you mean "{nearest[0]}"?'
    return f"is not a known {noun}; known here: {', '.join(words)}"


def path_of(location: Iterable[int | str]) -> str:
    """Where a value stands, written as ``store.influxdb2.url`` or ``notify.webhook[1].url`` (counted from 1)."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part + 1}]"
        else:
            path += f".{part}" if path else part
    return path
