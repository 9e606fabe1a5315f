"""Starting the console: where it may listen, and a real server under attack."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visitors import Role
from apps.console.serving import Listening, configure, is_loopback, listen, open_or_reach
from storage.settings import Settings
from storage.store import Store
from xray_model.errors import ConfigurationError, StoreUnavailable

EVERYWHERE = "0.0.0.0"  # noqa: S104 - to see that it is refused
ROOT = Path(__file__).resolve().parents[3]
BEHIND_PROXY = Listening(host=EVERYWHERE, names=("desk.example",), proxies=("10.0.0.7",))
OVER_TLS = Listening(host=EVERYWHERE, names=("desk.example",), certificate=Path("c.pem"), key=Path("k.pem"))


def settings_of(options: Listening, folder: Path) -> ConsoleSettings:
    """What the console would be started with, on a port that is free."""
    sockets = listen(options.host, 0)
    try:
        return configure(options, sockets, folder)
    finally:
        for one in sockets:
            one.close()


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder with one person."""
    People(tmp_path).add("Stella", Role.STEWARD)
    return tmp_path


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_on_loopback_it_starts_without_people(tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login name is its owner, and it answers to the names of this machine alone."""
    monkeypatch.setenv("LOGNAME", "ada")
    console = settings_of(Listening(host=host), tmp_path)
    assert (console.owner, console.scheme, console.proxies) == ("ada", "http", ())
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert console.answers(f"{name}:{console.port}")
    assert not console.answers(f"desk.example:{console.port}")
    assert not console.answers("localhost")


def test_with_people_loopback_has_no_owner(named: Path) -> None:
    """Once somebody is named everybody signs in, on this machine too."""
    assert settings_of(Listening(), named).owner is None


@pytest.mark.parametrize(
    ("options", "people"),
    [
        (Listening(host=EVERYWHERE), False),
        (Listening(host=EVERYWHERE), True),
        (Listening(host=EVERYWHERE, names=("desk.example",)), True),
        (OVER_TLS, False),
        (BEHIND_PROXY, False),
    ],
)
def test_off_loopback_it_refuses_without_people_and_protection(
    tmp_path: Path, options: Listening, people: bool
) -> None:
    """Plain http, or nobody named, is for this machine alone; the refusal says what to do."""
    if people:
        People(tmp_path).add("Stella", Role.STEWARD)
    with pytest.raises(ConfigurationError, match=r"xray console add.*--certificate.*--proxy"):
        settings_of(options, tmp_path)


def test_what_counts_is_the_address_and_not_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A localhost that resolves to every address of the machine is not this machine alone."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (EVERYWHERE, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(ConfigurationError, match="other machines"):
        settings_of(Listening(host="localhost"), tmp_path)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.0.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        (EVERYWHERE, False),
        ("::", False),
        (f"::ffff:{EVERYWHERE}", False),
        ("128.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback_addresses(address: str, loopback: bool) -> None:
    """127.0.0.0/8 and ::1, and nothing else."""
    assert is_loopback(address) == loopback


def test_off_loopback_with_people_and_protection_it_starts(named: Path) -> None:
    """Over TLS people sign in; behind a proxy its word is taken, and its name in browsers is https on port 443."""
    over_tls = settings_of(OVER_TLS, named)
    assert over_tls.hosts == {f"desk.example:{over_tls.port}"}
    assert (over_tls.scheme, over_tls.cookie, over_tls.owner) == ("https", f"__Host-xray-{over_tls.port}", None)
    behind = settings_of(BEHIND_PROXY, named)
    assert behind.believes("10.0.0.7")
    assert not behind.believes("10.0.0.8")
    assert behind.owns("https://desk.example")
    assert not behind.owns("http://desk.example")
    assert behind.owner is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Listening(certificate=Path("c.pem")), "together"),
        (Listening(key=Path("k.pem")), "together"),
        (Listening(proxies=("10.0.0.7",)), "--name"),
        (Listening(names=("https://desk.example",)), "--name"),
        (replace(OVER_TLS, names=()), "--name"),
        (replace(BEHIND_PROXY, proxies=("0.0.0.0/0",)), "everybody"),
        (replace(BEHIND_PROXY, proxy_header="X-User: x"), "--proxy-header"),
        (replace(BEHIND_PROXY, proxy_header=""), "--proxy-header"),
    ],
)
def test_options_that_contradict_each_other_are_named(named: Path, options: Listening, words: str) -> None:
    """Nothing is started that could not work, or would trust anybody."""
    with pytest.raises(ConfigurationError, match=words):
        settings_of(options, named)


def test_a_port_that_is_taken_is_named() -> None:
    """The refusal says where, and what to try."""
    with closing(listen("127.0.0.1", 0)[0]) as taken, pytest.raises(ConfigurationError, match="--port"):
        listen("127.0.0.1", taken.getsockname()[1])


@contextmanager
def running(home: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A real console: its address and its process, whose output is read to the line that names the address."""
    command = [sys.executable, "-u", "-c", "from apps.cli import main; main()", "console", "--port", "0", *options]
    environment = {**os.environ, "XRAY_HOME": str(home), "COLUMNS": "200"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            said = re.search(r"https?://\S+", line)
            assert said, line + process.stdout.read()
            yield said[0], process
        finally:
            process.kill()


@pytest.mark.service
def test_a_real_console(home: Path) -> None:
    """It lets a person in, says no more of itself than it must, bounds what is sent, and stops when told."""
    token = People(home / "console").add("Stella", Role.STEWARD)
    with running(home) as (address, process):
        with httpx.Client(base_url=address, headers={"origin": address}) as browser:
            page = browser.get("/sign-in", params={"next": "/secret"})
            assert page.status_code == 200
            assert "server" not in page.headers
            assert "cookie" not in {name.lower() for name in page.headers}
            answer = browser.post("/sign-in", data={"name": "Stella", "token": token, "next": "/batches"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/batches")
            assert browser.get("/sign-in", headers={"host": "evil.example"}).status_code == 421
            assert browser.get("/sign-in", headers={"x-long": "x" * 20_000}).status_code == 431
            assert browser.get("/" + "x" * 20_000).status_code == 431
        process.send_signal(signal.SIGINT)
        log, _ = process.communicate(timeout=20)
    assert process.returncode == 0, log
    assert '"GET /sign-in HTTP/1.1" 200' in log
    assert "secret" not in log
    assert token
    assert token not in log
    assert "Traceback" not in log


@pytest.mark.service
@pytest.mark.parametrize(("proxy", "status"), [("127.0.0.1", 303), ("10.0.0.7", 403)])
def test_a_real_console_behind_a_proxy(home: Path, proxy: str, status: int) -> None:
    """Who the proxy is is read from the socket: no header makes this machine another one."""
    People(home / "console").add("Stella", Role.STEWARD, with_token=False)
    with running(home, "--proxy", proxy, "--name", "desk.example") as (address, process):
        assert address == "https://desk.example:443"
        assert process.stdout
        port = re.search(r"on port (\d+)", process.stdout.readline())
        assert port
        said = {"x-forwarded-user": "Stella", "x-forwarded-for": "10.0.0.7", "host": "desk.example"}
        assert httpx.get(f"http://127.0.0.1:{port[1]}/sign-in", headers=said).status_code == status


@pytest.mark.service
def test_a_real_console_over_tls(home: Path, tmp_path: Path) -> None:
    """It answers nothing in the clear, and its cookie never leaves TLS."""
    token = People(home / "console").add("Stella", Role.STEWARD)
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(certificate))
    with running(home, "--certificate", str(certificate), "--key", str(key)) as (address, _):
        assert address.startswith("https://")
        with httpx.Client(base_url=address, headers={"origin": address}, verify=context) as browser:
            answer = browser.post("/sign-in", data={"name": "Stella", "token": token})
            assert answer.headers["set-cookie"].startswith("__Host-xray-")
            assert answer.headers["strict-transport-security"]
        with pytest.raises(httpx.TransportError):
            httpx.get(address.replace("https:", "http:"))


@pytest.mark.service
def test_a_real_console_with_a_broken_certificate(home: Path, tmp_path: Path) -> None:
    """It does not start, and says why in one line."""
    (tmp_path / "broken.pem").write_text("no certificate")
    options = ["--certificate", str(tmp_path / "broken.pem"), "--key", str(tmp_path / "missing.pem")]
    with pytest.raises(AssertionError, match="make no TLS"), running(home, *options):
        pass


@pytest.mark.service
@pytest.mark.parametrize(("option", "told"), [("--predict", "none was promoted"), ("--no-predict", "--no-predict")])
def test_a_real_console_predicts_unless_told_not_to(home: Path, option: str, told: str) -> None:
    """Its pages answer before a model does, and being terminated it ends as when it is interrupted."""
    with running(home, option) as (address, process):
        answer = httpx.get(f"{address}/metrics/predictions")
        assert answer.status_code == (200 if option == "--predict" else 503)
        assert told in answer.text or "xray_predict_ready 0.0" in answer.text
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=20)
    assert process.returncode == (0 if option == "--predict" else -signal.SIGTERM)
    assert "Traceback" not in log


def test_a_store_that_is_down_does_not_keep_the_console_from_starting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last good model answers also then; a store that other settings contradict is refused as ever."""

    def fail(error: Exception) -> Callable[[Settings], Store]:
        def open_nothing(_: Settings) -> Store:
            raise error

        return open_nothing

    monkeypatch.setattr("apps.console.serving.open_store", fail(StoreUnavailable("no answer")))
    assert open_or_reach(Settings()).side == Settings().side
    monkeypatch.setattr("apps.console.serving.open_store", fail(ConfigurationError("another side")))
    with pytest.raises(ConfigurationError, match="another side"):
        open_or_reach(Settings())


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "desk")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "k.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "c.pem", folder / "k.pem"
