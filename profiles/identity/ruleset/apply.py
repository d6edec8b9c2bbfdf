"""Making rules stand from the start: saving them, and judging all stored facts again by them.

Invariant: facts that are judged again have the version's number, and people are what a replay gives
after every step. A step is one transaction under the people lock, so that a killed worker loses
nothing and traffic goes on between two steps.
"""

import time
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from profiles.audit import Actor, audited, differences
from profiles.identity import sql
from profiles.identity.cases import recount_cases
from profiles.identity.components import UnionFind
from profiles.identity.facts import MergeRule
from profiles.identity.replay import read_configuration
from profiles.identity.resettle import settle
from profiles.identity.rules import Ruleset, load_rules, ruleset_of
from profiles.identity.ruleset.document import (
    ParsedRules,
    RulesDocument,
    as_plain,
    document_of_store,
)
from profiles.identity.ruleset.rejudge import Judgement, StoredPeople, rejudge
from profiles.identity.ruleset.versions import keep_version, record_rules
from profiles.identity.store import copy_outcomes, outcome_rows
from profiles.lib.change_queue import nudge
from profiles.lib.database import array_of, database_now
from profiles.lib.people_lock import people_lock
from profiles.models import (
    Identifier,
    IdentityFact,
    IdentityOutcome,
    IdentityRule,
    RulesApplication,
    Source,
)

APPLY_RULES = "profiles.apply_rules"
# Facts from which a step takes their whole components: the drain waits as long as a step takes.
FACTS_AT_ONCE = 200
State = RulesApplication.State


def apply_rules(parsed: ParsedRules, *, actor: Actor, reason: str = "") -> RulesApplication:
    """Save rules, and have all stored facts judged by them; the work is left to workers.

    Messages to come are judged by them at once. They supersede rules whose application is not
    finished.
    """
    with audited(actor, "identity_rules.applied", reason=reason) as deed:
        people_lock()
        unfinished = RulesApplication.objects.filter(finished_at=None)
        unfinished.update(state=State.SUPERSEDED, finished_at=database_now())
        # What stood until now is kept too, where no fact has recorded it.
        record_rules(load_rules())
        before = _by_name(document_of_store())
        _save(parsed)
        version = keep_version(actor=actor, reason=reason, ruleset=parsed.ruleset)
        application = RulesApplication.objects.create(
            version=version, actor=str(actor), until_seq=version.after_seq
        )
        deed.about(
            "identity_rules",
            application.uuid,
            **differences(before, _by_name(document_of_store())),
        )
        nudge(APPLY_RULES)
    return application


def unfinished_application() -> RulesApplication | None:
    """Return the application of rules that runs or is paused, if there is one."""
    return RulesApplication.objects.filter(finished_at=None).first()


def pause_application(application: RulesApplication, *, actor: Actor) -> bool:
    """Stop after the step at hand. Returns whether it ran until now."""
    return _switch(application, State.RUNNING, State.PAUSED, actor)


def resume_application(application: RulesApplication, *, actor: Actor) -> bool:
    """Go on where it was paused. Returns whether it was."""
    return _switch(application, State.PAUSED, State.RUNNING, actor)


def run_applications(*, seconds: float = float("inf")) -> bool:
    """Judge facts again step by step for so long; return whether some are left."""
    deadline = time.monotonic() + seconds
    while _step():
        if time.monotonic() >= deadline:
            return True
    return False


def _switch(application: RulesApplication, origin: State, target: State, actor: Actor) -> bool:
    with audited(actor, f"identity_rules.{target}") as deed:
        rows = RulesApplication.objects.filter(pk=application.pk, state=origin)
        is_switched = bool(rows.update(state=target))
        if is_switched:
            deed.about("identity_rules", application.uuid, state=[str(origin), str(target)])
            nudge(APPLY_RULES)
    application.refresh_from_db()
    return is_switched


