"""Filters of the lists of profiles and what belongs to them, of accounts and audit entries."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet
from django_filters.rest_framework import (
    BooleanFilter,
    CharFilter,
    ChoiceFilter,
    NumberFilter,
)
from rest_framework.exceptions import ErrorDetail, ValidationError

from profiles import reads
from profiles.api.kit.access import sees_restricted
from profiles.api.kit.lists import StrictFilterSet, TimeFilter
from profiles.api.kit.strict import PAGING
from profiles.api.serializers import STATUSES
from profiles.models import (
    Account,
    AccountMember,
    ActorKind,
    AuditEntry,
    DecisionVerdict,
    Event,
    EventName,
    Identifier,
    IdentityCase,
    IdentityDecision,
    IdentityRulesVersion,
    MatchProposal,
    Merge,
    Profile,
    RulesApplication,
)
from profiles.traits.sensitivity import Category, load_categories

TRAIT_PREFIX = "trait."


class TraitFilterSet(StrictFilterSet):
    """The base of filters by trait: `trait.KEY=TEXT`."""

    @classmethod
    def knows(cls, name: str) -> bool:
        return super().knows(name) or name.startswith(TRAIT_PREFIX)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = super().filter_queryset(queryset)
        for key, text in self._trait_filters():
            queryset = reads.having_trait(queryset, key, text)
        return queryset

    def category_of(self, key: str) -> Category:
        """Return how sensitive a trait is."""
        return load_categories().of(key)

    def _trait_filters(self) -> Iterator[tuple[str, str]]:
        """Yield the key and text of each trait filter. Raises ValidationError."""
        for name, texts in self.data.lists():
            if name.startswith(TRAIT_PREFIX):
                self._refuse_contact_trait(name)
                for text in texts:
                    # PostgreSQL cannot store NUL, and refuses it with an error.
                    if "\x00" in name + text:
                        raise ValidationError({TRAIT_PREFIX: ["Null characters are not allowed."]})
                    yield name.removeprefix(TRAIT_PREFIX), text

    def _refuse_contact_trait(self, name: str) -> None:
        """Refuse contact data in a URL, since URLs are written to logs."""
        if self.category_of(name.removeprefix(TRAIT_PREFIX)) != Category.ORDINARY:
            detail = "Contact and special data have no place in a URL; POST to …/profiles/lookup/."
            raise ValidationError({name: [ErrorDetail(detail, code="contact_trait")]})


class ProfileFilter(TraitFilterSet):
    """Filters of profiles.

    A key that may not read restricted profiles finds them by their status only: any other filter
    would tell what they contain.
    """

    segment = CharFilter(method="in_segment", help_text="Members of the segment with this key.")
    source = CharFilter(
        method="named_by_source", help_text="Those whom the source with this key has named."
    )
    seen_after = TimeFilter("last_seen_at", "gte", help_text="Last seen at this time or later.")
    seen_before = TimeFilter("last_seen_at", "lt", help_text="Last seen before this time.")
    status = ChoiceFilter(choices=STATUSES, method="with_status")

    class Meta:
        model = Profile
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Profile]) -> QuerySet[Profile]:
        queryset = super().filter_queryset(queryset)
        if self._filters_by_content() and not sees_restricted(self.request):
            queryset = queryset.filter(is_restricted=False)
        return queryset

    def in_segment(self, queryset: Any, _name: str, key: str) -> QuerySet[Profile]:
        return reads.in_segment(queryset, key)

    def named_by_source(self, queryset: Any, _name: str, key: str) -> QuerySet[Profile]:
        return reads.named_by_source(queryset, key)

    def with_status(self, queryset: Any, _name: str, status: str) -> QuerySet[Profile]:
        profiles: QuerySet[Profile] = queryset.filter(is_restricted=status == "restricted")
        return profiles

    def _filters_by_content(self) -> bool:
        return any(name not in PAGING | {"status"} for name in self.data)


class AccountFilter(TraitFilterSet):
    """Filters of accounts."""

    key = CharFilter("key", help_text="The groupId of group calls.")
    vouched = BooleanFilter("is_vouched")
    created_after = TimeFilter("created_at", "gte", help_text="First met at this time or later.")
    created_before = TimeFilter("created_at", "lt", help_text="First met before this time.")

    class Meta:
        model = Account
        fields: list[str] = []

    def category_of(self, key: str) -> Category:
        """Return how sensitive a trait is; a name is that of a company."""
        return load_categories().of_property(key)


class AccountMemberFilter(StrictFilterSet):
    """Filters of an account's members."""

    vouched = BooleanFilter("is_vouched")

    class Meta:
        model = AccountMember
        fields: list[str] = []


