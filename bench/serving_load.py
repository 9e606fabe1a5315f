"""Clients of a prediction service, in a process of their own: as fast as they are answered, or at a given rate.

`python bench/serving_load.py URL FOLDER SECONDS --clients 32` sends the files of a folder over and over, `--rate 40`
at that many a second on average, whoever is answered. Prints one JSON object: requests, errors, seconds, and latencies
in milliseconds (at a rate they count from when a request was due, not from when a client came to send it).
"""

import argparse
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

OK = 200
SECONDS_OF_AN_ANSWER = 60.0


@dataclass
class Sent:
    """What all clients have come to."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, seconds: float, error: str | None) -> None:
        """Count one request."""
        with self.lock:
            if error is None:
                self.latencies.append(seconds)
            else:
                self.errors.append(error)


class Client:
    """One client, whose connection is kept where the server keeps it."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._path = f"{self._parts.path}?{self._parts.query}" if self._parts.query else self._parts.path
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes) -> str | None:
        """Post an image; what went wrong, if anything."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._parts.netloc, timeout=SECONDS_OF_AN_ANSWER)
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": "image/jpeg"})
            answer = self._connection.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            return type(error).__name__
        if answer.will_close:
            self._connection.close()
            self._connection = None
        return None if answer.status == OK else f"{answer.status} {told[:80]!r}"


def main() -> None:
    """Send, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--rate", type=float)
    given = parser.parse_args()
    bodies = [path.read_bytes() for path in sorted(given.folder.iterdir())]
    sent = Sent()
    started = time.perf_counter()
    due = None if given.rate is None else _arrivals(given.rate, given.seconds)
    threads = [
        threading.Thread(target=_work, args=(Client(given.url), bodies, number, sent, started + given.seconds, due))
        for number in range(given.clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    told = {"requests": len(sent.latencies), "errors": len(sent.errors), "seconds": round(seconds, 3)}
    print(json.dumps(told | {"first_errors": sent.errors[:3], "ms": [round(1000 * one, 2) for one in sent.latencies]}))


class _Due:
    """Moments at which requests are due, handed out one after the other."""

    def __init__(self, moments: Iterator[float]) -> None:
        self._moments = moments
        self._lock = threading.Lock()

    def next(self) -> float | None:
        """The next moment; None where the last was given."""
        with self._lock:
            return next(self._moments, None)


def _arrivals(rate: float, seconds: float) -> _Due:
    """A Poisson process: hospitals do not take turns."""
    draw, moments, moment = random.Random(20), [], time.perf_counter()  # noqa: S311 - no secret
    end = moment + seconds
    while (moment := moment + draw.expovariate(rate)) < end:
        moments.append(moment)
    return _Due(iter(moments))


def _work(client: Client, bodies: list[bytes], number: int, sent: Sent, end: float, due: _Due | None) -> None:
    for body in islice(cycle(bodies), number, None):
        if due is None:
            begun = time.perf_counter()
            if begun >= end:
                return
        else:
            moment = due.next()
            if moment is None:
                return
            time.sleep(max(0.0, moment - time.perf_counter()))
            begun = moment
        error = client.send(body)
        sent.add(time.perf_counter() - begun, error)


if __name__ == "__main__":
    main()
