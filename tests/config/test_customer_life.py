"""`play_customer`: what the gate says from the first order to the return after an erasure."""

from io import StringIO

import pytest
from django.core.management import call_command

from consent.models import ConsentEvent, Purpose, Suppression
from ingestion.models import InboxRow
from profiles.models import Profile, Source
from tests.factories import make_profile

pytestmark = pytest.mark.django_db
LIFE = [
    ["newsletter", "offers", "orders"],
    ["no", "yes", "yes"],  # orders in the shop
    ["yes", "yes", "yes"],  # signs up
    ["no", "yes", "yes"],  # unsubscribes
    ["yes", "yes", "yes"],  # permits again
    ["yes", "yes", "yes"],  # access
    ["yes", "yes", "yes"],  # corrects
    ["no", "no", "yes"],  # objects to marketing
    ["no", "no", "no"],  # restricts
    ["nobody", "nobody", "nobody"],  # erased
    ["nobody", "nobody", "nobody"],  # imported again
    ["yes", "no", "yes"],  # signs up again: the objection to offers stands
]


def test_the_gate_follows_a_customers_life_and_nothing_of_it_stays() -> None:
    make_profile("user_id:1")
    output = StringIO()
    call_command("play_customer", stdout=output)
    assert [line[50:].split() for line in output.getvalue().splitlines()] == LIFE
    assert Profile.objects.count() == 1
    for model in (Purpose, Suppression, ConsentEvent, InboxRow):
        assert not model.objects.exists()
    assert not Source.objects.filter(key__startswith="play-").exists()
