"""``shouhu evaluate``: recordings with known truth through the decoder and detectors that run in production."""

import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from alerts.bank import Bank
from alerts.detectors.fall import WristFall
from alerts.detectors.standard import DetectorSettings, standard_detectors
from alerts.detectors.zones import ZoneTable
from alerts.findings import Change, Condition, Finding
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from service.cli.wrong_use import WrongUse
from service.evaluation.evaluate_location import evaluate_location
from service.evaluation.evaluate_respiration import evaluate_respiration
from service.evaluation.scorecard import Raised, Result, Scorecard, Share, by_group, scorecard
from simulators.recording import Entry, RecordingSet, read_set
from simulators.stream import Sent
from simulators.wearing import Form, messages_of

_SITE: Final = "evaluate"
#: Recordings run side by side, as devices of one fleet do; more cost memory and save little.
_TOGETHER: Final = 100
#: A batch holds what all devices send in this time, and then a second has passed, as in the service.
_BATCH_MS: Final = 1000
#: When recordings begin; any time will do, as the detectors are told the time.
_BEGIN_MS: Final = 1_700_000_000_000
#: After the last packet time passes for so long, as it does when a bracelet falls silent.
_AFTER_MS: Final = 60_000
_WIDTH: Final = 110


def evaluate(
    set_folder: Path,
    as_json: bool = False,
    packet_s: float = 1.0,
    form: str = "binary",
    settings: DetectorSettings | None = None,
) -> int:
    """Run every recording of a motion, respiration or location set and print figures, or JSON alone with `as_json`.

    WrongUse for a set of another kind, RecordingError for a set that cannot be read. Returns the exit status.
    """
    if not 0.02 <= packet_s <= 60:
        raise WrongUse(f"--packet-s: must be 0.02 to 60 seconds (got {packet_s:g})")
    if form not in tuple(Form):
        raise WrongUse(f'--format: must be {" or ".join(Form)} (got "{form}")')
    recordings = read_set(set_folder)
    kinds = {entry.kind for entry in recordings.entries}
    if kinds == {"respiration"}:
        return evaluate_respiration(recordings, as_json, packet_s, binary=form == Form.BINARY)
    if kinds == {"location"}:
        return evaluate_location(recordings, as_json, settings.geofence if settings else None)
    if len(kinds) > 1:
        raise WrongUse(
            f"{set_folder}: holds recordings of several kinds ({', '.join(sorted(kinds))}), evaluate each alone"
        )
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("evaluating 评估", total=len(recordings.entries))
        results, rejected = results_of(
            recordings, packet_s, Form(form), settings, on_done=lambda done: progress.advance(task, done)
        )
    for reason, count in sorted(rejected.items()):
        console.print(f"[yellow]{count} packets were rejected: {reason}[/yellow]")
    card = scorecard(results)
    if as_json:
        json.dump(json_of(results, card), sys.stdout, ensure_ascii=False, allow_nan=False)
        print()
    else:
        _print(set_folder.name, results, card)
    return 0


def results_of(
    recordings: RecordingSet,
    packet_s: float = 1.0,
    form: Form = Form.BINARY,
    settings: DetectorSettings | None = None,
    on_done: Callable[[int], None] | None = None,
) -> tuple[list[Result], Counter[str]]:
    """What was raised in each recording, in the order of the index, and how many packets were rejected why."""
    # Recordings of like length run together, so that few batches hold few devices.
    order = np.argsort([entry.duration_s for entry in recordings.entries], kind="stable").tolist()
    found: dict[int, Result] = {}
    rejected: Counter[str] = Counter()
    for first in range(0, len(order), _TOGETHER):
        chosen = order[first : first + _TOGETHER]
        entries = [recordings.entries[index] for index in chosen]
        found |= zip(chosen, _run(recordings, entries, packet_s, form, settings, rejected), strict=True)
        if on_done is not None:
            on_done(len(chosen))
    return [found[index] for index in range(len(order))], rejected


def _run(
    recordings: RecordingSet,
    entries: Sequence[Entry],
    packet_s: float,
    form: Form,
    settings: DetectorSettings | None,
    rejected: Counter[str],
) -> Iterable[Result]:
    """Recordings as devices worn at the same time, row i wearing `entries[i]`."""
    names = [f"r{number:05d}" for number in range(len(entries))]
    directory = Directory(Device(_SITE, name, DeviceType.BRACELET) for name in names)
    decoder = Decoder(directory)
    bank = Bank(standard_detectors(ZoneTable(()), settings), len(entries))
    sent_by = [
        messages_of(recordings, entry, site=_SITE, device=name, start_ms=_BEGIN_MS, packet_s=packet_s, form=form)
        for entry, name in zip(entries, names, strict=True)
    ]
    messages = sorted((m for sent in sent_by for m in sent), key=lambda m: m.at_ms)
    sent_ms = np.array([m.at_ms for m in messages])
    findings: list[Finding] = []
    # A packet may be a little before the recording's zero: its samples were taken before they were written down.
    begin_ms, end_ms = int(sent_ms[0]), int(sent_ms[-1])
    for from_ms in range(begin_ms, end_ms + 1, _BATCH_MS):
        first, last = np.searchsorted(sent_ms, [from_ms, from_ms + _BATCH_MS]).tolist()
        batch = messages[first:last]
        now_ms = from_ms + _BATCH_MS
        decoded = decoder.decode([m.topic for m in batch], [m.payload for m in batch], now_ms)
        rejected.update(f"{r.reason}: {r.detail}" for r in decoded.rejected)
        findings += bank.update(decoded.readings, now_ms)
        findings += bank.tick(now_ms)
    for now_ms in range(end_ms + _BATCH_MS, end_ms + _AFTER_MS, _BATCH_MS):
        findings += bank.tick(now_ms)
    best = bank.state(WristFall.name)["best_score"]
    return [
        Result(entry, _alarms(findings, row, sent), _worn_s(sent), round(float(best[row]), 4))
        for row, (entry, sent) in enumerate(zip(entries, sent_by, strict=True))
    ]


