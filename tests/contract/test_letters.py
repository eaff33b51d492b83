"""What every database has to hold of letters to people: who waits for whom, and what a receipt may change."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from alerts.alarm import Alarm, Transition
from alerts.calling.escalation import Call, Recipient
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.journal import Journal
from alerts.journal.ledger import Ledger
from alerts.journal.letters import Letters
from alerts.journal.schema import OUTBOX, Status, metadata
from alerts.notify.contract import Letter, Message
from ingest.directory import Device, DeviceType
from service.database import make_engine

T = 1_700_000_000_000
DEVICES = (Device("ward", "button-1", DeviceType.BUTTON, "resident-1"),)
NURSES = ("nurse-1", "nurse-2", "nurse-3")


class ToPeople:
    """A channel by which single people are called."""

    name = "sms"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return ()

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        return Message(recipient.caregiver, f"step {transition.alarm.step}".encode(), moot_once_taken=True)


class Everybody:
    """Calls all nurses, again each minute."""

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        return Call(step, tuple(Recipient(nurse, "sms") for nurse in NURSES), now_ms + 60_000)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        made = make_engine(request.getfixturevalue("postgresql").url)
        metadata.drop_all(made)
    yield made
    made.dispose()


@pytest.fixture
def letters(engine: Engine) -> Letters:
    """Three nurses were called by one press."""
    journal = Journal(engine, (ToPeople(),), caller=Everybody)
    journal.record([Finding(0, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, T, T)], DEVICES, T, T + 10)
    return Letters(engine)


def due(letters: Letters, now_ms: int = T + 20, **more: object) -> dict[str, Letter]:
    return {letter.address: letter for letter in letters.due("sms", now_ms, 10, **more)}  # type: ignore[arg-type]


def receive(letters: Letters, channel: str, key: str, said: Status, at_ms: int) -> Status | None:
    found = letters.receive(channel, key, said, at_ms)
    return None if found is None else found[1]


def status(engine: Engine, letter: Letter) -> tuple[str, int | None, int | None, int | None]:
    query = select(OUTBOX.c.status, OUTBOX.c.sent_ms, OUTBOX.c.delivered_ms, OUTBOX.c.read_ms)
    with engine.connect() as connection:
        found = connection.execute(query.where(OUTBOX.c.number == letter.number)).one()
    return (found.status, found.sent_ms, found.delivered_ms, found.read_ms)


def test_those_called_by_one_step_do_not_wait_for_each_other(letters: Letters) -> None:
    found = due(letters)
    assert set(found) == set(NURSES)
    assert len({letter.key for letter in found.values()}) == 3


def test_whoever_is_busy_or_fails_keeps_only_their_own_letters_waiting(letters: Letters, engine: Engine) -> None:
    journal = Journal(engine, (ToPeople(),), caller=Everybody)
    first = due(letters)
    journal.pass_time(T + 60_010)
    letters.sent([(first["nurse-1"].number, T + 30)])
    letters.failed_for_now([(first["nurse-2"].number, "answered 503", T + 90_000)])
    later = due(letters, T + 60_020)
    assert {who: letter.body for who, letter in later.items()} == {"nurse-1": b"step 2", "nurse-3": b"step 1"}
    assert set(due(letters, T + 60_020, busy=[(first["nurse-1"].alarm, "nurse-1")])) == {"nurse-3"}
    assert due(letters, T + 60_020, busy=[(first["nurse-1"].alarm, nurse) for nurse in NURSES]) == {}


def test_a_receipt_goes_forward_and_never_back(letters: Letters, engine: Engine) -> None:
    letter = due(letters)["nurse-1"]
    letters.sent([(letter.number, T + 30)])
    assert status(engine, letter) == ("sent", T + 30, None, None)
    assert receive(letters, "sms", letter.key, Status.DELIVERED, T + 40) is Status.DELIVERED
    assert receive(letters, "sms", letter.key, Status.DELIVERED, T + 99) is Status.DELIVERED
    assert status(engine, letter) == ("delivered", T + 30, T + 40, None), "the first counts"
    assert receive(letters, "sms", letter.key, Status.READ, T + 50) is Status.READ
    for late in (Status.DELIVERED, Status.FAILED, Status.READ):
        assert receive(letters, "sms", letter.key, late, T + 60) is Status.READ
    assert status(engine, letter) == ("read", T + 30, T + 40, T + 50)
    assert Ledger(engine).of_alarm(letter.alarm).delivered_ms == T + 40


def test_a_receipt_may_come_before_the_answer(letters: Letters, engine: Engine) -> None:
    letter = due(letters)["nurse-1"]
    assert receive(letters, "sms", letter.key, Status.READ, T + 40) is Status.READ
    letters.sent([(letter.number, T + 45)])
    assert status(engine, letter) == ("read", T + 40, T + 40, T + 40)
    assert "nurse-1" not in due(letters), "and is not sent again"


def test_a_gateway_that_could_not_deliver_says_so(letters: Letters, engine: Engine) -> None:
    letter = due(letters)["nurse-1"]
    letters.sent([(letter.number, T + 30)])
    assert receive(letters, "sms", letter.key, Status.FAILED, T + 40) is Status.FAILED
    (failure,) = letters.failures()
    assert failure.reason == "the other side says it could not deliver it"
    assert receive(letters, "sms", letter.key, Status.DELIVERED, T + 50) is Status.DELIVERED, "it did in the end"
    assert letters.failures() == []


def test_a_clock_behind_ours_does_not_deliver_before_the_alarm(letters: Letters, engine: Engine) -> None:
    letter = due(letters)["nurse-1"]
    receive(letters, "sms", letter.key, Status.DELIVERED, 5)
    assert status(engine, letter)[2] == T + 10


def test_who_was_called_and_what_became_of_it(letters: Letters, engine: Engine) -> None:
    first = due(letters)
    alarm = first["nurse-1"].alarm
    letters.sent([(first["nurse-1"].number, T + 30)])
    receive(letters, "sms", first["nurse-1"].key, Status.DELIVERED, T + 40)
    letters.failed_for_now([(first["nurse-2"].number, "answered 503", T + 90_000)])
    letters.failed_for_good([first["nurse-3"].number], "no such number", T + 50)
    one, two, three = sorted(letters.calls(alarm), key=lambda call: call.caregiver)
    assert (one.channel, one.step, one.called_ms) == ("sms", 0, T + 10)
    assert (one.status, one.sent_ms, one.delivered_ms, one.read_ms, one.failed_ms) == (
        "delivered", T + 30, T + 40, None, None,
    )  # fmt: skip
    assert (two.status, two.attempts, two.reason, two.failed_ms) == ("pending", 1, "answered 503", None)
    assert (three.status, three.reason, three.failed_ms) == ("failed", "no such number", T + 50)

    Journal(engine, (ToPeople(),), caller=Everybody).pass_time(T + 60_010)
    assert [call.step for call in letters.calls(alarm)] == [1, 1, 1, 0, 0, 0], "latest first"
    assert [call.step for call in letters.calls(alarm, 4)] == [1, 1, 1, 0]
    assert letters.calls("none") == []


@pytest.mark.parametrize(
    "key", ["", "-", "--", "x-1", "01HF-9-9", "{alarm}", "{alarm}-0", "{alarm}-1-9", "{alarm}-1-1-1"]
)
def test_an_unknown_key_is_none(letters: Letters, key: str) -> None:
    letter = due(letters)["nurse-1"]
    assert receive(letters, "sms", key.format(alarm=letter.alarm), Status.READ, T) is None
    assert receive(letters, "other", letter.key, Status.READ, T) is None, "of another channel it is another letter"
    assert receive(letters, "sms", f"{letter.alarm}-{10**40}", Status.READ, T) is None
