"""A report belongs to the content it judged."""

import pytest

from rida.accounts.models import Workspace
from rida.audience.models import Attribute, Contact
from rida.campaign.models import Campaign
from rida.campaign.services import create_campaign, create_identity
from rida.preflight.models import Report
from rida.preflight.services import blocking, by_rule, findings_of, judge
from rida.preflight.tests.cases import BAD, CONFIRMED, NOW, Bad, case_of, good_campaign, good_identity

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    home = Workspace.objects.create(name="rosa", slug="rosa")
    identity = create_identity(home, **good_identity(), address_confirmed_at=CONFIRMED)
    return create_campaign(home, name="May", identity=identity, **good_campaign())


def test_a_good_campaign_has_an_empty_report_with_its_price(campaign: Campaign) -> None:
    case = case_of()
    report = judge(campaign, case, None, NOW)
    assert findings_of(report) == []
    assert (report.recipients, report.penalty_usd, report.exposure_usd) == (3, 53_088, 159_264)
    assert bytes(Report.objects.get(pk=report.pk).content_hash) == case.draft.hash()


def test_what_blocks_is_told_from_what_is_only_said(campaign: Campaign) -> None:
    bad = Bad(BAD["R1"].campaign, BAD["R22"].identity, "http://127.0.0.1:8000")
    report = Report.objects.get(pk=judge(campaign, case_of(bad), None, NOW).pk)
    assert {finding.rule for finding in blocking(report)} == {"R1", "R22"}
    assert list(by_rule(report)) == ["R1", "R22", "R63"]


def test_the_confirmation_and_the_attributes_are_looked_up(campaign: Campaign) -> None:
    Attribute.objects.create(workspace=campaign.workspace, name="town", kind="text")
    Contact.objects.create(
        workspace=campaign.workspace,
        address="a@b.example",
        address_hash=bytes(16),
        domain="b.example",
        attributes={"street": "x"},
        created_at=NOW,
        changed_at=NOW,
    )
    asked = Bad({"body": "{{ attributes.town }} {{ attributes.street }} {{ attributes.city }}"})
    case = case_of(asked, address_confirmed_at=None, attributes=None)
    found = [(finding.code, finding.params) for finding in findings_of(judge(campaign, case, None, NOW))]
    assert found == [("merge_name_unknown", {"name": "attributes.city"})]