def _alarms(findings: Iterable[Finding], row: int, sent: Sequence[Sent]) -> tuple[Raised, ...]:
    """The fall alarms of one device, one a fall, out when the packet that first told of it was sent."""
    sent_ms = np.array([message.at_ms for message in sent])
    alarms: dict[int, Raised] = {}
    for finding in findings:
        if finding.row != row or finding.condition is not Condition.FALL or finding.change is not Change.BEGAN:
            continue
        place = int(np.searchsorted(sent_ms, finding.found_ms))
        # What a silence told was found after the last packet.
        out_ms = int(sent_ms[place]) if place < len(sent_ms) else finding.found_ms
        found = Raised((out_ms - _BEGIN_MS) / 1000, float(dict(finding.evidence)["score"]))
        known = alarms.setdefault(finding.onset_ms, found)
        alarms[finding.onset_ms] = Raised(min(known.t_s, found.t_s), max(known.score, found.score))
    return tuple(sorted(alarms.values(), key=lambda alarm: alarm.t_s))


def _worn_s(sent: Sequence[Sent]) -> float:
    return (sent[-1].at_ms - min(_BEGIN_MS, sent[0].at_ms)) / 1000


def json_of(results: Sequence[Result], card: Scorecard) -> dict[str, Any]:
    """The scorecard as other programs read it; what cannot be told is null."""
    return {
        "recordings": [
            {
                "file": result.entry.file,
                "event": result.entry.event,
                "score": result.score,
                "alarms": [{"t_s": round(alarm.t_s, 3), "score": alarm.score} for alarm in result.alarms],
            }
            for result in results
        ],
        "summary": {
            "sensitivity": _known(card.sensitivity.value),
            "specificity": _known(card.specificity.value),
            "auc": _known(card.auc),
            "false_alarms_per_hour": _known(card.false_alarms_per_hour),
            "delay_p50_s": _known(card.delay_p50_s),
            "delay_p95_s": _known(card.delay_p95_s),
            "hours": card.hours,
        },
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _print(name: str, results: Sequence[Result], card: Scorecard) -> None:
    # A file or a pipe has no width of its own.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    table = Table(title=f"{name}: {len(results)} recordings, {card.hours:.2f} h", title_justify="left")
    table.add_column("measure 指标")
    table.add_column("value 值", justify="right")
    table.add_column("95 %", justify="right")
    for label, share in (("sensitivity 灵敏度", card.sensitivity), ("specificity 特异度", card.specificity)):
        low, high = share.interval
        hits = f" ({share.hits}/{share.total})" if share.total else ""
        table.add_row(label, _number(share.value) + hits, f"{_number(low)}–{_number(high)}" if share.total else "")
    table.add_row("ROC AUC", _number(card.auc), "")
    table.add_row(
        f"false alarms per hour 每小时误报 (in {card.quiet_hours:.2f} h)", _number(card.false_alarms_per_hour), ""
    )
    table.add_row("delay p50 延迟", _number(card.delay_p50_s, " s"), "")
    table.add_row("delay p95 延迟", _number(card.delay_p95_s, " s"), "")
    table.add_row("alarms before the labelled onset", str(card.early_alarms), "")
    console.print(table)
    for title, group in (
        ("by activity 按活动", lambda entry: entry.activity),
        ("by age group 按年龄组", lambda entry: entry.age_group),
        ("by subject 按受试者", lambda entry: entry.subject),
    ):
        _print_groups(console, title, by_group(results, group))
    console.print("By recording. Not a medical device. 按记录统计，非医疗器械。")


def _print_groups(console: Console, title: str, cards: dict[str, Scorecard]) -> None:
    if not cards:
        return
    table = Table(title=title, title_justify="left", show_edge=False)
    table.add_column("", overflow="fold")
    for heading in ("sensitivity [95 %]", "specificity [95 %]", "false/h", "delay p50"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, card in cards.items():
        table.add_row(
            name,
            _cell(card.sensitivity),
            _cell(card.specificity),
            _number(card.false_alarms_per_hour, digits=1),
            _number(card.delay_p50_s, " s", digits=1),
        )
    console.print(table)


def _cell(share: Share) -> str:
    if not share.total:
        return "–"
    low, high = share.interval
    # Escaped: rich would take the brackets for a style.
    return rf"{share.hits}/{share.total} {share.value:.2f} \[{low:.2f}–{high:.2f}]"


def _number(value: float, unit: str = "", digits: int = 3) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}{unit}"
