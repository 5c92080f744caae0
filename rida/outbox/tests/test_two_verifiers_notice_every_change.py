"""Really signed messages before both verifiers, which ask a DNS server on loopback and nobody else."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rida.campaign.dkim_key import make_key, public_record
from rida.dns.tests.zone import Server, served
from rida.outbox.dkim import Signer, sign
from rida.outbox.tests.letters import DOMAIN, LETTERS, NOW, RECORD, SELECTOR, all_signed, signed
from rida.preflight import by_mailauth, node
from rida.preflight.opinion import Exhibit, Opinion
from rida.preflight.verifying import opinions_on

BOUNCE, KEY, POLICY = f"bounce.{DOMAIN}", f"{SELECTOR}._domainkey.{DOMAIN}", f"_dmarc.{DOMAIN}"
SENDER, HELO = f"b1.abc@{BOUNCE}", "mail.rida.example"
HERE, IPV6, ELSEWHERE = "192.0.2.7", "2001:db8::7", "198.51.100.9"
ZONE = {
    f"{KEY} TXT": [RECORD],
    f"{POLICY} TXT": ["v=DMARC1; p=reject"],
    f"{BOUNCE} TXT": [f"v=spf1 a:{HELO} -all"],
    f"{HELO} A": [HERE],
    f"{HELO} AAAA": [IPV6],
}


@pytest.fixture
def server() -> Iterator[Server]:
    with served(dict(ZONE)) as server:
        yield server


def heard(server: Server, *messages: bytes, addresses: tuple[str, ...] = (HERE,), host: str = "") -> list[Opinion]:
    exhibit = Exhibit(tuple((message, SENDER) for message in messages), HELO, addresses)
    opinions = list(opinions_on(exhibit, server.address, host=host))
    assert [opinion.verifier for opinion in opinions] == ["dkimpy", "mailauth"]
    return opinions


def results(opinions: list[Opinion]) -> list[tuple[str, str, str]]:
    return [(opinion.dkim, opinion.spf, opinion.dmarc) for opinion in opinions]


def assert_doubted(opinions: list[Opinion], *what: str) -> None:
    """By both, for exactly these reasons of DKIM, SPF and DMARC."""
    for opinion in opinions:
        assert not opinion.is_missing and not opinion.believes, opinion
        assert {name for name in ("dkim", "spf", "dmarc") if getattr(opinion, name) != "pass"} == set(what), opinion
        assert opinion.reason


def test_both_believe_every_kind_of_message(server: Server) -> None:
    start = time.monotonic()
    opinions = heard(server, *all_signed().values(), addresses=(HERE, IPV6))
    assert opinions == [Opinion("dkimpy", "pass", "pass", "pass"), Opinion("mailauth", "pass", "pass", "pass")]
    assert time.monotonic() - start < by_mailauth.SECONDS / 2


@pytest.mark.parametrize("name", ["arabic", "1 MB"])
def test_a_byte_of_the_body(server: Server, name: str) -> None:
    message = signed(LETTERS[name])
    changed = message[:-3] + bytes([message[-3] ^ 1]) + message[-2:]
    assert_doubted(heard(server, changed), "dkim", "dmarc")


@pytest.mark.parametrize("name", ["arabic", "1 MB"])
def test_a_header(server: Server, name: str) -> None:
    message = signed(LETTERS[name])
    assert_doubted(heard(server, message.replace(b"\r\nTo: layla@", b"\r\nTo: leila@")), "dkim", "dmarc")
    assert_doubted(heard(server, b"Reply-To: thief@evil.example\r\n" + message), "dkim", "dmarc")


def test_one_bad_message_among_good_ones(server: Server) -> None:
    good, bad = signed(LETTERS["ascii"]), signed(LETTERS["emoji"]) + b"more\r\n"
    assert_doubted(heard(server, good, bad, good), "dkim", "dmarc")


def test_another_key_in_dns(server: Server) -> None:
    server.rows[f"{KEY} TXT"] = [public_record(make_key())]
    assert_doubted(heard(server, signed(LETTERS["arabic"])), "dkim", "dmarc")


def test_no_key_in_dns(server: Server) -> None:
    server.rows[f"{KEY} TXT"] = []
    assert_doubted(heard(server, signed(LETTERS["arabic"])), "dkim", "dmarc")


def test_an_expired_signature(server: Server) -> None:
    long_ago = NOW - 40 * 24 * 3600
    assert_doubted(heard(server, signed(LETTERS["arabic"], long_ago)), "dkim", "dmarc")


def test_no_signature(server: Server) -> None:
    opinions = heard(server, LETTERS["arabic"])
    assert results(opinions) == [("none", "pass", "fail")] * 2


def test_a_second_signature_that_fails(server: Server) -> None:
    twice = re.sub(rb"bh=[^;]{4}", b"bh=AAAA", signed(LETTERS["arabic"]), count=1)
    head, _, rest = twice.partition(b"From: Rosa")
    assert_doubted(heard(server, head + signed(b"From: Rosa" + rest)), "dkim")


def test_a_signature_of_another_domain(server: Server) -> None:
    """It holds, and speaks for nobody whom the reader sees. SPF is aligned and does not help: forwarding ends it."""
    key = make_key()
    server.rows["s._domainkey.other.example TXT"] = [public_record(key)]
    message = sign(LETTERS["arabic"], [Signer("other.example", "s", key)], NOW)
    assert_doubted(heard(server, message), "dmarc")


def test_a_signature_of_the_parent_where_it_must_be_strict(server: Server) -> None:
    key, sub = make_key(), LETTERS["arabic"].replace(b"<rosa@flowers.example>", b"<rosa@shop.flowers.example>")
    server.rows["s._domainkey.flowers.example TXT"] = [public_record(key)]
    message = sign(sub, [Signer(DOMAIN, "s", key)], NOW)
    assert results(heard(server, message)) == [("pass", "pass", "pass")] * 2
    server.rows[f"{POLICY} TXT"] = ["v=DMARC1; p=none; adkim=s"]
    assert_doubted(heard(server, message), "dmarc")


@pytest.mark.parametrize(
    "record", ["v=spf1 -all", "v=spf1 ~all", "v=spf1 ?all", "v=spf1 include:nowhere.example -all", "v=spf1 ip4:x -all"]
)
def test_an_spf_record_that_does_not_let_us(server: Server, record: str) -> None:
    server.rows[f"{BOUNCE} TXT"] = [record]
    assert_doubted(heard(server, signed(LETTERS["arabic"])), "spf")


def test_every_address_must_be_let(server: Server) -> None:
    assert_doubted(heard(server, signed(LETTERS["arabic"]), addresses=(HERE, ELSEWHERE)), "spf")


def test_spf_through_mx_include_redirect_and_exists(server: Server) -> None:
    server.rows |= {
        f"{BOUNCE} TXT": ["v=spf1 mx include:spf.relay.example redirect=last.example"],
        f"{BOUNCE} MX": ["10 mx.flowers.example"],
        "mx.flowers.example A": ["192.0.2.99"],
        "spf.relay.example TXT": ["v=spf1 ip4:203.0.113.0/24 ?all"],
        "last.example TXT": ["v=spf1 exists:%{ir}.list.example -all"],
        "7.2.0.192.list.example A": ["127.0.0.2"],
    }
    assert results(heard(server, signed(LETTERS["arabic"]))) == [("pass", "pass", "pass")] * 2


def test_no_dmarc_record(server: Server) -> None:
    server.rows[f"{POLICY} TXT"] = []
    assert results(heard(server, signed(LETTERS["arabic"]))) == [("pass", "pass", "none")] * 2


def test_a_relay_that_tells_no_address_is_judged_by_its_signature(server: Server) -> None:
    server.rows[f"{BOUNCE} TXT"] = ["v=spf1 -all"]
    opinions = heard(server, signed(LETTERS["arabic"]), addresses=())
    assert results(opinions) == [("pass", "", "pass")] * 2
    assert all(opinion.believes for opinion in opinions)
    changed = signed(LETTERS["arabic"]) + b"more\r\n"
    assert results(heard(server, changed, addresses=())) == [("fail", "", "fail")] * 2


def test_a_machine_without_told_addresses_has_those_of_its_name(server: Server) -> None:
    message = signed(LETTERS["arabic"])
    assert results(heard(server, message, addresses=(), host=HELO)) == [("pass", "pass", "pass")] * 2
    server.rows[f"{BOUNCE} TXT"] = [f"v=spf1 ip4:{HERE} -all"]
    assert_doubted(heard(server, message, addresses=(), host=HELO), "spf")


def test_a_dns_that_does_not_answer_is_no_failure_of_the_verifiers(server: Server) -> None:
    server.rows[f"{KEY} FAIL"] = []
    opinions = heard(server, signed(LETTERS["arabic"]))
    assert [opinion.dkim for opinion in opinions] == ["temperror"] * 2


def test_only_our_resolver_is_asked() -> None:
    """The program holds nothing that could ask another."""
    program = by_mailauth.PROGRAM.read_text()
    needed = set(re.findall(r'\brequire\("(?:node:)?([\w/]+)"\)', program))
    assert "crypto" in needed
    assert needed.isdisjoint({"dns", "dns/promises", "http", "https", "http2", "tls", "dgram", "child_process", "fs"})


# --- a second verifier that fails -----------------------------------------------------------------------------------


def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "stub.cjs"
    program.write_text(script)
    monkeypatch.setattr(by_mailauth, "PROGRAM", program)


def away(server: Server) -> str:
    """Why the second opinion is missing; the first is there."""
    first, second = heard(server, signed(LETTERS["1 MB"]))
    assert first == Opinion("dkimpy", "pass", "pass", "pass")
    assert second == replace(Opinion("mailauth"), reason=second.reason) and second.is_missing
    return second.reason


LISTENING = "process.stdin.resume();"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("process.exit(1)", "verifier_crashed"),
        (f"{LISTENING} setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)", "verifier_crashed"),
        (f"{LISTENING} setTimeout(() => process.abort(), 100)", "verifier_crashed"),
        ("syntax error", "verifier_crashed"),
        ("require('fs').readFileSync('/etc/passwd'); console.log('{\"verdicts\": []}')", "verifier_crashed"),
        ("const all = []; for (;;) all.push(new Array(1e6).fill({}))", "verifier_crashed"),
        (f"{LISTENING} console.log('hello')", "verifier_garbled"),
        (f"{LISTENING} console.log('[]')", "verifier_garbled"),
        (f"{LISTENING} console.log('{{}}')", "verifier_garbled"),
        (f"{LISTENING} console.log('{{\"verdicts\": []}}')", "verifier_garbled"),
        (f"{LISTENING} console.log('{{\"verdicts\": [5]}}')", "verifier_garbled"),
        (
            f'{LISTENING} console.log(\'{{"verdicts": [{{"dkim":"","spf":"","dmarc":"pass","reason":""}}]}}\')',
            "verifier_garbled",
        ),
        (f"{LISTENING} console.log('{{\"ask\": 1}}')", "verifier_garbled"),
        (f"{LISTENING} process.stdout.write('x'.repeat(1e7))", "verifier_garbled"),
    ],
    ids=lambda text: text[-30:],
)
def test_a_process_that_fails_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    stub(tmp_path, monkeypatch, script)
    assert away(server) == reason


@pytest.mark.parametrize(
    "script",
    [LISTENING, "setInterval(() => 0, 1000)", "for (;;);"],
    ids=["silent", "deaf", "busy"],
)
def test_a_slow_process_is_ended(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    stub(tmp_path, monkeypatch, script)
    monkeypatch.setattr(by_mailauth, "SECONDS", 0.5)
    start = time.monotonic()
    assert away(server) == "verifier_slow"
    assert time.monotonic() - start < 3


def test_without_node_or_without_the_program(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_mailauth, "PROGRAM", tmp_path / "nowhere.cjs")
    assert away(server) == "verifier_not_installed"
    monkeypatch.undo()
    for nowhere in (None, tmp_path / "node"):
        monkeypatch.setattr(node, "find_node", lambda nowhere=nowhere: nowhere)
        assert away(server) == "verifier_not_installed"


def test_it_gets_nothing_of_our_environment(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--require=/nowhere/evil.cjs")
    assert results(heard(server, signed(LETTERS["ascii"]))) == [("pass", "pass", "pass")] * 2
