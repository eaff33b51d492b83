"""When each contact is sent its weekly test, and when it counts as unproven; pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alerts.calling.escalation import Recipient
from alerts.calling.proofs import Proof, ProofResult

#: Not proven for so long is an alarm: a week, and a day to look into what failed.
UNPROVEN_MS: Final = 8 * 86_400_000
#: What failed for now is tried again so often, with so long in between.
ATTEMPTS: Final = 3
_AGAIN_MS: Final = 600_000
#: Nobody is sent a test later in the day, whenever the service was away.
_LAST_HOUR: Final = 20


@dataclass(frozen=True, slots=True)
class ProofTimes:
    """The weekday (Monday is 0) and the hour, by the clock of the contact's site, from which tests are sent."""

    weekday: int = 2
    hour: int = 10

    def slot_ms(self, contact: Recipient, zone: ZoneInfo, now_ms: int) -> int:
        """The latest of the contact's weekly times that has come; contacts are spread over the hour."""
        now = datetime.fromtimestamp(now_ms / 1000, zone)
        day = now.date() - timedelta(days=(now.weekday() - self.weekday) % 7)
        slot = datetime(day.year, day.month, day.day, self.hour, _minute(contact), tzinfo=zone)
        if slot > now:
            day -= timedelta(days=7)
            slot = datetime(day.year, day.month, day.day, self.hour, _minute(contact), tzinfo=zone)
        return round(slot.timestamp() * 1000)

    def due(self, proof: Proof, zone: ZoneInfo, now_ms: int) -> int | None:
        """The weekly time for which a test is to be sent now; None: none is.

        One that was missed, or of a new contact, is sent on the next day at the same time of day.
        """
        contact = Recipient(proof.caregiver, proof.channel)
        slot_ms = self.slot_ms(contact, zone, now_ms)
        now = datetime.fromtimestamp(now_ms / 1000, zone)
        begins = (self.hour, _minute(contact))
        if not begins <= (now.hour, now.minute) or now.hour >= max(_LAST_HOUR, self.hour + 1):
            return None
        if proof.slot_ms is None or proof.slot_ms < slot_ms:
            return slot_ms
        again = proof.last_result is ProofResult.FAILED_FOR_NOW and proof.attempts < ATTEMPTS
        waited_ms = now_ms - (proof.last_sent_ms or 0)
        return proof.slot_ms if again and waited_ms >= _AGAIN_MS else None


def unproven(proof: Proof, now_ms: int) -> bool:
    """Whether a contact cannot be relied on: its latest test failed, or none got through for 8 days."""
    tried = proof.last_result is ProofResult.FAILED_FOR_GOOD or proof.attempts >= ATTEMPTS
    if proof.failed and tried:
        return True
    return now_ms - max(proof.known_ms, proof.proven_ms or 0) > UNPROVEN_MS


def _minute(contact: Recipient) -> int:
    """The minute of the hour at which a contact is sent its test, always the same one."""
    return hashlib.blake2b(f"{contact.caregiver} {contact.channel}".encode(), digest_size=2).digest()[0] % 60
