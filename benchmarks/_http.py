"""A user agent for load: one keep-alive connection, cookies, and as little work as HTTP allows.

The measured server shares its cores with us, so nothing is parsed that nobody asks for.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

END_OF_HEAD = b"\r\n\r\n"
WITHOUT_BODY = (204, 304)


class Refused(Exception):
    """An answer whose status was not among those that the caller can go on with."""


@dataclass(slots=True)
class Answer:
    """What a server said; headers are searched for only when asked for."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name, or an empty text."""
        return next(iter(self.headers(name)), "")

    def headers(self, name: str) -> list[str]:
        wanted = name.encode().lower()
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return [value.strip().decode("latin-1") for key, _, value in lines if key.lower() == wanted]

    def json(self) -> Any:
        return json.loads(self.body)

    def expect(self, *statuses: int) -> "Answer":
        """Itself, or `Refused` with the beginning of what was said."""
        if self.status not in statuses:
            raise Refused(f"HTTP {self.status} {self.body[:200].decode('utf-8', 'replace')}")
        return self


class Wire(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.answer: asyncio.Future[Answer] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._finish(ended=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._finish(ended=True)
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionResetError("The server closed the connection."))

    def _finish(self, *, ended: bool) -> None:
        if self.answer is None or self.answer.done():
            return
        found = parse(bytes(self.buffer), ended=ended) if END_OF_HEAD in self.buffer else None
        if found is None:
            return
        self.buffer.clear()
        if self.transport and b"\nconnection: close" in found.head.lower():
            self.transport.close()
            self.transport = None
        self.answer.set_result(found)


def parse(data: bytes, *, ended: bool) -> Answer | None:
    """The answer in the bytes so far, or None while some of it is still to come."""
    head, _, body = data.partition(END_OF_HEAD)
    answer = Answer(int(head[9:12]), head, body)
    if answer.status in WITHOUT_BODY:
        return answer
    if length := answer.header("content-length"):
        return answer if len(body) >= int(length) else None
    if answer.header("transfer-encoding").lower() == "chunked":
        if not body.endswith(b"0\r\n\r\n"):
            return None
        whole = _unchunked(body)
        return None if whole is None else Answer(answer.status, head, whole)
    return answer if ended else None


def _unchunked(body: bytes) -> bytes | None:
    """The chunks put together; None while the last is not there."""
    parts, at = [], 0
    while True:
        line = body.find(b"\r\n", at)
        size = int(body[at:line].partition(b";")[0] or b"0", 16) if line > 0 else -1
        if size == 0:
            return b"".join(parts)
        if size < 0 or line + 2 + size > len(body):
            return None
        parts.append(body[line + 2 : line + 2 + size])
        at = line + 4 + size


class Agent:
    """One person's browser or script: a connection that is kept, and cookies."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.wire: Wire | None = None

    async def send(
        self, method: str, path: str, *, body: bytes = b"", kind: str = "", **headers: str
    ) -> Answer:
        """Send one request; `headers` are written with _ for -. Raises OSError where none answers."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in self.headers.items()]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        if body or method != "GET":
            lines.append(f"Content-Length: {len(body)}")
        if kind:
            lines.append(f"Content-Type: {kind}")
        request = "\r\n".join([*lines, "", ""]).encode() + body
        if self.wire is None or self.wire.transport is None:
            loop = asyncio.get_running_loop()
            _, self.wire = await loop.create_connection(Wire, "127.0.0.1", self.port)
        answer = await self.wire.ask(request)
        self._keep_cookies(answer)
        return answer

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, **headers)

    async def post_form(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        body = urlencode(fields).encode()
        return await self.send(
            "POST", path, body=body, kind="application/x-www-form-urlencoded", **headers
        )

    async def post_json(self, path: str, data: Any = None, **headers: str) -> Answer:
        body = b"" if data is None else json.dumps(data).encode()
        return await self.send("POST", path, body=body, kind="application/json", **headers)

    def _keep_cookies(self, answer: Answer) -> None:
        if b"set-cookie" not in answer.head.lower():
            return
        for line in answer.headers("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value

    def close(self) -> None:
        """Let the connection go; the cookies stay for another one."""
        if self.wire and self.wire.transport:
            self.wire.transport.close()
        self.wire = None
