"""Every transition as JSON to somebody else's HTTP service."""

from types import TracebackType
from typing import Self

import msgspec

from alerts.alarm import Transition
from alerts.lifecycle import UNTAKEN
from alerts.notify.backoff import Backoff
from alerts.notify.contract import Letter, Message, Result
from alerts.notify.feed import feed_fields
from alerts.notify.post import SignedPost


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


class Webhook:
    """POSTs each transition as JSON, as `SignedPost` says."""

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
        self._post = SignedPost(url, secret)

    def __repr__(self) -> str:
        return f"Webhook({self.name!r})"

    async def __aenter__(self) -> Self:
        self._post.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._post.close()

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        """What changes something, and where somebody is by now; a call is moot once somebody has taken it."""
        if not (transition.news or transition.follows):
            return ()
        calls = transition.to_state in UNTAKEN and not transition.follows
        return (Message("", body_of(transition), moot_once_taken=calls),)

    async def send(self, letter: Letter) -> Result:
        """POST once."""
        return await self._post.send(letter.body, letter.key)
