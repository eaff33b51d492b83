"""An MQTT broker that comes with the service (iotcore: rumqttd in a wheel), on loopback, for a try."""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iotcore import Broker as IotcoreBroker

from service.settings import Broker

HOST: Final = "127.0.0.1"
_PORTS_TRIED: Final = 200
_MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
_CONFIGURATION: Final = """\
id = 0

[router]
id = 0
max_connections = 1010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v4.1]
name = "mqtt-3.1.1"
listen = "{host}:{v3_port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = {max_payload}
max_inflight_count = 2000
dynamic_filters = true

[v5.1]
name = "mqtt-5"
listen = "{host}:{v5_port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {max_payload}
max_inflight_count = 2000
dynamic_filters = true
"""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where the embedded broker listens; rumqttd keeps the two versions of MQTT on ports of their own."""

    v3: Broker
    v5: Broker


@contextlib.contextmanager
def embedded_broker(folder: Path, v3_port: int, v5_port: int) -> Iterator[Listeners]:
    """A broker in a process of its own, which ends with this one; its configuration is kept in `folder`.

    OSError where a port is taken, RuntimeError where the broker does not start.
    """
    file = folder / "broker.toml"
    file.write_text(
        _CONFIGURATION.format(host=HOST, v3_port=v3_port, v5_port=v5_port, max_payload=_MAX_PAYLOAD_BYTES),
        encoding="utf-8",
    )
    broker = IotcoreBroker(config_path=str(file))
    with _deaf_children():
        broker.start()
    try:
        yield Listeners(Broker(HOST, v3_port, tls=False), Broker(HOST, v5_port, tls=False))
    finally:
        broker.stop()


def free_port(wanted: int, taken: frozenset[int] = frozenset()) -> int:
    """`wanted`, or the next port after it that nobody on loopback listens on; OSError where there is none near."""
    for port in range(wanted, min(wanted + _PORTS_TRIED, 65_536)):
        if port in taken:
            continue
        with socket.socket() as probe:
            # As servers do, so that a port whose last connections are still closing counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {wanted} to {wanted + _PORTS_TRIED - 1}")


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Children started within do not hear Ctrl-C: the broker is to outlive those who say goodbye to it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
