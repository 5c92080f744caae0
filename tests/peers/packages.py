"""Debian's mail servers, each unpacked into a small root folder of its own under build/peers.

Not installed: as packages they exclude one another, take the machine's own mail server away and start by themselves.
`python -m tests.peers.packages` (make peers) fetches what is missing; while tests run nothing is fetched.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build/peers"
POSTFIX, EXIM, OPENSMTPD = "postfix", "exim", "opensmtpd"
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    POSTFIX: ("postfix", "sasl2-bin", "libsasl2-modules", "libsasl2-modules-db"),
    EXIM: ("exim4-daemon-light",),
    OPENSMTPD: ("opensmtpd",),
}
# As root: apt's own user may not write into our folders, and it says so each time.
_DOWNLOAD = ("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root")
_SECONDS = 300


class Missing(Exception):
    """A server cannot run here; the text says why and what helps."""


def unpacked(name: str) -> Path:
    """The server's root folder, to be copied from."""
    if os.geteuid() != 0:
        raise Missing(f"{name} runs as root in a root folder of its own, and you are not root")
    if not (FOLDER / name).is_dir():
        raise Missing(f"{name} is not unpacked here; `make peers` does it where apt works")
    return FOLDER / name


def fetch(name: str) -> None:
    """Download, unpack, add the libraries; the folder appears whole or not at all."""
    if (FOLDER / name).is_dir():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".making-") as made:
        root = Path(made, "root")
        _lay_out(root)
        for archive in _downloaded(_PACKAGES[name], Path(made)):
            _unpack(archive, root)
        _borrow_shell_and_libraries(root)
        root.rename(FOLDER / name)


def _lay_out(root: Path) -> None:
    """As on Debian: what used to be in /lib is in /usr/lib."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")


def _downloaded(packages: Iterable[str], folder: Path) -> list[Path]:
    try:
        _run(*_DOWNLOAD, *packages, *_libraries(packages), folder=folder)
    except subprocess.CalledProcessError:
        _run("apt-get", "update", "-qq", folder=folder)  # the lists are missing, or name versions that are gone
        _run(*_DOWNLOAD, *packages, *_libraries(packages), folder=folder)
    return sorted(folder.glob("*.deb"))


def _libraries(packages: Iterable[str]) -> set[str]:
    """Those that the packages need and this machine lacks: what an installation would add, which is only rehearsed."""
    rehearsal = ("apt-get", "install", "--simulate", "--no-install-recommends", "-o", "Debug::NoLocking=1", *packages)
    return set(re.findall(r"^Inst (lib\S+)", _run(*rehearsal), re.MULTILINE)) - set(packages)


def _unpack(archive: Path, root: Path) -> None:
    """dpkg --extract would put folders in the place of our links."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as content:
        tar = ["tar", "--extract", "--keep-directory-symlink", "--exclude=./usr/share", f"--directory={root}"]
        subprocess.run(tar, stdin=content.stdout, check=True, timeout=_SECONDS)
    assert content.returncode == 0, f"{archive.name} cannot be read"


def _borrow_shell_and_libraries(root: Path) -> None:
    shutil.copy("/bin/sh", root / "bin/sh")
    programs = [path for path in sorted(root.rglob("*")) if path.is_file() and _is_elf(path)]
    ours = ":".join(str(folder) for folder in {path.parent for path in programs if ".so" in path.name})
    # The loader answers for all that can be loaded; it grumbles about some static archive or helper, which may be.
    told = subprocess.run(["ldd", *programs], env={**os.environ, "LD_LIBRARY_PATH": ours}, capture_output=True)
    for library in set(re.findall(r"(/\S+) \(0x", told.stdout.decode())):
        if not library.startswith(str(root)):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _run(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True, timeout=_SECONDS)
    return done.stdout


if __name__ == "__main__":
    for server in sys.argv[1:] or _PACKAGES:
        try:
            fetch(server)
        except (OSError, subprocess.SubprocessError) as error:
            sys.exit(f"{server} cannot be fetched: {error}")
