"""The ports that the gateway listens on."""

import errno
import ipaddress
import os
import socket
from collections.abc import Callable

from gateway.errors import StartError

BACKLOG = 2048


def listen(host: str, port: int, instead: Callable[[], str] = str) -> socket.socket:
    """A socket that listens for HTTP; on `::` for IPv4, too, whatever the system's default is.

    `instead` is what else can be done where it cannot listen, such as "do this; or ".

    Raises:
        StartError: it cannot listen there; the message names the setting.
    """
    try:
        return _listener(host, port)
    except OSError as exc:
        raise _fault(host, port, f"{instead()}set HEADRACE_PORT", exc) from exc


def reserve(host: str, port: int) -> socket.socket:
    """A port on which each worker listens itself: it is bound here without listening.

    Raises:
        StartError: nobody can listen there.
    """
    try:
        # without this check we would silently share the port of a program that shares it, too
        _listener(host, port).close()
        held = socket.socket(_family(host))
        if _is_any(host):
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except OSError as exc:
        raise _fault(host, port, "set HEADRACE_GRPC_PORT", exc) from exc
    return held


def authority(host: str, port: int) -> str:
    """A host and a port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listener(host: str, port: int) -> socket.socket:
    both = _is_any(host) and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=_family(host), backlog=BACKLOG, dualstack_ipv6=both)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_any(host: str) -> bool:
    """Whether an address is IPv6's for all interfaces, however it is written."""
    try:
        return not int(ipaddress.IPv6Address(host))
    except ValueError:
        return False  # a name, or what the system refuses in its own words


def _fault(host: str, port: int, remedy: str, exc: OSError) -> StartError:
    if exc.errno is None or exc.errno < 0 or exc.errno == errno.EADDRNOTAVAIL:  # those below 0 are of names
        return StartError(f"cannot listen on {host}: set HEADRACE_HOST to an address of this machine")
    return StartError(f"cannot listen on {authority(host, port)} ({os.strerror(exc.errno)}): {remedy} to a free port")
