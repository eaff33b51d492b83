"""What the documents say is so: links lead somewhere, examples are accepted, tables are those of the code."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
import pytest
from typer.main import get_command

from alerts.alarm import Outcome
from alerts.detectors.standard import DetectorSettings
from alerts.detectors.vitals import Limit
from alerts.findings import LATCHING, Condition
from alerts.lifecycle import State
from alerts.notify.apprise_channel import check_url
from ingest.contract import HEADER, MESSAGE_OF, Kind, Message
from ingest.decode import Limits
from ingest.rejected import Reason
from service import settings
from service.cli.app import app
from service.fleet.entries import NOUNS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in page.relative_to(ROOT).parts)
)
CONTRACT = (ROOT / "docs/connect-a-device.md").read_text(encoding="utf-8")
NOTIFY = (ROOT / "docs/notify.md").read_text(encoding="utf-8")
ALARMS = (ROOT / "docs/alarms.md").read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def fences(text: str, language: str) -> list[str]:
    """The contents of all fences of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, heading
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every table row, head and rule left out."""
    for table in re.findall(r"^\|.*?\|$\n^\|[-|]+\|$\n((?:^\|.*\|$\n?)*)", text, re.MULTILINE):
        for line in table.splitlines():
            yield [cell.strip() for cell in line.strip("|").split("|")]


def words(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# ------------------------------------------------------------------ links and fences


def anchors(page: Path) -> set[str]:
    """The anchors GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", without_fences(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = without_fences(page.read_text(encoding="utf-8"))
    for target in re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        assert goal.exists(), target
        if anchor:
            assert anchor in anchors(goal), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_toml_fence_is_a_setting_the_service_takes(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fence in fences(page.read_text(encoding="utf-8"), "toml"):
        document = tomllib.loads(fence)
        if not set(document) <= set(settings.Settings.model_fields):
            assert set(document) <= set(NOUNS), "neither settings nor a fleet"
            continue
        for variable in re.findall(r'env = "(\w+)"', fence):
            monkeypatch.setenv(variable, "ntfy://x/{address}" if variable.endswith("_URL") else "for-this-test-only")
        for file in re.findall(r'"([\w./-]+\.(?:crt|key|pem))"', fence):
            # A certificate is looked for; any file will do here.
            fence = fence.replace(f'"{file}"', f'"{ROOT / "LICENSE"}"')
        settings.validate(tomllib.loads(fence), page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_fence_is_closed_and_every_diagram_is_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", text, re.MULTILINE)) % 2 == 0
    for diagram in fences(text, "mermaid"):
        assert diagram.split()[0] in {"flowchart", "stateDiagram-v2", "sequenceDiagram"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_named_exists_with_its_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [line.partition("#")[0] for fence in fences(text, "sh") for line in fence.splitlines()]
    lines += [f" {code}" for code in re.findall(r"`(shouhu [a-z][^`]*)`", without_fences(text))]
    for line in lines:
        names = "run|demo|replay|evaluate|load|report|fleet|config|feedback|notify|version"
        command = re.search(rf"(?:^|[ /'])shouhu ((?:{names})\b[^<'|&;]*)", line)
        if command is None:
            continue
        words_of_command = shlex.split(command[1])
        node: Any = get_command(app)
        while hasattr(node, "commands") and words_of_command:
            assert words_of_command[0] in node.commands, line
            node = node.commands[words_of_command.pop(0)]
        known = {option for parameter in node.params for option in parameter.opts} | {"--help"}
        used = {word for word in words_of_command if word.startswith("-")}
        assert used <= known, line


def test_decisions_are_numbered_once_and_have_their_four_parts() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        for part in ("Context", "Options", "Choice", "Cost"):
            assert re.search(rf"\*\*{part}\b|^## {part}\b", text, re.MULTILINE), f"{page.name}: {part}"


# ------------------------------------------------------------------ the device contract


@pytest.mark.parametrize("kind", Kind)
def test_the_example_of_a_kind_is_accepted_and_its_fields_are_known(kind: Kind) -> None:
    examples = fences(section(CONTRACT, kind.value), "json")
    assert examples
    for example in examples:
        message = msgspec.json.decode(example, type=MESSAGE_OF[kind])
        sent = {field: getattr(message, field) for field in message.__struct_fields__}
        assert {field for field, value in sent.items() if value is not None} == set(msgspec.json.decode(example))


def constraints(kind: Kind) -> dict[str, msgspec.Meta | None]:
    """The limits of a kind's own fields."""
    hints = get_type_hints(MESSAGE_OF[kind], include_extras=True)
    return {
        field: next((part for part in _parts(hint) if isinstance(part, msgspec.Meta)), None)
        for field, hint in hints.items()
        if field not in Message.__struct_fields__ and not field.startswith("_")
    }


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    if hasattr(hint, "__metadata__"):
        yield from hint.__metadata__
    elif get_args(hint) and not isinstance(hint, type(Annotated)):
        for inner in get_args(hint):
            yield from _parts(inner)


@pytest.mark.parametrize("kind", [Kind.VITALS, Kind.BED, Kind.LOCATION, Kind.STATUS])
def test_the_table_of_a_kind_has_its_fields_and_limits(kind: Kind) -> None:
    known = constraints(kind)
    told: dict[str, str] = {}
    for first, _, possible in rows(section(CONTRACT, kind.value)):
        ranges = possible.split(", ") if possible.count("–") > 1 else [possible] * len(words(first))
        told |= dict(zip(words(first), ranges, strict=True))
    assert set(told) == set(known)
    for field, text in told.items():
        limits = known[field]
        numbers = re.fullmatch(r"(−?[\d,]+)–(−?[\d,]+)", text)
        if limits is None or limits.ge is None:
            assert numbers is None, field
            continue
        assert numbers, f"{field}: {text}"
        low, high = (float(number.replace(",", "").replace("−", "-")) for number in numbers.groups())
        assert (low, high) == (limits.ge, limits.le), field


@pytest.mark.parametrize("kind", [Kind.SOS, Kind.FALL, Kind.MOTION, Kind.BCG])
def test_a_kind_without_a_table_of_limits_names_its_fields(kind: Kind) -> None:
    text = section(CONTRACT, kind.value)
    assert all(f"`{field}`" in text for field in constraints(kind))


def test_the_reasons_are_all_of_the_reasons() -> None:
    table = rows(section(CONTRACT, "What was rejected, and why"))
    assert {word for reason, *_ in table for word in words(reason)} == set(Reason)


def test_the_binary_header_is_the_one_in_the_code() -> None:
    offsets = [int(cells[0]) for cells in rows(section(CONTRACT, "Binary, for motion and bcg"))]
    fields = HEADER.fields
    assert fields is not None
    assert offsets == [*sorted(offset for _, offset, *_ in fields.values()), HEADER.itemsize]


def test_the_limits_on_size_and_clock_are_those_of_the_code() -> None:
    limits = Limits()
    assert f"At most {limits.max_payload_bytes // 1024} KiB" in CONTRACT
    assert (
        f"more than {limits.max_future_s / 60:.0f} minutes ahead or {limits.max_past_s / 86_400:.0f} days" in CONTRACT
    )


# ------------------------------------------------------------------ alarms


def console_words() -> tuple[dict[str, str], dict[str, str]]:
    """English and Chinese as the console has them."""
    files = sorted((ROOT / "service/console").glob("words_*.js"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    pairs = re.findall(r'^  "([a-z0-9_.]+)": \[\s*"((?:[^"\\]|\\.)*)",\s+"((?:[^"\\]|\\.)*)"', text, re.MULTILINE)
    return {key: english for key, english, _ in pairs}, {key: chinese for key, _, chinese in pairs}


@pytest.mark.parametrize(
    ("heading", "prefix"),
    [
        ("Conditions and priorities · 类型与级别", "condition"),
        ("Causes · 原因", "cause"),
        ("States · 状态", "state"),
        ("States · 状态", "outcome"),
    ],
)
def test_alarms_are_named_as_on_the_console(heading: str, prefix: str) -> None:
    english, chinese = console_words()
    wanted = {
        key.removeprefix(f"{prefix}."): (text, chinese[key])
        for key, text in english.items()
        if key.startswith(f"{prefix}.") and not key.endswith("_detail")
    }
    told = {words(first)[0]: (en, zh) for first, en, zh, *_ in rows(section(ALARMS, heading)) if words(first)}
    # A state that a caregiver sees by other means has no word on the console.
    assert wanted.items() <= told.items()
    assert set(told) == (set(State) | set(Outcome) if prefix in ("state", "outcome") else set(wanted))


def test_every_url_of_a_service_is_one_apprise_takes() -> None:
    urls = [url for row in rows(section(NOTIFY, "Channels · 渠道")) for url in words(row[1])]
    assert len(urls) > 8
    for url in urls:
        check_url(url)


def test_what_latches_is_said() -> None:
    table = rows(section(ALARMS, "Conditions and priorities · 类型与级别"))
    told = {words(cells[0])[0]: cells[4] for cells in table}
    assert set(told) == set(Condition)
    assert {condition for condition, latches in told.items() if latches.startswith("yes")} == set(LATCHING)


def test_the_numbers_are_the_detectors_defaults() -> None:
    told = {words(cells[0])[0]: cells[3] for cells in rows(section(ALARMS, "Causes · 原因"))}
    defaults = DetectorSettings()
    for cause, value in vars_of(defaults.vitals).items():
        if isinstance(value, Limit):
            raise_at, delay, clear_at = re.findall(r"\d+(?:\.\d+)?", told[cause].replace("SpO2", ""))
            assert (float(raise_at), float(delay), float(clear_at)) == (
                value.raise_at,
                value.delay_s,
                value.clear_at,
            ), cause
    scale_2, score, usual = defaults.vitals.scale_2, defaults.early_warning, defaults.baseline
    fusion, bed, fence, supervision = defaults.fusion, defaults.bed, defaults.geofence, defaults.supervision
    walks, sensors = defaults.wandering, defaults.sensors
    for cause, numbers in {
        "press": [defaults.press.bounce_s],
        "spo2_high": [2, 2, scale_2.spo2_high.raise_at, scale_2.spo2_high.delay_s, scale_2.spo2_high.clear_at],
        "early_warning": [score.medium_at, score.high_at, score.delay_s, score.clear_at],
        "heart_rate_above_usual": [usual.held_h, usual.heart_rate_least_bpm],
        "heart_rate_below_usual": [usual.held_h, usual.heart_rate_least_bpm],
        "spo2_below_usual": [usual.held_h, usual.spo2_least_pct],
        "respiration_above_usual": [usual.held_h, usual.respiration_least_per_min],
        "temperature_above_usual": [usual.held_h, usual.temperature_least_c],
        "not_worn": [defaults.wear.not_worn_s / 60],
        "breathing_pause": [0, defaults.breathing_pause.pause_s, defaults.breathing_pause.lost_s],
        "bed_exit": [bed.leave_s],
        "not_back": [bed.back_s / 60],
        "still_in_bed": [bed.up_by_min // 60, bed.up_by_min % 60, bed.stay_h, bed.up_s / 60],
        "sources_disagree": [
            fusion.held_min,
            fusion.heart_rate_apart_bpm,
            fusion.heart_rate_apart_share * 100,
            fusion.respiration_apart_per_min,
            fusion.steps,
            fusion.presence_held_min,
        ],
        "restless": [defaults.restless.moving_share * 100, defaults.restless.times, defaults.restless.held_s / 60],
        "left_safe_zone": [fence.margin_m, fence.raise_nat],
        "entered_forbidden_zone": [fence.raise_nat],
        "lost_near_edge": [fence.unknown_s / 60, fence.near_m],
        "position_unknown": [fence.unknown_s / 60],
        "pacing": [walks.turns, walks.calm_s],
        "lapping": [walks.laps, walks.calm_s],
        "out_at_night": [
            *(part for minute in (walks.night_start_min, walks.night_end_min) for part in divmod(minute, 60)),
            walks.away_m,
        ],
        "silent": [supervision.silent_s, supervision.silent_button_s / 3600],
        "many_silent": [supervision.many_devices, supervision.many_within_s],
        "link_down": [supervision.link_down_share * 100],
        "sensor_dead": [
            sensors.heart_rate_s / 3600,
            *([sensors.motion_s / 3600] if sensors.motion_s == sensors.bed_signal_s else []),
            2,
            *([sensors.spo2_s / 3600] if sensors.spo2_s == sensors.temperature_s else []),
            sensors.position_s / 3600,
        ],
        "battery_low": [supervision.battery_low_pct, supervision.battery_clear_pct],
    }.items():
        assert [float(number) for number in re.findall(r"\d+(?:\.\d+)?", told[cause])] == numbers, cause
    assert f"`quality` is below {defaults.vitals.quality_min}" in ALARMS


def vars_of(settings_of_a_detector: Any) -> dict[str, Any]:
    return {name: getattr(settings_of_a_detector, name) for name in asdict(settings_of_a_detector)}
