"""What the status of an HTTP answer means for a letter."""

from typing import Final

from alerts.notify.contract import FailedForGood, FailedForNow, Result, Sent

#: 4xx by which a service asks to come again.
_PASSING: Final = frozenset({408, 425, 429})


def judge_status(status: int, retry_after_s: float | None, *, also_passing: frozenset[int] = frozenset()) -> Result:
    """2xx: sent. 5xx, and those that ask for patience: failed for now. All others, redirects among them: for good."""
    if 200 <= status < 300:
        return Sent()
    reason = f"answered {status}"
    if status in _PASSING or status in also_passing or status >= 500:
        return FailedForNow(reason, retry_after_s)
    return FailedForGood(reason)


def seconds_of(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; its other form, a date, is left to our own back-off."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit():
        return None
    return float(retry_after[:9])
