"""Messages for load: the same for the same seed, within the contract, and with the time that was asked for."""

import msgspec
import numpy as np
import pytest

from ingest.contract import HEADER, MESSAGE_OF, Kind, parse_topic
from simulators.crowd import SENDERS, crowd

NOW_MS = 1_765_432_109_876


def test_the_same_seed_gives_the_same_messages() -> None:
    mix = {Kind.VITALS: 1.0, Kind.MOTION: 1.0}
    assert crowd(5, 10, 200, mix) == crowd(5, 10, 200, mix)
    assert crowd(5, 10, 200, mix) != crowd(6, 10, 200, mix)


@pytest.mark.parametrize("kind", list(SENDERS))
def test_every_message_is_within_the_contract_and_bears_its_time(kind: Kind) -> None:
    prepared = crowd(1, 7, 50, {kind: 1.0})
    assert {parse_topic(topic).kind for topic in prepared.topics} == {kind.value}  # type: ignore[union-attr]
    assert len(set(prepared.topics)) == 7
    for index in range(50):
        payload = prepared.timed(index, NOW_MS)
        if kind is Kind.MOTION:
            assert np.frombuffer(payload[:16], dtype=HEADER)[0]["time_ms"] == NOW_MS
            assert len(payload) == 16 + 50 * 6
        else:
            assert msgspec.json.decode(payload, type=MESSAGE_OF[kind]).t == NOW_MS


def test_kinds_come_in_the_shares_asked_for() -> None:
    prepared = crowd(1, 10, 10_000, {Kind.VITALS: 3.0, Kind.BED: 1.0})
    vitals = sum(topic.endswith("/vitals") for topic in prepared.topics)
    assert vitals / 10_000 == pytest.approx(0.75, abs=0.02)
