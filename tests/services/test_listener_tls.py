"""The session over TLS, with and without client certificates and passwords, against a real Mosquitto."""

import asyncio
import os
import pwd
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from ingest.contract import URGENT_LANE
from ingest.listener import Session
from service.app import make_session
from service.settings import MqttSettings, validate
from tests.conftest import Service, answers_tcp, free_port, program

LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class SecureBroker:
    """A Mosquitto that wants a certificate and a password of everyone, and the files a client needs."""

    service: Service
    folder: Path
    port: int

    def settings(self, **changes: Any) -> MqttSettings:
        keys = {
            "brokers": [f"mqtts://localhost:{self.port}"],
            "username": "shouhu",
            "password": {"file": "password"},
            "ca_file": "ca.pem",
            "cert_file": "client.pem",
            "key_file": "client.key",
        }
        document = {"mqtt": {key: value for key, value in (keys | changes).items() if value is not None}}
        return validate(document, self.folder / "shouhu.toml").mqtt


@pytest.fixture(scope="module")
def secure_broker(tmp_path_factory: pytest.TempPathFactory) -> Any:
    command, passwd = program("mosquitto", "mosquitto"), program("mosquitto_passwd", "mosquitto")
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    server, client = authority.issue_cert("localhost", "127.0.0.1"), authority.issue_cert("shouhu.example")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    client.private_key_pem.write_to_path(folder / "client.key")
    trustme.CA().cert_pem.write_to_path(folder / "stranger.pem")
    (folder / "password").write_text("correct horse")
    (folder / "wrong").write_text("battery staple")
    subprocess.run([passwd, "-b", "-c", str(folder / "users"), "shouhu", "correct horse"], check=True)
    port = free_port()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/users\n"
        f"cafile {folder}/ca.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.pem\n"
        f"require_certificate true\nuser {pwd.getpwuid(os.getuid()).pw_name}\n"
    )
    configuration = str(folder / "mosquitto.conf")
    service = Service("mosquitto", port, folder, [command, "-c", configuration], lambda: answers_tcp(port))
    service.start()
    yield SecureBroker(service, folder, port)
    service.stop()


@asynccontextmanager
async def running(settings: MqttSettings) -> AsyncIterator[Session]:
    session = make_session(settings, URGENT_LANE)
    task = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_certificate_and_password_let_it_in(secure_broker: SecureBroker) -> None:
    async with running(secure_broker.settings()) as session:
        await asyncio.wait_for(session.connected.wait(), LIMIT_S)
        with_certificate = ["--cafile", "ca.pem", "--cert", "client.pem", "--key", "client.key"]
        publish = await asyncio.create_subprocess_exec(
            program("mosquitto_pub", "mosquitto-clients"),
            *("-h", "localhost", "-p", str(secure_broker.port), "-u", "shouhu", "-P", "correct horse"),
            *(*with_certificate, "-q", "1", "-t", "care/v1/s/d/sos", "-m", "{}"),
            cwd=secure_broker.folder,
        )
        assert await asyncio.wait_for(publish.wait(), LIMIT_S) == 0
        batch = await asyncio.wait_for(anext(session.batches()), LIMIT_S)
        session.acknowledge(batch)
    assert batch.topics == ["care/v1/s/d/sos"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": {"file": "wrong"}}, "NOT_AUTHORIZED"),
        ({"username": None, "password": None}, "NOT_AUTHORIZED"),
        ({"ca_file": "stranger.pem"}, "CERTIFICATE_VERIFY_FAILED"),
        ({"cert_file": None, "key_file": None}, ""),
        ({"brokers": ["mqtts://127.0.0.2:1"]}, ""),
    ],
    ids=["wrong password", "no password", "unknown authority", "no certificate", "nobody there"],
)
async def test_who_is_not_let_in_says_why_and_tries_again(
    secure_broker: SecureBroker, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], said: str
) -> None:
    async with running(secure_broker.settings(**changes)) as session:
        async with asyncio.timeout(LIMIT_S):
            while caplog.text.count("no connection to") < 2:  # noqa: ASYNC110 a log line is no event
                await asyncio.sleep(0.05)
        assert session.connects == 0
    assert said in caplog.text
    assert "correct horse" not in caplog.text
    assert "battery staple" not in caplog.text