def _save(parsed: ParsedRules) -> None:
    """Write the rules into the rows that messages to come are judged by."""
    kept = {row.namespace for row in parsed.rows}
    IdentityRule.objects.exclude(namespace__in=kept).delete()
    for row in parsed.rows:
        row.save()
    parsed.caps.save()
    joining = parsed.document.joining_sources
    Source.objects.filter(joins_people=True).exclude(key__in=joining).update(joins_people=False)
    Source.objects.filter(key__in=joining).update(joins_people=True)


def _by_name(document: RulesDocument) -> dict[str, Any]:
    plain = as_plain(document)
    return {rule["namespace"]: rule for rule in plain.pop("namespaces")} | plain


@transaction.atomic
def _step() -> bool:
    """Judge the next facts of the running application again; return whether there was one."""
    people_lock()
    running = RulesApplication.objects.filter(state=State.RUNNING).select_related("version")
    application = running.select_for_update(of=("self",)).first()
    if application is None:
        return False
    version = application.version
    facts = list(
        IdentityFact.objects.filter(
            Q(judged_by=None) | Q(judged_by__lt=version.pk),
            seq__gt=application.last_seq,
            seq__lte=application.until_seq,
        )
        .order_by("seq")
        .values_list("seq", "identifier_ids")[:FACTS_AT_ONCE]
    )
    if facts:
        application.last_seq = facts[-1][0]
        application.moved += _apply_to(
            {pk for _, ids in facts for pk in ids}, ruleset_of(version), version.pk
        )
    else:
        application.last_seq = application.until_seq
        application.state = State.DONE
        application.finished_at = database_now()
    application.save(update_fields=["last_seq", "moved", "state", "finished_at"])
    return True


def _apply_to(identifier_ids: set[int], ruleset: Ruleset, version: int) -> int:
    """Let the rules stand for the whole components of identifiers; return how many moved."""
    now = database_now()
    identifiers = Identifier.objects.filter(pk__in=identifier_ids)
    components = set(identifiers.values_list("component", flat=True))
    people, judgement = rejudge(components, ruleset, read_configuration())
    # First: a new public UUID takes the component of the person's other identifiers.
    _join_components(judgement)
    named = {pk for fact in people.facts for pk in fact.identifier_ids}
    settled = settle(
        people.inside,
        judgement.state,
        named,
        cause=MergeRule.RULES,
        now=now,
    )
    _replace_outcomes(people, judgement)
    _set_quarantines(people, judgement, now)
    IdentityFact.objects.filter(seq__in=judgement.seqs).update(judged_by=version)
    return settled.moved


def _join_components(judgement: Judgement) -> None:
    """Join the components that a fact would have joined, had the rules stood from the start."""
    union_find = UnionFind()
    for components in judgement.joined:
        union_find.join(sorted(components))
    joined = {component: union_find.root(component) for component in union_find.joined()}
    if joined:
        with connection.cursor() as cursor:
            cursor.execute(sql.JOIN_COMPONENTS, [array_of(joined), array_of(joined.values())])


def _replace_outcomes(people: StoredPeople, judgement: Judgement) -> None:
    """Store what the facts do now in the place of what they did by former rules."""
    former = IdentityOutcome.objects.filter(fact__in=judgement.seqs)
    pairs: list[tuple[int, int | None]] = [*former.values_list("identifier_id", "wanter_id")]
    former.delete()
    ids = {row.ref: row.id for row in people.identifiers.values()}
    days = {fact.seq: fact.day for fact in people.facts}
    rows = [
        row
        for seq, outcome in judgement.outcomes.items()
        for row in outcome_rows(ids, seq, days[seq], outcome)
    ]
    copy_outcomes(rows)
    pairs += [(identifier, wanter) for _, identifier, wanter, *_ in rows]
    recount_cases(pk for pair in pairs for pk in pair if pk is not None)


def _set_quarantines(people: StoredPeople, judgement: Judgement, now: datetime) -> None:
    wanted = {row.id for row in people.inside.values() if judgement.is_quarantined(row)}
    stored = {row.id for row in people.inside.values() if row.is_quarantined}
    Identifier.objects.filter(pk__in=wanted - stored).update(quarantined_at=now)
    Identifier.objects.filter(pk__in=stored - wanted).update(quarantined_at=None)
