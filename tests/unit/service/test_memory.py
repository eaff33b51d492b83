"""What the detectors remember is never ahead of the journal."""

import asyncio
from pathlib import Path

import pytest

from alerts.bank import Bank
from alerts.detectors.fall import WristFall
from alerts.detectors.sos import Press
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from service.memory import Memory
from tests.unit.alerts.detectors.test_fall import wrist
from tests.unit.alerts.motion_of_a_wrist import packets

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


@pytest.fixture
def many() -> Decoder:
    return Decoder(Directory(Device("s", name, DeviceType.BUTTON, name) for name in "abcde"))


def pressed(bank: Bank, decoder: Decoder, devices: str) -> str:
    """Deliver one and the same press of each of the devices; those that are news."""
    topics = [f"care/v1/s/{name}/sos" for name in devices]
    decoded = decoder.decode(topics, [f'{{"t":{NOW_MS}}}'.encode()] * len(topics), NOW_MS)
    return "".join(sorted(decoder.directory.devices[f.row].device for f in bank.update(decoded.readings, NOW_MS)))


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def first_piece(folder: Path) -> None:
    """Wait until a copy has begun."""
    for _ in range(1_000_000):
        if files(folder):
            return
        await asyncio.sleep(0)
    pytest.fail("no copy begins")


async def test_a_copy_made_in_pieces_while_everything_goes_on_holds_them_all(tmp_path: Path, many: Decoder) -> None:
    bank = Bank([Press()], 5)
    memory = Memory(bank, many, tmp_path / "state", piece_rows=2)
    pressed(bank, many, "ade")
    assert await memory.remember(0.0)
    assert files(tmp_path) == ["state"]
    bank = Bank([Press()], 5)
    Memory(bank, many, tmp_path / "state", piece_rows=3).recall()
    assert pressed(bank, many, "abcde") == "bc"


async def test_no_piece_is_taken_while_findings_wait_for_the_journal(tmp_path: Path, many: Decoder) -> None:
    bank = Bank([Press()], 5)
    memory = Memory(bank, many, tmp_path / "state", piece_rows=2)
    memory.hold()
    copying = asyncio.create_task(memory.remember(0.0))
    for _ in range(20):
        await asyncio.sleep(0)
    assert files(tmp_path) == []
    pressed(bank, many, "a")
    memory.release()
    assert await copying
    bank = Bank([Press()], 5)
    Memory(bank, many, tmp_path / "state").recall()
    assert pressed(bank, many, "ab") == "b"


async def test_a_fleet_that_changes_between_two_pieces_is_copied_anew(tmp_path: Path, many: Decoder) -> None:
    bank = Bank([Press()], 5)
    memory = Memory(bank, many, tmp_path / "state", piece_rows=2)
    copying = asyncio.create_task(memory.remember(0.0))
    await first_piece(tmp_path)
    many.directory = many.directory.updated(many.directory.devices[:4])
    assert not await copying
    assert files(tmp_path) == []
    assert await memory.remember(0.0)
    assert files(tmp_path) == ["state"]


async def test_the_last_copy_is_not_replaced_by_one_that_was_under_way(tmp_path: Path, many: Decoder) -> None:
    bank = Bank([Press()], 5)
    memory = Memory(bank, many, tmp_path / "state", piece_rows=2)
    with memory.kept():
        copying = asyncio.create_task(memory.remember(0.0))
        await first_piece(tmp_path)
        pressed(bank, many, "a")
    await copying
    assert files(tmp_path) == ["state"]
    bank = Bank([Press()], 5)
    Memory(bank, many, tmp_path / "state").recall()
    assert pressed(bank, many, "ab") == "b"


async def test_what_lasts_seconds_is_kept_at_a_stop_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    decoder = Decoder(Directory([Device("s", "b", DeviceType.BRACELET)]))
    file = tmp_path / "state"

    def recalled() -> Bank:
        bank = Bank([Press(), WristFall()], 1)
        Memory(bank, decoder, file).recall()
        return bank

    bank = Bank([Press(), WristFall()], 1)
    moved = packets(wrist()[:500], NOW_MS, packet_s=1.0)
    bank.update([moved], NOW_MS + 10_000)
    known = bank.state("wrist_fall").tobytes()
    with Memory(bank, decoder, file).kept():
        assert await Memory(bank, decoder, file).remember(0.0)
        assert recalled().state("wrist_fall").tobytes() != known
    assert recalled().state("wrist_fall").tobytes() == known
    assert caplog.text == ""


@pytest.mark.parametrize("keep", [0, 10, 16, 20, 100, -1])
def test_a_file_cut_short_or_of_another_version_is_told_and_gives_what_it_has(
    tmp_path: Path, many: Decoder, caplog: pytest.LogCaptureFixture, keep: int
) -> None:
    bank = Bank([Press()], 5)
    with Memory(bank, many, tmp_path / "state", piece_rows=4).kept():
        pressed(bank, many, "ae")
    whole = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(whole[:keep] if keep != 10 else b"nonsense, but long enough")
    bank = Bank([Press()], 5)
    Memory(bank, many, tmp_path / "state").recall()
    assert ("without memory" in caplog.text) is (keep != 16), "nothing behind the mark is a memory of nobody"
    assert pressed(bank, many, "ae") == ("e" if keep == -1 else "ae")
