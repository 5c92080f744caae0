"""What an operator writes into the environment is read as it is meant, or refused in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOWN = "from rida import settings as s; print(s.RIDA_RESOLVER, s.RIDA_MX_PORT, s.RIDA_LAB_NETS)"


def run(home: Path, *command: str, **given: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command], env={**os.environ, "RIDA_HOME": str(home), **given}, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("resolver", "means"),
    [
        ("", "None"),
        ("192.0.2.1", "('192.0.2.1', 53)"),
        ("127.0.0.1:5300", "('127.0.0.1', 5300)"),
        ("2001:db8::1", "('2001:db8::1', 53)"),
        ("[2001:db8::1]:5300", "('2001:db8::1', 5300)"),
    ],
)
def test_a_dns_server_with_or_without_a_port(tmp_path: Path, resolver: str, means: str) -> None:
    shown = run(tmp_path, "-c", SHOWN, RIDA_RESOLVER=resolver, RIDA_LAB_NETS="127.0.0.0/8, 10.0.0.0/8")
    assert shown.stdout == f"{means} 25 ('127.0.0.0/8', '10.0.0.0/8')\n"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RIDA_RESOLVER", "127.0.0.1:dns", "is no address of a server"),
        ("RIDA_RESOLVER", "ns.example.org", "is no address of a server"),
        ("RIDA_MX_PORT", "smtp", "is no number"),
        ("RIDA_RETRY_SECONDS", "300,soon", "is no number"),
        ("RIDA_LAB_NETS", "10.0.0.0/33", "10.0.0.0/33"),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path: Path, name: str, value: str, says: str) -> None:
    said = run(tmp_path, "-m", "rida.cli", "status", **{name: value})
    assert said.returncode == 1 and said.stderr.count("\n") == 1
    assert f"The setting {name} cannot be used" in said.stderr and says in said.stderr
