"""A real S3 server for the tests: OpenStack Swift with its S3 interface, one node of four processes on loopback.

`swift_server` starts it and yields its settings for boto3. It can also be run by hand, until its input ends:
`python tests/servers/swift_server.py FOLDER` keeps data, configuration and logs in FOLDER.
"""

import getpass
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACCESS_KEY, SECRET_KEY, REGION = "test:tester", "testing", "us-east-1"
_SERVERS = ("account", "container", "object", "proxy")
_START_SECONDS = 60.0

_DEFAULTS = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {etc}
devices = {srv}
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = WARNING
"""
_STORAGE_SERVER = """[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
recon_cache_path = {cache}
log_requests = false
replication_server = false
"""
_PROXY_FILTERS = (
    "catch_errors",
    "gatekeeper",
    "healthcheck",
    "listing_formats",
    "bulk",
    "copy",
    "slo",
    "dlo",
    "symlink",
)
_PROXY_SERVER = f"""[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk lock_keys s3api tempauth copy slo dlo \
versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
error_suppression_limit = 1000000
[filter:cache]
paste.filter_factory = swift_filters:cache
[filter:lock_keys]
paste.filter_factory = swift_filters:lock_keys
[filter:s3api]
use = egg:swift#s3api
location = {REGION}
check_bucket_owner = false
[filter:tempauth]
use = egg:swift#tempauth
user_{ACCESS_KEY.replace(":", "_")} = {SECRET_KEY} .admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
""" + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in _PROXY_FILTERS)
_RINGS = """
import json, sys
from swift.common.ring import RingBuilder
for name, port in json.loads(sys.argv[1]).items():
    builder = RingBuilder(6, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1", "weight": 1.0})
    builder.rebalance()
    builder.get_ring().save(name + ".ring.gz")
"""


@contextmanager
def swift_server(folder: Path) -> Iterator[dict[str, str]]:
    """Start a server with its files in `folder` and end it afterwards, also when this process is killed.

    The logs are in `folder / "log"`; a server that does not start raises RuntimeError with their ends.

    Yields:
        The environment that boto3 needs to reach it.
    """
    log = folder / "log"
    log.mkdir(parents=True)
    with (log / "all.log").open("wb") as output:
        node = subprocess.Popen(
            [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output
        )
    try:
        endpoint = node.stdout.readline().decode().strip() if node.stdout else ""
        if not endpoint:
            ends = "\n".join(f"{path.name}: {path.read_text()[-1000:]}" for path in sorted(log.iterdir()))
            raise RuntimeError(f"the Swift server did not start. Its logs end with:\n{ends}")
        yield {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }
    finally:
        node.communicate()


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [open_socket.getsockname()[1] for open_socket in sockets]
    for open_socket in sockets:
        open_socket.close()
    return ports


def _configure(folder: Path, ports: dict[str, int]) -> Path:
    """Write the rings and the configuration of all four servers; returns the folder they are in."""
    etc = folder / "etc"
    for path in (etc, folder / "srv" / "d1", folder / "cache", folder / "log"):
        path.mkdir(parents=True, exist_ok=True)
    salt = secrets.token_hex(8)
    (etc / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_prefix = {salt}\nswift_hash_path_suffix = {salt}\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    for name, port in ports.items():
        defaults = _DEFAULTS.format(port=port, user=getpass.getuser(), etc=etc, srv=folder / "srv")
        rest = _PROXY_SERVER if name == "proxy" else _STORAGE_SERVER.format(name=name, cache=folder / "cache")
        (etc / f"{name}-server.conf").write_text(defaults + rest)
    rings = json.dumps({name: port for name, port in ports.items() if name != "proxy"})
    subprocess.run([sys.executable, "-c", _RINGS, rings], cwd=etc, check=True)
    return etc


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _run(folder: Path) -> None:
    """Run the four servers until standard input ends; prints the endpoint once all of them answer."""
    ports = dict(zip(_SERVERS, _free_ports(len(_SERVERS)), strict=True))
    etc = _configure(folder, ports)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    servers = []
    for name in _SERVERS:
        program = shutil.which(f"swift-{name}-server", path=str(Path(sys.executable).parent))
        if program is None:
            raise SystemExit("the package swift is not installed: install the extra `dev`")
        with (folder / "log" / f"{name}.log").open("wb") as log:
            arguments = [sys.executable, program, str(etc / f"{name}-server.conf"), "-v"]
            servers.append(subprocess.Popen(arguments, env=environment, stdout=log, stderr=log))
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not all(map(_answers, ports.values())):
            if time.monotonic() > deadline or any(server.poll() is not None for server in servers):
                raise SystemExit("a Swift server ended, or did not answer in time")
            time.sleep(0.05)
        print(f"http://127.0.0.1:{ports['proxy']}", flush=True)  # read by swift_server
        sys.stdin.read()
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()


if __name__ == "__main__":
    _run(Path(sys.argv[1]).resolve())
