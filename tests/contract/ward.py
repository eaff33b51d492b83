"""A ward whose journal is driven by hand: devices, a plan that calls nurse, head nurse and family, and channels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, select

from alerts.alarm import Alarm, Transition
from alerts.calling.escalation import Call, Recipient, Skipped
from alerts.findings import Change, Condition, Finding, Origin, Priority
from alerts.journal.journal import Journal
from alerts.journal.schema import OUTBOX, Status
from alerts.lifecycle import Event
from alerts.notify.contract import Message
from ingest.directory import Device, DeviceType

T = 1_700_000_000_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
BRACELET, BUTTON, MAT = 0, 1, 2
DEVICES = (
    Device("ward", "bracelet-1", DeviceType.BRACELET, "resident-1"),
    Device("ward", "button-1", DeviceType.BUTTON, "resident-1"),
    Device("ward", "mat-1", DeviceType.BED_MAT, "resident-1"),
    Device("hill", "bracelet-9", DeviceType.BRACELET, "resident-9"),
)
HILL = 3


class Telephone:
    """Calls one person a letter, and wants nothing of transitions."""

    name = "telephone"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return ()

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        return Message(recipient.caregiver, f"{transition.alarm.alarm} {transition.event}".encode())


@dataclass
class Plan:
    """Calls these people in turn, a minute after one another, round and round."""

    people: tuple[str, ...] = ("nurse", "head_nurse", "family")
    away: tuple[str, ...] = ()
    wait_ms: int = MINUTE
    channel: str = "telephone"

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        skipped: list[Skipped] = []
        for number in range(step, step + len(self.people)):
            who = self.people[number % len(self.people)]
            if who not in self.away:
                return Call(number, (Recipient(who, self.channel),), now_ms + self.wait_ms, tuple(skipped))
            skipped.append(Skipped(number, "nobody_on_duty"))
        return Call(step, (), now_ms + self.wait_ms if self.people else None, tuple(skipped))


class Ward:
    """A journal with that plan, and what it has put into the outbox."""

    def __init__(self, engine: Engine, plan: Plan | None = None, **more: Any) -> None:
        self.engine = engine
        self.plan = plan or Plan()
        self.journal = Journal(engine, (Telephone(),), caller=lambda: self.plan, **more)

    def record(self, *findings: Finding, now_ms: int, devices: Sequence[Origin] = DEVICES) -> list[Transition]:
        return self.journal.record(findings, devices, now_ms, now_ms)

    def pass_time(self, now_ms: int) -> list[Event]:
        """All that is due by then, in as many rounds as it takes."""
        happened: list[Event] = []
        while some := self.journal.pass_time(now_ms):
            happened += [one.event for one in some]
        return happened

    def called(self, status: Status | None = None) -> list[tuple[str, int | None]]:
        """Who was called, by which step; those letters alone that are so."""
        query = select(OUTBOX).order_by(OUTBOX.c.number)
        query = query if status is None else query.where(OUTBOX.c.status == status)
        with self.engine.connect() as connection:
            return [(row.address, row.step) for row in connection.execute(query)]

    def only(self) -> Alarm:
        """The one alarm that is open."""
        (alarm,) = self.journal.open_alarms()
        return alarm


def press(at_ms: int = T, row: int = BUTTON, **more: Any) -> Finding:
    return Finding(row, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, at_ms, at_ms, **more)


def called_off(at_ms: int, row: int = BUTTON) -> Finding:
    return replace(press(at_ms, row), change=Change.CANCELLED)


def vital(change: Change, at_ms: int, priority: Priority = Priority.MEDIUM, row: int = BRACELET) -> Finding:
    return Finding(row, Condition.VITALS, "spo2_low", change, priority, at_ms, at_ms)


def silent(change: Change, at_ms: int, onset_ms: int | None = None, row: int = BRACELET) -> Finding:
    onset_ms = at_ms if onset_ms is None else onset_ms
    return Finding(row, Condition.DEVICE, "silent", change, Priority.LOW, onset_ms, at_ms)
