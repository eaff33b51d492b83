"""Raises the technical alarm of a channel that reaches nobody, and ends it once a letter gets through.

It is one alarm a site, at every site that would be told by the channel. A channel that is told of all alarms alike (a
feed) belongs to no site; its alarm is raised at the first one.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError

from alerts.calling.channel_health import ChannelHealth, Turn
from alerts.calling.roster import Roster
from alerts.findings import Change, Evidence
from alerts.journal.desk import Desk
from alerts.lifecycle import GONE
from alerts.notify.contract import Result
from service import technical

log = logging.getLogger(__name__)
_CAUSE: Final = "channel_failed"
_AGAIN_S: Final = 1.0


class ChannelWatch:
    """Follows what becomes of letters; `run` raises and ends alarms until cancelled."""

    def __init__(self, desk: Desk, roster: Callable[[], Roster], clock_ms: Callable[[], int]) -> None:
        self._desk = desk
        self._roster = roster
        self._clock_ms = clock_ms
        self._health = ChannelHealth()
        self._turns: list[Turn] = []
        self._stir = asyncio.Event()

    def note(self, channel: str, result: Result, now_ms: int) -> None:
        """What became of a letter, as the outbox tells it."""
        turn = self._health.note(channel, result, now_ms)
        if turn is not None:
            self._turns.append(turn)
            self._stir.set()

    def failed(self, channel: str) -> bool:
        """Whether a channel reaches nobody now."""
        return self._health.failed(channel)

    async def run(self) -> None:
        """Until cancelled, however long the database takes."""
        resumed = False
        while True:
            self._stir.clear()
            try:
                if not resumed:
                    await self._resume()
                    resumed = True
                while self._turns:
                    await self._tell(self._turns[0])
                    del self._turns[0]
            except (OperationalError, InterfaceError) as error:
                log.error("the alarm of a channel waits for the journal: %s", type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
                continue
            await self._stir.wait()

    async def _resume(self) -> None:
        for alarm in await self._desk.open_alarms():
            if alarm.cause == _CAUSE and alarm.state not in GONE:
                self._health.resume(str(dict(alarm.evidence).get("channel", "")), alarm.onset_ms)

    async def _tell(self, turn: Turn) -> None:
        about: Evidence = (("channel", turn.channel),)
        if turn.change is Change.BEGAN:
            log.error("channel %s reaches nobody: %s", turn.channel, turn.reason)
            evidence = (*about, ("reason", turn.reason))
            sites = self._sites_of(turn.channel)
            now_ms = self._clock_ms()
            await technical.begin(self._desk, _CAUSE, turn.channel, evidence, sites, turn.since_ms, now_ms)
        else:
            log.info("channel %s gets through again", turn.channel)
            await technical.end(self._desk, _CAUSE, turn.channel, about, self._clock_ms())

    def _sites_of(self, channel: str) -> Sequence[str]:
        """The sites that are told by a channel; the first of all where it calls nobody."""
        roster = self._roster()
        told = [site for one in roster.recipients() if one.channel == channel for site in roster.sites(one)]
        return list(dict.fromkeys(told)) or [site.site for site in roster.book.sites[:1]]
