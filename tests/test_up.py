"""`rida up`: one command, and the link that it prints opens the first page."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.house import until
from tests.installation import first_link, free_port, installation


def test_the_link_that_is_printed_opens_the_first_page_on_any_port(tmp_path: Path) -> None:
    port = free_port()
    with installation(tmp_path, port) as process:
        link = first_link(process)
        assert link.startswith(f"http://127.0.0.1:{port}/first/")
        with urllib.request.urlopen(link) as page:
            assert page.status == 200 and b"<form" in page.read()
    assert process.returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_second_one_in_the_same_home_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    port = free_port()
    with installation(tmp_path, port) as process:
        link = first_link(process)
        for asked, says in ((port, f"Port {port} is taken"), (free_port(), "up in this home already")):
            command = [sys.executable, "-m", "rida.cli", "up", "--port", str(asked)]
            environment = {**os.environ, "HOME": str(tmp_path), "RIDA_HOME": str(tmp_path / "rida")}
            environment.pop("DATABASE_URL", None)
            second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
            assert second.returncode == 1 and says in second.stderr
        with urllib.request.urlopen(link) as page:
            assert page.status == 200 and process.poll() is None


def test_a_public_address_without_a_port_is_what_links_lead_to(tmp_path: Path) -> None:
    with installation(tmp_path, free_port(), RIDA_URL="https://mail.example.org") as process:
        assert first_link(process).startswith("https://mail.example.org/first/")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_killed_rida_leaves_nobody_at_the_port_and_its_data_in_order(tmp_path: Path) -> None:
    port = free_port()

    def nobody_listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    with installation(tmp_path, port) as process:
        first_link(process)
        process.kill()
        process.wait()
        until(nobody_listens)
        with installation(tmp_path, port) as again:
            assert first_link(again).startswith(f"http://127.0.0.1:{port}/first/")
