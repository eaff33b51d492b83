"""What a person reads of an alarm: title and body from the templates in ``texts/``, in Chinese, English or both.

How much is said is the channel's privacy level; each level says what the one before does, and more:

- ``none``: that there is an alarm at a site
- ``room``: what it is, where and since when
- ``name``: whom it is about
- ``full``: the values that caused it

What the devices of a site ask of one person is one text: how many alarms of which cause, and of which devices; values
are on the console.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.falls.fall_words import fall_sentence
from alerts.findings import Condition, Evidence
from alerts.lifecycle import Event
from alerts.notify.contract import AddressBook, Place
from alerts.notify.summons import Summons

Language = Literal["zh", "en"]
Privacy = Literal["none", "room", "name", "full"]
LEVELS: Final[tuple[Privacy, ...]] = get_args(Privacy)

#: What follows a number, by the last words of its name; the longest first.
_UNITS: Final = {
    "_per_min": "/min",
    "_bpm": "/min",
    "_mmhg": "mmHg",
    "_m_s": "m/s",
    "_pct": "%",
    "_deg": "°",
    "_c": "°C",
    "_m": "m",
    "_g": "g",
    "_h": "h",
    "_s": "s",
}
#: Devices that one text names; in both languages that is less than the 2,048 bytes WeCom takes.
_NAMED_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Text:
    """What is sent to a person."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Style:
    """How a channel speaks: how much it may say, in which languages (none: the reader's own), where the console is."""

    privacy: Privacy = "room"
    languages: tuple[Language, ...] = ()
    console_url: str | None = None

    def may(self, level: Privacy) -> bool:
        """Whether so much may be said."""
        return LEVELS.index(self.privacy) >= LEVELS.index(level)


@cache
def texts(language: str) -> Mapping[str, Mapping[str, Any]]:
    """The templates and words of a language; Chinese where there are none."""
    file = f"{language if language in get_args(Language) else 'zh'}.toml"
    return tomllib.loads((resources.files("alerts.notify") / "texts" / file).read_text(encoding="utf-8"))


def letter_text(summonses: Sequence[Summons], book: AddressBook, language: str, style: Style) -> Text:
    """What one letter says: that which calls a person to an alarm, or to all that is wrong with a site's devices."""
    first = summonses[0]
    if len(summonses) == 1:
        return call_text(first, book.place(first.site, first.resident), language, style)
    places = [book.place(one.site, one.resident) for one in summonses]
    return _together([_errand(summonses, places, texts(one), style) for one in style.languages or (language,)])


def call_text(summons: Summons, place: Place, language: str, style: Style) -> Text:
    """What calls a person to an alarm."""
    return _together([_call(summons, place, texts(one), style) for one in style.languages or (language,)])


def proof_text(channel: str, place: Place, language: str, style: Style) -> Text:
    """What proves that a channel reaches a person; marked as a test."""
    made = []
    for one in style.languages or (language,):
        words = texts(one)["message"]
        title = words["test_title"].format(test=words["test"])
        made.append(Text(title, words["test_body"].format(channel=channel, site=place.site)))
    return _together(made)


def _together(parts: Sequence[Text]) -> Text:
    return Text(" / ".join(part.title for part in parts), "\n\n".join(part.body for part in parts))


def _call(summons: Summons, place: Place, words: Mapping[str, Mapping[str, Any]], style: Style) -> Text:
    message = words["message"]
    drill = message["drill"] if summons.drill else ""
    how = message["take"] if style.console_url is None else message["take_at"].format(url=style.console_url)
    if not style.may("room"):
        lines = [message["bare"].format(site=place.site), *_step(summons, message), how]
        return Text(message["title_bare"].format(drill=drill), "\n".join(lines))
    what = message["what"].format(
        condition=words["condition"].get(summons.condition, summons.condition),
        cause=words["cause"].get(summons.cause, summons.cause.replace("_", " ")),
    )
    title = message["title"].format(drill=drill, priority=words["priority"][summons.priority], what=what)
    lines = [message["where"].format(place=_where(summons, place, message))]
    if place.resident is not None and style.may("name"):
        lines.append(message["who"].format(name=place.resident))
    lines.append(message["since"].format(time=_time(summons.raised_ms, place.time_zone, message["time"])))
    if style.may("full") and (known := message["between"].join(_known(summons, words))):
        lines.append(message["known"].format(evidence=known))
    lines += [*_step(summons, message), how]
    return Text(title, "\n".join(lines))


