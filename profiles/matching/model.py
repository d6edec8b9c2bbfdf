"""Learning from the people themselves how values of one person differ, without any example.

The model is that of Fellegi and Sunter (1969). Splink 5 says how often values of two people agree
(u, by pairs drawn at random) and how many pairs are one person, and scores; `learning.py` says how
often values of one person agree (m), since Splink's own training gives up (ValueError on a chance
of 0) where values of one person never differ. See
https://moj-analytical-services.github.io/splink/topic_guides/theory/fellegi_sunter.html
"""

import logging
from dataclasses import dataclass
from typing import Any

from profiles.matching import duckdb_sql
from profiles.matching.comparisons import SHAPE, comparison, patterns_statement, u_of
from profiles.matching.fields import Field
from profiles.matching.learning import Chances, Pattern, learn_m
from profiles.matching.people import People
from profiles.models import MatchModel

# Below these a model would learn from chance.
FEWEST_PEOPLE, FEWEST_FIELDS, FEWEST_PAIRS = 200, 3, 10
# A field counts if so many people have it, and this share of them.
FEWEST_FILLED, LEAST_FILLED = 50, 0.05
# Fields by which pairs are drawn for the training: each of two trains what the other cannot.
_TRAINED_BY = (Field.BIRTH_DATE, Field.SURNAME, Field.POSTCODE, Field.GIVEN_NAME, Field.STREET)
_SESSIONS = 3
_MOST_PAIRS = 1_000_000
_LEAST_CHANCE = 1e-6  # what none of so many pairs showed
# How many pairs of one person the certain rules are taken to find.
_CERTAIN_RECALL = 0.7

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to learn from."""

    people: int
    fields: list[Field]
    pairs: int

    @property
    def refusal(self) -> str:
        """Why it is too little; empty if it is enough."""
        if self.people < FEWEST_PEOPLE:
            return MatchModel.Refusal.TOO_FEW_PEOPLE
        if len(self.fields) < FEWEST_FIELDS:
            return MatchModel.Refusal.TOO_FEW_FIELDS
        return "" if self.pairs >= FEWEST_PAIRS else MatchModel.Refusal.TOO_FEW_PAIRS


def material_of(people: People) -> Material:
    """Count the people who can be compared, the fields that they fill, and certain pairs."""
    # All rows of a result are fetched: an unfinished one blocks the connection.
    [(total, *filled)] = people.duckdb.execute(duckdb_sql.FILLED).fetchall()
    least = max(FEWEST_FILLED, total * LEAST_FILLED)
    fields = [field for field, number in zip(Field, filled, strict=True) if number >= least]
    [(pairs,)] = people.duckdb.execute(duckdb_sql.CERTAIN_PAIRS).fetchall()
    return Material(total, fields, pairs)


def train(people: People, material: Material) -> MatchModel:
    """Return a model of these people, or one with a refusal. It is not stored."""
    model = MatchModel(
        shape=SHAPE,
        fields=[field.value for field in material.fields],
        people=material.people,
        pairs=material.pairs,
        refusal=material.refusal,
    )
    if not model.refusal:
        model.parameters = _learn(people, material.fields)
        if not model.parameters:
            model.refusal = MatchModel.Refusal.TOO_FEW_PAIRS
    return model


def linker_of(people: People, settings: dict[str, Any]) -> tuple[Any, Any]:
    """Return Splink's linker of the people in DuckDB, and its database."""
    # Here, since only the workers that compare people have the memory for it.
    from splink import DuckDBAPI, Linker

    # Its log would show statements, which it also raises.
    logging.getLogger("splink").setLevel(logging.ERROR)
    database = DuckDBAPI(people.duckdb)
    frame = database.register("compared", table_name="compared_in")
    return Linker(frame, settings, log_level=None), database


def _learn(people: People, fields: list[Field]) -> dict[str, Any]:
    """Return trained settings of Splink, or nothing if there are no pairs to learn from."""
    linker, _ = linker_of(people, _settings([comparison(field) for field in fields]))
    linker.training.estimate_probability_two_random_records_match(
        list(duckdb_sql.CERTAIN_RULES), recall=_CERTAIN_RECALL
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=_MOST_PAIRS, seed=1)
    learnt = linker.misc.save_model_to_json()
    u = u_of(learnt, fields, least=_LEAST_CHANCE)
    m = _learn_m(people, fields, u)
    if not m:
        return {}
    comparisons = [
        comparison(field, m[field], chances) for field, chances in zip(fields, u, strict=True)
    ]
    prior = learnt["probability_two_random_records_match"]
    return {**_settings(comparisons), "probability_two_random_records_match": prior}


def _learn_m(people: People, fields: list[Field], u: Chances) -> dict[Field, list[float]]:
    """Return the chances of each field: the mean of what pairs drawn by other fields tell."""
    told: dict[Field, list[list[float]]] = {field: [] for field in fields}
    for block in [field for field in _TRAINED_BY if field in fields][:_SESSIONS]:
        others = [field for field in fields if field != block]
        statement = patterns_statement(others, block, most=_MOST_PAIRS)
        rows = people.duckdb.execute(statement).fetchall()
        patterns = [Pattern(tuple(levels), pairs) for *levels, pairs in rows]
        if patterns:
            of_others = [u[fields.index(field)] for field in others]
            for field, chances in zip(others, learn_m(patterns, of_others), strict=True):
                told[field].append(chances)
    if not all(told.values()):
        return {}
    return {
        field: [sum(level) / len(tellings) for level in zip(*tellings, strict=True)]
        for field, tellings in told.items()
    }


def _settings(comparisons: list[dict[str, Any]]) -> dict[str, Any]:
    from splink import block_on

    block = block_on("keys", arrays_to_explode=["keys"])
    return {
        "link_type": "dedupe_only",
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [block.create_blocking_rule_dict("duckdb")],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
        # Of the model, not of the run: a random one would make each model another.
        "linker_uid": "tessera",
    }
