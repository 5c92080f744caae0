"""What others make of our signed messages: what is put to a verifier, and what it answers. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

PASS = "pass"  # noqa: S105 -- no password


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What receivers would see. messages: (message, return path). helo: the name that greets. addresses: where they
    come from; none where nobody can know it (a relay that does not tell), and then SPF is not asked for.
    """

    messages: tuple[tuple[bytes, str], ...]
    helo: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """One verifier's. dkim, spf, dmarc: results of RFC 8601; spf is empty where it was not asked for.

    reason: what is wrong, in the verifier's own words. Of one that could not be asked, a code; all else is empty then.
    """

    verifier: str
    dkim: str = ""
    spf: str = ""
    dmarc: str = ""
    reason: str = ""

    @property
    def is_missing(self) -> bool:
        return not self.dkim

    @property
    def believes(self) -> bool:
        """SPF, DKIM and DMARC, as Google and Microsoft ask of bulk senders (R62)."""
        return self.dkim == self.dmarc == PASS and self.spf in (PASS, "")


@dataclass(frozen=True, slots=True)
class Verification:
    """content_hash: of the draft whose copies were shown. opinions: of everybody who was to be asked."""

    content_hash: bytes
    opinions: tuple[Opinion, ...]


def worst(opinions: Iterable[Opinion]) -> Opinion:
    """Of several messages, the first that is not believed speaks for all."""
    every = list(opinions)
    return next((opinion for opinion in every if not opinion.believes), every[0])
