"""Receipts of gateways and the proof of contacts, over HTTP."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.alarm import Alarm, Transition
from alerts.calling.escalation import Call, Recipient
from alerts.calling.proofs import ProofResult, Proofs
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from alerts.notify.contract import Message
from alerts.notify.post import signature_of
from ingest.quarantine import Quarantine
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.registry import Registry
from tests.unit.service.api.rig import DEVICES, FLEET, NOW_MS, Watch

SECRET = "开门"
WEEK_MS = 7 * 86_400_000


class ToPeople:
    """A channel by which single people are called."""

    def __init__(self, name: str) -> None:
        self.name = name

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return ()

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        return Message(recipient.caregiver, b"{}", moot_once_taken=True)


class Nurse:
    """Calls one nurse by both channels."""

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        return Call(step, (Recipient("mei", "signed"), Recipient("mei", "open")), None)


class Api:
    """The API after one press, and the proofs behind it."""

    def __init__(self, client: TestClient[Any, Any], proofs: Proofs, key: str) -> None:
        self.client, self.proofs, self.key = client, proofs, key

    async def receipt(self, status: int = 200, *, secret: str | None = None, **body: Any) -> Any:
        raw = json.dumps({"channel": "open", "key": self.key, "result": "read"} | body).encode()
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            headers["Shouhu-Signature"] = signature_of(raw, secret)
        answer = await self.client.post("/api/v1/receipts", data=raw, headers=headers)
        assert answer.status == status, await answer.text()
        return await answer.json()


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    registry = Registry(engine)
    registry.replace_fleet(FLEET)
    quarantine = Quarantine(tmp_path / "quarantine.db")
    proofs = Proofs(engine)
    async with Desk(engine, (ToPeople("signed"), ToPeople("open")), caller=Nurse) as desk:
        finding = Finding(0, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, NOW_MS, NOW_MS)
        (raised,) = await desk.record([finding], DEVICES, NOW_MS, NOW_MS)
        house = House(
            desk,
            registry,
            quarantine,
            Watch(),
            lambda: b"",
            lambda: NOW_MS + 5000,
            proofs=proofs,
            receipt_secrets={"signed": SECRET, "open": None},
        )
        async with TestClient(TestServer(make_app(house))) as client:
            yield Api(client, proofs, f"{raised.alarm.alarm}-{raised.sequence}")
    quarantine.close()
    engine.dispose()


async def test_a_receipt_says_what_the_message_is_now(api: Api) -> None:
    assert await api.receipt(result="delivered", at_ms=NOW_MS + 10) == {"key": api.key, "status": "delivered"}
    assert (await api.receipt(result="read"))["status"] == "read"
    assert (await api.receipt(result="delivered"))["status"] == "read", "nothing is taken back"
    assert (await api.receipt(result="failed"))["status"] == "read"


async def test_an_unknown_key_or_channel_is_a_404(api: Api) -> None:
    assert (await api.receipt(404, key="01HF-1"))["error"]["code"] == "unknown_key"
    assert (await api.receipt(404, channel="sms"))["error"]["code"] == "unknown_channel"


@pytest.mark.parametrize("body", [{"result": "sent"}, {"at_ms": -1}, {"key": None}, {"who": "me"}])
async def test_what_is_no_receipt_is_a_400(api: Api, body: dict[str, Any]) -> None:
    await api.receipt(400, **body)


async def test_where_there_is_a_secret_a_receipt_is_signed_with_it(api: Api) -> None:
    assert (await api.receipt(403, channel="signed"))["error"]["code"] == "bad_signature"
    await api.receipt(403, channel="signed", secret="guess")
    assert (await api.receipt(channel="signed", secret=SECRET))["status"] == "read"


async def test_proofs_are_listed_and_take_receipts(api: Api) -> None:
    contacts = [Recipient("mei", "open"), Recipient("mei", "signed"), Recipient("lin", "open")]
    api.proofs.keep(contacts, NOW_MS - 20 * 86_400_000)
    keys = [api.proofs.begin(contact, NOW_MS, NOW_MS) or "" for contact in contacts[:2]]
    api.proofs.end(keys[0], ProofResult.SENT, "", NOW_MS)
    api.proofs.end(keys[1], ProofResult.FAILED_FOR_GOOD, "answered 410", NOW_MS)

    async def listed() -> list[tuple[Any, ...]]:
        answer = await (await api.client.get("/api/v1/contacts/proof")).json()
        return [
            (one["caregiver"], one["channel"], one["status"], one["last_result"], one["reason"])
            for one in answer["contacts"]
        ]

    assert await listed() == [
        ("lin", "open", "never_proven", None, ""),
        ("mei", "open", "proven", "sent", ""),
        ("mei", "signed", "never_proven", "failed_for_good", "answered 410"),
    ]
    assert (await api.receipt(key=keys[0]))["status"] == "read"
    await api.receipt(404, key=keys[1])
    assert (await api.receipt(channel="signed", key=keys[1], secret=SECRET))["status"] == "read"
    assert [one[2:] for one in await listed()][1:] == [("proven", "read", ""), ("proven", "read", "")]
