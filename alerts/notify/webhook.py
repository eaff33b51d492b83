"""Every transition as JSON to somebody else's HTTP service."""

import hashlib
import hmac
import time
from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec

from alerts.alarm import Transition
from alerts.lifecycle import UNTAKEN
from alerts.notify.backoff import Backoff
from alerts.notify.contract import FailedForGood, FailedForNow, Letter, Message, Result, Sent
from alerts.notify.feed import feed_fields

#: 4xx that may pass: the place is not ready or not set up, the letter itself is not refused.
_PASSING: Final = frozenset({401, 403, 404, 408, 425, 429})


def body_of(transition: Transition) -> bytes:
    """The feed's fields, and what caused it; identifiers only, no free text and no name of a person."""
    alarm = transition.alarm
    return msgspec.json.encode(
        {
            **feed_fields(transition),
            "site": alarm.site,
            "event": transition.event,
            "cause": alarm.cause,
            "evidence": dict(alarm.evidence),
            "drill": alarm.drill,
            "cancelled": alarm.cancelled,
            "by": transition.by,
            "outcome": alarm.outcome,
            "sequence": transition.sequence,
        }
    )


def signature_of(body: bytes, secret: str) -> str:
    """Value of the `Shouhu-Signature` header: HMAC-SHA256 (RFC 2104) of the body, in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhook:
    """POSTs each transition as JSON; any 2xx is success, and `Idempotency-Key` is the same with every repetition.

    `Shouhu-Sent-Us` is when this repetition was handed over here, in Unix microseconds.

    URL and secret are never shown: not in what it says of a failure, not in its representation. Redirects are not
    followed, since they could lead a body elsewhere than was set.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        secret: str | None = None,
        time_limit_s: float = 5.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.time_limit_s = time_limit_s
        self.backoff = backoff or Backoff()
        self._url = url
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Webhook({self.name!r})"

    async def __aenter__(self) -> Self:
        assert self._session is None, "a channel is entered once"
        # The time limit is the outbox's.
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        """What changes something, and where somebody is by now; a call is moot once somebody has taken it."""
        if not (transition.news or transition.follows):
            return ()
        calls = transition.to_state in UNTAKEN and not transition.follows
        return (Message("", body_of(transition), moot_once_taken=calls),)

    async def send(self, letter: Letter) -> Result:
        """POST once."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": letter.key,
            "Shouhu-Sent-Us": str(time.time_ns() // 1_000),
        }
        if self._secret is not None:
            headers["Shouhu-Signature"] = signature_of(letter.body, self._secret)
        assert self._session is not None, "a channel is entered before it sends"
        try:
            async with self._session.post(
                self._url, data=letter.body, headers=headers, allow_redirects=False
            ) as response:
                return _judge(response.status, response.headers.get("Retry-After"))
        except aiohttp.InvalidURL:
            return FailedForGood("the URL is not one")
        except (aiohttp.ClientError, OSError) as error:
            # What the error says may hold the URL.
            return FailedForNow(f"cannot reach it: {type(error).__name__}")


def _judge(status: int, retry_after: str | None) -> Result:
    if 200 <= status < 300:
        return Sent()
    reason = f"answered {status}"
    if status in _PASSING or status >= 500:
        return FailedForNow(reason, _seconds(retry_after))
    return FailedForGood(reason)


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; its other form, a date, is left to our own back-off."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit():
        return None
    return float(retry_after[:9])
