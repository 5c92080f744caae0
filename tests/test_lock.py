"""The lock files: everything pinned, everything hashed, and nothing said about where it comes from."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==(\S+)", text, re.MULTILINE))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def assert_pinned(requirements: list[str], pinned: Mapping[str, str]) -> None:
    for text in requirements:
        requirement = Requirement(text)
        version = pinned.get(canonicalize_name(requirement.name), "missing")
        assert version != "missing" and requirement.specifier.contains(version), f"{text}: lock has {version}"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    assert not re.search(r"://|^-", (ROOT / name).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes(name: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins(name)) > 40
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_run_time_lock_holds_what_the_project_asks_for() -> None:
    assert_pinned(project()["project"]["dependencies"], pins("requirements.lock"))


def test_the_lock_of_the_tools_holds_what_they_ask_for() -> None:
    assert_pinned(project()["dependency-groups"]["dev"], pins("requirements-dev.lock"))


def test_the_tools_change_no_version_of_the_run_time() -> None:
    run_time, tools = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: tools.get(name) for name in run_time} == run_time


def test_every_dependency_has_an_upper_bound_but_data() -> None:
    dependencies = [Requirement(text) for text in project()["project"]["dependencies"]]
    unbounded = {item.name for item in dependencies if not any(part.operator in {"<", "=="} for part in item.specifier)}
    assert unbounded == {"tzdata"}


def test_build_requirements_are_exact() -> None:
    requires = project()["build-system"]["requires"]
    assert requires and all(re.fullmatch(r"[a-z-]+==[0-9.]+", text) for text in requires)


def test_node_is_one_version_at_build_and_at_run_time() -> None:
    built, running = project()["build-system"]["requires"], project()["project"]["dependencies"]
    assert [text for text in built if text.startswith("nodejs")] == [
        text for text in running if text.startswith("nodejs")
    ]


@pytest.mark.parametrize("folder", ["frontend", "verifier"])
def test_a_lock_of_npm_has_hashes_and_no_registry(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    theirs = {name: entry for name, entry in packages.items() if name}
    assert theirs and all(entry["integrity"].startswith("sha512-") for entry in theirs.values())
    assert not [name for name, entry in theirs.items() if "resolved" in entry]
