"""kill -9 between the writes of what devices ask of people: each is told of each alarm, and in one message only.

A real process with journal, outbox and gateway, and an HTTP server that takes the calls. In each round the process ends
itself with SIGKILL at the nth write of one kind; the next one goes on with the same database.
"""

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy

from alerts.journal.schema import OUTBOX, Status
from service.database import make_engine
from tests.services.faults.dying import DIES
from tests.services.faults.test_kills_of_calls import Receiver

pytestmark = pytest.mark.timeout(600)

WRITES: Final = ("INSERT outbox", "UPDATE outbox", "COMMIT", "after COMMIT")
TIMES: Final = 4
#: Devices that go wrong in each round, one after the other.
NEW: Final = 6
PEOPLE: Final = ("nurse", "technician")
#: So many of these writes come however the devices fall into messages: a commit a device, and for each person at least
#: one message, which is two writes before it leaves and a part of one after it.
ROUNDS: Final = (*itertools.product(range(1, TIMES + 1), WRITES), *[(1, "UPDATE alarm_ledger")] * TIMES)

#: For each line, "which write|how many|devices", a child tells of so many devices, and dies there or when all is sent.
PROCESS: Final = (
    DIES
    + """
import asyncio, sys
from alerts.calling.people import Caregiver, Site
from alerts.calling.roster import Book, Roster
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from alerts.journal.outbox import deliver
from alerts.journal.schema import Status
from alerts.journal.timing import AlarmTimes
from alerts.notify.backoff import Backoff
from alerts.notify.gateway import Gateway
from ingest.clock import wall_clock_ms
from ingest.directory import Device, DeviceType
from service.database import make_engine

T = 1_772_424_000_000
database, url, *people = sys.argv[1:]
ROSTER = Roster(Book((Site("home", "Home"),), (), tuple(
    Caregiver(name, name, name, "home", contacts=(("pager", name),)) for name in people)))

async def live(count):
    devices = [Device("home", f"mat-{n}", DeviceType.BED_MAT) for n in range(count)]
    pager = Gateway("pager", url, lambda: ROSTER, backoff=Backoff(first_s=0.1, most_s=0.5), time_limit_s=20.0)
    times = AlarmTimes(technical_letters_s=0.2)
    async with Desk(make_engine(database), (pager,), caller=lambda: ROSTER, times=times) as desk:
        sending = asyncio.create_task(deliver(desk, pager, wall_clock_ms))
        for row in range(count):  # those of earlier rounds are known, whatever became of them
            finding = Finding(row, Condition.DEVICE, "battery_low", Change.BEGAN, Priority.LOW, T + row, T + row)
            await desk.record([finding], devices, T + row, wall_clock_ms())
        async with asyncio.timeout(240):
            while any(status is Status.PENDING for _, status in await desk.letter_counts()):
                await asyncio.sleep(0.02)
        sending.cancel()
        await asyncio.wait([sending])

for line in sys.stdin:
    kind, count, devices = line.strip().split("|")
    child = os.fork()
    if child == 0:
        watch(kind, int(count))
        asyncio.run(live(int(devices)))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, name="receiver")
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


def test_twenty_kills_between_any_two_writes_tell_everybody_of_each_alarm_in_one_message(
    tmp_path: Path, receiver: Receiver
) -> None:
    database = f"sqlite:///{tmp_path}/shouhu.db"
    command = [sys.executable, "-c", PROCESS, database, f"{receiver.url}/calls", *PEOPLE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def live(kind: str, count: int, devices: int) -> int:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{kind}|{count}|{devices}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        for number, (count, kind) in enumerate(ROUNDS, 1):
            assert live(kind, count, NEW * number) == -signal.SIGKILL, f"write {count} of {kind} never came"
        assert live("none", 1, NEW * len(ROUNDS)) == 0
        process.stdin.close()

    engine = make_engine(database)
    with engine.connect() as connection:
        letters = connection.execute(sqlalchemy.select(OUTBOX)).all()
    engine.dispose()
    assert {letter.status for letter in letters} == {Status.SENT}
    assert all(letter.errand == "site:home" for letter in letters)
    wanted = {(letter.alarm, letter.address) for letter in letters}
    assert len(wanted) == len(letters) == NEW * len(ROUNDS) * len(PEOPLE), "each device is one alarm, told to each"

    keys: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for key, bodies in receiver.calls.items():
        assert len(set(bodies)) == 1, "a repetition is the same message"
        told = json.loads(bodies[0])
        for alarm in told.get("alarms") or [told["alarm"]]:
            keys[alarm, told["caregiver"]].add(key)
    assert keys.keys() == wanted
    assert {len(of) for of in keys.values()} == {1}, "whoever counts by key is told of each alarm once"
    assert len(receiver.calls) < len(letters) / 2, "and of several at once"
    again = sum(len(bodies) - 1 for bodies in receiver.calls.values())
    print(
        f"\n{len(ROUNDS)} kills: alarms {NEW * len(ROUNDS)}, letters {len(letters)}, messages {len(receiver.calls)},"
        f" sent a second time with the same key {again}"
    )