class IdentifierFilter(StrictFilterSet):
    """Filters of a profile's identifiers."""

    namespace = CharFilter("namespace", help_text="Such as email, user_id, anonymous_id.")
    vouched = BooleanFilter("is_vouched")

    class Meta:
        model = Identifier
        fields: list[str] = []


class EventFilter(StrictFilterSet):
    """Filters of a profile's events."""

    name = CharFilter("name__name", help_text="What the event is called.")
    type = ChoiceFilter(field_name="name__kind", choices=EventName.Kind.choices)
    source = CharFilter("source__key", help_text="The key of the source.")
    after = TimeFilter("timestamp", "gte", help_text="At this time or later.")
    before = TimeFilter("timestamp", "lt", help_text="Before this time.")

    class Meta:
        model = Event
        fields: list[str] = []


class MergeFilter(StrictFilterSet):
    """Filters of a profile's merges."""

    after = TimeFilter("merged_at", "gte", help_text="At this time or later.")
    before = TimeFilter("merged_at", "lt", help_text="Before this time.")

    class Meta:
        model = Merge
        fields: list[str] = []


class QuarantineFilter(StrictFilterSet):
    """Filters of quarantined identifiers."""

    namespace = CharFilter("namespace", help_text="Such as email, user_id, anonymous_id.")
    after = TimeFilter("quarantined_at", "gte", help_text="At this time or later.")
    before = TimeFilter("quarantined_at", "lt", help_text="Before this time.")

    class Meta:
        model = Identifier
        fields: list[str] = []


class DecisionFilter(StrictFilterSet):
    """Filters of verdicts."""

    verdict = ChoiceFilter(choices=DecisionVerdict.choices)
    standing = BooleanFilter(
        "ended_at", "isnull", help_text="Whether it was neither undone nor replaced."
    )
    after = TimeFilter("decided_at", "gte", help_text="At this time or later.")
    before = TimeFilter("decided_at", "lt", help_text="Before this time.")

    class Meta:
        model = IdentityDecision
        fields: list[str] = []


class CaseFilter(StrictFilterSet):
    """Filters of cases."""

    kind = ChoiceFilter(choices=IdentityCase.Kind.choices)
    state = ChoiceFilter(choices=IdentityCase.State.choices)

    class Meta:
        model = IdentityCase
        fields: list[str] = []


class RulesApplicationFilter(StrictFilterSet):
    """Filters of applications of rules."""

    state = ChoiceFilter(choices=RulesApplication.State.choices)
    after = TimeFilter("started_at", "gte", help_text="Begun at this time or later.")
    before = TimeFilter("started_at", "lt", help_text="Begun before this time.")

    class Meta:
        model = RulesApplication
        fields: list[str] = []


class RulesVersionFilter(StrictFilterSet):
    """Filters of versions of rules."""

    after = TimeFilter("created_at", "gte", help_text="Begun at this time or later.")
    before = TimeFilter("created_at", "lt", help_text="Begun before this time.")

    class Meta:
        model = IdentityRulesVersion
        fields: list[str] = []


class MatchProposalFilter(StrictFilterSet):
    """Filters of proposals."""

    state = ChoiceFilter(choices=MatchProposal.State.choices)
    probability_min = NumberFilter("probability", "gte", help_text="At least so probable.")
    after = TimeFilter("scored_at", "gte", help_text="Scored at this time or later.")
    before = TimeFilter("scored_at", "lt", help_text="Scored before this time.")

    class Meta:
        model = MatchProposal
        fields: list[str] = []


class AuditFilter(StrictFilterSet):
    """Filters of audit entries."""

    actor = ChoiceFilter(
        field_name="actor_kind", choices=ActorKind.choices, help_text="The kind of the actor."
    )
    verb = CharFilter("verb", help_text="Such as segment.changed.")
    object_type = CharFilter("object_type", help_text="Such as segment, purpose or profile.")
    object_key = CharFilter(method="about", help_text="The key of the object.")
    after = TimeFilter("at", "gte", help_text="At this time or later.")
    before = TimeFilter("at", "lt", help_text="Before this time.")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def about(self, queryset: Any, _name: str, key: str) -> QuerySet[AuditEntry]:
        entries: QuerySet[AuditEntry] = queryset.filter(Q(object_key=key) | Q(body__object_key=key))
        return entries
