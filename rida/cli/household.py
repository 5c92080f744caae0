"""All roles on one machine as child processes: started, watched, started again, stopped in order."""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import PortTaken, RoleFailed, UpAlready

_STOP_SECONDS = 15
_READY_SECONDS = 30
_RESTART_PAUSE_SECONDS = 1.0

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """In the child: SIGTERM once we are gone, also by SIGKILL. Children left behind would keep the port, and a second
    town would count in the first one's folder. Linux only.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Role:
    """One child. `command` comes after the Python interpreter."""

    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, environment: Mapping[str, str]) -> None:
        # A session of its own: Ctrl-C reaches us alone, and we stop the children in order.
        self.process = subprocess.Popen(
            [sys.executable, *self.command],
            env={**os.environ, **environment},
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call; it takes no lock
        )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that was not heard."""
        if self.process is None or not self.running:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Household:
    """The town first, because the others ask it; the worker last, and stopped first."""

    home: Path
    port: int
    roles: list[Role]
    environment: dict[str, str] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of_home(cls, port: int, *, with_town: bool = True) -> "Household":
        """The household of the home that the settings name."""
        from django.conf import settings

        town = [Role("town", ["-m", "rida.town", "--folder", str(settings.HOME / "town")])] if with_town else []
        roles = [
            *town,
            Role("web", ["-m", "rida.cli", "web", "--port", str(port)]),
            Role("worker", ["-m", "rida.cli", "worker"]),
        ]
        return cls(settings.HOME, port, roles, {"RIDA_URL": settings.RIDA_URL})

    def live(self) -> None:
        """Start everything, say where to go, keep it running until SIGINT or SIGTERM, stop it in order.

        Raises UpAlready: two in one home would take each other's town, and the first to end stops the database of both.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._end.set())
        with _alone(self.home):
            try:
                self.start()
                self._greet()
                while not self._end.wait(_RESTART_PAUSE_SECONDS):
                    self._look_after()
            finally:
                self.stop()

    def start(self) -> None:
        """Raises RoleFailed if a role ends before it is ready."""
        for role in self.roles:
            role.start(self.environment)
            self._wait_until_ready(role)

    def stop(self) -> None:
        for role in reversed(self.roles):
            role.stop()
        _stop_database(self.home)

    def role(self, name: str) -> Role:
        return next(role for role in self.roles if role.name == name)

    def _look_after(self) -> None:
        for role in self.roles:
            if not role.running:
                click.echo(f"The {role.name} ended; it is started again.", err=True)
                role.start(self.environment)

    def _wait_until_ready(self, role: Role) -> None:
        deadline = elapsed_seconds() + _READY_SECONDS
        while not self._ready(role):
            if not role.running or elapsed_seconds() > deadline:
                assert role.process is not None
                raise RoleFailed(role=role.name, code=role.process.poll())
            time.sleep(0.05)

    def _ready(self, role: Role) -> bool:
        assert role.process is not None
        if role.name == "town":
            from rida.town.card import read_card

            card = read_card(self.home / "town")
            return card is not None and card.pid == role.process.pid
        if role.name == "web":
            return _listens(self.port)
        return role.running

    def _greet(self) -> None:
        from django.conf import settings

        from rida.accounts.services import first_login_link
        from rida.kernel.clock import now
        from rida.shaping.models import Departure

        goes = "by the ways its owners chose" if Departure.objects.exists() else "to the town on this machine only"
        click.echo(f"Rida is up at {settings.RIDA_URL} (stop with Ctrl-C). Mail goes {goes}.")
        if link := first_login_link(now()):
            click.echo(f"First login, once, within 15 minutes: {link}")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Freed by the kernel however this process ends."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpAlready(home=home) from error
        yield


def check_port(port: int) -> None:
    """Asked before anything is started. Raises PortTaken."""
    if _listens(port):
        raise PortTaken(port=port)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _stop_database(home: Path) -> None:
    """Only the home's own server; one named by DATABASE_URL is not ours to stop."""
    from rida import embedded

    if not os.environ.get("DATABASE_URL"):
        embedded.stop(home)


def serve_web(host: str, port: int) -> None:
    """Granian over WSGI in this process, until SIGTERM."""
    from django.core.management import call_command
    from granian import Granian
    from granian.constants import Interfaces

    call_command("collectstatic", interactive=False, verbosity=0)
    Granian(
        "rida.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=4,
        log_enabled=False,
    ).serve()
