"""What a provider really answered, while apprise says only yes or no.

apprise takes any 200 for a success. WeCom, DingTalk and Feishu answer 200 also where they refuse, and say so in the
body: an alarm that reached nobody would be called sent. And of what failed it tells no more than a line in a log, which
may hold an address. So the answers themselves are noted, underneath apprise: every request of its plugins goes through
`requests`, whose transport is replaced once by one that looks on, and only while somebody here sends
(docs/decisions/0011-apprise-and-what-it-does-not-say.md). Nothing of what was sent is kept, and of the answer only
numbers.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from alerts.notify.answers import judge_status, seconds_of
from alerts.notify.contract import FailedForGood, FailedForNow, Result, Sent

#: Where in the body a service says, with 200, that it refused; 0 is a success.
_REFUSALS: Final[Mapping[str, tuple[str, ...]]] = {
    "wecombot": ("errcode",),
    "dingtalk": ("errcode",),
    "feishu": ("code", "StatusCode"),
    "lark": ("code", "StatusCode"),
}
#: Refusals that stay: no such robot, a signature, keyword or sender that its settings do not let pass. What else they
#: say (too many in a minute, busy) may pass.
_FOR_GOOD: Final = frozenset({93000, 300001, 310000, 19001, 19021, 19022, 19024})
#: An SMTP reply (RFC 5321, 4.2) as smtplib shows it: 4xx may pass, 5xx stays.
_SMTP: Final = re.compile(r"\((\d{3}), b|was refused: (\d{3}) ")
_BODY_MOST: Final = 65_536


@dataclass(slots=True)
class Exchange:
    """The answers to one message, in order."""

    statuses: list[int] = field(default_factory=list)
    retry_after_s: float | None = None
    refused: int = 0
    smtp: list[int] = field(default_factory=list)
    error: str = ""

    def judge(self, accepted: bool) -> Result:
        """What became of the message; `accepted` is what apprise says."""
        if accepted:
            if not self.refused:
                return Sent()
            reason = f"the service refused it with code {self.refused}"
            return FailedForGood(reason) if self.refused in _FOR_GOOD else FailedForNow(reason)
        failed = [status for status in self.statuses if not 200 <= status < 300]
        if failed:
            return judge_status(failed[-1], self.retry_after_s)
        if self.smtp:
            reason = f"the mail server answered {self.smtp[-1]}"
            return FailedForGood(reason) if self.smtp[-1] >= 500 else FailedForNow(reason)
        if self.error:
            return FailedForNow(f"cannot reach it: {self.error}")
        return FailedForNow("not accepted, and the service does not say why")


_current: Final[ContextVar[tuple[Exchange, tuple[str, ...]] | None]] = ContextVar("exchange", default=None)


@contextmanager
def watched(scheme: str) -> Iterator[Exchange]:
    """Note what is answered to this thread within; `scheme` is that of the apprise URL."""
    exchange = Exchange()
    token = _current.set((exchange, _REFUSALS.get(scheme, ())))
    try:
        yield exchange
    finally:
        _current.reset(token)


class _Onlooker(HTTPAdapter):
    """The transport of `requests`, noting answers."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request, as HTTPAdapter does."""
        current = _current.get()
        if current is None:
            return super().send(request, *args, **kwargs)
        exchange, fields = current
        try:
            response = super().send(request, *args, **kwargs)
        except requests.RequestException as error:
            exchange.error = type(error).__name__
            raise
        exchange.statuses.append(response.status_code)
        exchange.retry_after_s = seconds_of(response.headers.get("Retry-After"))
        if fields:
            exchange.refused = _refusal(response.content[:_BODY_MOST], fields)
        return response


def _refusal(body: bytes, fields: tuple[str, ...]) -> int:
    """The code by which a service refused; -1 where it does not answer as it should, 0: it did not refuse."""
    try:
        answer = json.loads(body)
    except ValueError:
        return -1
    codes = [answer[name] for name in fields if name in answer] if isinstance(answer, dict) else []
    if not codes or not all(isinstance(code, int) for code in codes):
        return -1
    return next((int(code) for code in codes if code), 0)


class _Listener(logging.Handler):
    """apprise's log, in which it tells addresses and tokens: none of it is shown, of SMTP the replies are noted."""

    def emit(self, record: logging.LogRecord) -> None:
        """Note the number of an SMTP reply, or that there was no connection."""
        current = _current.get()
        if current is None:
            return
        text = record.getMessage()
        if found := _SMTP.search(text):
            current[0].smtp.append(int(found[1] or found[2]))
        elif text.startswith(("Socket Exception", "Connection error")) and not current[0].error:
            current[0].error = "connection error"


def _look_on() -> None:
    setattr(requests.sessions, "HTTPAdapter", _Onlooker)  # noqa: B010 - not one of its exports
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # tells paths, which hold tokens
    log = logging.getLogger("apprise")
    log.addHandler(_Listener())
    log.setLevel(logging.DEBUG)
    log.propagate = False


_look_on()
