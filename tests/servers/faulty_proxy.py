"""An HTTP proxy on loopback that answers a share of the requests as a bad network or an overloaded server does."""

import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_NOT_IMPLEMENTED = b"<?xml version='1.0'?><Error><Code>NotImplemented</Code><Message>A header.</Message></Error>"
_OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Fault(Enum):
    """What may go wrong with one request."""

    SLOW_DOWN = "503 SlowDown"
    RESET = "the connection is reset before the server sees the request"
    LOST_ANSWER = "the server does it, and the connection is reset before the answer"
    TRUNCATED = "the connection closes in the middle of the answer's body"
    NOT_KNOWN = "501 to a request with a condition"
    STALL = "the answer stops in the middle for five seconds"


@dataclass
class Trouble:
    """Which requests go wrong. `requests` counts them all, `happened` the faults."""

    faults: Sequence[Fault]
    """They happen in turn, so that each has its share."""
    share: float = 1.0
    methods: frozenset[str] = frozenset({"GET", "PUT", "HEAD", "POST", "DELETE"})
    at_most: int = 3
    """Faults one after another on the same method and path, fewer than a client's attempts."""
    stall_seconds: float = 5.0
    dropped_header: str = ""
    """A header of requests that is taken away, as a server does that does not know it."""
    only: str = ""
    """The end of the one path that goes wrong; all do when it is empty."""
    requests: int = 0
    happened: Counter[Fault] = field(default_factory=Counter)
    _random: random.Random = field(default_factory=lambda: random.Random(7))
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request; None when it goes well."""
        place = f"{method} {path}"
        with self._lock:
            self.requests += 1
            if (
                not self.faults
                or method not in self.methods
                or not path.endswith(self.only)
                or self._in_a_row[place] >= self.at_most
                or self._random.random() >= self.share
            ):
                self._in_a_row[place] = 0
                return None
            self._in_a_row[place] += 1
            fault = self.faults[self.happened.total() % len(self.faults)]
            self.happened[fault] += 1
            return fault


@contextmanager
def faulty_proxy(server: str, trouble: Trouble) -> Iterator[str]:
    """Run a proxy before the HTTP server at URL `server`; yields the proxy's own URL."""

    class Handler(_Handler):
        upstream = urlsplit(server).netloc

    Handler.trouble = trouble
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads, proxy.block_on_close = True, False
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}"
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str
    trouble: Trouble

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.trouble.next(self.command, urlsplit(self.path).path)
        if fault is Fault.SLOW_DOWN:
            self._answer(503, [("Content-Type", "application/xml")], _SLOW_DOWN)
        elif fault is Fault.NOT_KNOWN and self.headers.get("If-None-Match"):
            self._answer(501, [("Content-Type", "application/xml")], _NOT_IMPLEMENTED)
        elif fault is Fault.RESET:
            self._reset()
        else:
            response, content = self._forward(body)
            if fault is Fault.LOST_ANSWER:
                self._reset()
            else:
                self._answer(response.status, response.getheaders(), content, fault)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815 - the names in the base class

    def _forward(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self.upstream)
        dropped = {self.trouble.dropped_header.lower(), "connection", "expect"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def _answer(
        self, status: int, headers: Sequence[tuple[str, str]], content: bytes, fault: Fault | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OWN_HEADERS or (self.command == "HEAD" and name.lower() == "content-length"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        if fault is Fault.STALL and not content:
            time.sleep(self.trouble.stall_seconds)
        self.end_headers()
        content = b"" if self.command == "HEAD" else content
        half = len(content) // 2
        try:
            self.wfile.write(content[:half])
            if fault is Fault.STALL and content:
                time.sleep(self.trouble.stall_seconds)
            if fault is not Fault.TRUNCATED:
                self.wfile.write(content[half:])
        except ConnectionError:
            self.close_connection = True  # the client had not the patience
        self.close_connection |= fault is Fault.TRUNCATED

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
