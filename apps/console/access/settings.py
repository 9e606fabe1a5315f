"""How a console is reached: under which names, over what, and whose word it takes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from xray_model.errors import ConfigurationError

Network = IPv4Network | IPv6Network

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+?)\.?(?::([0-9]{1,5}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """What one console was started with."""

    folder: Path
    """Where people.json and audit.jsonl are."""
    hosts: frozenset[str]
    """The `name:port`s it answers to, as `name_host` writes them."""
    port: int
    tls: bool = False
    proxies: tuple[Network, ...] = ()
    """Addresses whose word on who asks is taken; not empty means that nobody signs in here."""
    proxy_header: str = "X-Forwarded-User"
    owner: str | None = None
    """Who is a steward without signing in for as long as no people are named; loopback alone has one."""

    @property
    def scheme(self) -> str:
        """What stands before the console's name in a browser: a proxy is reached over TLS."""
        return "https" if self.tls or self.proxies else "http"

    @property
    def default_port(self) -> int:
        """The port that a browser does not write."""
        return 443 if self.scheme == "https" else 80

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; the port tells two consoles of one machine apart, which cookies do not."""
        return f"__Host-xray-{self.port}" if self.tls else f"xray-{self.port}"

    def answers(self, host: str) -> bool:
        """Whether a Host header names this console."""
        return name_host(host, self.default_port) in self.hosts

    def owns(self, origin: str) -> bool:
        """Whether an Origin header is one of this console's own pages."""
        scheme, mark, host = origin.partition("://")
        return bool(mark) and scheme == self.scheme and self.answers(host)

    def believes(self, address: str) -> bool:
        """Whether a peer of this address is a trusted proxy."""
        found = read_address(address)
        return found is not None and any(found in network for network in self.proxies)


def name_host(text: str, port: int) -> str | None:
    """`name:port` in small letters, `port` where the text names none; None where it is no host."""
    match = _HOST.fullmatch(text)
    return f"{match[1].lower()}:{int(match[2] or port)}" if match else None


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address; one of IPv4 that came through an IPv6 socket is one of IPv4. None where it is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The trusted networks, from `10.0.0.7` or `10.1.0.0/16`.

    Raises:
        ConfigurationError: one is no network, or holds every address there is.
    """
    networks = []
    for text in texts:
        try:
            network = ip_network(text)
        except ValueError as error:
            raise ConfigurationError(f"--proxy {text!r} is no address or network: {error}") from error
        if not network.prefixlen:
            raise ConfigurationError(f"--proxy {text} would believe everybody: name the proxy's own address")
        networks.append(network)
    return tuple(networks)
