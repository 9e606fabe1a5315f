"""A real PostgreSQL for the tests, on loopback, its files in a folder that goes away with it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

_OWNER = "postgres"
_SECONDS = 60.0


def why_no_postgres() -> str | None:
    """Why no server can be started here, in words; None where one can."""
    if shutil.which("initdb") is None or shutil.which("postgres") is None:
        return "PostgreSQL is not installed: initdb and postgres are not on the path"
    if os.geteuid() == 0:
        import pwd

        if _OWNER not in {entry.pw_name for entry in pwd.getpwall()}:
            return f"PostgreSQL does not run as root, and there is no user {_OWNER}"
    return None


@contextmanager
def postgres_server(*databases: str) -> Iterator[str]:
    """Start a server with these databases, and end it afterwards.

    Yields:
        Where they are, such as "xray@127.0.0.1:40123", to stand between a scheme and a database's name.
    """
    # Not under pytest's own folder: that one is closed to all other users.
    with TemporaryDirectory(prefix="xray-postgres-") as folder:
        data, user = Path(folder) / "data", None
        if os.geteuid() == 0:
            user = _OWNER
            shutil.chown(folder, _OWNER)
        options = ["-D", str(data), "-U", "xray", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(["initdb", *options], cwd=folder, user=user, check=True, capture_output=True)  # noqa: S607
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = ["postgres", "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off"]
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(command, cwd=folder, user=user, stdout=log, stderr=log)
        try:
            asyncio.run(_create(port, databases))
            yield f"xray@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait until the last client goes, and MLflow's stay
            server.wait()


async def _create(port: int, databases: tuple[str, ...]) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            connection = await asyncpg.connect(host="127.0.0.1", port=port, user="xray", database="postgres")
            break
        except (OSError, asyncpg.CannotConnectNowError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
    for name in databases:
        await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
