"""/dev/log of a root folder: what its programs say there goes into a file."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def syslog(device: Path, file: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        _bind(listener, device)
        thread = threading.Thread(target=_copy, args=(listener, file))
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RD)
            thread.join()


def _bind(listener: socket.socket, device: Path) -> None:
    """Through its folder's descriptor: a socket's name may have 108 bytes, and a test's folder has nearly as many."""
    folder = os.open(device.parent, os.O_RDONLY)
    listener.bind(f"/proc/self/fd/{folder}/{device.name}")
    os.close(folder)
    device.chmod(0o666)


def _copy(listener: socket.socket, file: Path) -> None:
    with file.open("ab", buffering=0) as log:
        while said := listener.recv(10_000):
            log.write(said.rstrip(b"\0\n") + b"\n")
