"""Whether DNS shows what a sender domain needs, record by record. Pure: what DNS said goes in, codes come out.

It stands here and not with DNS, because it judges our keys and our way out; how SPF and DMARC are read is in `dns`.
Each judge asks `said` for what it needs, so it must be run by an inquiry (see `dns.questions`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address

from rida.campaign import records
from rida.campaign.dkim_key import Published, read_record
from rida.campaign.domain_report import DomainReport, Judged, Note, State, judged, shown, stop, warn
from rida.campaign.records import Kind, Record, Sending, Way
from rida.dns import dmarc, spf
from rida.dns.answers import AddressAnswer, MxAnswer, Status, reverse_name
from rida.dns.questions import Kind as Asked
from rida.dns.questions import Question, Said

SHORTEST_KEY, SHORT_KEY = 1_024, 2_048
"""R66: refused below the first, weak below the second."""
_MOST_NAMES = 10
"""Names of one address that are looked at (RFC 7208 §4.6.4 has the same limit)."""


_NO_ANSWER = ("spf_undecided", "dns_unreachable")


def judge(sending: Sending, way: Way, said: Said) -> DomainReport:
    """Every record that mail of this domain needs on this way, in the order in which a newcomer publishes them."""
    every = (
        judge_dkim(sending, said),
        judge_spf(sending, way, said),
        judge_dmarc(sending, said),
        judge_mx(sending, way, said),
        *judge_pointers(way, said),
    )
    return DomainReport(sending.domain, sending.bounce_domain, proves(sending, said), every)


def first_questions(sending: Sending, way: Way) -> list[Question]:
    """What will be asked in any case; asking it at once saves the person some seconds."""
    texts = [records.dkim(sending).name, sending.bounce_domain]
    texts += [f"_dmarc.{name}" for domain in (sending.domain, sending.bounce_domain) for name in dmarc.steps(domain)]
    own = way.addresses if way.kind is Kind.DIRECT else ()
    return [
        *(Question(Asked.TEXT, name) for name in texts),
        *(Question(Asked.MX, sending.bounce_domain),),
        *(Question(Asked.ADDRESSES, name) for name in {way.host, way.helo}),
        *(Question(Asked.POINTER, reverse_name(address)) for address in own),
    ]


# --- DKIM -----------------------------------------------------------------------------------------------------------


def proves(sending: Sending, said: Said) -> bool:
    """Our key stands there; what stands beside it is another matter."""
    texts = said.txt(records.dkim(sending).name).texts
    return any(_is_ours(read_record(text), sending) for text in texts)


def judge_dkim(sending: Sending, said: Said) -> Judged:
    """R62 and R66, RFC 6376 §3.6."""
    record = records.dkim(sending)
    answer = said.txt(record.name)
    if answer.status is Status.FAILED:
        return _unreachable(record)
    if not answer.texts:
        return _missing(record, _misplaced(record, sending.domain, said) or stop("dkim_missing", name=record.name))
    if len(answer.texts) > 1:
        # §3.6.2.2: what receivers make of several is undefined.
        return judged(record, State.SEVERAL, answer.texts, stop("dkim_several", name=record.name))
    key = read_record(answer.texts[0])
    wrong = [] if _is_ours(key, sending) else [_not_ours(key)]
    state = State.WRONG if wrong else State.OK
    return judged(record, state, answer.texts, *wrong, *_weaknesses(key))


def _is_ours(key: Published, sending: Sending) -> bool:
    return key.flaw is None and key.public == read_record(sending.key).public


def _not_ours(key: Published) -> Note:
    return stop(f"dkim_{key.flaw}") if key.flaw else stop("dkim_other_key")


def _weaknesses(key: Published) -> Iterator[Note]:
    if key.testing:
        yield warn("dkim_testing")
    if 0 < key.bits < SHORTEST_KEY:
        yield stop("dkim_key_too_short", bits=key.bits)
    elif 0 < key.bits < SHORT_KEY:
        yield warn("dkim_key_short", bits=key.bits)


# --- SPF ------------------------------------------------------------------------------------------------------------


def judge_spf(sending: Sending, way: Way, said: Said) -> Judged:
    """R62, RFC 7208: of the envelope's domain, because that is what receivers look at."""
    answer = said.txt(sending.bounce_domain)
    there = sorted(spf.records(answer.texts))  # a server may say them in any order; the proposal must not change
    record = records.spf(sending, way, there)
    if answer.status is Status.FAILED:
        return _unreachable(record)
    if len(there) > 1:
        return judged(record, State.SEVERAL, there, stop("spf_several", name=record.name))
    if not there:
        return _without_spf(record, sending, answer.texts, said)
    wrong, cares = list(_spf_troubles(sending, way, said)), _spf_cares(sending, way, said)
    if not wrong:
        return judged(replace(record, value=str(shown(there[0]))), State.OK, there, *cares)
    state = State.UNREACHABLE if all(note.code in _NO_ANSWER for note in wrong) else State.WRONG
    return judged(_mended(record, wrong), state, there, *wrong, *cares)


