"""A real server of a console that predicts, and a program that asks it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import uvicorn

from apps.console.access.limits import SignInLimit
from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visitors import Role
from apps.console.app import create_app
from apps.console.patience import PatientProtocol
from apps.console.serving import listen
from apps.serving.service import PredictionService
from storage.settings import Settings
from storage.store import open_store


@contextmanager
def served(home: Path, service: PredictionService) -> Iterator[httpx.Client]:
    """Serve a console with people in a home; gives a client that sends a viewer's token."""
    (listening,) = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    console = ConsoleSettings(folder=home / "console", hosts=frozenset({f"127.0.0.1:{port}"}), port=port)
    token = People(console.folder).add("Victor", Role.VIEWER)
    app = create_app(console, open_store(Settings(home=home)), service)
    app.state.access.limit = SignInLimit(clock=count(step=1_000).__next__)  # wrong tokens are tried, too
    server = uvicorn.Server(uvicorn.Config(app, http=PatientProtocol, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    headers = {"authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as program:
            yield program
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
