"""`rida up`: one command, and the link that it prints opens the first page. Real processes in an empty home."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LINK = re.compile(r"First login, .*: (\S+)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _up(home: Path, port: int, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RIDA_", "DATABASE_", "DJANGO_"))}
    environment = {**kept, "HOME": str(home), "RIDA_HOME": str(home / "rida"), **settings}
    command = [sys.executable, "-m", "rida.cli", "up", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(40)


def _first_link(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    found = next(found for line in process.stdout if (found := LINK.match(line)))
    return found.group(1)


def test_the_link_that_is_printed_opens_the_first_page_on_any_port(tmp_path: Path) -> None:
    port = _free_port()
    with _up(tmp_path, port) as process:
        link = _first_link(process)
        assert link.startswith(f"http://127.0.0.1:{port}/first/")
        with urllib.request.urlopen(link) as page:
            assert page.status == 200 and b"<form" in page.read()
    assert process.returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_public_address_without_a_port_is_what_links_lead_to(tmp_path: Path) -> None:
    with _up(tmp_path, _free_port(), RIDA_URL="https://mail.example.org") as process:
        assert _first_link(process).startswith("https://mail.example.org/first/")
