"""People called by somebody else's HTTP service: a gateway that telephones, sends SMS, or speaks to an app.

It is told whom to reach where, and the text; it may say at once or later (``POST /api/v1/receipts``) what became of it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from alerts.alarm import Transition
from alerts.calling.escalation import Recipient
from alerts.notify.backoff import Backoff
from alerts.notify.contract import AddressBook, Contact, FailedForGood, Letter, Message, Result
from alerts.notify.post import SignedPost
from alerts.notify.summons import Summons, read_summons, summons_message
from alerts.notify.words import Style, Text, letter_text, proof_text


class Gateway:
    """POSTs one call a letter; `book` gives the latest address book."""

    def __init__(
        self,
        name: str,
        url: str,
        book: Callable[[], AddressBook],
        style: Style | None = None,
        *,
        secret: str | None = None,
        time_limit_s: float = 5.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.time_limit_s = time_limit_s
        self.backoff = backoff or Backoff()
        self._book = book
        self._style = style or Style()
        self._post = SignedPost(url, secret)

    def __repr__(self) -> str:
        return f"Gateway({self.name!r})"

    async def __aenter__(self) -> Self:
        self._post.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._post.close()

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        """Nothing by itself: people are called as the escalation says."""
        return ()

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        """The letter that calls one person."""
        return summons_message(transition, recipient)

    async def send(self, letter: Letter) -> Result:
        """Look up whom it is for and what may be said, and POST once."""
        summonses, book = read_summons(letter.body), self._book()
        caregiver = summonses[0].caregiver
        contact = book.contact(caregiver, self.name)
        if contact is None:
            return FailedForGood("the caregiver has no address for this channel any more")
        text = letter_text(summonses, book, contact.language, self._style)
        return await self._send(caregiver, contact, text, letter.key, self._about(summonses))

    async def prove(self, recipient: Recipient, key: str) -> Result:
        """POST a message marked as a test."""
        book = self._book()
        contact = book.contact(recipient.caregiver, self.name)
        if contact is None:
            return FailedForGood("the caregiver has no address for this channel")
        place = book.place(next(iter(book.sites(recipient)), ""), None)
        text = proof_text(self.name, place, contact.language, self._style)
        return await self._send(recipient.caregiver, contact, text, key, {"test": True})

    def _about(self, summonses: Sequence[Summons]) -> dict[str, Any]:
        """What it tells of an alarm, or of several of a site's devices, besides the text."""
        first = summonses[0]
        more: dict[str, Any] = {"drill": first.drill, "test": False}
        if len(summonses) == 1:
            more |= {"alarm": first.alarm, "step": first.step}
        else:
            more |= {"alarms": [one.alarm for one in summonses], "step": min(one.step for one in summonses)}
        if self._style.may("room"):
            more |= {"condition": first.condition, "priority": first.priority}
            causes = Counter(one.cause for one in summonses)
            more |= {"cause": first.cause} if len(summonses) == 1 else {"causes": causes}
        return more

    async def _send(self, caregiver: str, contact: Contact, text: Text, key: str, more: dict[str, Any]) -> Result:
        body = {
            "channel": self.name,
            "key": key,
            "caregiver": caregiver,
            "address": contact.address,
            "language": contact.language,
            "title": text.title,
            "body": text.body,
        }
        return await self._post.send(msgspec.json.encode(body | more), key)
