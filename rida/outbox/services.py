"""From campaign to outbox: examine, preview, test, launch; then pause, resume, cancel."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction

from rida.accounts.models import User, Workspace
from rida.audience.models import Attribute
from rida.audience.services import Member, members, slices
from rida.campaign.content import TRANSACTIONAL, Draft
from rida.campaign.domains import is_proved
from rida.campaign.models import Campaign, Identity, MessageClass
from rida.campaign.services import draft_of, sender_of
from rida.kernel.address import parse
from rida.kernel.clock import milliseconds
from rida.kernel.engine import submit
from rida.kernel.errors import (
    ContentChanged,
    DomainNotProved,
    LaunchBlocked,
    NobodyToWriteTo,
    PermissionMissing,
    Unreachable,
    WrongState,
)
from rida.outbox.authentication import Authentication, authentication_of
from rida.outbox.copies import mailing_of
from rida.outbox.freezing import write_deliveries
from rida.outbox.halting import cancel, pause, resume
from rida.outbox.inspect import Specimen, specimens
from rida.outbox.models import Chunk, Launch
from rida.outbox.render import Press
from rida.outbox.route import locate
from rida.permission.rules import Basis, Grade, Kind, Terms, Verdict
from rida.permission.services import Act, Ask, hash_of, record, verdicts
from rida.preflight.case import SANDBOX, Audience, Case
from rida.preflight.models import Report
from rida.preflight.services import blocking, judge
from rida.shaping.account import account_forecast
from rida.shaping.models import Site
from rida.shaping.services import ForecastRow, forecast
from rida.shaping.sources import departure_of, source_of

__all__ = [
    "Survey", "account_forecast_of", "cancel", "examine", "forecast_of", "launch", "pause", "preview", "resume",
    "survey", "terms_of", "test_send", "trial_send",
]  # fmt: skip
CHUNK = 5_000
TEST_PURPOSE = "test"
_SPECIMENS = 5


@dataclass(slots=True)
class Survey:
    """What a launch would do now: how many are written to on what ground, where, and why others are not."""

    recipients: int = 0
    by_basis: Counter[tuple[str, int]] = field(default_factory=Counter)
    """(basis, grade): people"""
    by_domain: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    sample: list[Member] = field(default_factory=list)

    @property
    def kept_out_by_the_label(self) -> int:
        """People whom permission refuses only because the message does not say that it is an advertisement."""
        return sum(people for reason, people in self.excluded.items() if reason.endswith("_needs_label"))


def terms_of(draft: Draft) -> Terms:
    return Terms(draft.topic_slug, draft.message_class, draft.ad_label)


def survey(campaign: Campaign, now: datetime) -> Survey:
    """Asks permission for the whole audience, 5,000 people at a time."""
    found = Survey()
    for person, answer in _answers(campaign, now):
        if not answer.allowed:
            found.excluded[answer.reason] += 1
            continue
        found.recipients += 1
        found.by_basis[answer.basis, int(answer.grade)] += 1
        found.by_domain[person.domain] += 1
        if len(found.sample) < _SPECIMENS:
            found.sample.append(person)
    return found


def _sample(campaign: Campaign, now: datetime) -> list[Member]:
    """The survey's own, without asking for everybody behind them."""
    allowed = (person for person, answer in _answers(campaign, now) if answer.allowed)
    return list(islice(allowed, _SPECIMENS))


def _answers(campaign: Campaign, now: datetime) -> Iterator[tuple[Member, Verdict]]:
    terms, profiles = terms_of(draft_of(campaign)), tuple(campaign.workspace.profiles)
    for people in _audience(campaign):
        asks = [Ask(campaign.workspace_id, person.address_hash, terms, profiles) for person in people]
        yield from zip(people, verdicts(asks, now), strict=True)


def _audience(campaign: Campaign) -> Iterator[list[Member]]:
    for first, last in _ranges(campaign):
        yield list(members(campaign.workspace_id, first, last))


def _ranges(campaign: Campaign) -> list[tuple[int, int]]:
    """Nobody, as long as the campaign has no topic."""
    return slices(campaign.workspace_id, campaign.topic, CHUNK) if campaign.topic else []


