"""The proof that each contact works, in SQL: when a person was last sent a test by a channel, and what came back.

A test is written down before it is sent, so that a crash in between sends none twice: one whose result was never
written is not known to have arrived, and not sent again before the next week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from alerts.calling.escalation import Recipient
from alerts.journal.schema import READ_ONLY
from alerts.journal.tables import make_tables
from alerts.notify.contract import Delivered, FailedForGood, FailedForNow, Read, Result

_METADATA: Final = MetaData()

CONTACT_PROOF: Final = Table(
    "contact_proof",
    _METADATA,
    Column("caregiver", String(64), primary_key=True),
    Column("channel", String(64), primary_key=True),
    Column("known_ms", BigInteger, nullable=False),
    Column("slot_ms", BigInteger),
    Column("key", Text),
    Column("attempts", Integer, nullable=False),
    Column("last_sent_ms", BigInteger),
    Column("last_result", String(16)),
    Column("reason", Text, nullable=False),
    Column("proven_ms", BigInteger),
)


class ProofResult(StrEnum):
    """What became of the latest test; of one that is `sending` nothing is known."""

    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED_FOR_NOW = "failed_for_now"
    FAILED_FOR_GOOD = "failed_for_good"


#: Those that prove something, and how much.
_RANK: Final = {ProofResult.SENT: 1, ProofResult.DELIVERED: 2, ProofResult.READ: 3}
_FAILED: Final = frozenset({ProofResult.FAILED_FOR_NOW, ProofResult.FAILED_FOR_GOOD})


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of one contact; times in Unix milliseconds.

    `known_ms`: since when there is such a contact. `slot_ms`: the week's time for which the latest test was sent,
    `attempts` how often. `proven_ms`: when one last got through, None: never.
    """

    caregiver: str
    channel: str
    known_ms: int
    slot_ms: int | None = None
    key: str | None = None
    attempts: int = 0
    last_sent_ms: int | None = None
    last_result: ProofResult | None = None
    reason: str = ""
    proven_ms: int | None = None

    @property
    def failed(self) -> bool:
        """Whether the latest test did not get through."""
        return self.last_result in _FAILED


def result_of(result: Result) -> tuple[ProofResult, str]:
    """What became of a test, and why it failed."""
    match result:
        case FailedForNow(reason=reason):
            return ProofResult.FAILED_FOR_NOW, reason
        case FailedForGood(reason=reason):
            return ProofResult.FAILED_FOR_GOOD, reason
        case Delivered():
            return ProofResult.DELIVERED, ""
        case Read():
            return ProofResult.READ, ""
        case _:
            return ProofResult.SENT, ""


class Proofs:
    """The table; synchronous, from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers = engine.execution_options(**READ_ONLY)
        make_tables(engine, _METADATA)

    def all(self) -> list[Proof]:
        """What is known of every contact, by caregiver and channel."""
        query = select(CONTACT_PROOF).order_by(CONTACT_PROOF.c.caregiver, CONTACT_PROOF.c.channel)
        with self._readers.connect() as connection:
            return [_proof(row) for row in connection.execute(query)]

    def keep(self, contacts: Sequence[Recipient], now_ms: int) -> list[Proof]:
        """Know these contacts and no others; returns those that are no more."""
        wanted = {(one.caregiver, one.channel) for one in contacts}
        known = {(one.caregiver, one.channel): one for one in self.all()}
        if wanted == known.keys():
            return []
        with self._engine.begin() as connection:
            for caregiver, channel in known.keys() - wanted:
                connection.execute(delete(CONTACT_PROOF).where(*_of(caregiver, channel)))
            for caregiver, channel in wanted - known.keys():
                _know(connection, Recipient(caregiver, channel), now_ms)
        return [known[key] for key in known.keys() - wanted]

    def begin(self, contact: Recipient, slot_ms: int, now_ms: int) -> str | None:
        """A test is about to be sent; its key. None: somebody else is sending it, or has."""
        key = f"proof-{contact.caregiver}-{contact.channel}-{slot_ms}"
        table = CONTACT_PROOF
        with self._engine.begin() as connection:
            row = connection.execute(select(table).where(*_of(contact.caregiver, contact.channel))).first()
            if row is None:
                _know(connection, contact, now_ms)
            elif row.key == key and row.last_result != ProofResult.FAILED_FOR_NOW:
                return None
            connection.execute(
                update(table)
                .where(*_of(contact.caregiver, contact.channel))
                .values(
                    slot_ms=slot_ms,
                    key=key,
                    attempts=row.attempts + 1 if row is not None and row.key == key else 1,
                    last_sent_ms=now_ms,
                    last_result=ProofResult.SENDING,
                    reason="",
                )
            )
        return key

    def end(
        self, key: str, result: ProofResult, reason: str, now_ms: int, *, channel: str | None = None
    ) -> ProofResult | None:
        """What became of the test with this key (of a channel); what it is then, None: there is no such test any more.

        Said twice it changes nothing, and what got through is not taken back.
        """
        table = CONTACT_PROOF
        with self._engine.begin() as connection:
            row = connection.execute(select(table).where(table.c.key == key)).first()
            if row is None or channel not in (None, row.channel):
                return None
            before = ProofResult(row.last_result)
            # A gateway that took it may say later that it could not deliver it; not after it did.
            forward = _RANK[result] > _RANK.get(before, 0) if result in _RANK else _RANK.get(before, 0) <= 1
            if not forward:
                return before
            values: dict[str, Any] = {"last_result": result, "reason": reason}
            if result in _RANK:
                values["proven_ms"] = now_ms
            elif before is ProofResult.SENT:
                values["proven_ms"] = None  # what was held for a proof was none
            connection.execute(update(table).where(table.c.key == key).values(**values))
        return result


def _of(caregiver: str, channel: str) -> tuple[Any, Any]:
    return CONTACT_PROOF.c.caregiver == caregiver, CONTACT_PROOF.c.channel == channel


def _know(connection: Connection, contact: Recipient, now_ms: int) -> None:
    values = {"caregiver": contact.caregiver, "channel": contact.channel, "known_ms": now_ms}
    connection.execute(insert(CONTACT_PROOF).values(**values, attempts=0, reason=""))


def _proof(row: Any) -> Proof:
    fields = {name: getattr(row, name) for name in Proof.__dataclass_fields__}
    return Proof(**fields | {"last_result": None if row.last_result is None else ProofResult(row.last_result)})
