"""A small language for what happens after a press: ``at(0).press(); want.push(to="nurse").before(1)``.

A house is the real journal and outbox on a database of its own, with a clock that only the test moves. What people are
sent is noted with its second; every push has to be wanted, in its time, and `want.nothing_more` looks at the rest.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from alerts.alarm import Alarm, Outcome, Transition
from alerts.calling.escalation import Recipient
from alerts.calling.people import Caregiver, ResidentCard, Site
from alerts.calling.roster import Book, Roster
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.errands import Errands
from alerts.journal.journal import Journal
from alerts.journal.letters import Letters
from alerts.journal.timing import AlarmTimes
from alerts.notify.contract import Message
from ingest.directory import Device, DeviceType

PUSH = "push"


class Push:
    """A channel to people, whose letters say whom and which step."""

    name = PUSH

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return ()

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        body = {"alarm": transition.alarm.alarm, "cause": transition.alarm.cause}
        return Message(recipient.caregiver, json.dumps(body).encode(), moot_once_taken=True)


@dataclass
class Pushed:
    """One message that left: when (seconds from the beginning), to whom, and of which alarms of what cause."""

    at_s: float
    to: str
    cause: str
    alarms: int = 1
    wanted: bool = False


class House:
    """A site called `home`, whose clock stands at `begins`, with one button and one bracelet for each resident."""

    def __init__(
        self, engine: Engine, book: Book, begins: str = "2026-03-02 12:00", times: AlarmTimes | None = None
    ) -> None:
        zone = ZoneInfo(book.sites[0].time_zone)
        self.zone = zone
        self.start_ms = round(datetime.fromisoformat(begins).replace(tzinfo=zone).timestamp() * 1000)
        self.now_ms = self.start_ms
        self.roster = Roster(book)
        self.devices = [
            Device(person.site, f"{kind.value}-{person.resident}", kind, person.resident)
            for person in book.residents
            for kind in (DeviceType.BUTTON, DeviceType.BRACELET)
        ]
        self.journal = Journal(engine, (Push(),), caller=lambda: self.roster, times=times)
        self.letters = Letters(engine)
        self.errands = Errands(engine, times)
        self.pushed: list[Pushed] = []
        self.want = Want(self)

    def at(self, when: float | str) -> "Moment":
        """A moment: seconds from the beginning, or a time of the clock on the wall that comes next."""
        self.pass_until(self._ms(when))
        return Moment(self)

    def pass_until(self, until_ms: int) -> None:
        """Let time go by, doing what is due when it is due."""
        assert until_ms >= self.now_ms, "time does not go back"
        while True:
            times = (self.journal.next_due_ms(), self.errands.next_due_ms(PUSH, self.now_ms))
            due_ms = min((time_ms for time_ms in times if time_ms is not None), default=until_ms + 1)
            if due_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            self.journal.pass_time(self.now_ms)
            self._send()
        self.now_ms = until_ms

    def do(self, something: Callable[[], Any]) -> None:
        """Do something now, and send what comes of it."""
        something()
        self._send()

    def seconds(self, moment_ms: int) -> float:
        return (moment_ms - self.start_ms) / 1000

    def open(self, cause: str = "press") -> Alarm:
        """The open alarm of a cause."""
        (alarm,) = [one for one in self.journal.open_alarms() if one.cause == cause]
        return alarm

    def _ms(self, when: float | str) -> int:
        if not isinstance(when, str):
            return self.start_ms + round(when * 1000)
        hour, minute = map(int, when.split(":"))
        today = datetime.fromtimestamp(self.now_ms / 1000, self.zone)
        for ahead in (0, 1):
            there = today.replace(day=today.day + ahead, hour=hour, minute=minute, second=0, microsecond=0, fold=0)
            if (moment_ms := round(there.timestamp() * 1000)) >= self.now_ms:
                return moment_ms
        raise AssertionError(when)

    def _send(self) -> None:
        while due := self.letters.due(PUSH, self.now_ms, 100):
            for letter in due:
                cause = json.loads(letter.body)["cause"]
                self.pushed.append(Pushed(self.seconds(self.now_ms), letter.address, cause))
            self.letters.sent([(letter.number, self.now_ms) for letter in due])
        for errand in self.errands.due(PUSH, self.now_ms, 100):
            parcel = self.errands.parcel(PUSH, errand, self.now_ms)
            if parcel is not None:
                read = json.loads(parcel.message.body)
                told = read if isinstance(read, list) else [read]
                cause = " + ".join(sorted({one["cause"] for one in told}))
                self.pushed.append(Pushed(self.seconds(self.now_ms), errand.address, cause, len(told)))
                self.letters.sent([(letter.number, self.now_ms) for letter in parcel.letters])


@dataclass
class Moment:
    """What can happen at a moment."""

    house: House

    def press(self, resident: str = "lin") -> None:
        """A resident presses their button."""
        self._find(f"button-{resident}", Condition.SOS, "press", Priority.HIGH)

    def finds(self, cause: str, priority: Priority, resident: str = "lin") -> None:
        """A limit of somebody's vital signs is crossed."""
        self._find(f"bracelet-{resident}", Condition.VITALS, cause, priority)

    def is_well(self, cause: str, priority: Priority, resident: str = "lin") -> None:
        """It is back within its limits."""
        self._find(f"bracelet-{resident}", Condition.VITALS, cause, priority, Change.ENDED)

    def falls(self, resident: str = "lin") -> None:
        """A bracelet sees its wearer fall."""
        self._find(f"bracelet-{resident}", Condition.FALL, "wrist_fall", Priority.HIGH)

    def runs_low(self, *residents: str, drill: bool = False) -> None:
        """Batteries of bracelets are low, told in one batch."""
        findings = [self._found(f"bracelet-{one}", Condition.DEVICE, "battery_low", Priority.LOW) for one in residents]
        self._tell(*[replace(finding, drill=drill) for finding in findings])

    def is_charged(self, *residents: str) -> None:
        """They are well again."""
        ended = Change.ENDED
        self._tell(
            *[self._found(f"bracelet-{one}", Condition.DEVICE, "battery_low", Priority.LOW, ended) for one in residents]
        )

    def goes_wrong(self, cause: str, priority: Priority, resident: str = "lin") -> None:
        """Something else is the matter with a bracelet."""
        self._find(f"bracelet-{resident}", Condition.DEVICE, cause, priority)

    def breaks(self, resident: str = "lin") -> None:
        """A bracelet is silent."""
        self._find(f"bracelet-{resident}", Condition.DEVICE, "silent", Priority.MEDIUM)

    def acknowledge(self, by: str, cause: str = "press") -> None:
        """A caregiver takes the alarm."""
        alarm = self.house.open(cause).alarm
        self.house.do(lambda: self.house.journal.acknowledge(alarm, by, self.house.now_ms))

    def resolve(self, by: str, cause: str = "press") -> None:
        """A caregiver closes the alarm."""
        alarm = self.house.open(cause).alarm
        self.house.do(lambda: self.house.journal.resolve(alarm, by, Outcome.TRUE, "", self.house.now_ms))

    def lay_aside(self, by: str, until_s: float, cause: str) -> None:
        """A caregiver lays the alarm aside until a second."""
        alarm, until_ms = self.house.open(cause).alarm, self.house.start_ms + round(until_s * 1000)
        self.house.do(lambda: self.house.journal.shelve(alarm, by, until_ms, "", self.house.now_ms))

    def drill(self, until_s: float) -> None:
        """A drill begins."""
        until_ms = self.house.start_ms + round(until_s * 1000)
        self.house.journal.begin_drill("home", "head_nurse", until_ms, self.house.now_ms)

    def change(self, book: Book) -> None:
        """The registry changes."""
        self.house.roster = Roster(book)

    def _find(
        self, device: str, condition: Condition, cause: str, priority: Priority, change: Change = Change.BEGAN
    ) -> None:
        self._tell(self._found(device, condition, cause, priority, change))

    def _found(
        self, device: str, condition: Condition, cause: str, priority: Priority, change: Change = Change.BEGAN
    ) -> Finding:
        (row,) = [number for number, one in enumerate(self.house.devices) if one.device == device]
        return Finding(row, condition, cause, change, priority, self.house.now_ms, self.house.now_ms)

    def _tell(self, *findings: Finding) -> None:
        house, now = self.house, self.house.now_ms
        house.do(lambda: house.journal.record(findings, house.devices, now, now))


