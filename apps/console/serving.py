"""`xray console`: starting the console, and refusing to where strangers could reach it."""

import logging
import re
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from rich.console import Console

from apps.console.access.guard import MOST_HEAD
from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings, name_host, read_address, read_networks
from apps.console.app import create_app
from apps.console.patience import PatientProtocol
from apps.people import console_folder
from apps.review import login_name
from apps.serving.service import PredictionService
from storage.registry import Registry
from storage.settings import Settings, prepare_environment
from storage.store import Store, open_store, reach_store
from xray_model.errors import ConfigurationError, StoreUnavailable

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 500
_KEEP_ALIVE_SECONDS = 15
_GRACE_SECONDS = 10
_EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 - names that nobody opens; nothing is bound here
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Listening:
    """The options of `xray console`."""

    host: str = "127.0.0.1"
    port: int = 8420
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    proxies: tuple[str, ...] = ()
    proxy_header: str = "X-Forwarded-User"
    predict: bool = True


def serve_console(options: Listening) -> None:
    """Serve the console until it is interrupted.

    Raises:
        ConfigurationError: it could be reached by strangers, or cannot listen.
    """
    settings = Settings()
    prepare_environment(settings)
    sockets = listen(options.host, options.port)
    try:
        console = configure(options, sockets, console_folder(settings))
        with _predicting(settings, start=options.predict) as service:
            store = open_or_reach(settings)
            config = _server_config(create_app(console, store, service), options)
            _say(console, options)
            with suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets)
    finally:
        for one in sockets:
            one.close()


@contextmanager
def _predicting(settings: Settings, *, start: bool) -> Iterator[PredictionService | None]:
    """The service that predicts, which loads its model in the background; None where it is not wanted."""
    if not start:
        yield None
        return
    # `xray up` ends the console by it, and the log of predictions is to be written then too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    service = PredictionService(reach_store(settings).objects, Registry(settings), settings.side, settings.home)
    service.start()
    try:
        yield service
    finally:
        service.close()


def open_or_reach(settings: Settings) -> Store:
    """The store; where it does not answer the console starts all the same, for the last good model does answer.

    Raises:
        ConfigurationError: see `open_store`.
    """
    try:
        return open_store(settings)
    except StoreUnavailable as error:
        log.warning("the console starts without its store, whose pages say so until it answers: %s", error)
        return reach_store(settings)


def _server_config(app: FastAPI, options: Listening) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,  # who asks is read from the socket and from the one header that the guard knows
        server_header=False,
        h11_max_incomplete_event_size=MOST_HEAD,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    logging.getLogger("uvicorn.access").addFilter(_cut_query)
    try:
        config.load()
    except OSError as error:  # what ssl raises is one too
        raise ConfigurationError(f"--certificate and --key make no TLS: {error}") from error
    return config


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of `host`; what is looked at afterwards is so what strangers would reach.

    Raises:
        ConfigurationError: the host has no address here, or the port is taken.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG)
        for family, *_, address in dict.fromkeys(found):
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets.append(socket.create_server((address[0], chosen), family=family))
    except OSError as error:
        for one in sockets:
            one.close()
        raise ConfigurationError(f"cannot listen on {host}, port {port}: {error}. Try another --port.") from error
    return sockets


def configure(options: Listening, sockets: Sequence[socket.socket], folder: Path) -> ConsoleSettings:
    """What the console may take for granted, from the options and from where it really listens.

    Raises:
        ConfigurationError: strangers could reach it, or the options contradict each other.
    """
    proxies = read_networks(options.proxies)
    tls = options.certificate is not None
    if tls != (options.key is not None):
        raise ConfigurationError("--certificate and --key are given together")
    addresses = [str(one.getsockname()[0]) for one in sockets]
    loopback = all(is_loopback(address) for address in addresses)
    people = People(folder).all()
    if not loopback and not (people and (tls or proxies)):
        raise ConfigurationError(
            f"{options.host} can be reached from other machines. Say who may come in (`xray console add`), and give "
            "--certificate and --key, or name the proxy that signs people in with --proxy. Or leave --host out."
        )
    if proxies and not (people and options.names):
        raise ConfigurationError(
            "behind a proxy, name who may come in (`xray console add NAME --role viewer --no-token`) and give the "
            "console's name in their browsers with --name"
        )
    if not _HEADER.fullmatch(options.proxy_header):
        raise ConfigurationError(f"--proxy-header {options.proxy_header!r} is no name of a header")
    port = int(sockets[0].getsockname()[1])
    return ConsoleSettings(
        folder=folder,
        hosts=_hosts(options, addresses, port, loopback=loopback, outer_port=443 if proxies else port),
        port=port,
        tls=tls,
        proxies=proxies,
        proxy_header=options.proxy_header,
        owner=login_name() if loopback and not people else None,
    )


def is_loopback(address: str) -> bool:
    """Whether an address of a socket is reached from this machine alone."""
    found = read_address(address)
    return found is not None and found.is_loopback


def _hosts(
    options: Listening, addresses: Sequence[str], port: int, *, loopback: bool, outer_port: int
) -> frozenset[str]:
    """Every `name:port` it answers to: no other site can be made to look like it by its name server."""
    named = {name: name_host(name, outer_port) for name in options.names}
    wrong = [name for name, host in named.items() if host is None]
    if wrong:
        raise ConfigurationError(f"--name {wrong[0]!r} is no host, nor a host:port")
    own = [*map(_bracketed, addresses), *(_LOOPBACK_NAMES if loopback else (_bracketed(options.host),))]
    hosts = [*named.values(), *(name_host(name, port) for name in own if name not in _EVERYWHERE)]
    if not hosts:
        raise ConfigurationError(f"{options.host} is no address that people open: give the console's with --name")
    return frozenset(host for host in hosts if host is not None)


def _bracketed(host: str) -> str:
    """A host as it stands in an address of the web."""
    return f"[{host}]" if ":" in host else host


def _say(console: ConsoleSettings, options: Listening) -> None:
    terminal = Console()
    name = options.names[0] if options.names else _bracketed(options.host)
    address = name_host(name, 443 if console.proxies else console.port)
    terminal.print(f"The console is at {console.scheme}://{address}", highlight=False, markup=False, soft_wrap=True)
    if console.proxies:
        terminal.print(f"Its proxy finds it at {options.host} on port {console.port}.", highlight=False, markup=False)
    if console.owner is not None:
        terminal.print(
            f"Nobody has to sign in: whoever reaches this machine's loopback decides as {console.owner}. "
            "`xray console add NAME --role steward` ends that.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _cut_query(record: logging.LogRecord) -> bool:
    """Keep what stands behind a `?` out of the access log."""
    if isinstance(record.args, tuple):
        record.args = tuple(one.partition("?")[0] if isinstance(one, str) else one for one in record.args)
    return True
