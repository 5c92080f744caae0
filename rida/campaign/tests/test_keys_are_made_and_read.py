"""DKIM keys: what we make others can read; what others publish is read as RFC 6376 §3.6.1 says."""

import base64
import subprocess

import dns.rdata
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dkim import parse_public_key, parse_tag_value  # an independent reader
from dns.rdtypes.ANY.TXT import TXT

from rida.campaign.dkim_key import Flaw, public_record, read_record, selector_of, txt_strings
from rida.campaign.tests.zones import KEY, OTHER_KEY

TEXT = public_record(KEY)
P = TEXT.partition("p=")[2]


def short(bits: int) -> str:
    """OpenSSL makes what our library refuses to make."""
    pem = subprocess.run(["openssl", "genrsa", str(bits)], check=True, capture_output=True).stdout
    command = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    der = subprocess.run(command, input=pem, check=True, capture_output=True).stdout
    return f"v=DKIM1; p={base64.b64encode(der).decode()}"


def test_a_new_key_has_2048_bits_and_a_selector_of_its_own() -> None:
    assert read_record(TEXT).bits == 2048
    assert selector_of(KEY) == selector_of(KEY) != selector_of(OTHER_KEY)
    assert len(selector_of(KEY)) == len("rida-12345678")


def test_dkimpy_reads_the_record() -> None:
    found = parse_public_key(base64.b64decode(parse_tag_value(TEXT.encode())[b"p"]))
    assert found["modulus"].bit_length() == 2048


def test_the_record_fits_a_zone_in_parts_of_255() -> None:
    parts = " ".join(f'"{TEXT[at : at + 255]}"' for at in range(0, len(TEXT), 255))
    read = dns.rdata.from_text("IN", "TXT", parts)
    assert isinstance(read, TXT)
    assert b"".join(read.strings).decode() == TEXT


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (TEXT, None),
        (TEXT.lower().replace(P.lower(), P).replace("dkim1", "DKIM1"), None),
        (f"  v=DKIM1;k=rsa;p={P[:100]} \t{P[100:]} ;", None),
        (f"p={P}", None),
        (f"v=DKIM1; t=s; s=email; h=sha1:sha256; n=note; p={P}", None),
        (f'"{TEXT}"', Flaw.QUOTED),
        ("", Flaw.NO_KEY),
        ("v=spf1 -all", Flaw.NO_KEY),
        (f"v=DKIM2; p={P}", Flaw.NO_KEY),
        (f"v=dkim1; p={P}", Flaw.NO_KEY),
        ("v=DKIM1; p=", Flaw.REVOKED),
        ("v=DKIM1; k=rsa; p= ;", Flaw.REVOKED),
        (f"v=DKIM1; p={P[:200]}", Flaw.DAMAGED),
        (f"v=DKIM1; p={P[:-7]}", Flaw.DAMAGED),
        (f"v=DKIM1; p={P}ورد", Flaw.DAMAGED),
        ("v=DKIM1; p=" + "A" * 60_000, Flaw.DAMAGED),
        ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", Flaw.DAMAGED),
        (f"v=DKIM1; s=tlsrpt; p={P}", Flaw.NOT_FOR_MAIL),
        (f"v=DKIM1; h=sha1; p={P}", Flaw.NOT_FOR_MAIL),
    ],
)
def test_a_record_is_read_or_its_flaw_is_named(text: str, flaw: Flaw | None) -> None:
    found = read_record(text)
    assert found.flaw is flaw
    assert (found.public == read_record(TEXT).public) is (flaw is None)


def test_testing_is_noticed() -> None:
    assert read_record(f"v=DKIM1; t=s:y; p={P}").testing
    assert not read_record(f"v=DKIM1; t=s; p={P}").testing


@pytest.mark.parametrize("bits", [512, 1024, 1536])
def test_the_length_of_short_keys_is_told(bits: int) -> None:
    assert read_record(short(bits)).bits == bits


def test_the_older_form_of_a_key_is_read_too() -> None:
    der = rsa.generate_private_key(65_537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert read_record(f"p={base64.b64encode(der).decode()}").bits == 2048


def test_a_long_value_is_split_for_dns_and_joins_to_itself() -> None:
    assert [len(string) for string in txt_strings(TEXT)] == [255, len(TEXT) - 255]
    assert "".join(txt_strings(TEXT)) == TEXT
    assert txt_strings("v=spf1 -all") == ["v=spf1 -all"]
