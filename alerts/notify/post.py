"""POSTs of JSON to somebody else's HTTP service, signed, and what its answer means."""

import hashlib
import hmac
import time
from typing import Final

import aiohttp
import msgspec

from alerts.notify.answers import judge_status, seconds_of
from alerts.notify.contract import Delivered, FailedForGood, FailedForNow, Read, Result, Sent

#: 4xx that may pass, other than elsewhere: the place is not ready or not set up, the letter itself is not refused.
PASSING: Final = frozenset({401, 403, 404})
_ANSWER_MOST: Final = 4096
_SAID: Final[dict[object, Result]] = {
    "delivered": Delivered(),
    "read": Read(),
    "failed": FailedForGood("the other side says it could not deliver it"),
}


def signature_of(body: bytes, secret: str) -> str:
    """Value of the `Shouhu-Signature` header: HMAC-SHA256 (RFC 2104) of the body, in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class SignedPost:
    """One URL that takes POSTs; any 2xx is success, and `Idempotency-Key` is the same with every repetition.

    `Shouhu-Sent-Us` is when this repetition was handed over here, in Unix microseconds.

    URL and secret are never shown: not in what it says of a failure, not in its representation. Redirects are not
    followed, since they could lead a body elsewhere than was set.
    """

    def __init__(self, url: str, secret: str | None) -> None:
        self._url = url
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make ready, in the event loop in which it is used."""
        assert self._session is None, "a channel is entered once"
        # The time limit is the outbox's.
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))

    async def close(self) -> None:
        """Let go of connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, body: bytes, key: str) -> Result:
        """POST once."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "Shouhu-Sent-Us": str(time.time_ns() // 1_000),
        }
        if self._secret is not None:
            headers["Shouhu-Signature"] = signature_of(body, self._secret)
        assert self._session is not None, "a channel is entered before it sends"
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                retry_after_s = seconds_of(response.headers.get("Retry-After"))
                result = judge_status(response.status, retry_after_s, also_passing=PASSING)
                if result == Sent() and response.content_type == "application/json":
                    return _said(await response.content.read(_ANSWER_MOST))
                return result
        except aiohttp.InvalidURL:
            return FailedForGood("the URL is not one")
        except (aiohttp.ClientError, OSError) as error:
            # What the error says may hold the URL.
            return FailedForNow(f"cannot reach it: {type(error).__name__}")


def _said(answer: bytes) -> Result:
    """What an answer says became of the letter; it has it in any case."""
    try:
        said = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return Sent()
    word = said.get("result") if isinstance(said, dict) else None
    return _SAID.get(word, Sent()) if isinstance(word, str) else Sent()
