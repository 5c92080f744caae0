"""A sender domain whose records all stand, and what to change in them."""

from rida.campaign.dkim_key import make_key, public_record
from rida.campaign.records import Kind, Sending, Way

KEY = make_key()
OTHER_KEY = make_key()
SENDING = Sending("flowers.example", "bounce.flowers.example", "rida-1", public_record(KEY))
DIRECT = Way(Kind.DIRECT, "mail.rida.example", ("192.0.2.1",))
RELAY = Way(Kind.RELAY, "mail.rida.example", relay="smtp.relay.example")
DKIM_NAME = "rida-1._domainkey.flowers.example TXT"
SPF_NAME = "bounce.flowers.example TXT"
DMARC_NAME = "_dmarc.flowers.example TXT"
MX_NAME = "bounce.flowers.example MX"
PTR_NAME = "1.2.0.192.in-addr.arpa PTR"
GOOD: dict[str, list[str]] = {
    DKIM_NAME: [SENDING.key],
    SPF_NAME: ["v=spf1 ip4:192.0.2.1 ~all"],
    DMARC_NAME: ["v=DMARC1; p=none"],
    MX_NAME: ["10 mail.rida.example"],
    PTR_NAME: ["mail.rida.example"],
    "mail.rida.example A": ["192.0.2.1"],
    "smtp.relay.example A": ["192.0.2.9"],
    "relay.example TXT": ["v=spf1 ip4:192.0.2.0/24 -all"],
}


def zone(*leave_out: str) -> dict[str, list[str]]:
    """The good zone without some names."""
    return {name: values for name, values in GOOD.items() if name not in leave_out}