def _mended(record: Record, wrong: Iterable[Note]) -> Record:
    """Terms that no receiver can read do not stand in what we propose."""
    unreadable = {note.params.get("term") for note in wrong}
    return replace(record, value=" ".join(term for term in record.value.split() if term not in unreadable))


def _without_spf(record: Record, sending: Sending, texts: Sequence[str], said: Said) -> Judged:
    if mistyped := spf.meant(texts):
        return judged(record, State.WRONG, mistyped, stop("spf_mistyped"))
    return _missing(record, _misplaced(record, sending.domain, said) or stop("spf_missing", name=record.name))


def _spf_troubles(sending: Sending, way: Way, said: Said) -> Iterator[Note]:
    if _vouched(sending, way, said):
        return
    if not outgoing(way, said):
        failed = said.addresses(way.host).status is Status.FAILED
        yield stop("dns_unreachable", name=way.host) if failed else stop("outgoing_address_unknown", name=way.host)
    for address in outgoing(way, said):
        found = spf.evaluate(said, sending.bounce_domain, address, way.helo)
        if found.result is not spf.Result.PASS:
            yield _spf_trouble(found, address, sure=way.kind is Kind.DIRECT or bool(way.addresses))


def _spf_trouble(found: spf.Evaluation, address: str, *, sure: bool) -> Note:
    if found.result is spf.Result.TEMPERROR:
        return stop("spf_undecided")
    if found.too_many:
        return stop("spf_too_many_lookups", most=spf.MOST_LOOKUPS)
    if found.result is spf.Result.PERMERROR:
        return stop("spf_unreadable", term=found.problem or "…")
    # A relay may send from other addresses than the one that takes our mail: only a real message tells.
    return stop("spf_refuses", address=address) if sure else warn("spf_relay_unsure", address=address)


def _vouched(sending: Sending, way: Way, said: Said) -> bool:
    """The record includes what the relay told its customers to include: whom that lets send is the relay's business."""
    terms = " ".join(spf.records(said.txt(sending.bounce_domain).texts)).lower().split()
    if not way.include or way.addresses or f"include:{way.include}" not in terms:
        return False
    return spf.evaluate(said, sending.bounce_domain, spf.ELSEWHERE, way.helo).result is not spf.Result.PERMERROR


def _spf_cares(sending: Sending, way: Way, said: Said) -> Iterator[Note]:
    """What does not refuse us and still is no good: seen by asking for an address that nobody has."""
    elsewhere = spf.evaluate(said, sending.bounce_domain, spf.ELSEWHERE, way.helo)
    if elsewhere.result is spf.Result.PASS:
        yield warn("spf_allows_everybody")
    if elsewhere.too_many:
        yield warn("spf_lookups_full", most=spf.MOST_LOOKUPS)
    policy = dmarc.walk(said, sending.domain).text
    strict = dmarc.tags(policy).get("aspf", "r").lower() == "s"
    if policy and not dmarc.aligned(said, sending.domain, sending.bounce_domain, strict=strict):
        yield warn("spf_not_aligned", domain=sending.domain, bounce_domain=sending.bounce_domain)


def outgoing(way: Way, said: Said) -> tuple[str, ...]:
    """Addresses that mail leaves from: told, or those of the name."""
    if way.addresses:
        return way.addresses
    return tuple(str(ip_address(address)) for address in said.addresses(way.host).addresses[:_MOST_NAMES])


# --- DMARC ----------------------------------------------------------------------------------------------------------


def judge_dmarc(sending: Sending, said: Said) -> Judged:
    """R62, RFC 9989: a record of the domain itself, or one that it inherits."""
    own = said.txt(f"_dmarc.{sending.domain}")
    there, walk = sorted(dmarc.records(own.texts)), dmarc.walk(said, sending.domain)
    record = records.dmarc_policy(sending, there)
    if own.status is Status.FAILED or (not walk.text and walk.failed):
        return _unreachable(record)
    if len(there) > 1:
        return judged(record, State.SEVERAL, there, stop("dmarc_several", name=record.name))
    if not there and (mistyped := dmarc.meant(own.texts)):
        return judged(record, State.WRONG, mistyped, stop("dmarc_mistyped"))
    if not walk.text:
        return _missing(record, _misplaced(record, sending.domain, said) or stop("dmarc_missing", name=record.name))
    if not dmarc.policy(walk.text):
        unknown = stop("dmarc_policy_unknown", policy=dmarc.tags(walk.text)["p"])
        return judged(record, State.WRONG, [walk.text], unknown)
    stands = replace(record, name=f"_dmarc.{walk.at}", value=str(shown(walk.text)))
    return judged(stands, State.OK, [walk.text])