def preview(campaign: Campaign, now: datetime, merge: dict[str, Any] | None = None) -> Specimen:
    """The message as one person would get it; whoever is made up has a name in its language.

    Raises ContentError, SealBroken.
    """
    draft = draft_of(campaign)
    found = specimens(draft, mailing_of(campaign.workspace_id, draft), [merge] if merge else [], now)
    return found[-1] if draft.language == "ar" and not merge else found[0]


def examine(campaign: Campaign, user: User | None, now: datetime) -> Report:
    """Preflight: every check on the real rendered message and the real audience; the report is kept. For a route into
    the world it asks DNS and two verifiers, which may take seconds. Raises SealBroken."""
    return _judge(campaign, user, now, _ask_the_world(campaign, now))


def _ask_the_world(campaign: Campaign, now: datetime) -> Authentication:
    workspace, source = campaign.workspace, source_of(campaign.workspace)
    if source.route == SANDBOX:
        return Authentication()
    people = [person.merge for person in _sample(campaign, now)]
    return authentication_of(workspace, draft_of(campaign), people, source, now)


def _judge(campaign: Campaign, user: User | None, now: datetime, answers: Authentication) -> Report:
    draft, found = draft_of(campaign), survey(campaign, now)
    return judge(campaign, _case(campaign, draft, found, now, answers), user, now)


def _case(campaign: Campaign, draft: Draft, found: Survey, now: datetime, answers: Authentication) -> Case:
    departure = departure_of(campaign.workspace)
    merges = [person.merge for person in found.sample]
    return Case(
        draft=draft,
        specimens=specimens(draft, mailing_of(campaign.workspace_id, draft), merges, now),
        audience=Audience(found.recipients, dict(found.by_basis), found.kept_out_by_the_label),
        route=departure.source.route if departure else SANDBOX,
        now=now,
        domain_report=answers.report,
        verification=answers.verification,
        approved=departure is None or departure.approved_at is not None,
        address_confirmed_at=campaign.identity.address_confirmed_at if campaign.identity else None,
        attributes=set(Attribute.objects.filter(workspace=campaign.workspace_id).values_list("name", flat=True)),
    )


def forecast_of(campaign: Campaign, now: datetime) -> list[ForecastRow]:
    """When each network would finish under the limits in force. Asks DNS for domains not seen lately."""
    by_domain = survey(campaign, now).by_domain
    located = locate(by_domain.keys(), source_of(campaign.workspace), now)
    by_network: Counter[int] = Counter()
    for domain, count in by_domain.items():
        place = located[domain]
        if isinstance(place, Site):
            by_network[place.network_id] += count
    return forecast(by_network, now)


def account_forecast_of(campaign: Campaign, messages: int, now: datetime) -> ForecastRow | None:
    """When the relay's own hour and day would let so many leave; None: it has no such limit."""
    return account_forecast(source_of(campaign.workspace), messages, now)


# --- launch ---------------------------------------------------------------------------------------------------------


def launch(campaign: Campaign, user: User | None, now: datetime, *, urgent: bool = False) -> Launch:
    """Freeze content and audience, and let it go. Nothing is sent that preflight did not see as it is.

    urgent: time-critical mail, which goes first and may use the reserve.
    Raises LaunchBlocked (findings, no preflight yet, or nobody to write to), ContentChanged, WrongState.
    """
    answers = _ask_the_world(campaign, now)  # before the transaction: a slow resolver must hold no lock
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if campaign.state != Campaign.State.DRAFT:
            raise WrongState(state=campaign.state)
        draft = draft_of(campaign)
        _check_seen(campaign, draft)
        _check_now(campaign, user, now, answers)
        made = _freeze(campaign, draft, user, now, urgent=urgent)
        Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.LAUNCHED)
    return made


def _check_seen(campaign: Campaign, draft: Draft) -> None:
    """The operator looked at a report of exactly this content."""
    seen = Report.objects.filter(campaign=campaign).order_by("-pk").first()
    if seen is None:
        raise LaunchBlocked(codes="preflight_missing")
    if bytes(seen.content_hash) != draft.hash():
        raise ContentChanged


