"""The HTTP API over the real desk, journal, registry and quarantine, on SQLite."""

import json
from typing import Any

from aiohttp.test_utils import TestClient

from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from ingest.directory import Device, DeviceType
from service.api.house import Check, Health
from service.fleet import Caregiver, Fleet, Resident, Site
from service.registry import Registry

NOW_MS = 1_767_225_600_000
DEVICES = (
    Device("garden", "bracelet-1", DeviceType.BRACELET, "r-1"),
    Device("garden", "mat-1", DeviceType.BED_MAT, "r-1"),
    Device("hill", "button-1", DeviceType.BUTTON),
)
FLEET = Fleet(
    sites=(Site("garden", "Garden 花园"), Site("hill", "Hill")),
    residents=(Resident("r-1", "<b>王</b>", "garden", room="201"),),
    devices=DEVICES,
    caregivers=(
        Caregiver("lin", "林护士", "head_nurse", phone="13800000000"),
        Caregiver("mei", "Mei", "nurse", "garden"),
    ),
)


class Watch:
    """The service's health, as a test wants it."""

    health = Health(ready=True, checks=(Check("broker", ok=True),))
    fault: Exception | None = None

    def __call__(self) -> Health:
        if self.fault is not None:
            raise self.fault
        return self.health


class Rig:
    """The API, and the means to let something happen behind it."""

    def __init__(self, client: TestClient[Any, Any], desk: Desk, registry: Registry, watch: Watch) -> None:
        self.client, self.desk, self.registry, self.watch = client, desk, registry, watch

    async def happens(self, row: int = 0, onset_ms: int = NOW_MS - 1500, **wishes: Any) -> str:
        """A condition is found; returns the alarm's name."""
        wishes = {"condition": Condition.VITALS, "cause": "spo2_low", "priority": Priority.HIGH} | wishes
        finding = Finding(row=row, change=Change.BEGAN, onset_ms=onset_ms, found_ms=onset_ms, **wishes)
        transitions = await self.desk.record([finding], DEVICES, NOW_MS - 100, NOW_MS)
        return transitions[0].alarm.alarm

    async def get(self, path: str, status: int = 200) -> Any:
        answer = await self.client.get(path)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.client.post(path, json=body)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def delete(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.client.delete(path, json=body)
        assert answer.status == status, await answer.text()
        return await answer.json()


class Stream:
    """Server-sent events, one after the other."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def next(self) -> tuple[str, Any]:
        """The name and the data of the next event."""
        name = ""
        async for line in self._answer.content:
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                name = text.removeprefix("event: ")
            elif text.startswith("data: "):
                return name, json.loads(text.removeprefix("data: "))
        raise EOFError
