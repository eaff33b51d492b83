"""What every database has to hold of the proof of contacts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.calling.escalation import Recipient
from alerts.calling.proofs import CONTACT_PROOF, Proof, ProofResult, Proofs, result_of
from alerts.notify.contract import Delivered, FailedForGood, FailedForNow, Read, Result, Sent
from service.database import make_engine

T = 1_700_000_000_000
WEEK_MS = 7 * 86_400_000
NURSE = Recipient("nurse-1", "sms")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        made = make_engine(request.getfixturevalue("postgresql").url)
        CONTACT_PROOF.metadata.drop_all(made)
    yield made
    made.dispose()


@pytest.fixture
def proofs(engine: Engine) -> Proofs:
    return Proofs(engine)


def only(proofs: Proofs) -> Proof:
    (proof,) = proofs.all()
    return proof


def test_contacts_are_known_from_when_they_came_until_they_go(proofs: Proofs) -> None:
    other = Recipient("nurse-2", "mail")
    assert proofs.keep([NURSE, other], T) == []
    assert proofs.keep([NURSE, other], T + 5) == []
    assert [(one.caregiver, one.channel, one.known_ms, one.proven_ms) for one in proofs.all()] == [
        ("nurse-1", "sms", T, None),
        ("nurse-2", "mail", T, None),
    ]
    (gone,) = proofs.keep([NURSE], T + 10)
    assert gone.caregiver == "nurse-2"
    assert only(proofs).known_ms == T


def test_a_test_is_written_down_before_and_after(proofs: Proofs) -> None:
    proofs.keep([NURSE], T)
    key = proofs.begin(NURSE, T, T + 1)
    assert key == f"proof-nurse-1-sms-{T}"
    assert only(proofs) == Proof("nurse-1", "sms", T, T, key, 1, T + 1, ProofResult.SENDING)
    assert proofs.begin(NURSE, T, T + 2) is None, "nobody knows what became of it, so it is not sent again"
    assert proofs.end(key, ProofResult.SENT, "", T + 3) is ProofResult.SENT
    assert (only(proofs).last_result, only(proofs).proven_ms) == (ProofResult.SENT, T + 3)
    assert proofs.begin(NURSE, T, T + 4) is None
    assert proofs.begin(NURSE, T + WEEK_MS, T + WEEK_MS) is not None


def test_what_failed_for_now_may_be_sent_again_with_the_same_key(proofs: Proofs) -> None:
    first = proofs.begin(NURSE, T, T)
    assert first is not None
    proofs.end(first, ProofResult.FAILED_FOR_NOW, "answered 503", T + 1)
    assert (only(proofs).failed, only(proofs).reason) == (True, "answered 503")
    assert proofs.begin(NURSE, T, T + 2) == first
    assert (only(proofs).attempts, only(proofs).reason) == (2, "")
    proofs.end(first, ProofResult.FAILED_FOR_GOOD, "answered 403", T + 3)
    assert proofs.begin(NURSE, T, T + 4) is None


def test_a_failure_leaves_what_was_proven_before(proofs: Proofs) -> None:
    key = proofs.begin(NURSE, T, T) or ""
    proofs.end(key, ProofResult.READ, "", T + 1)
    later = proofs.begin(NURSE, T + WEEK_MS, T + WEEK_MS) or ""
    proofs.end(later, ProofResult.FAILED_FOR_GOOD, "answered 403", T + WEEK_MS + 1)
    assert (only(proofs).proven_ms, only(proofs).failed) == (T + 1, True)


def test_a_receipt_goes_forward_and_never_back(proofs: Proofs) -> None:
    key = proofs.begin(NURSE, T, T) or ""
    proofs.end(key, ProofResult.SENT, "", T + 1)
    assert proofs.end(key, ProofResult.READ, "", T + 2, channel="sms") is ProofResult.READ
    for late in (ProofResult.DELIVERED, ProofResult.FAILED_FOR_GOOD, ProofResult.READ):
        assert proofs.end(key, late, "", T + 3, channel="sms") is ProofResult.READ
    assert only(proofs).proven_ms == T + 2
    assert proofs.end(key, ProofResult.READ, "", T, channel="mail") is None
    assert proofs.end("proof-nobody", ProofResult.READ, "", T) is None


def test_what_was_taken_over_and_never_delivered_proves_nothing(proofs: Proofs) -> None:
    key = proofs.begin(NURSE, T, T) or ""
    proofs.end(key, ProofResult.SENT, "", T + 1)
    assert proofs.end(key, ProofResult.FAILED_FOR_GOOD, "not delivered", T + 2) is ProofResult.FAILED_FOR_GOOD
    assert (only(proofs).proven_ms, only(proofs).failed) == (None, True)
    assert proofs.end(key, ProofResult.DELIVERED, "", T + 3) is ProofResult.DELIVERED, "it was in the end"
    assert only(proofs).proven_ms == T + 3


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (Sent(), (ProofResult.SENT, "")),
        (Delivered(), (ProofResult.DELIVERED, "")),
        (Read(), (ProofResult.READ, "")),
        (FailedForNow("answered 503", 7.0), (ProofResult.FAILED_FOR_NOW, "answered 503")),
        (FailedForGood("answered 403"), (ProofResult.FAILED_FOR_GOOD, "answered 403")),
    ],
)
def test_every_result_is_kept_apart(result: Result, kept: tuple[ProofResult, str]) -> None:
    assert result_of(result) == kept
