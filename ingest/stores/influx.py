"""InfluxDB as a store: version 2's write API through `influxdb-client`, version 1's /write through aiohttp.

Both send the same lines, a batch a request, gzipped unless the server is on this machine. Whatever the server may
still take later (it is down, busy, or not set up yet) is StoreUnavailable. What it will never take is found by
halving the batch: writing a line again changes nothing, so the halves that were already written may be sent again.
"""

import asyncio
import email.utils
import gzip
import ipaddress
import json
import re
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import aiohttp
import numpy as np
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.domain.write_precision import WritePrecision

from ingest.stores.contract import Block, Refused, StoreUnavailable
from ingest.stores.lines import Heads, lines_of

BATCH_LINES: Final = 5_000
#: Raw samples make long lines; a request stays well under the 25 MB both versions take by default.
BATCH_BYTES: Final = 8_000_000
#: Made into lines in one go: about a millisecond.
_PIECE_READINGS: Final = 1_000
#: More compression than this costs more time than the network takes.
_GZIP_LEVEL: Final = 1
#: Refused for what they say (400, 422 field conflict or beyond retention) or for their size (413).
_REFUSALS: Final = frozenset({400, 413, 422})
_DROPPED: Final = re.compile(r"\bdropped=(\d+)")
_REASON_CHARS: Final = 500
UNREACHABLE: Final = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(slots=True)
class _Search:
    """How far the writing of a batch has come: parts to be sent, the next last, and parts that are settled.

    Finding refused lines takes hundreds of requests. Begun anew after every failure it would never end with a server
    that fails now and then, so a write that was broken off is taken up where it was.
    """

    waiting: list[list[str]] = field(default_factory=list)
    #: With the reason of those that were refused.
    settled: list[tuple[list[str], str | None]] = field(default_factory=list)

    def refused(self) -> list[Refused]:
        """Every line refused."""
        return [Refused(line.encode(), why) for part, why in self.settled if why is not None for line in part]


class _Lines(ABC):
    """What both versions have in common: lines in batches, refused ones singled out."""

    def __init__(self, url: str, *, keep_samples: bool, compress: bool | None) -> None:
        self._url = url.rstrip("/")
        self._keep_samples = keep_samples
        # Over a network gzip is faster than the wire and spares it; on this machine both ends would only work more.
        self._gzip = not on_this_machine(url) if compress is None else compress
        self._encoding = {"Content-Encoding": "gzip" if self._gzip else "identity"}
        self._broken_off: _Search | None = None
        self._heads = Heads()

    async def write(self, blocks: Sequence[Block]) -> Sequence[Refused]:
        """Store all blocks; returns the lines refused for good, StoreUnavailable where the rest must wait."""
        search, self._broken_off = self._broken_off or _Search(), None
        try:
            await self._settle(search)
            known = {line for part, _ in search.settled for line in part}
            batch: list[str] = []
            size = 0
            for piece in _pieces(blocks):
                lines = lines_of(piece, keep_samples=self._keep_samples, heads=self._heads)
                # Making lines holds the event loop; others have their turn after every piece.
                await asyncio.sleep(0)
                if known:
                    lines = [line for line in lines if line not in known]
                more = sum(map(len, lines)) + len(lines)
                if len(batch) + len(lines) <= BATCH_LINES and size + more <= BATCH_BYTES:
                    batch += lines
                    size += more
                    continue
                for line in lines:  # one by one only where a request gets full
                    if len(batch) == BATCH_LINES or (batch and size + len(line) > BATCH_BYTES):
                        search.waiting.append(batch)
                        await self._settle(search)
                        batch, size = [], 0
                    batch.append(line)
                    size += len(line) + 1
            if batch:
                search.waiting.append(batch)
                await self._settle(search)
        except StoreUnavailable:
            self._broken_off = search
            raise
        return search.refused()

    async def write_lines(self, lines: list[str]) -> list[Refused]:
        """Send lines of line protocol; returns those refused for good, StoreUnavailable where nothing is certain."""
        search = _Search(waiting=[lines])
        await self._settle(search)
        return search.refused()

    async def _settle(self, search: "_Search") -> None:
        """Send what waits; on a refusal halve until the refused lines stand alone."""
        while search.waiting:
            part = search.waiting[-1]
            reason = await self._send(await self._body(part))
            search.waiting.pop()
            if reason is None or len(part) == 1 or _all_dropped(reason, len(part)):
                search.settled.append((part, reason and reason[:_REASON_CHARS]))
                continue
            middle = len(part) // 2
            search.waiting += [part[middle:], part[:middle]]

    async def _body(self, lines: list[str]) -> bytes:
        """Lines as they are sent."""
        if not self._gzip:
            return "\n".join(lines).encode()
        return await asyncio.to_thread(lambda: gzip.compress("\n".join(lines).encode(), _GZIP_LEVEL))

    @abstractmethod
    async def _send(self, body: bytes) -> str | None:
        """Send a body: None when all is written, the server's reason when some lines are refused."""


