"""A root folder of its own for one run of one server: its users, its files, its processes, and the end of them all.

Inside it a server finds everything at Debian's own paths, its spool too; outside it nothing changes.
"""

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from tests.peers.syslog import syslog

_END_SECONDS, _RUN_SECONDS = 5, 20
_DEVICES = {"null": (1, 3), "zero": (1, 5), "urandom": (1, 9)}
_HOSTS = "127.0.0.1 localhost\n127.0.0.1 mx.net.test\n"
_NO_RESOLVER = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


@dataclass(frozen=True, slots=True)
class Root:
    folder: Path
    users: Mapping[str, int]

    def path(self, inside: str) -> Path:
        return self.folder / inside.lstrip("/")

    def write(self, inside: str, text: str, owner: str = "root", mode: int = 0o644) -> None:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        # Postfix waits until a file that it reads is more than two seconds old.
        os.utime(path, (time.time() - 60,) * 2)
        self.give(inside, owner, mode)

    def make(self, inside: str, owner: str = "root", mode: int = 0o755) -> None:
        """A folder; those above it belong to root."""
        path = self.path(inside)
        path.mkdir(parents=True, exist_ok=True)
        self.give(inside, owner, mode)

    def give(self, inside: str, owner: str, mode: int) -> None:
        os.chown(self.path(inside), self.users[owner], self.users[owner])
        self.path(inside).chmod(mode)

    def run(self, *command: str, said: str = "", seconds: float = _RUN_SECONDS) -> str:
        """A helper of the package, to its end; what it prints. said: for its standard input."""
        inside = ("chroot", str(self.folder), *command)
        done = subprocess.run(
            inside, input=said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds
        )
        assert done.returncode == 0, f"{command[0]}: {done.stdout}"
        return done.stdout

    @contextmanager
    def running(self, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A program in the foreground, its words in /var/log; in the end nothing runs in this root."""
        inside = ("chroot", str(self.folder), *command)
        with syslog(self.path("dev/log"), self.path("var/log/syslog")), self._console() as console:
            process = subprocess.Popen(
                inside, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
            try:
                yield process
            finally:
                self._end(process)

    def _console(self) -> BinaryIO:
        return self.path("var/log/console").open("ab")

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.terminate()
        psutil.wait_procs(self.processes(), _END_SECONDS)
        for stubborn in self.processes():
            stubborn.kill()
        process.wait()

    def processes(self) -> list[psutil.Process]:
        """Whoever has this folder, or one in it, for its root is ours, also when its parent has gone."""
        return [process for process in psutil.process_iter() if self._holds(process)]

    def _holds(self, process: psutil.Process) -> bool:
        try:
            return Path(f"/proc/{process.pid}/root").readlink().is_relative_to(self.folder)
        except OSError:  # it has ended meanwhile
            return False


@contextmanager
def root(package: Path, folder: Path, users: Mapping[str, int]) -> Iterator[Root]:
    """A copy of the unpacked `package` in `folder`/root, with these users; removed in the end."""
    made = Root(folder.resolve() / "root", {"root": 0, **users})
    try:
        shutil.copytree(package, made.folder, symlinks=True)
        _furnish(made)
        yield made
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)


def _furnish(made: Root) -> None:
    made.folder.chmod(0o755)
    made.write("etc/passwd", "".join(f"{name}:x:{n}:{n}::/:/bin/sh\n" for name, n in made.users.items()))
    made.write("etc/group", "".join(f"{name}:x:{n}:\n" for name, n in made.users.items()))
    made.write("etc/hosts", _HOSTS)
    made.write("etc/nsswitch.conf", "hosts: files dns\n")
    made.write("etc/resolv.conf", _NO_RESOLVER)  # refused at once: no lookup leaves the machine, none is waited for
    made.write("etc/services", "smtp 25/tcp\n")
    for inside in ("var/log", "run", "dev"):
        made.make(inside)
    made.make("tmp", mode=0o1777)
    made.path("var/run").symlink_to("/run")
    for name, (major, minor) in _DEVICES.items():
        os.mknod(made.path(f"dev/{name}"), stat.S_IFCHR, os.makedev(major, minor))
        made.path(f"dev/{name}").chmod(0o666)
