"""Every transition as a point of the measurement `alarm`, so that Grafana shows alarms beside readings."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from alerts.alarm import Transition
from alerts.notify.backoff import Backoff
from alerts.notify.contract import FailedForGood, FailedForNow, Letter, Message, Result, Sent
from ingest.stores.contract import Refused, StoreUnavailable

#: Points are told apart by time in microseconds; the last three digits keep transitions of one millisecond apart.
_PER_MS: Final = 1_000


class LineStore(Protocol):
    """A store that takes line protocol with times in microseconds."""

    async def write_lines(self, lines: list[str]) -> Sequence[Refused]:
        """Write lines; returns those refused for good, StoreUnavailable where nothing is certain."""
        ...


def line_of(transition: Transition) -> str:
    """Identifiers and words of the contract only, so nothing needs escaping."""
    alarm = transition.alarm
    tags = {
        "condition": str(alarm.condition),
        "device": alarm.device,
        "priority": str(alarm.priority),
        "resident": alarm.resident,
        "site": alarm.site,
    }
    written = ",".join(f"{name}={value}" for name, value in tags.items() if value)
    drill = "true" if alarm.drill else "false"
    fields = (
        f'alarm="{alarm.alarm}",cause="{alarm.cause}",state="{transition.to_state}",event="{transition.event}",'
        f"onset_ms={alarm.onset_ms}i,drill={drill}"
    )
    if alarm.outcome is not None:
        fields += f',outcome="{alarm.outcome}"'
    return f"alarm,{written} {fields} {transition.at_ms * _PER_MS + transition.sequence % _PER_MS}"


class StoreChannel:
    """Writes transitions where readings are written; the store is opened and closed by its owner."""

    def __init__(self, store: LineStore, *, name: str = "store") -> None:
        self.name = name
        self.time_limit_s = 30.0
        self.backoff = Backoff()
        self._store = store

    async def __aenter__(self) -> Self:
        """Nothing to hold."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to let go of."""

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        """One point a transition that is news."""
        return (Message("", line_of(transition).encode()),) if transition.news else ()

    async def send(self, letter: Letter) -> Result:
        """Write the point; the same letter twice leaves one point."""
        try:
            refused = await self._store.write_lines([letter.body.decode()])
        except StoreUnavailable as error:
            return FailedForNow(str(error), error.retry_after_s)
        return FailedForGood(refused[0].reason) if refused else Sent()
