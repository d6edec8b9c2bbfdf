"""The page of an RFM model: a treemap of its groups, with what they spent and who moved."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from profiles.admin.kit.charts import TREEMAP_HEIGHT, TREEMAP_WIDTH, Tile, treemap
from profiles.models import TraitDefinition
from segments.models import Segment, SegmentFamily
from segments.services import create_family, recompute_family
from tests.admin import sign_in
from tests.factories import NOW, TESTER
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.worlds import add_events, order, store_people

pytestmark = pytest.mark.django_db
BOX = re.compile(r'x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"')


def make_model() -> SegmentFamily:
    people = [NaivePerson(events=[order(day, revenue=10)]) for day in range(1, 21)]
    ids = list(store_people(people))
    family = create_family(
        kind="rfm",
        key="buyers",
        name="Buyers",
        event="Order Completed",
        value="revenue",
        actor=TESTER,
    )
    recompute_family(family, now=NOW)
    for _ in range(3):
        add_events(ids[-1], [order(0.5, revenue=500)])
    recompute_family(family, now=NOW + timedelta(minutes=1))
    return family


def page_of(family: SegmentFamily, role: str = "", language: str = "en") -> str:
    url = reverse("admin:segments_segmentfamily_change", args=[family.pk])
    client = sign_in(role) if role else sign_in()
    content: str = client.get(url, headers={"accept-language": language}).content.decode()
    return content


def test_the_page_links_each_group_to_its_segment_with_its_size_and_what_it_spent() -> None:
    family = make_model()
    page = page_of(family, "marketer")
    for segment in family.segments.all():
        assert reverse("admin:segments_segment_overview", args=[segment.pk]) in page
    assert page.count('class="t-tile"') == Segment.objects.exclude(size=0).count()
    assert "potential loyalists" in page
    # Everybody bought for 10, and one of them for 1,500 more.
    money = family.versions.get(number=2).figures
    assert sum(row["value"] for row in money.values()) == 20 * 10 + 1500
    assert "1,510.00" in page


def test_the_page_is_in_french_for_who_reads_french() -> None:
    page = page_of(make_model(), language="fr")
    assert "fidèles en puissance" in page
    assert "chiffre d’affaires" in page


def test_groups_by_special_data_are_hidden_from_who_sees_no_contacts() -> None:
    family = make_model()
    TraitDefinition.objects.update_or_create(
        key="revenue", defaults={"type": "number", "category": "special"}
    )
    assert "t-tile" not in page_of(family, "marketer")
    assert "t-tile" in page_of(family, "privacy officer")


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_the_areas_of_a_treemap_are_as_its_values(values: list[int]) -> None:
    tiles = [Tile(f"tile {place}", value, "", "/") for place, value in enumerate(values)]
    boxes = [tuple(map(float, box)) for box in BOX.findall(treemap(tiles, title="All"))]
    shown = sorted((value for value in values if value), reverse=True)
    assert len(boxes) == len(shown)
    whole = TREEMAP_WIDTH * TREEMAP_HEIGHT
    for value, (x, y, width, height) in zip(shown, boxes, strict=True):
        # Coordinates are rounded to a tenth.
        assert abs(width * height - whole * value / sum(shown)) <= 0.2 * (width + height) + 1
        assert x + width <= TREEMAP_WIDTH + 0.2
        assert y + height <= TREEMAP_HEIGHT + 0.2
