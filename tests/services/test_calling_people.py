"""From a press to a person's telephone: the real service, a real broker, an SMS service and a gateway on loopback."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import paho.mqtt.client as paho
import pytest

from alerts.notify.post import signature_of
from tests.services.conftest import FLEET

SECRET = "of-the-gateway"
TOKEN = "t0ken-of-the-sms-service"
PEOPLE = (
    FLEET
    + """
[[caregiver]]
id = "C-1"
name = "李护士"
role = "nurse"
site = "{site}"
contacts = {{ sms = "13800138001", phone = "021-5550001" }}

[[caregiver]]
id = "C-2"
name = "Nurse Two"
role = "nurse"
site = "{site}"
language = "en"
contacts = {{ sms = "13800138002" }}
"""
)
#: What nothing but the registry may hold.
PERSONAL = ("测试一", "李护士", "Nurse Two", "13800138001", "13800138002", "5550001", TOKEN, SECRET)


class Outside(ThreadingHTTPServer):
    """The SMS service and the gateway, by their paths."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.url = f"127.0.0.1:{self.server_port}"

    def told(self, start: str) -> list[tuple[str, dict[str, Any]]]:
        """What came to paths that begin so."""
        return [(path, body) for path, body in self.came if path.startswith(start)]


class _Handler(BaseHTTPRequestHandler):
    server: Outside

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.came.append((self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def outside() -> Iterator[Outside]:
    with Outside() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def build(build_house: Callable[..., Any], outside: Outside, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    monkeypatch.setenv("SHOUHU_TEST_SMS", f"json://{outside.url}/{TOKEN}/{{address}}")
    monkeypatch.setenv("SHOUHU_TEST_SECRET", SECRET)
    settings = f"""
[notify]
console_url = "https://shouhu.example.org/"
[notify.proof]
enabled = false
[[notify.apprise]]
name = "sms"
url = {{ env = "SHOUHU_TEST_SMS" }}
retry = {{ first_s = 0.1, most_s = 0.2 }}
[[notify.webhook]]
name = "phone"
url = "http://{outside.url}/call"
secret = {{ env = "SHOUHU_TEST_SECRET" }}
tells = "people"
privacy = "name"
"""
    return lambda: build_house(settings, fleet=PEOPLE)


def press(house: Any, broker: Any, device: str = "BTN-1", kind: str = "sos", payload: bytes = b"") -> None:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish(house.topic(device, kind), payload, qos=1).wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def outbox(house: Any) -> list[dict[str, Any]]:
    with sqlite3.connect(house.folder / "shouhu-data" / "shouhu.db") as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM outbox WHERE step IS NOT NULL ORDER BY number")]


def receipt(house: Any, body: dict[str, Any], signed_with: str) -> int:
    import urllib.error
    import urllib.request

    raw = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Shouhu-Signature": signature_of(raw, signed_with)}
    request = urllib.request.Request(house.url + "/api/v1/receipts", raw, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_press_reaches_everybody_on_duty_in_their_language(
    build: Callable[[], Any], outside: Outside, mosquitto: Any
) -> None:
    house = build()
    press(house, mosquitto)
    house.wait("three calls", lambda: len(outside.came) >= 3)
    sms = dict(outside.told(f"/{TOKEN}/"))
    assert set(sms) == {f"/{TOKEN}/13800138001", f"/{TOKEN}/13800138002"}
    assert sms[f"/{TOKEN}/13800138001"]["title"] == "高级别警报：紧急求助：按下求助按钮"
    english = sms[f"/{TOKEN}/13800138002"]
    assert english["title"] == "High priority: Emergency call: Pressed the emergency button"
    assert "Where: House of tests, room 101" in english["message"]
    assert "Take it on the console: https://shouhu.example.org/" in english["message"]
    ((_, call),) = outside.told("/call")
    assert (call["caregiver"], call["address"]) == ("C-1", "021-5550001")
    assert "老人：测试一" in call["body"], "this channel may say a name"

    house.wait("all struck off", lambda: [row["status"] for row in outbox(house)] == ["sent"] * 3)
    body = {"channel": "phone", "key": call["key"], "result": "read"}
    assert receipt(house, body, "guess") == 403
    assert receipt(house, body, SECRET) == 200
    assert sorted(row["status"] for row in outbox(house)) == ["read", "sent", "sent"]

    # Nobody's name, number or token is in what is kept of it, nor in the log.
    told = house.log() + repr(outbox(house)) + json.dumps(house.get("/api/v1/alarms"), ensure_ascii=False)
    for secret in PERSONAL:
        assert secret not in told
    assert not any("测试一" in json.dumps(body, ensure_ascii=False) for body in sms.values())


def test_a_service_that_refuses_everybody_is_a_technical_alarm(
    build: Callable[[], Any], outside: Outside, mosquitto: Any
) -> None:
    house = build()
    outside.status = 403
    press(house, mosquitto)
    press(house, mosquitto, "BR-2", "fall", b'{"state": "confirmed"}')

    def failed() -> list[dict[str, Any]]:
        return [alarm for alarm in house.alarms() if alarm["cause"] == "channel_failed"]

    house.wait("the alarm of the channel", failed)
    (alarm,) = failed()
    assert (alarm["site"], alarm["device"], alarm["condition"]) == (house.site, "shouhu", "device")
    assert alarm["evidence"] == {"channel": "sms", "reason": "answered 403"}
    for secret in PERSONAL:
        assert secret not in house.log()


def notify_test(house: Any, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from service.cli.app import app; app()", "notify", "test", *more]
    settings = ["--settings", str(house.folder / "shouhu.toml")]
    return subprocess.run([*command, *settings], capture_output=True, text=True, timeout=180, env=dict(os.environ))


def test_a_test_is_sent_from_the_command_line(build: Callable[[], Any], outside: Outside) -> None:
    house = build()
    sent = notify_test(house, "sms", "--to", "C-2")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert sent.stdout == "C-2: sent: the service took it; ask whether it arrived 已发送：服务已接收，请确认是否收到\n"
    ((path, body),) = outside.came
    assert (path, body["title"]) == (f"/{TOKEN}/13800138002", "[TEST] Can we reach you?")

    outside.status = 410
    failed = notify_test(house, "sms")
    assert failed.returncode == 1
    assert failed.stdout.count("failed for good, address or settings must be put right: answered 410") == 2
    (proven, other) = house.get("/api/v1/contacts/proof")["contacts"]
    assert (proven["caregiver"], proven["status"], proven["reason"]) == ("C-1", "never_proven", "answered 410")
    assert (other["caregiver"], other["status"]) == ("C-2", "unproven")

    for wrong in (["fax"], ["sms", "--to", "C-9"]):
        refused = notify_test(house, *wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert wrong[-1] in refused.stderr
