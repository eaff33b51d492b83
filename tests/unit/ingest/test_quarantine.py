"""The quarantine shows what was rejected and why, within its bounds, and counts the rest."""

import hashlib
from pathlib import Path

from ingest.quarantine import Quarantine
from ingest.rejected import Reason, Rejected


def rejected(number: int, reason: Reason = Reason.NOT_JSON, payload: bytes = b"{") -> Rejected:
    return Rejected(f"care/v1/site/d{number}/vitals", payload, reason, "why", 1000 + number)


def test_the_newest_come_first_with_everything_known_about_them(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.db")
    quarantine.add([rejected(1), rejected(2, Reason.UNKNOWN_DEVICE, b"")])
    quarantine.add([])
    newest, oldest = quarantine.recent(10)
    assert (newest.topic, newest.reason, newest.received_ms) == ("care/v1/site/d2/vitals", "unknown_device", 1002)
    assert (oldest.payload, oldest.size_bytes, oldest.detail) == (b"{", 1, "why")
    assert oldest.sha256 == hashlib.sha256(b"{").hexdigest()
    assert [row.topic for row in quarantine.recent(1)] == [newest.topic]
    assert quarantine.recent(0) == quarantine.recent(-1) == []
    quarantine.close()


def test_the_oldest_make_room_and_stay_counted(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.db"
    quarantine = Quarantine(path, max_rows=5)
    for number in range(12):
        quarantine.add([rejected(number)])
    quarantine.add([rejected(number, Reason.TRUNCATED) for number in range(12, 32)])
    assert [row.received_ms for row in quarantine.recent(100)] == [1031, 1030, 1029, 1028, 1027]
    assert quarantine.counts() == {"not_json": 12, "truncated": 20}
    quarantine.close()
    quarantine = Quarantine(path, max_rows=5)
    assert quarantine.counts() == {"not_json": 12, "truncated": 20}
    assert len(quarantine.recent(100)) == 5
    quarantine.close()


def test_a_long_payload_is_cut_and_its_length_and_digest_kept(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.db", payload_bytes=100)
    payload = bytes(range(256)) * 4096
    quarantine.add([Rejected("t" * 70_000, payload, Reason.TOO_LARGE, "d" * 70_000, 1)])
    (row,) = quarantine.recent(1)
    assert (row.payload, row.size_bytes) == (payload[:100], len(payload))
    assert row.sha256 == hashlib.sha256(payload).hexdigest()
    assert len(row.topic) < 1000
    assert len(row.detail) < 1000
    quarantine.close()


def test_text_that_is_no_text_is_shown_escaped(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.db")
    quarantine.add([Rejected("care/\ud800/\x00守护", b"\xff", Reason.WRONG_TOPIC, "", 1)])
    assert quarantine.recent(1)[0].topic == "care/\\ud800/\x00守护"
    quarantine.close()
