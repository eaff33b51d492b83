"""The pipeline most would write first: aiomqtt's message loop, `json.loads`, `influxdb_client.Point`, batches of 5,000.

The alternative of bench_service.py, in a process of its own. It does less than the service: no spool (a crash loses
what waits), no range checks, no quarantine, no detectors, no China coordinates. InfluxDB 1.6 has no /api/v2/write,
so the points' line protocol goes to /write by aiohttp. That favours it: influxdb-client's batching writer, which
works with threads and reactive streams, would cost more.

    python benchmarks/naive_pipeline.py PORT INFLUX_URL DATABASE
"""

import asyncio
import json
import sys
from typing import Final

import aiohttp
import aiomqtt
from influxdb_client import Point

_BATCH_POINTS: Final = 5_000
_LINGER_S: Final = 0.5


def point_of(topic: str, payload: bytes) -> Point:
    """A message as a point."""
    _, _, site, device, kind = topic.split("/")
    point = Point(kind).tag("site", site).tag("device", device)
    message = json.loads(payload)
    for name, value in message.items():
        if name not in ("t", "seq"):
            point.field(name, value)
    return point.time(message["t"], "ms")


async def write_for_ever(points: asyncio.Queue[Point], url: str, database: str) -> None:
    """Write what waits in batches, at least every half second."""
    async with aiohttp.ClientSession() as http:
        while True:
            batch = [await points.get()]
            try:
                async with asyncio.timeout(_LINGER_S):
                    while len(batch) < _BATCH_POINTS:
                        batch.append(points.get_nowait() if not points.empty() else await points.get())
            except TimeoutError:
                pass
            body = "\n".join(point.to_line_protocol() for point in batch)
            async with http.post(f"{url}/write?db={database}&precision=ms", data=body.encode()) as answer:
                answer.raise_for_status()


async def main(port: int, url: str, database: str) -> None:
    """Store every vitals message for ever."""
    points: asyncio.Queue[Point] = asyncio.Queue(10 * _BATCH_POINTS)
    async with (
        asyncio.TaskGroup() as group,
        aiomqtt.Client("127.0.0.1", port, identifier="naive", protocol=aiomqtt.ProtocolVersion.V5) as client,
    ):
        group.create_task(write_for_ever(points, url, database))
        await client.subscribe("care/v1/#", qos=1)
        print("ready", flush=True)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            await points.put(point_of(str(message.topic), message.payload))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