@dataclass
class Want:
    """What is wanted of the pushes."""

    house: House
    _to: Sequence[str] = field(default=())
    _cause: str = "press"
    _alarms: int = 1

    def push(self, *, to: str | Sequence[str], of: str = "press", alarms: int = 1) -> "Want":
        """A push to one caregiver, or to several at the same time; each of so many alarms."""
        return Want(self.house, [to] if isinstance(to, str) else list(to), of, alarms)

    def before(self, at_s: float) -> None:
        """They come from now on and before a second."""
        self.between(self.house.seconds(self.house.now_ms), at_s)

    def between(self, from_s: float, until_s: float) -> None:
        """They come within these seconds, one each, and nobody else is told until then."""
        self.house.pass_until(self.house.start_ms + round(until_s * 1000))
        new = [one for one in self.house.pushed if not one.wanted and one.at_s <= until_s and one.cause == self._cause]
        told = [(one.at_s, one.to) for one in new]
        assert sorted(to for _, to in told) == sorted(self._to), f"wanted {self._to} in {from_s}..{until_s}, got {told}"
        assert all(from_s <= at_s <= until_s for at_s, _ in told), f"wanted in {from_s}..{until_s}, got {told}"
        assert all(one.alarms == self._alarms for one in new), f"wanted {self._alarms}, got {new}"
        for one in new:
            one.wanted = True

    def nothing_more(self, until_s: float | None = None) -> None:
        """No other push of anything, for as long as said, else for ten minutes."""
        until_ms = self.house.now_ms + 600_000 if until_s is None else self.house.start_ms + round(until_s * 1000)
        self.house.pass_until(until_ms)
        rest = [(one.at_s, one.to, one.cause) for one in self.house.pushed if not one.wanted]
        assert not rest, f"wanted nothing more, got {rest}"


# ---------------------------------------------------------------------- who is there

LIN = ResidentCard("lin", "林秀英", "home", "1-01")
ZHAO = ResidentCard("zhao", "赵德顺", "home", "1-02")


def carer(name: str, role: Any = None, *, reached: bool = True, **more: Any) -> Caregiver:
    """A caregiver called after their role, reached by push."""
    contacts = ((PUSH, name),) if reached else ()
    return Caregiver(name, name, role or name, more.pop("site", "home"), contacts=contacts, **more)


def family(name: str, *residents: str, **more: Any) -> Caregiver:
    """Somebody's family."""
    return carer(name, "family", site=None, residents=residents or ("lin",), **more)


def site(care: Any = "institution", time_zone: str = "Asia/Shanghai") -> Site:
    """The site."""
    return Site("home", "Home", care, time_zone)
