"""Raw bed signals over a real broker into the running service: an alarm on fast breathing, and rates in the store."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from simulators.bed_signal import Sleeper, bed_signal, bed_signal_packets
from tests.services.test_house import device_of

SECONDS = 95
RATE_HZ = 100.0


def test_a_mat_that_sends_only_raw_signal_rings_and_is_kept(build_house: Callable[..., Any], mosquitto: Any) -> None:
    house = build_house()
    # Measured just now and sent at once, as after a short loss of the link.
    start_ms = (time.time_ns() // 1_000_000 // 10_000 - SECONDS // 10) * 10_000 - 5_000
    signal = bed_signal(np.random.default_rng(6), Sleeper(respiration_per_min=32), RATE_HZ, SECONDS)
    time_ms = start_ms + 1000 * np.arange(len(signal)) / RATE_HZ
    with device_of(mosquitto) as publish:
        for message in bed_signal_packets(house.site, "MAT-1", time_ms, signal, RATE_HZ, packet_s=5.0):
            publish(message.topic, message.payload)

    alarms = house.wait("alarm on fast breathing", house.alarms)
    assert [alarm["cause"] for alarm in alarms] == ["respiration_high"]

    query = f"metric=bed.respiration_per_min&from={start_ms}&to={start_ms + 200_000}"
    path = f"/api/v1/residents/R-1/readings?{query}"
    # Windows of 32 s end at each full ten seconds: 35, 45 … 95 s after the first sample. The alarm does not wait for
    # the last of them.
    curve = house.wait("stored rates", lambda: sum((found := house.get(path))["count"]) >= 7 and found)
    assert sum(curve["count"]) == 7
    assert min(curve["lowest"]) > 28