def _check_now(campaign: Campaign, user: User | None, now: datetime, answers: Authentication) -> None:
    """The audience may have changed since, and the DNS: every check once more."""
    report = _judge(campaign, user, now, answers)
    if findings := blocking(report):
        raise LaunchBlocked(codes=", ".join(f"{finding.rule} {finding.code}" for finding in findings))
    if not report.recipients:
        raise NobodyToWriteTo


def _freeze(campaign: Campaign, draft: Draft, user: User | None, now: datetime, *, urgent: bool) -> Launch:
    hours = campaign.give_up_hours
    give_up = timedelta(hours=hours) if hours else timedelta(seconds=settings.RIDA_GIVE_UP_SECONDS)
    ranges = _ranges(campaign)
    made = Launch.objects.create(
        workspace=campaign.workspace,
        campaign=campaign,
        source=source_of(campaign.workspace),
        kind=Launch.Kind.BULK,
        urgent=urgent,
        # Better twice than never, under the same Message-ID; for bulk mail it is the other way round (design §4.4).
        resend_doubtful=draft.message_class == TRANSACTIONAL,
        content=draft.to_json(),
        content_hash=draft.hash(),
        terms=terms_of(draft).to_json() | {"profiles": campaign.workspace.profiles},
        give_up_at=milliseconds(now + give_up),
        chunks=len(ranges),
        launched_by=user,
        launched_at=now,
    )
    Chunk.objects.bulk_create(
        Chunk(launch=made, workspace=campaign.workspace, number=number, first_contact=first, last_contact=last)
        for number, (first, last) in enumerate(ranges)
    )
    submit("materialise", f"launch:{made.pk}", launch_id=made.pk)
    return made


def test_send(campaign: Campaign, user: User, now: datetime) -> Launch:
    """One copy to the user's own address, by permit like everything else. Asking for it is the permission.

    Raises PermissionMissing where even that is none: a mailbox that complained or is dead; ContentError, Unreachable,
    and for a route into the world DomainNotProved: nobody sends in a name that is not theirs, not even to themselves.
    """
    return _send_test(campaign.workspace, draft_of(campaign), campaign, user, now)


def trial_send(identity: Identity, subject: str, body: str, user: User, now: datetime) -> Launch:
    """A few words in the name of a sender, to the user's own address: for those who have no campaign yet.

    Signed and sent like any campaign. Raises what `test_send` raises.
    """
    draft = Draft(subject, body=body, language=user.language, message_class=MessageClass.OTHER, ad_label=False,
                  sender=sender_of(identity))  # fmt: skip
    return _send_test(identity.workspace, draft, None, user, now)


def _send_test(workspace: Workspace, draft: Draft, campaign: Campaign | None, user: User, now: datetime) -> Launch:
    address = parse(user.email)
    Press(draft, mailing_of(workspace.pk, draft))  # what cannot be compiled is told here, not withheld by a worker
    source = source_of(workspace)
    if source.route != SANDBOX and not is_proved(workspace.pk, parse(draft.sender.from_address).domain):
        raise DomainNotProved(domain=parse(draft.sender.from_address).domain)
    site = locate({address.domain}, source, now)[address.domain]
    if not isinstance(site, Site):
        raise Unreachable(domain=address.domain, code=site)
    person = Member(
        contact_id=None,
        address=str(address),
        address_hash=hash_of(address),
        domain=address.domain,
        merge={"name": user.name, "first_name": user.name.partition(" ")[0], "email": user.email, "attributes": {}},
    )
    terms = Terms(TEST_PURPOSE, draft.message_class, draft.ad_label)
    asked = {"user": user.pk} | ({"campaign": campaign.pk} if campaign else {})
    act = Act(Kind.GRANTED, TEST_PURPOSE, Basis.SELF_TEST, Grade.E3, now, asked)
    with transaction.atomic():
        record(workspace.pk, address, act, now)
        made = Launch.objects.create(
            workspace=workspace,
            campaign=campaign,
            source=source,
            kind=Launch.Kind.TEST,
            urgent=True,
            content=draft.to_json(),
            content_hash=draft.hash(),
            terms=terms.to_json() | {"profiles": workspace.profiles},
            give_up_at=milliseconds(now + timedelta(hours=1)),
            queued=1,
            launched_by=user,
            launched_at=now,
        )
        for reason in write_deliveries(made, {site.pk: [person]}, now):
            raise PermissionMissing(code=reason)
    return made
