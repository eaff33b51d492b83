"""Twenty minutes of the simulated home through decoder and detectors: every incident found, and nothing else."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from alerts.bank import Bank
from alerts.detectors.standard import standard_detectors
from alerts.findings import Change, Condition, Finding
from ingest.decode import Decoder
from ingest.directory import Directory
from service.database import make_engine
from service.fleet import read_fleet
from service.registry import Registry
from service.trial.demo import demo_detection
from service.trial.home_fleet import fleet_text
from simulators.care_home import care_home, script
from simulators.life import live
from simulators.stream import Chunk, Incident

START_MS = 1_760_000_000_000
LIVED_S = 1200


def watch(chunks: Sequence[Chunk], bank: Bank, decoder: Decoder) -> list[tuple[int, Finding]]:
    """What is found, and when, with a batch and a tick every second."""
    found = []
    for chunk in chunks:
        seconds = defaultdict(list)
        for message in chunk.messages:
            seconds[message.at_ms // 1000].append(message)
        for second in sorted(seconds):
            now_ms = (second + 1) * 1000
            batch = seconds[second]
            decoded = decoder.decode([m.topic for m in batch], [m.payload for m in batch], now_ms)
            assert not decoded.rejected
            findings = [*bank.update(decoded.readings, now_ms), *bank.tick(now_ms)]
            found += [(now_ms, finding) for finding in findings if finding.change is Change.BEGAN]
    return found


def test_every_incident_is_found_and_nothing_else(tmp_path: Path) -> None:
    home = care_home()
    (tmp_path / "fleet.toml").write_text(fleet_text(home), encoding="utf-8")
    engine = make_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    registry = Registry(engine)
    registry.replace_fleet(read_fleet(tmp_path / "fleet.toml"))
    directory = Directory(registry.devices())
    bank = Bank(standard_detectors(registry.zone_table(directory), demo_detection()), len(directory.devices))
    engine.dispose()
    chunks = list(islice(live(home, script(home, ends_s=LIVED_S), start_ms=START_MS, seed=1), LIVED_S // 5))
    incidents = [incident for chunk in chunks for incident in chunk.incidents]
    found = watch(chunks, bank, Decoder(directory))

    def fits(incident: Incident, now_ms: int, finding: Finding) -> bool:
        device = directory.devices[finding.row]
        whose = (
            device.device == incident.device
            if finding.condition is Condition.DEVICE
            else device.resident == incident.resident
        )
        return whose and finding.condition == incident.condition and -5000 <= now_ms - incident.at_ms <= 120_000

    missed = [i for i in incidents if not any(fits(i, now, f) and f.cause in i.causes for now, f in found)]
    invented = [f for now, f in found if not any(fits(i, now, f) for i in incidents)]
    assert len(incidents) > 35
    assert missed == []
    assert invented == []
