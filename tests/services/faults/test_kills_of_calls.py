"""kill -9 just before a write of the journal or just after a commit: no alarm is lost, no step of calling doubled.

The real service, Mosquitto, and a gateway that telephones. In each round the service ends itself with SIGKILL at the
nth write of one kind since it started, so that every place between two writes of a transaction comes up, several times.
"""

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import paho.mqtt.client as paho
import pytest
import sqlalchemy

from alerts.journal.journal import Journal
from alerts.journal.schema import OUTBOX, Status
from alerts.lifecycle import State, step
from service.database import make_engine
from tests.services.faults.dying import DIES

pytestmark = pytest.mark.timeout(1800)

#: In the order in which a transaction makes them; a commit is its end.
WRITES: Final = (
    *("UPDATE alarm_sequence", "INSERT alarm", "UPDATE alarm", "INSERT alarm_occurrence", "INSERT alarm_transition"),
    *("INSERT alarm_ledger", "UPDATE alarm_ledger", "INSERT outbox", "UPDATE outbox", "COMMIT", "after COMMIT"),
)
TIMES: Final = 5
BUTTONS: Final = 600
ROUND_WITHIN_S: Final = 180.0
PEOPLE: Final = ("nurse", "head_nurse", "centre")

FLEET: Final = '[[site]]\nid = "{site}"\nname = "House of kills"\n' + "".join(
    [
        *(f'[[device]]\nid = "BTN-{n}"\ntype = "button"\nsite = "{{site}}"\n' for n in range(BUTTONS)),
        *(
            f'[[caregiver]]\nid = "{who}"\nname = "{who}"\nrole = "{who}"\nsite = "{{site}}"\n'
            f'contacts = {{{{ pager = "{who}" }}}}\n'
            for who in PEOPLE
        ),
        '[[escalation]]\nid = "fast"\nsite = "{site}"\nfor = ["high"]\n',
        "steps = [",
        ", ".join(f'"{who} wait 1 1 1"' for who in PEOPLE),
        "]\n",
    ]
)

#: Loads the service once; for each line, "which write|how many", a child of it runs the service and dies there.
SERVICE: Final = (
    DIES
    + """
import sys
import service.app
from service.cli.app import app

settings, log = sys.argv[1:3]

for line in sys.stdin:
    kind, count = line.strip().split("|")
    child = os.fork()
    if child == 0:
        with open(log, "ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        watch(kind, int(count))
        sys.argv = ["shouhu", "run", "--settings", settings]
        app()
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
)


class Receiver(ThreadingHTTPServer):
    """The gateway and another service: what came, by idempotency key."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Take)
        self.calls: defaultdict[str, list[bytes]] = defaultdict(list)
        self.feed: defaultdict[str, list[bytes]] = defaultdict(list)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A sender that was killed in the middle is what this test is about."""


class Take(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Receiver)
        came = self.server.calls if self.path == "/calls" else self.server.feed
        came[self.headers["Idempotency-Key"]].append(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, name="receiver")
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


class Buttons:
    """Presses one button after another through a gateway that keeps what the broker has not taken."""

    def __init__(self, house: Any, mosquitto: Any) -> None:
        self.pressed: dict[str, int] = {}
        self._house = house
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect(mosquitto.host, mosquitto.port)
        self._client.loop_start()

    def press(self) -> None:
        button = f"BTN-{len(self.pressed)}"
        self.pressed[button] = time.time_ns() // 1_000_000
        body = json.dumps({"t": self.pressed[button], "seq": 1})
        self._client.publish(self._house.topic(button, "sos"), body, qos=1).wait_for_publish(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def run_until_killed(server: "subprocess.Popen[str]", kind: str, count: int, live: Callable[[], None]) -> None:
    """One round: `live` is what the people do meanwhile."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{kind}|{count}\n")
    server.stdin.flush()
    child = int(server.stdout.readline())
    give_up_s = time.monotonic() + ROUND_WITHIN_S
    while not select.select([server.stdout], [], [], 0.05)[0]:
        if time.monotonic() > give_up_s:
            os.kill(child, signal.SIGKILL)
            pytest.fail(f"write {count} of {kind} never came")
        live()
    assert int(server.stdout.readline()) == -signal.SIGKILL, f"it ended by itself, not at {kind}"


def look_after(house: Any, most: int = 3) -> int:
    """Close what is taken, and take what was called twice or more; returns how many were open."""
    opened: list[dict[str, Any]] = house.alarms()
    for alarm in opened[:most]:
        what = "acknowledge" if alarm["state"] in ("unacknowledged", "returned") else "resolve"
        more = {} if what == "acknowledge" else {"outcome": "test", "note": ""}
        if what == "resolve" or alarm["step"] >= 2:
            house.post(f"/api/v1/alarms/{alarm['alarm']}/{what}", {"by": "nurse"} | more)
    return len(opened)


