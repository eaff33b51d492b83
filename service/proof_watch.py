"""Sends everybody a test on each of their channels once a week, and raises an alarm for each contact not proven.

A contact that is not proven is told at the sites of the caregiver. While its whole channel reaches nobody, that is
told instead, once.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import InterfaceError, OperationalError

from alerts.calling.escalation import Recipient
from alerts.calling.proof_times import ProofTimes, unproven
from alerts.calling.proofs import Proof, Proofs, result_of
from alerts.calling.roster import Roster
from alerts.findings import Evidence
from alerts.journal.desk import Desk
from alerts.journal.outbox import attempt
from alerts.lifecycle import GONE
from alerts.notify.contract import PersonChannel, Result
from service import technical
from service.channel_watch import ChannelWatch

log = logging.getLogger(__name__)
_CAUSE: Final = "contact_unproven"
_LOOK_S: Final = 30.0


class ProofWatch:
    """Looks every half a minute; `times` None: no tests are sent, and nothing is expected of them."""

    def __init__(
        self,
        desk: Desk,
        proofs: Proofs,
        channels: Sequence[PersonChannel],
        roster: Callable[[], Roster],
        channel_watch: ChannelWatch,
        times: ProofTimes | None,
        clock_ms: Callable[[], int],
    ) -> None:
        self._desk = desk
        self._proofs = proofs
        self._channels = {channel.name: channel for channel in channels}
        self._roster = roster
        self._channel_watch = channel_watch
        self._times = times
        self._clock_ms = clock_ms
        self._told: set[Recipient] | None = None  # of whom an alarm is open; None: not looked up yet

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # First: the channels are entered meanwhile.
            await asyncio.sleep(_LOOK_S)
            try:
                await self.look()
            except (OperationalError, InterfaceError) as error:
                log.error("the proof of contacts: database not available: %s", type(error).__name__)

    async def look(self) -> None:
        """Send what is due, then judge every contact."""
        if self._times is None:
            return
        roster = self._roster()
        contacts = [one for one in roster.recipients() if one.channel in self._channels]
        for gone in await asyncio.to_thread(self._proofs.keep, contacts, self._clock_ms()):
            await self._end(Recipient(gone.caregiver, gone.channel))
        await self._send_due(self._times, roster)
        for proof in await asyncio.to_thread(self._proofs.all):
            await self._judge(proof, roster)

    async def _send_due(self, times: ProofTimes, roster: Roster) -> None:
        now_ms = self._clock_ms()
        due: defaultdict[str, list[tuple[Recipient, int]]] = defaultdict(list)
        for proof in await asyncio.to_thread(self._proofs.all):
            contact = Recipient(proof.caregiver, proof.channel)
            slot_ms = times.due(proof, _zone_of(contact, roster), now_ms)
            if slot_ms is not None:
                due[proof.channel].append((contact, slot_ms))
        async with asyncio.TaskGroup() as group:  # so that a dead channel delays no other
            for channel, contacts in due.items():
                group.create_task(self._send_each(self._channels[channel], contacts), name=f"tests by {channel}")

    async def _send_each(self, channel: PersonChannel, contacts: Sequence[tuple[Recipient, int]]) -> None:
        for contact, slot_ms in contacts:
            result = await send_test(self._proofs, channel, contact, slot_ms, self._clock_ms)
            if result is not None:
                self._channel_watch.note(channel.name, result, self._clock_ms())

    async def _judge(self, proof: Proof, roster: Roster) -> None:
        contact, told = Recipient(proof.caregiver, proof.channel), await self._open()
        now_ms = self._clock_ms()
        if not unproven(proof, now_ms):
            if contact in told:
                await self._end(contact)
        elif contact not in told and not self._channel_watch.failed(proof.channel):
            log.error("contact %s: not proven: %s", _subject(contact), proof.reason or "no test got through")
            since_ms = max(proof.known_ms, proof.proven_ms or 0)
            evidence = (*_about(contact), ("reason", proof.reason or "no test got through"))
            sites = roster.sites(contact)
            await technical.begin(self._desk, _CAUSE, _subject(contact), evidence, sites, since_ms, now_ms)
            told.add(contact)

    async def _end(self, contact: Recipient) -> None:
        await technical.end(self._desk, _CAUSE, _subject(contact), _about(contact), self._clock_ms())
        (await self._open()).discard(contact)

    async def _open(self) -> set[Recipient]:
        if self._told is None:
            told = [alarm for alarm in await self._desk.open_alarms() if alarm.cause == _CAUSE]
            evidence = [dict(alarm.evidence) for alarm in told if alarm.state not in GONE]
            self._told = {Recipient(str(one.get("caregiver")), str(one.get("channel"))) for one in evidence}
        return self._told


async def send_test(
    proofs: Proofs,
    channel: PersonChannel,
    contact: Recipient,
    slot_ms: int,
    clock_ms: Callable[[], int],
) -> Result | None:
    """Send one test, written down before and after; what became of it, None: it was sent already."""
    key = await asyncio.to_thread(proofs.begin, contact, slot_ms, clock_ms())
    if key is None:
        return None
    result = await attempt(channel, channel.prove(contact, key))
    await asyncio.to_thread(proofs.end, key, *result_of(result), clock_ms())
    return result


def _zone_of(contact: Recipient, roster: Roster) -> ZoneInfo:
    site = next(iter(roster.sites(contact)), "")
    return ZoneInfo(roster.place(site, None).time_zone)


def _about(contact: Recipient) -> Evidence:
    return (("caregiver", contact.caregiver), ("channel", contact.channel))


def _subject(contact: Recipient) -> str:
    return f"{contact.caregiver}/{contact.channel}"
