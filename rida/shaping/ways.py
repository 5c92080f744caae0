"""What DNS has to know of a source: the way by which its mail leaves."""

from rida.campaign.records import Kind, Way
from rida.shaping.models import Source
from rida.shaping.routes import DirectSettings, RelaySettings


def way_of(source: Source, our_name: str) -> Way | None:
    """our_name: this machine's, where the source has none of its own. None for the sandbox: it needs no records.

    Raises ValueError for a public address that is no address.
    """
    if source.route == Source.Route.RELAY:
        relay = RelaySettings.from_json(source.settings)
        return Way(Kind.RELAY, relay.name or our_name, tuple(relay.addresses), relay.host, relay.include)
    if source.route == Source.Route.DIRECT:
        direct = DirectSettings.from_json(source.settings)
        return Way(Kind.DIRECT, direct.name or our_name, tuple(direct.public_addresses))
    return None
