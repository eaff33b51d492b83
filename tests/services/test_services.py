"""The services other tests rely on really run, stop and come back."""

import shutil
import subprocess
import time
import urllib.request
from typing import Any

import pytest


def mqtt_round_trip(host: str, port: int) -> None:
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("needs mosquitto_sub: apt-get install mosquitto-clients")
    topic = "care/v1/site/device/status"
    listener = subprocess.Popen(
        ["mosquitto_sub", "-h", host, "-p", str(port), "-t", topic, "-C", "1", "-W", "60"], stdout=subprocess.PIPE
    )
    give_up_s = time.monotonic() + 60
    while time.monotonic() < give_up_s:  # the subscription may not stand yet when the first is sent
        subprocess.run(
            ["mosquitto_pub", "-h", host, "-p", str(port), "-t", topic, "-q", "1", "-m", '{"bat": 90}'], check=True
        )
        if listener.poll() is not None:
            break
    output, _ = listener.communicate(timeout=60)
    assert output.strip() == b'{"bat": 90}'


def test_mosquitto_carries_a_message_also_after_a_restart(mosquitto: Any) -> None:
    mqtt_round_trip(mosquitto.host, mosquitto.port)
    mosquitto.stop()
    assert not mosquitto.running
    mosquitto.start()
    mqtt_round_trip(mosquitto.host, mosquitto.port)


def test_the_embedded_broker_carries_a_message(embedded_broker: Any) -> None:
    mqtt_round_trip(embedded_broker.host, embedded_broker.v3_port)


def test_influxdb_keeps_what_was_written_over_a_restart(influxdb: Any) -> None:
    influxdb.query("", 'CREATE DATABASE "fixture"')
    url = f"{influxdb.url}/write?db=fixture&precision=ms"
    urllib.request.urlopen(url, data=b"vitals,site=a heart_rate_bpm=61 1700000000000").close()
    influxdb.stop()
    influxdb.start()
    rows = influxdb.query("fixture", "SELECT heart_rate_bpm FROM vitals GROUP BY site")
    assert rows == [{"measurement": "vitals", "site": "a", "time": 1_700_000_000_000, "heart_rate_bpm": 61}]


def test_victoria_metrics_takes_line_protocol(victoria_metrics: Any) -> None:
    url = f"{victoria_metrics.url}/api/v2/write?precision=ms"
    urllib.request.urlopen(url, data=b"fixture,site=a value=61 1700000000000").close()
    (series,) = victoria_metrics.export('{__name__="fixture_value"}')
    assert (series["values"], series["timestamps"]) == ([61], [1_700_000_000_000])


def test_postgresql_answers(postgresql: Any) -> None:
    psql = ["psql", "-h", postgresql.host, "-p", str(postgresql.port), "-U", "postgres", "-tAc", "select 6*7"]
    assert subprocess.run(psql, check=True, capture_output=True, text=True).stdout.strip() == "42"


def test_chromium_says_its_version(chromium_path: str) -> None:
    answer = subprocess.run([chromium_path, "--version"], capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.fail(answer.stderr)
    assert "Chrom" in answer.stdout
