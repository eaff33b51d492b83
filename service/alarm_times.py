"""What the times in the life of an alarm may be set to: what cannot be meant is refused."""

from typing import Annotated, Final

from pydantic import AfterValidator

from alerts.journal.timing import AlarmTimes, Spans

_HOLD_MOST_S: Final = 3_600.0
#: An alarm must ring again some time, and cannot be laid aside for good.
_LEAST_S: Final = 60.0
_REMIND_MOST_S: Final = 604_800.0
_SHELVE_MOST_S: Final = 2_592_000.0
_TECHNICAL_LETTERS_MOST_S: Final = 3_600.0


def _check(times: AlarmTimes) -> AlarmTimes:
    spans = (("remind_s", times.remind_s, _REMIND_MOST_S), ("shelve_most_s", times.shelve_most_s, _SHELVE_MOST_S))
    from_none = (
        ("hold_s", times.hold_s, _HOLD_MOST_S),
        ("technical_letters_s", times.technical_letters_s, _TECHNICAL_LETTERS_MOST_S),
    )
    wrong = [_told(name, 0, most_s, seconds) for name, seconds, most_s in from_none if not 0 <= seconds <= most_s]
    wrong += [
        _told(f"{name}.{priority}", _LEAST_S, most_s, seconds)
        for name, of_priority, most_s in spans
        for priority, seconds in _seconds(of_priority)
        if not _LEAST_S <= seconds <= most_s
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    return times


def _seconds(spans: Spans) -> tuple[tuple[str, float], ...]:
    return (("high", spans.high), ("medium", spans.medium), ("low", spans.low))


def _told(name: str, least_s: float, most_s: float, got_s: float) -> str:
    return f"{name} must be {least_s:,.12g} to {most_s:,.12g} (got {got_s:.12g})"


CheckedAlarmTimes = Annotated[AlarmTimes, AfterValidator(_check)]
