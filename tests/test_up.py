"""`rida up`: one command, and the link that it prints opens the first page."""

import socket
import urllib.request
from pathlib import Path

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


def test_a_public_address_without_a_port_is_what_links_lead_to(tmp_path: Path) -> None:
    with installation(tmp_path, free_port(), RIDA_URL="https://mail.example.org") as process:
        assert first_link(process).startswith("https://mail.example.org/first/")
