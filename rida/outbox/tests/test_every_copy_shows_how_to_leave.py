"""R12 for each copy that leaves, not only for the few that preflight looked at."""

import pytest
from pytest_django import Settings

from rida.audience.models import Attribute
from rida.campaign.models import Campaign
from rida.kernel.clock import now
from rida.outbox.copies import Copies
from rida.outbox.render import Refused, Rendered
from rida.outbox.services import examine, launch
from rida.outbox.tests import shop
from rida.preflight.services import blocking
from rida.preflight.tests.cases import BASE_URL

pytestmark = pytest.mark.django_db

INSIDE_AN_IF = """Hello

{% if not attributes.plan %}
[Unsubscribe]({{ unsubscribe_url }}) from these messages.
{% endif %}
"""


def copy_of(made: Campaign, **attributes: str) -> Rendered | Refused:
    left = launch(made, None, now())
    merge = {"name": "Layla", "attributes": attributes}
    return Copies().render(left.pk, 1, 0, "layla@example.org", bytes(16), merge)


@pytest.fixture
def campaign(settings: Settings) -> Campaign:
    settings.RIDA_URL = BASE_URL
    shop.person("layla@example.org", shop.OPT_IN)
    Attribute.objects.create(workspace=shop.workspace(), name="plan", kind="text")
    made = shop.campaign({"body": INSIDE_AN_IF})
    assert blocking(examine(made, None, now())) == [], "nobody whom preflight looked at has a plan"
    return made


def test_a_copy_that_lost_its_way_out_is_not_sent(campaign: Campaign) -> None:
    assert copy_of(campaign, plan="gold") == Refused("leave_link_missing")


def test_a_copy_that_has_it_is(campaign: Campaign) -> None:
    assert isinstance(copy_of(campaign), Rendered)
