"""Scoring pairs of people by a model: everybody with everybody, or who changed with everybody."""

from typing import Any

import pyarrow

from profiles.matching import duckdb_sql
from profiles.matching.model import linker_of
from profiles.matching.people import People
from profiles.matching.score import Score
from profiles.models import MatchModel

_DIGITS = 4  # of weights and probabilities: a rerun gives the same ones


def score_pairs(people: People, model: MatchModel, *, least: float) -> list[Score]:
    """Return the pairs that are one person with at least this probability, the surest first.

    Of people who have not changed none is scored with another.
    """
    options = {"threshold_match_probability": least, "warning_mode": "never"}
    linker, database = linker_of(people, model.parameters)
    if people.changed is None:
        frames = [linker.inference.predict(**options)]
    else:
        frames = _of_changed(people, linker, database, options)
    scores = [_score(row, model.fields) for frame in frames for row in frame.as_record_list()]
    return sorted(scores, key=lambda score: (-score.probability, score.pair))


def _of_changed(people: People, linker: Any, database: Any, options: dict[str, Any]) -> list[Any]:
    ids = pyarrow.array(sorted(people.changed or ()), pyarrow.int64())
    people.duckdb.register("changed_id", pyarrow.table([ids], ["unique_id"]))
    people.duckdb.execute(duckdb_sql.MAKE_CHANGED)
    people.duckdb.execute(duckdb_sql.MAKE_UNCHANGED)
    changed, unchanged = (
        database.register(table, table_name=f"{table}_in") for table in ("changed", "unchanged")
    )
    return [
        linker.inference.predict_within(changed, **options),
        linker.inference.predict_between(changed, unchanged, **options),
    ]


def _score(row: dict[str, Any], fields: list[str]) -> Score:
    one, other = sorted((row["unique_id_l"], row["unique_id_r"]))
    # A value that one of them lacks speaks neither for nor against.
    weights = {field: round(row[f"mw_{field}"], _DIGITS) for field in fields if row[f"mw_{field}"]}
    prior = row["match_weight"] - sum(row[f"mw_{field}"] for field in fields)
    probability = round(row["match_probability"], _DIGITS)
    return Score(one, other, probability, round(prior, _DIGITS), weights)
