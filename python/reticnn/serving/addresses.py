"""Where a server listens."""

import errno
import socket

from reticnn.coercion import as_int, shown

_LAST_PORT = 65_535

_NOT_ALLOWED = {errno.EACCES, errno.EPERM}


def as_port(value):
    """Return `value` as the number of a port."""
    port = as_int(value, "port", minimum=0)
    if port > _LAST_PORT:
        raise ValueError(
            f"`port` must be a whole number from 1 to {_LAST_PORT}, or 0 for any that "
            f"is free, not {port}. Use 8000."
        )
    return port


def listening_at(host, port):
    """Return a socket that listens.

    Raises:
        ValueError: If the port is taken or may not be used, or there is no such host.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise ValueError(
            f"`host` must be a name or an address of this computer, such as "
            f"'127.0.0.1', and {shown(host)} has no address."
        ) from None
    try:
        listening = socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise ValueError(_why_not(error, host, port)) from error
    # Or a client that keeps its connection waits 40 ms for each answer's second part.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _why_not(error, host, port):
    """Return why nobody can listen at a port."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"`port` is {port}, which another program listens on, perhaps a server "
            "that was not stopped. Stop it, or use another port, such as "
            f"`port={port + 1}`."
        )
    if error.errno in _NOT_ALLOWED:
        return f"`port` is {port}, which may not be used here. Use 1024 or above."
    return (
        f"`host` must be a name or an address of this computer, and {shown(host)} is "
        f"not one ({error.strerror})."
    )


def address_of(socket):
    """Return where a socket listens, as a browser on this computer is given it."""
    host, port = socket.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
