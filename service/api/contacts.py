"""Whether people can be reached, over HTTP: receipts of gateways, and the weekly proof of every contact."""

import asyncio
import hmac
from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from alerts.calling.proof_times import unproven
from alerts.calling.proofs import Proof, ProofResult
from alerts.journal.schema import Status
from alerts.notify.post import signature_of
from service.api.errors import ApiError
from service.api.house import HOUSE, House
from service.api.route import Route, answer_with, read_body
from service.api.views import View

_LAST_TIME_MS: Final = 2**53
_STATUS: Final = {"delivered": Status.DELIVERED, "read": Status.READ, "failed": Status.FAILED}
_PROOF: Final = {
    "delivered": ProofResult.DELIVERED,
    "read": ProofResult.READ,
    "failed": ProofResult.FAILED_FOR_GOOD,
}


class Receipt(BaseModel):
    """What became of a message after it was sent: `channel` and `key` as they stood in it; without a time it is now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str = Field(max_length=64)
    key: str = Field(max_length=256)
    result: Literal["delivered", "read", "failed"]
    at_ms: int | None = Field(None, ge=0, le=_LAST_TIME_MS)


class ReceiptTaken(View):
    """What the message is now: also where the receipt said less than was known."""

    key: str
    status: str


class ContactProof(View):
    """What is known of one contact; `status` is ``proven``, ``unproven`` or ``never_proven``."""

    caregiver: str
    channel: str
    status: Literal["proven", "unproven", "never_proven"]
    last_sent_ms: int | None
    last_result: ProofResult | None
    reason: str
    proven_ms: int | None

    @classmethod
    def of(cls, proof: Proof, now_ms: int) -> "ContactProof":
        """The view of a proof."""
        never = proof.proven_ms is None
        return cls(
            caregiver=proof.caregiver,
            channel=proof.channel,
            status="never_proven" if never else "unproven" if unproven(proof, now_ms) else "proven",
            last_sent_ms=proof.last_sent_ms,
            last_result=proof.last_result,
            reason=proof.reason,
            proven_ms=proof.proven_ms,
        )


class ContactProofs(View):
    """Every contact, by caregiver and channel."""

    contacts: tuple[ContactProof, ...]


async def take_receipt(request: web.Request) -> web.Response:
    """POST /api/v1/receipts."""
    house = request.app[HOUSE]
    receipt = await read_body(request, Receipt)
    await _check_signature(request, house, receipt)
    now_ms = house.now_ms()
    at_ms = now_ms if receipt.at_ms is None else min(receipt.at_ms, now_ms)
    status = await _receive(house, receipt, at_ms, now_ms)
    if status is None:
        raise ApiError(404, "unknown_key", f"channel {receipt.channel!r} sent nothing with this key")
    return answer_with(ReceiptTaken(key=receipt.key, status=status))


async def _check_signature(request: web.Request, house: House, receipt: Receipt) -> None:
    if receipt.channel not in house.receipt_secrets:
        raise ApiError(404, "unknown_channel", f"there is no webhook {receipt.channel!r} whose receipts are taken")
    secret = house.receipt_secrets[receipt.channel]
    given = request.headers.get("Shouhu-Signature", "")
    if secret is not None and not hmac.compare_digest(
        given.encode(), signature_of(await request.read(), secret).encode()
    ):
        raise ApiError(403, "bad_signature", "Shouhu-Signature is not that of the body with this channel's secret")


async def _receive(house: House, receipt: Receipt, at_ms: int, now_ms: int) -> str | None:
    if receipt.key.startswith("proof-") and house.proofs is not None:
        result, why = _PROOF[receipt.result], "the other side says it could not deliver it"
        reason = why if receipt.result == "failed" else ""
        proofs = house.proofs
        return await asyncio.to_thread(proofs.end, receipt.key, result, reason, at_ms, channel=receipt.channel)
    return await house.desk.receive(receipt.channel, receipt.key, _STATUS[receipt.result], at_ms, now_ms)


async def list_contact_proofs(request: web.Request) -> web.Response:
    """GET /api/v1/contacts/proof."""
    house = request.app[HOUSE]
    if house.proofs is None:
        raise ApiError(501, "no_proofs", "this service sends no tests to contacts")
    now_ms = house.now_ms()
    found = await asyncio.to_thread(house.proofs.all)
    return answer_with(ContactProofs(contacts=tuple(ContactProof.of(proof, now_ms) for proof in found)))


ROUTES: Final = (
    Route(
        "POST",
        "/api/v1/receipts",
        take_receipt,
        "A gateway says what became of a message",
        "Signed like our own requests where the webhook has a secret. Said twice it changes nothing, and nothing is "
        "taken back: read is more than delivered, and that more than sent.",
        body=Receipt,
        answer=ReceiptTaken,
        errors=(400, 403, 404, 413, 415),
    ),
    Route(
        "GET",
        "/api/v1/contacts/proof",
        list_contact_proofs,
        "Who was last reached by which channel, by the weekly test",
        answer=ContactProofs,
        errors=(501,),
    ),
)
