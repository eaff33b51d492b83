"""The settings of ``[notify]``: by which channels machines and people are told, and how much each may say."""

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from alerts.calling.proof_times import ProofTimes
from alerts.notify.backoff import Backoff
from alerts.notify.words import Language, Privacy, Style
from service.identifier import Identifier
from service.secret import Secret, resolve_text
from service.section import SecretWebUrl, Section, WebUrl

#: Channels that are there without being named in the settings; what waits for a channel is kept under its name.
_CHANNELS: Final = frozenset({"console", "mqtt", "store"})

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _apprise_url(value: str) -> str:
    # Imported late: where no such channel is set, nothing need load apprise.
    from alerts.notify.apprise_channel import check_url

    check_url(value)
    return value


class RetrySettings(Section):
    """Waits double from `first_s` to `most_s`; a letter is given up `give_up_s` after what it tells of."""

    first_s: float = Field(default=1.0, gt=0, le=600)
    most_s: float = Field(default=60.0, gt=0, le=3_600)
    give_up_s: float = Field(default=86_400.0, ge=0, le=604_800)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most_s < self.first_s:
            raise ValueError("most_s must not be less than first_s")
        return self

    @property
    def backoff(self) -> Backoff:
        """As the outbox takes it."""
        return Backoff(self.first_s, self.most_s, self.give_up_s)


class StyleSettings(Section):
    """How much a channel to people may say, and in which languages; none: in the reader's own."""

    privacy: Privacy = "room"
    languages: tuple[Language, ...] = ()

    def style(self, console_url: str | None) -> Style:
        """As the channel takes it."""
        return Style(self.privacy, self.languages, console_url)


class WebhookSettings(StyleSettings):
    """Somebody else's HTTP service; signed where a secret is given.

    It is told of every alarm (`tells` is ``feed``), or calls people who have an address for it (``people``).
    """

    name: Identifier
    url: SecretWebUrl = Field(repr=False)
    secret: Secret | None = None
    tells: Literal["feed", "people"] = "feed"
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    retry: RetrySettings = RetrySettings()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.tells == "feed" and {"privacy", "languages"} & self.model_fields_set:
            raise ValueError('privacy and languages are for tells = "people"; a feed holds identifiers alone')
        return self


class AppriseSettings(StyleSettings):
    """A service that apprise knows, by which people are called; ``{address}`` in the URL is each person's own."""

    name: Identifier
    url: Annotated[str, PlainValidator(resolve_text), AfterValidator(_apprise_url)] = Field(repr=False)
    timeout_s: float = Field(default=10.0, ge=0.5, le=60)
    retry: RetrySettings = RetrySettings(first_s=2.0, give_up_s=3_600.0)


class MqttNotifySettings(Section):
    """What the service itself publishes: the alarm feed and the answers to a pressed button."""

    feed: bool = True
    commands: bool = True


class ProofSettings(Section):
    """The weekly test message to everybody on each of their channels, at an hour of their site's day."""

    enabled: bool = True
    weekday: Weekday = "wednesday"
    hour: int = Field(default=10, ge=7, le=19)

    @property
    def times(self) -> ProofTimes | None:
        """As the sender takes it; None: nothing is sent."""
        return ProofTimes(get_args(Weekday).index(self.weekday), self.hour) if self.enabled else None


class NotifySettings(Section):
    """Who is told of alarms besides the console; `console_url` is where people find it, told in messages."""

    webhook: tuple[WebhookSettings, ...] = ()
    apprise: tuple[AppriseSettings, ...] = ()
    mqtt: MqttNotifySettings = MqttNotifySettings()
    console_url: WebUrl | None = None
    proof: ProofSettings = ProofSettings()

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [hook.name for hook in self.webhook] + [channel.name for channel in self.apprise]
        for name in sorted(_CHANNELS & set(names)):
            raise ValueError(f'a channel cannot have the name "{name}": one of the service itself has it')
        for name in sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f'two channels have the name "{name}"')
        return self

    @property
    def people(self) -> tuple[str, ...]:
        """The names of the channels by which people are called."""
        return (
            *[channel.name for channel in self.apprise],
            *[hook.name for hook in self.webhook if hook.tells == "people"],
        )
