"""Trying the plan of a form while it is written.

Invariant: nothing is saved, and of messages only counts, masked names of events and names of the
plan are shown.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from ingestion.models import PlanBreach
from ingestion.services import CheckReport, PlanFaults, check_plan, recent_bodies
from profiles.admin.kit.masks import Mask
from profiles.lib import exact_json
from profiles.models import Source

MOST_FAULTS = 20
MOST_ROWS = 20


class TrialRow(NamedTuple):
    """How many of the last messages of an event would break the plan at one place."""

    event: str
    place: str
    policy: str
    word: str
    total: int


@dataclass(frozen=True, slots=True)
class PlanTrial:
    """What is wrong with a plan, and else what it would do; no report without a source."""

    faults: Sequence[tuple[str, str]] = ()
    report: CheckReport | None = None
    rows: Sequence[TrialRow] = ()


def try_plan(text: str, source: Source | None, mask: Mask) -> PlanTrial:
    """Judge the text of a form, and the last messages of a source by it."""
    try:
        written = exact_json.read(text.encode(errors="replace"), repairs=False)
        content = exact_json.with_floats(written)
        report = check_plan(content, recent_bodies(source) if source else ())
    except PlanFaults as error:
        return PlanTrial([(fault.path, fault.detail) for fault in error.faults[:MOST_FAULTS]])
    except (ValueError, RecursionError):
        return PlanTrial([("", _("This is not JSON."))])
    return PlanTrial(report=report, rows=_rows(report, mask)) if source else PlanTrial()


def _rows(report: CheckReport, mask: Mask) -> list[TrialRow]:
    groups = Counter((each.event, each.place, each.policy) for each in report.verdicts)
    return [
        TrialRow(mask.tree(event), place, policy, _word(policy), total)
        for (event, place, policy), total in groups.most_common(MOST_ROWS)
    ]


def _word(policy: str) -> str:
    if policy in PlanBreach.Policy.values:
        return str(PlanBreach.Policy(policy).label)
    return policy
