"""What the detectors remember is never ahead of the journal."""

from pathlib import Path

import pytest

from alerts.bank import Bank
from alerts.detectors.sos import Press
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from service.memory import Memory

NOW_MS = 1_790_000_000_000


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(Directory([Device("s", "b", DeviceType.BUTTON)]))


def press_found(bank: Bank, decoder: Decoder) -> bool:
    """Deliver one and the same press."""
    decoded = decoder.decode(["care/v1/s/b/sos"], [f'{{"t":{NOW_MS}}}'.encode()], NOW_MS)
    return bool(bank.update(decoded.readings, NOW_MS))


@pytest.mark.parametrize("journalled", [True, False])
def test_a_press_delivered_again_is_found_again_unless_the_journal_has_it(
    tmp_path: Path, decoder: Decoder, journalled: bool
) -> None:
    bank = Bank([Press()], 1)
    memory = Memory(bank, decoder, tmp_path / "state")
    with memory.kept():
        assert press_found(bank, decoder)
        memory.hold()
        if journalled:
            memory.release()
    # A restart, and the broker delivers again what was not acknowledged.
    bank = Bank([Press()], 1)
    Memory(bank, decoder, tmp_path / "state").recall()
    assert press_found(bank, decoder) is not journalled


def test_a_device_finds_its_own_memory_in_whatever_row_it_is(tmp_path: Path, decoder: Decoder) -> None:
    bank = Bank([Press()], 1)
    with Memory(bank, decoder, tmp_path / "state").kept():
        assert press_found(bank, decoder)
    moved = Decoder(Directory([Device("s", "new", DeviceType.BUTTON), Device("s", "b", DeviceType.BUTTON)]))
    bank = Bank([Press()], 2)
    Memory(bank, moved, tmp_path / "state").recall()
    assert not press_found(bank, moved)


def test_an_older_snapshot_does_not_replace_a_newer_one(tmp_path: Path, decoder: Decoder) -> None:
    bank = Bank([Press()], 1)
    memory = Memory(bank, decoder, tmp_path / "state")
    older = memory.snapshot()
    assert press_found(bank, decoder)
    newer = memory.snapshot()
    assert older is not None
    assert newer is not None
    newer()
    older()
    bank = Bank([Press()], 1)
    Memory(bank, decoder, tmp_path / "state").recall()
    assert not press_found(bank, decoder)
