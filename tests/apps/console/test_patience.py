"""Clients that dribble lose their connection, and others do not wait for them."""

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from apps.console.access.settings import ConsoleSettings
from apps.console.patience import PatientProtocol
from apps.console.rendering import style_url
from apps.console.serving import listen
from tests.apps.console.browsers import HOST

HEAD = f"POST /sign-in HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\n"
FORM = HEAD + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nname="


@pytest.fixture
def address(app: FastAPI, console: ConsoleSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Where a real server with half a second of patience listens."""
    monkeypatch.setattr(PatientProtocol, "seconds", 0.5)
    (listening,) = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, http=PatientProtocol, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.mark.parametrize("start", ["", "G", HEAD, FORM], ids=["nothing", "a letter", "half a head", "half a form"])
def test_a_request_that_never_ends_is_cut_off(address: tuple[str, int], start: str) -> None:
    """A byte now and then keeps no connection; it is gone soon after its time."""
    with socket.create_connection(address) as client:
        client.settimeout(0.1)
        begun = time.monotonic()
        client.sendall(start.encode())
        while not closed(client):
            assert time.monotonic() - begun < 10
        assert time.monotonic() - begun > 0.4


def test_a_request_in_time_is_answered(address: tuple[str, int]) -> None:
    """One that is whole before the time is out is not cut off, nor is the next on the same connection."""
    with httpx.Client(base_url=f"http://{address[0]}:{address[1]}", headers={"host": HOST}) as browser:
        for _ in range(3):
            assert browser.get("/sign-in").status_code == 200
            time.sleep(0.4)


def test_an_answer_that_nobody_reads_is_given_up(address: tuple[str, int]) -> None:
    """Who asks and asks, and reads nothing, is gone soon after the answers no longer fit on their way."""
    with socket.create_connection(address) as client:
        client.settimeout(10)
        asked = f"GET {style_url()} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        with pytest.raises(ConnectionError):
            client.sendall(asked * 200_000)


def closed(client: socket.socket) -> bool:
    """Whether the server is gone; sends it another byte where it is not."""
    try:
        if not client.recv(1000):
            return True
    except TimeoutError:
        pass
    except ConnectionError:
        return True
    try:
        client.sendall(b"x")
    except ConnectionError:
        return True
    return False