def on_this_machine(url: str) -> bool:
    """Whether an address is one of loopback."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pieces(blocks: Sequence[Block]) -> Iterator[Block]:
    """The same readings in blocks of at most `_PIECE_READINGS`."""
    for block in blocks:
        count = len(block.readings)
        if count <= _PIECE_READINGS:
            yield block
            continue
        for begin in range(0, count, _PIECE_READINGS):
            index = np.arange(begin, min(begin + _PIECE_READINGS, count))
            yield Block(block.readings.take(index), block.tags)


def _all_dropped(reason: str, count: int) -> bool:
    """Whether the server says that it dropped every point, so that halving would tell nothing new."""
    dropped = _DROPPED.search(reason)
    return dropped is not None and int(dropped[1]) == count


def _outcome(status: int, body: bytes | str | None, headers: Mapping[str, str] | None) -> str | None:
    """None for a success, the reason for a refusal; StoreUnavailable for what may pass."""
    if 200 <= status < 300:
        return None
    reason = _reason(body) or f"HTTP {status}"
    if status in _REFUSALS:
        return reason
    retry_after = (headers or {}).get("Retry-After")
    raise StoreUnavailable(f"HTTP {status}: {reason[:_REASON_CHARS]}", _seconds(retry_after))


def _reason(body: bytes | str | None) -> str:
    """The server's own words: version 1 puts them under `error`, version 2 under `message`."""
    text = (body.decode("utf-8", "replace") if isinstance(body, bytes) else body or "").strip()
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    return str(answer.get("error") or answer.get("message") or text) if isinstance(answer, dict) else text


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; it may be a number or a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    if re.fullmatch(r"\d{1,9}", retry_after.strip()):
        return float(retry_after)
    try:
        at = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(UTC)).total_seconds()) if at.tzinfo else None


class Influx1(_Lines):
    """InfluxDB 1.x, and what speaks its /write and /query; the database is made on opening."""

    def __init__(
        self,
        url: str,
        database: str,
        *,
        username: str | None = None,
        password: str | None = None,
        keep_samples: bool = True,
        compress: bool | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        super().__init__(url, keep_samples=keep_samples, compress=compress)
        self._database = database
        # By header: addresses end in the logs of every proxy on the way.
        self._headers: dict[str, str] = {}
        if username is not None:
            named = b64encode(f"{username}:{password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {named}"
        self._timeout_s = timeout_s
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the database unless it is there; StoreUnavailable where the server cannot be reached."""
        name = self._database.replace("\\", "\\\\").replace('"', '\\"')
        status, body, headers = await self._post("/query", urlencode({"q": f'CREATE DATABASE "{name}"'}).encode(), {})
        if status == 403:  # a user who may write and no more: writing tells whether somebody else made it
            return
        reason = _outcome(status, body, headers)
        if reason is not None:
            raise StoreUnavailable(f"cannot make database {self._database}: {reason}")

    async def query(self, statement: str) -> dict[str, Any]:
        """The result of one InfluxQL statement: `series` (times in Unix ms) or `error`; StoreUnavailable."""
        question = urlencode({"q": statement, "epoch": "ms"}).encode()
        status, body, headers = await self._post("/query", question, {})
        reason = _outcome(status, body, headers)
        if reason is not None:
            return {"error": reason}
        result: dict[str, Any] = json.loads(body)["results"][0]
        return result

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _send(self, body: bytes) -> str | None:
        question = urlencode({"db": self._database, "precision": "u"})
        status, answer, headers = await self._post(f"/write?{question}", body, self._encoding)
        if status == 404:  # somebody dropped the database; made again, the batch can be offered again
            await self.open()
        return _outcome(status, answer, headers)

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=self._timeout_s)
            self._http = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        kind = "text/plain; charset=utf-8" if "Content-Encoding" in headers else "application/x-www-form-urlencoded"
        try:
            async with self._http.post(
                self._url + path, data=body, headers={"Content-Type": kind, **headers}
            ) as response:
                return response.status, await response.read(), response.headers
        except UNREACHABLE as error:
            raise StoreUnavailable(f"{self._url}: {_words(error)}") from error


class Influx2(_Lines):
    """InfluxDB 2, and what speaks its write API; organisation and bucket are those of the server's set-up."""

    def __init__(
        self,
        url: str,
        org: str,
        bucket: str,
        token: str,
        *,
        keep_samples: bool = True,
        compress: bool | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        super().__init__(url, keep_samples=keep_samples, compress=compress)
        self._org = org
        self._bucket = bucket
        self._token = token
        self._timeout_s = timeout_s
        self._client: InfluxDBClientAsync | None = None

    async def open(self) -> None:
        """Connect; StoreUnavailable where the server cannot be reached."""
        if self._client is None:
            self._client = InfluxDBClientAsync(
                self._url,
                self._token,
                self._org,
                timeout=round(self._timeout_s * 1000),
                # The client's own gzip runs at level 9 on the event loop, 40 ms a batch; ours runs beside it.
                client_session_kwargs={"headers": self._encoding},
            )
        # Nothing to write: answered or refused by a server that is there, knows the bucket and lets us in.
        await self._send(await self._body([]))

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _send(self, body: bytes) -> str | None:
        if self._client is None:
            raise StoreUnavailable("not opened")
        try:
            writer = self._client.write_api()
            await writer.write(self._bucket, self._org, body, WritePrecision.US)  # type: ignore[arg-type]
        except InfluxDBError as error:
            response = error.response
            if response is None:
                raise StoreUnavailable(f"{self._url}: {error}") from error
            return _outcome(response.status, response.data, response.getheaders())
        except UNREACHABLE as error:
            raise StoreUnavailable(f"{self._url}: {_words(error)}") from error
        return None


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
