"""What ties a person's identifiers together, each with the way to part them, and the verdicts.

Invariant: addresses have the numbers of identifiers and never their values.
"""

from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from profiles.admin.kit.base import Question, TesseraAdmin, question_page, staff_actor
from profiles.admin.profile.deciding import ReasonForm, counts_of
from profiles.admin.profile.graph import edges_of
from profiles.admin.profile.page import facts_of, identifiers_of
from profiles.api.decision_effects import undo_with_effects
from profiles.identifiers.lookup import restricted_identifiers
from profiles.identity.engine import PROFILE
from profiles.models import Identifier, IdentityDecision, Profile

MOST_TIES = 60


class Tie(NamedTuple):
    """Two identifiers that facts name together, in words, and the address that parts them."""

    one: Identifier
    other: Identifier
    words: str
    url: str


class StandingVerdict(NamedTuple):
    """A verdict on this person, and the address that tries to undo it."""

    decision: IdentityDecision
    url: str


def parting_url(profile: Profile, one: int, other: int) -> str:
    """Return the address of the form that parts two identifiers of the profile."""
    query = urlencode({"one": one, "other": other})
    return f"{reverse('admin:profiles_profile_decide', args=[profile.pk])}?{query}"


def ties_of(profile: Profile) -> list[Tie]:
    """Return what facts tie together, the oldest first."""
    identifiers = identifiers_of(profile)
    rows = {row.pk: row for row in identifiers if row.namespace != PROFILE}
    edges = edges_of(facts_of(identifiers), set(rows))
    return [
        Tie(rows[one], rows[other], edge.title, parting_url(profile, one, other))
        for (one, other), edge in list(edges.items())[:MOST_TIES]
    ]


def verdicts_on(profile: Profile) -> list[StandingVerdict]:
    """Return the verdicts on the profile's identifiers that stand, the newest first."""
    return [
        StandingVerdict(row, reverse("admin:profiles_profile_undo", args=[profile.pk, row.uuid]))
        for row in _standing(profile).prefetch_related("one", "other")
    ]


def pair_of(profile: Profile, parameters: Any) -> dict[str, Any]:
    """Return what the form of a verdict begins with: the two identifiers of the address."""
    numbers = [parameters.get(name, "") for name in ("one", "other")]
    if not all(number.isdecimal() and len(number) < 18 for number in numbers):
        return {}
    own = {row.pk: row for row in identifiers_of(profile)}
    one, other = (own.get(int(number)) for number in numbers)
    return {"one": one.pk, "other": str(other)} if one and other else {}


def undo_page(
    admin: TesseraAdmin, request: HttpRequest, profile: Profile, uuid: UUID, *, restricted: bool
) -> HttpResponse:
    """Show what undoing a verdict would do, and undo it once it was seen."""
    decision = _standing(profile).filter(uuid=uuid).prefetch_related("one", "other").first()
    sides = [decision.one, decision.other] if decision else []
    if decision is None or (not restricted and restricted_identifiers(sides)):
        raise Http404
    form = ReasonForm(request.POST or None)
    back = reverse("admin:profiles_profile_decide", args=[profile.pk])
    is_done = form.is_valid()
    effects = undo_with_effects(
        decision,
        actor=staff_actor(request),
        with_restricted=restricted,
        is_dry_run=not is_done,
        reason=form.cleaned_data["reason"] if is_done else "",
    )
    if is_done:
        messages.success(request, gettext("The verdict is undone."))
        return redirect("admin:profiles_identitydecision_changelist")
    question = Question(
        title=gettext("Undo a verdict"),
        form=form,
        submit=gettext("Undo it"),
        back=back,
        warning=gettext("So it would be, as if the verdict had never been given."),
        counts=counts_of(effects),
    )
    return question_page(admin, request, question)


def _standing(profile: Profile) -> Any:
    # Not joined: on a cluster identifiers are spread, and verdicts are not.
    ids = [row.pk for row in identifiers_of(profile)]
    rows = IdentityDecision.objects.filter(Q(one__in=ids) | Q(other__in=ids), ended_at=None)
    return rows.order_by("-pk")
