"""Addresses of this machine that a page listens on."""

import errno
import socket

from stdnet_arch.utils.input_errors import InputError


def check_port(port: int) -> None:
    """Refuse what is no port.

    Raises:
        InputError: it is none.
    """
    if not 0 <= port < 1 << 16:
        raise InputError(f"--port must be a number from 0 (any free one) to 65535; got {port}")


def listen(host: str, port: int) -> socket.socket:
    """Take an address; what is wrong with it is said in a line.

    Args:
        host: address or name of this machine.
        port: 0 takes any free one.

    Raises:
        InputError: the port is none.
        OSError: the address cannot be used; the message says why.
    """
    check_port(port)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {_why(error, host)}") from error


def _why(error: OSError, host: str) -> str:
    """Say what is wrong with an address, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return "another program does; choose another --port (0: any free one)"
    if error.errno == errno.EACCES:
        return "this port needs rights; choose a --port from 1024 on"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{host} is no address of this machine (0.0.0.0: all that it has)"
    return str(error)