def test_fifty_kills_between_any_two_writes_lose_no_alarm_and_double_no_step(
    build_house: Callable[..., Any], mosquitto: Any, receiver: Receiver
) -> None:
    retry = "retry = { first_s = 0.1, most_s = 0.5 }"
    house = build_house(
        "[notify.proof]\nenabled = false\n"
        f'[[notify.webhook]]\nname = "pager"\ntells = "people"\nurl = "{receiver.url}/calls"\n{retry}\n'
        f'[[notify.webhook]]\nname = "desk"\nurl = "{receiver.url}/feed"\n{retry}\n',
        fleet=FLEET,
    )
    house.kill()
    buttons = Buttons(house, mosquitto)

    def live() -> None:
        try:
            look_after(house)
        except OSError:
            return  # it does not answer yet, or not any more
        buttons.press()

    command = [sys.executable, "-c", SERVICE, str(house.folder / "shouhu.toml"), str(house.folder / "log")]
    rounds = list(itertools.product(range(1, TIMES + 1), WRITES))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        for count, kind in rounds:
            buttons.press()
            run_until_killed(server, kind, count, live)
        assert server.stdin is not None
        server.stdin.close()
    buttons.close()
    house.start()
    house.wait("end of all alarms", lambda: look_after(house, most=1000) == 0)
    house.wait("letters", lambda: waiting(house) == 0)
    house.stop()
    reckon(house, buttons.pressed, receiver, len(rounds))


def waiting(house: Any) -> int:
    engine = make_engine(f"sqlite:///{house.folder}/shouhu-data/shouhu.db")
    with engine.connect() as connection:
        query = sqlalchemy.select(sqlalchemy.func.count()).where(OUTBOX.c.status == Status.PENDING)
        count: int = connection.execute(query).scalar_one()
    engine.dispose()
    return count


def reckon(house: Any, pressed: dict[str, int], receiver: Receiver, rounds: int) -> None:
    engine = make_engine(f"sqlite:///{house.folder}/shouhu-data/shouhu.db")
    journal = Journal(engine)
    alarms, transitions = journal.history(10_000), journal.transitions_after(0, 100_000)
    with engine.connect() as connection:
        letters = connection.execute(sqlalchemy.select(OUTBOX).order_by(OUTBOX.c.number)).all()
    engine.dispose()

    assert Counter((one.device, one.onset_ms, one.repeats) for one in alarms) == Counter(
        (button, at_ms, 0) for button, at_ms in pressed.items()
    ), "each press is one alarm"
    assert [one.sequence for one in transitions] == list(range(1, len(transitions) + 1))
    states: dict[str, State] = {}
    for one in transitions:
        states[one.alarm.alarm] = step(states.get(one.alarm.alarm), one.event, latching=True)
    assert set(states.values()) == {State.RESOLVED}

    calls = [row for row in letters if row.step is not None]
    assert {row.channel for row in calls} == {"pager"}
    ringing: Counter[str] = Counter()
    of_sequence = {}
    for one in transitions:
        ringing[one.alarm.alarm] += one.rings
        of_sequence[one.sequence] = one.alarm.alarm, ringing[one.alarm.alarm]
    steps = defaultdict(list)
    for row in calls:
        steps[of_sequence[row.sequence]].append((row.step, row.address))
    for taken in steps.values():
        assert taken == [(n, PEOPLE[n % len(PEOPLE)]) for n in range(len(taken))], "each step once, and none left out"
    assert steps.keys() == set(of_sequence.values())

    by_status = Counter(row.status for row in letters)
    assert by_status.keys() <= {Status.SENT, Status.CANCELLED}
    for channel, came in (("pager", receiver.calls), ("desk", receiver.feed)):
        keys = {
            f"{row.alarm}-{row.sequence}" + (f"-{row.part}" if row.part else ""): row.status
            for row in letters
            if row.channel == channel
        }
        assert came.keys() <= keys.keys(), "nobody is told of what is not in the journal"
        assert {key for key, status in keys.items() if status == Status.SENT} <= came.keys()
        assert all(len(set(bodies)) == 1 for bodies in came.values()), "a repetition is the same letter"
    told: Counter[tuple[tuple[str, int], int, str]] = Counter()
    for key, bodies in receiver.calls.items():
        body = json.loads(bodies[0])
        told[of_sequence[int(key.split("-")[1])], body["step"], body["caregiver"]] += 1
    assert max(told.values()) == 1, "whoever counts by key is called once for a step"
    again = sum(len(bodies) - 1 for bodies in (*receiver.calls.values(), *receiver.feed.values()))
    print(
        f"\n{rounds} kills: presses {len(pressed)}, alarms {len(alarms)}, transitions {len(transitions)},"
        f" steps {sum(map(len, steps.values()))}, steps doubled 0, letters {len(letters)} ({dict(by_status)}),"
        f" sent a second time with the same key {again}"
    )