def _errand(
    summonses: Sequence[Summons], places: Sequence[Place], words: Mapping[str, Mapping[str, Any]], style: Style
) -> Text:
    message, first, site = words["message"], summonses[0], places[0].site
    drill = message["drill"] if first.drill else ""
    how = message["take"] if style.console_url is None else message["take_at"].format(url=style.console_url)
    count = len(summonses)
    # Of some it may be a later one.
    last = [*_which_call(min(one.step for one in summonses), message), how]
    if not style.may("room"):
        lines = [message["errand_bare"].format(site=site, n=count), *last]
        return Text(message["title_bare"].format(drill=drill), "\n".join(lines))
    title = message["errand"].format(drill=drill, priority=words["priority"][first.priority], n=count)
    since = _time(min(one.raised_ms for one in summonses), places[0].time_zone, message["time"])
    lines = [
        message["where"].format(place=site),
        *_by_cause(summonses, places, words, style),
        message["since"].format(time=since),
        *last,
    ]
    return Text(title, "\n".join(lines))


def _by_cause(
    summonses: Sequence[Summons], places: Sequence[Place], words: Mapping[str, Mapping[str, Any]], style: Style
) -> Iterator[str]:
    """Each cause, the most frequent first, with how often and with its devices, as many as may be named."""
    message, left = words["message"], _NAMED_MOST
    causes: defaultdict[str, list[str]] = defaultdict(list)
    for summons, place in zip(summonses, places, strict=True):
        known = {"device": summons.device, "room": place.room, "name": place.resident}
        form = "errand_device" if place.room is None else "errand_room"
        if place.resident is not None and style.may("name"):
            form += "_name"
        causes[summons.cause].append(message[form].format(**known))
    for cause, devices in sorted(causes.items(), key=lambda item: -len(item[1])):
        named = devices[:left]
        left -= len(named)
        rest = len(devices) - len(named)
        said = [*named, *([message["errand_more"].format(n=rest)] if rest and named else [])]
        what = words["cause"].get(cause, cause.replace("_", " "))
        head = message["errand_cause"].format(cause=what, n=len(devices))
        yield head if not said else message["errand_devices"].format(cause=head, devices=message["list"].join(said))


def _where(summons: Summons, place: Place, message: Mapping[str, Any]) -> str:
    if place.room is not None:
        return str(message["room"].format(site=place.site, room=place.room))
    if summons.resident is not None:
        # Without a room an identifier says on the console whom it is about; it is nobody's name.
        return str(message["resident"].format(site=place.site, resident=summons.resident))
    return str(message["device"].format(site=place.site, device=summons.device))


def _step(summons: Summons, message: Mapping[str, Any]) -> Iterator[str]:
    if summons.event is Event.REMIND:
        yield message["again"]
    yield from _which_call(summons.step, message)


def _which_call(step: int, message: Mapping[str, Any]) -> Iterator[str]:
    if step > 1:
        calls = message["calls"]
        yield calls[step] if step < len(calls) else message["call"].format(n=step)


def _time(time_ms: int, time_zone: str, form: str) -> str:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
        form += " UTC"
    return datetime.fromtimestamp(time_ms / 1000, zone).strftime(form)


def _known(summons: Summons, words: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    sentence = fall_sentence(summons.evidence, summons.priority) if summons.condition is Condition.FALL else None
    if sentence is not None:
        yield sentence[0] if words is texts("en") else sentence[1]
        return
    yield from _values(summons.evidence, words)


def _values(evidence: Evidence, words: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Values that have a name, each with its unit and its limit, and the position."""
    message, names, known = words["message"], words["evidence"], dict(evidence)
    for key, value in evidence:
        if key in names:
            said = message["value"].format(name=names[key], value=_with_unit(key, value))
            unit = next((end for end in _UNITS if key.endswith(end)), "")
            limit = known.get(f"limit{unit}", known.get(f"limit_{key}"))
            yield said if limit is None else message["limit"].format(value=said, limit=_with_unit(key, limit))
    if {"lat_deg", "lon_deg"} <= known.keys():
        # To about a metre, which is more than any locator knows.
        where = f"{float(known['lat_deg']):.5f}, {float(known['lon_deg']):.5f} (WGS-84)"
        yield message["value"].format(name=names["position"], value=where)


def _with_unit(key: str, value: float | int | str) -> str:
    if isinstance(value, str):
        return value
    unit = next((f" {unit}" for end, unit in _UNITS.items() if key.endswith(end)), "")
    return f"{value:.4g}{unit}"
