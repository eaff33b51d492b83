"""People called by any of the services apprise knows: WeCom, DingTalk, Feishu, SMS gateways, e-mail, ntfy, Telegram, …

The URL is apprise's. Where it holds ``{address}``, each person's own address is put in; without it there is one place
for all, such as a group's robot.
"""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from alerts.alarm import Transition
from alerts.calling.escalation import Recipient
from alerts.notify.backoff import Backoff
from alerts.notify.contract import AddressBook, FailedForGood, FailedForNow, Letter, Message, Result
from alerts.notify.exchange import watched
from alerts.notify.summons import read_summons, summons_message
from alerts.notify.threads import Threads, TooManyHang
from alerts.notify.words import Style, Text, letter_text, proof_text

_log: Final = logging.getLogger(__name__)

PLACEHOLDER: Final = "{address}"
#: Addresses of the kinds there are, to see whether a URL is one once an address stands in it.
_SAMPLES: Final = ("+8613800138000", "13800138000", "somebody@example.org", "somebody", "123456789")
#: Options of apprise that would work against what is settled here.
_SETTLED: Final = ("cto=", "rto=", "retry=", "wait=", "optional=", "redirect=", "timeout=")

_ASSET: Final = AppriseAsset(app_id="Shouhu", app_desc="Shouhu 守护", app_url="", secure_logging=True)


class UnknownUrl(ValueError):
    """apprise cannot use the URL; what is said never shows it."""


def check_url(url: str) -> None:
    """Whether apprise can use a URL; UnknownUrl."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise UnknownUrl('must be a URL of apprise such as "mailto://…" or "wecombot://…"')
    options = url.partition("?")[2].lower().split("&")
    for option in _SETTLED:
        if any(one.startswith(option) for one in options):
            raise UnknownUrl(f'must not hold the option "{option[:-1]}": limits and repetitions are settled here')
    if not any(_plugin(url, sample, 1.0) is not None for sample in _SAMPLES):
        known = scheme.lower() in {name for one in Apprise().details()["schemas"] for name in _schemes(one)}
        what = f"apprise cannot use what follows {scheme}://" if known else "apprise knows no service of this kind"
        raise UnknownUrl(f"{what}; https://github.com/caronc/apprise/wiki lists the forms")


def _schemes(entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return []
    return [*(entry.get("protocols") or ()), *(entry.get("secure_protocols") or ())]


def _plugin(url: str, address: str, time_limit_s: float) -> NotifyBase | None:
    made = Apprise.instantiate(url.replace(PLACEHOLDER, quote(address, safe="")), asset=_ASSET)
    if made is not None:
        # Connecting and one reading of the answer together stay within the limit, so that a thread seldom outlives it.
        made.socket_connect_timeout = 0.4 * time_limit_s
        made.socket_read_timeout = 0.5 * time_limit_s
        made.redirects = False  # a redirect could lead a text elsewhere than was set
    return made


class AppriseChannel:
    """Sends one message a letter; `book` gives the latest address book.

    Neither URL nor address nor text is ever shown, not in what it says of a failure.
    """

    def __init__(
        self,
        name: str,
        url: str,
        book: Callable[[], AddressBook],
        style: Style | None = None,
        *,
        time_limit_s: float = 10.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.time_limit_s = time_limit_s
        self.backoff = backoff or Backoff(first_s=2.0, most_s=60.0, give_up_s=3600.0)
        self._url = url
        self._book = book
        self._style = style or Style()
        self._threads = Threads(f"channel-{name}")

    def __repr__(self) -> str:
        return f"AppriseChannel({self.name!r})"

    async def __aenter__(self) -> Self:
        """Nothing to hold: each message is a connection of its own."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to let go of."""

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        """Nothing by itself: people are called as the escalation says."""
        return ()

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        """The letter that calls one person."""
        return summons_message(transition, recipient)

    async def send(self, letter: Letter) -> Result:
        """Look up whom it is for and what may be said, and send once."""
        summonses = read_summons(letter.body)
        book = self._book()
        contact = book.contact(summonses[0].caregiver, self.name)
        if contact is None:
            return FailedForGood("the caregiver has no address for this channel any more")
        text = letter_text(summonses, book, contact.language, self._style)
        return await self._send(contact.address, text, NotifyType.FAILURE)

    async def prove(self, recipient: Recipient, key: str) -> Result:
        """Send a message marked as a test."""
        book = self._book()
        contact = book.contact(recipient.caregiver, self.name)
        if contact is None:
            return FailedForGood("the caregiver has no address for this channel")
        site = next(iter(book.sites(recipient)), "")
        text = proof_text(self.name, book.place(site, None), contact.language, self._style)
        return await self._send(contact.address, text, NotifyType.INFO)

    async def _send(self, address: str, text: Text, kind: NotifyType) -> Result:
        if not address and PLACEHOLDER in self._url:
            return FailedForGood("the caregiver's address for this channel is empty")
        try:
            return await self._threads.run(lambda: self._notify(address, text, kind))
        except TooManyHang as error:
            return FailedForNow(str(error))

    def _notify(self, address: str, text: Text, kind: NotifyType) -> Result:
        """Send once, in a thread."""
        plugin = _plugin(self._url, address, self.time_limit_s)
        if plugin is None:
            return FailedForGood("the service takes no address of this form")
        with watched(self._url.partition("://")[0].lower()) as exchange:
            try:
                accepted = plugin.notify(
                    body=text.body, title=text.title, notify_type=kind, body_format=NotifyFormat.TEXT
                )
            except Exception as error:  # of a plugin; what it says may hold an address
                _log.error("channel %s: apprise's plugin failed: %s", self.name, type(error).__name__)
                return FailedForNow(f"apprise's plugin failed: {type(error).__name__}")
        return exchange.judge(bool(accepted))