# --- bounces --------------------------------------------------------------------------------------------------------


def judge_mx(sending: Sending, way: Way, said: Said) -> Judged:
    """The envelope's domain must take mail: many receivers refuse a sender that cannot be answered (R60)."""
    record, answer = records.mx(sending, way), said.mx(sending.bounce_domain)
    if answer.status is Status.FAILED:
        return _unreachable(record)
    if answer.null:
        return judged(record, State.WRONG, ["0 ."], stop("mx_takes_no_mail", name=record.name))
    if answer.status is not Status.FOUND or answer.implicit:
        return _without_mx(record, sending, said)
    found = [f"{host.preference} {host.name}." for host in answer.hosts]
    if not _leads_here(answer, way, said):
        return judged(record, State.WRONG, found, warn("mx_elsewhere", host=way.helo))
    here = said.addresses(way.helo)
    lost = [stop("mx_host_without_address", host=way.helo)] if _has_none(here) else []
    return judged(record, State.OK, found, *lost)


def _without_mx(record: Record, sending: Sending, said: Said) -> Judged:
    """An address record alone would do for receivers (RFC 5321 §5.1); bounces then go to that host."""
    if said.addresses(sending.bounce_domain).addresses:
        return _missing(record, warn("mx_elsewhere", host=record.value.split()[1].rstrip(".")))
    return _missing(record, stop("mx_missing", name=record.name))


def _leads_here(answer: MxAnswer, way: Way, said: Said) -> bool:
    if any(host.name == way.helo for host in answer.hosts):
        return True
    ours = _spelled(said.addresses(way.helo))
    return any(ours & _spelled(said.addresses(host.name)) for host in answer.hosts[:_MOST_NAMES])


def _spelled(answer: AddressAnswer) -> set[str]:
    """IPv6 addresses have many spellings."""
    return {str(ip_address(address)) for address in answer.addresses}


def _has_none(answer: AddressAnswer) -> bool:
    return answer.status in (Status.NO_DATA, Status.NO_DOMAIN)


# --- names of addresses ---------------------------------------------------------------------------------------------


def judge_pointers(way: Way, said: Said) -> list[Judged]:
    """R60: each outgoing address has a name, the name has the address, and it is the one we give. A relay's addresses
    are the relay's business.
    """
    return [_judge_pointer(way, address, said) for address in outgoing(way, said)] if way.kind is Kind.DIRECT else []


def _judge_pointer(way: Way, address: str, said: Said) -> Judged:
    record = records.pointer(way, address)
    answer = said.ptr(record.name)
    if answer.status is Status.FAILED:
        return _unreachable(record)
    cares = [] if ip_address(address).is_global else [warn("address_not_global", address=address)]
    if not answer.names:
        return judged(record, State.MISSING, (), stop("ptr_missing", address=address), *cares)
    confirmed = [name for name in answer.names[:_MOST_NAMES] if address in _spelled(said.addresses(name))]
    if not confirmed:
        note = stop("ptr_not_confirmed", address=address, found=answer.names[0])
    elif way.helo not in confirmed:
        note = warn("ptr_other_than_helo", address=address, found=confirmed[0], helo=way.helo)
    else:
        return judged(record, State.OK, answer.names, *cares)
    return judged(record, State.WRONG, answer.names, note, *cares)


# --- small steps ----------------------------------------------------------------------------------------------------


def _missing(record: Record, note: Note) -> Judged:
    return Judged(record, State.MISSING, notes=(note,))


def _unreachable(record: Record) -> Judged:
    return Judged(record, State.UNREACHABLE, notes=(stop("dns_unreachable", name=record.name),))


def _misplaced(record: Record, domain: str, said: Said) -> Note | None:
    """Panels of hosters add the domain by themselves; who types the whole name gets it twice."""
    doubled, start = f"{record.name}.{domain}", record.value[:6].lower()
    there = any(text.lower().startswith(start) for text in said.txt(doubled).texts)
    return stop("misplaced", name=doubled, meant=record.name) if there else None
