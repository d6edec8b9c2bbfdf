"""Each example of docs/segments.md means what the oracle says, in both forms, for made people."""

import re
from pathlib import Path
from uuid import UUID

import pytest

from profiles.lib import exact_json
from profiles.models import Profile
from segments.services import create_family, recompute_family
from tests.factories import NOW, TESTER
from tests.oracles.segments import members
from tests.segments.documented_people import PEOPLE
from tests.segments.evaluations import build_segment, by_both_forms
from tests.segments.worlds import MODELS, make_purpose, store_people, world_at

pytestmark = pytest.mark.django_db
EXAMPLES = re.findall(r"```json\n(.*?)```", Path("docs/segments.md").read_text(), re.DOTALL)
STAFF = {"type": "trait", "key": "staff", "operator": "equals", "value": True}


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_holds_for_some_people_and_for_those_of_the_oracle(number: int) -> None:
    make_purpose()
    build_segment(STAFF, key="staff")
    definition = exact_json.loads(EXAMPLES[number])
    people = dict(zip(store(), PEOPLE, strict=True))
    family = create_family(
        kind="rfm", key="buyers", name="Buyers", actor=TESTER, **MODELS["buyers"]
    )
    recompute_family(family, now=NOW)
    expected = {
        people[profile_id]
        for profile_id in members(
            {profile_id: PEOPLE[name] for profile_id, name in people.items()},
            definition,
            world_at(NOW, {"staff": STAFF}, list(PEOPLE.values())),
        )
    }
    assert expected
    assert expected < set(PEOPLE)
    assert by_both_forms(definition, people) == [expected, expected]


def store() -> list[int]:
    # A place on a circle hangs on the public id, which is drawn at random.
    stored = store_people(list(PEOPLE.values()))
    neighbour = list(stored)[list(PEOPLE).index("neighbours")]
    PEOPLE["neighbours"].uuid = UUID("019a0000-0000-7000-8000-000000000001")
    Profile.objects.filter(pk=neighbour).update(uuid=PEOPLE["neighbours"].uuid)
    return list(stored)
