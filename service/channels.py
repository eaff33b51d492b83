"""The channels of the settings: webhooks that are told of every alarm, and those by which people are called."""

from collections.abc import Callable

from pydantic import SecretStr

from alerts.notify.contract import AddressBook, PersonChannel
from alerts.notify.gateway import Gateway
from alerts.notify.webhook import Webhook
from service.notify_settings import NotifySettings


def feed_channels(notify: NotifySettings) -> list[Webhook]:
    """Other services, told of every alarm."""
    return [
        Webhook(
            hook.name,
            hook.url,
            secret=_text(hook.secret),
            time_limit_s=hook.timeout_s,
            backoff=hook.retry.backoff,
        )
        for hook in notify.webhook
        if hook.tells == "feed"
    ]


def people_channels(notify: NotifySettings, book: Callable[[], AddressBook]) -> list[PersonChannel]:
    """Channels that call people; `book` gives the latest address book."""
    channels: list[PersonChannel] = [
        Gateway(
            hook.name,
            hook.url,
            book,
            hook.style(notify.console_url),
            secret=_text(hook.secret),
            time_limit_s=hook.timeout_s,
            backoff=hook.retry.backoff,
        )
        for hook in notify.webhook
        if hook.tells == "people"
    ]
    if notify.apprise:
        # Imported late: it loads a library that only those who have such a channel need.
        from alerts.notify.apprise_channel import AppriseChannel

        channels += [
            AppriseChannel(
                one.name,
                one.url,
                book,
                one.style(notify.console_url),
                time_limit_s=one.timeout_s,
                backoff=one.retry.backoff,
            )
            for one in notify.apprise
        ]
    return channels


def receipt_secrets(notify: NotifySettings) -> dict[str, str | None]:
    """By name of the channels that may send receipts, what signs them; None: they are not signed."""
    return {hook.name: _text(hook.secret) for hook in notify.webhook}


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
