"""Visitors of the town: a raw one who may be rude, and smtplib for the polite."""

import smtplib
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rida.town.server import Town


def polite(town: Town, network: str, timeout: float = 5.0) -> smtplib.SMTP:
    return smtplib.SMTP(town.plan.network(network).hosts[0].address, town.port, "visitor.example", timeout=timeout)


def letter(message_id: str = "<1@sender.example>", text: str = "Hello") -> bytes:
    return f"From: a@sender.example\r\nSubject: Roses\r\nMessage-ID: {message_id}\r\n\r\n{text}\r\n".encode()


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Waits for something that another thread or process does soon."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


class Raw:
    """Sends bytes as they are; `reply` reads one whole reply."""

    def __init__(self, town: Town, network: str) -> None:
        self._socket = socket.create_connection((town.plan.network(network).hosts[0].address, town.port), timeout=5)
        self._file = self._socket.makefile("rb")

    def say(self, text: bytes) -> None:
        self._socket.sendall(text)

    def reply(self) -> str:
        """Empty when the town has closed the connection."""
        lines: list[str] = []
        while True:
            line = self._file.readline().decode()
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    def asked(self, text: bytes) -> str:
        self.say(text)
        return self.reply()

    def opened(self) -> Self:
        """Greeted, EHLO done."""
        self.reply()
        self.asked(b"EHLO visitor.example\r\n")
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()
