"""Accounts in the admin: their list, the page of one, and the section of a person's page.

Invariant: traits pass through the mask, and restricted people are members of nothing.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models.aggregates import Min
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.accounts.reads import (
    Origin,
    accounts_of,
    counted_members,
    origins_of,
    sizes_of,
)
from profiles.admin.kit.base import BoundedList, ReadOnlyAdmin
from profiles.admin.kit.formatting import number, trust_text
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import Mask, mask_for
from profiles.admin.kit.people import display_name, readable
from profiles.admin.kit.sections import Section, sections
from profiles.admin.kit.unfold import ChangeList, display
from profiles.models import Account, Profile

VIEW = "profiles.view_profile"
SHOWN = 50
SUMMED_UP = 4  # traits in a line


class AccountTrait(NamedTuple):
    """A trait of an account as text, who gave it its value, and how far they are believed."""

    key: str
    value: str
    origin: Origin
    trust: str


class AccountMemberRow(NamedTuple):
    """A member as the page shows them."""

    profile_id: int
    name: str
    joined_at: datetime


class AccountList(BoundedList):
    """A page of accounts with the number of their members, in two queries more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        mask = mask_for(request)
        # A list, since a queryset would load the rows again and lose the attributes.
        accounts = list(self.result_list)
        sizes = sizes_of(accounts)
        for account in accounts:
            account.size = sizes[account.pk]
            account.shown_key = mask.tree(account.key)
            account.summary = summary_of(account.traits, mask)
        self.result_list = accounts


def summary_of(traits: Any, mask: Mask) -> str:
    """Return the first traits of an account in one line."""
    shown = list(mask.tree(traits).items())[:SUMMED_UP]
    return " · ".join(f"{key}: {readable(value)}" for key, value in shown)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts, for whoever may see people."""

    seen_with = VIEW
    list_display = ("account", "summed_up", "members", "trust", "created_at")
    list_filter = ("is_vouched",)
    sortable_by = ()
    ordering = ("key",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AccountList

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # A part of a key could be guessed sign by sign where the key is hidden.
        return ("key",) if request.user.has_perm(SEE_CONTACTS) else ("=key",)

    @display(description=_("account"))
    def account(self, row: Any) -> str:
        return str(row.shown_key)

    @display(description=_("traits"), empty_value="–")
    def summed_up(self, row: Any) -> str:
        return str(row.summary)

    @display(description=_("members"))
    def members(self, row: Any) -> str:
        return number(row.size)

    @display(description=_("trust"), label={"vouched": "success"})
    def trust(self, row: Account) -> str:
        return "vouched" if row.is_vouched else "claimed"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the traits of an account with their origins, and its members."""
        account: Account = self.found_or_404(request, object_id)
        mask = mask_for(request)
        return self.page(
            request,
            "admin/profiles/account/page.html",
            title=mask.tree(account.key),
            account=account,
            size=sizes_of([account])[account.pk],
            traits=_traits(account, mask),
            members=_members(account, mask),
            shown=SHOWN,
        )


def _traits(account: Account, mask: Mask) -> list[AccountTrait]:
    """Return the traits of an account, in one query."""
    origins = origins_of(account)
    return [
        AccountTrait(shown_key, readable(shown), origins[key], trust_text(origins[key].trust))
        for key, value in account.traits.items()
        # Alone, since a mask may make two keys alike.
        for shown_key, shown in mask.tree({key: value}).items()
    ]


def _members(account: Account, mask: Mask) -> list[AccountMemberRow]:
    """Return the members who were the first, in two queries."""
    rows = (
        counted_members(account)
        .values("profile_id")
        .annotate(joined_at=Min("first_at"))
        .order_by("joined_at", "profile_id")[:SHOWN]
    )
    joined = {row["profile_id"]: row["joined_at"] for row in rows}
    profiles = Profile.objects.in_bulk(joined)
    return [
        AccountMemberRow(
            profile_id,
            display_name(profiles[profile_id].traits, mask) or gettext("anonymous"),
            joined_at,
        )
        for profile_id, joined_at in joined.items()
        if profile_id in profiles
    ]


def load_accounts(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Load the accounts of a person. Takes two queries."""
    rows = accounts_of([profile.pk]).get(profile.pk, ())
    return {
        "accounts": [
            {
                "row": row,
                "key": mask.tree(row.account.key),
                "summary": summary_of(row.account.traits, mask),
            }
            for row in rows
        ]
    }


sections.declare(
    Section(
        key="accounts",
        title=_("Accounts"),
        icon="domain",
        template="admin/profiles/account/section.html",
        permission=VIEW,
        load=load_accounts,
        order=40,
    )
)
