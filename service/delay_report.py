"""The delays of alarms as tables on a terminal, or as the JSON the API answers with."""

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import URL

from alerts.journal.delays import PRACTICE, DelayReader, Delays, Leg, Report
from alerts.journal.journal import Journal
from ingest.clock import wall_clock_ms
from service.api.delays import ReportView
from service.cli.wrong_use import WrongUse
from service.database import make_engine
from service.registry import Registry

_DAY_MS: Final = 86_400_000
_WORDS: Final[Mapping[str, str]] = {
    "onset_to_received": "began to received",
    "received_to_detected": "received to detected",
    "detected_to_journalled": "detected to journalled",
    "journalled_to_sent": "journalled to sent",
    "sent_to_delivered": "sent to delivered",
    "sent_to_acknowledged": "sent to taken",
    "raised_to_acknowledged": "raised to taken",
    "raised_to_resolved": "raised to resolved",
}


def report(database_url: str | URL, site: str | None, days: int, as_json: bool) -> None:
    """Print the report of the last days; WrongUse where no such site is known."""
    engine = make_engine(database_url)
    try:
        Journal(engine)  # a database of an earlier version is given what is new
        end_ms = wall_clock_ms()
        found = DelayReader(engine).report(end_ms - days * _DAY_MS, end_ms, site=site)
        if site is not None and not (found.by_condition or found.drills.alarms):
            known = [one.site for one in Registry(engine).sites()]
            if site not in known:
                raise WrongUse(f'there is no site "{site}"; those of the fleet are: {", ".join(known) or "none"}')
    finally:
        engine.dispose()
    if as_json:
        print(ReportView.of(found).model_dump_json(indent=2))
        return
    console = Console(width=None if Console().is_terminal else 120)
    for table in tables(found):
        console.print(table)


def tables(found: Report) -> Iterator[Table]:
    """How long it took, and how many were answered in time: a row a condition, the drills last."""
    kinds: dict[str, Delays] = {str(condition): delays for condition, delays in found.by_condition.items()}
    if found.people.alarms:
        kinds["all but device"] = found.people
    if found.drills.alarms:
        kinds["drills"] = found.drills
    took = Table(title="How long alarms took: p50 / p95 / p99", title_justify="left")
    took.add_column("")
    for kind in kinds:
        took.add_column(kind, justify="right", no_wrap=True)
    for leg, words in _WORDS.items():
        took.add_row(words, *[_spans(delays.legs[leg]) for delays in kinds.values()])
    yield took

    answered = Table(title="Answered in time, of all that were due", title_justify="left")
    for heading in ("", "alarms", *[f"within {within_s} s" for within_s in PRACTICE]):
        answered.add_column(heading, justify="right" if heading else "left")
    for kind, delays in kinds.items():
        shares = [
            "–" if each.share is None else f"{each.share:.1%} ({each.answered} of {each.total})"
            for each in delays.answered
        ]
        answered.add_row(kind, str(delays.alarms), *shares)
    answered.add_section()
    answered.add_row("telecare practice (TSA)", "", *[f"{share:.1%}" for share in PRACTICE.values()])
    yield answered


def _spans(leg: Leg) -> str:
    times_ms = (leg.p50_ms, leg.p95_ms, leg.p99_ms)
    return " / ".join(span(time_ms) for time_ms in times_ms if time_ms is not None) or "–"


def span(time_ms: float) -> str:
    """A time in two or three digits and its unit."""
    if abs(time_ms) < 1000:
        return f"{time_ms:.0f} ms"
    time_s = time_ms / 1000
    for least, unit, unit_s in ((86_400, "d", 86_400), (3_600, "h", 3_600), (120, "min", 60)):
        if abs(time_s) >= least:
            return f"{time_s / unit_s:.1f} {unit}"
    return f"{time_s:.1f} s"
