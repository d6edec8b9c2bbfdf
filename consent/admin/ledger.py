"""The consent ledger: read only, to the privacy roles."""

import json
from typing import Any

from django.contrib import admin
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display
from unfold.views import ChangeList

from consent.models import ConsentEvent
from consent.services import consent_proof
from profiles.admin.kit.base import MaskedAdmin, MaskedList
from profiles.admin.kit.formatting import profile_link
from profiles.models import Identifier

STATES = {
    **dict.fromkeys(("given", "renewed"), "success"),
    **dict.fromkeys(("refused", "withdrawn", "invalidated"), "danger"),
    **dict.fromkeys(("requested", "unknown"), "info"),
}


class LedgerList(MaskedList):
    """A page of the ledger with whom each row is about: one query more. Rows outlive identifiers, so no join finds them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        known = Identifier.objects.in_bulk({row.identifier_id for row in self.result_list})
        for row in self.result_list:
            row.holder = known.get(row.identifier_id)


@admin.register(ConsentEvent)
class ConsentEventAdmin(MaskedAdmin):
    """What was said about each purpose: by whom, how and when."""

    list_display = ("purpose_shown", "state_shown", "who", "actor", "method", "occurred_at")
    list_filter = ("purpose", "state", "kind", "actor", "method")
    sortable_by = ()
    fields = (
        *("purpose_shown", "state_shown", "who", "occurred_at", "received_at", "valid_until"),
        *("actor", "method", "trust", "source", "recorded_by", "proof"),
    )
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LedgerList

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentEvent]:
        found: QuerySet[ConsentEvent] = super().get_queryset(request)
        return found.select_related("purpose")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            found.holder = Identifier.objects.filter(pk=found.identifier_id).first()
        return found

    @display(description="purpose")
    def purpose_shown(self, event: ConsentEvent) -> str:
        key = event.purpose.key if event.purpose else "all direct marketing"
        return f"objection to {key}" if event.kind == "objection" else key

    @display(description="state", label=STATES)
    def state_shown(self, event: ConsentEvent) -> str:
        return event.state

    @display(description="who")
    def who(self, event: Any) -> str:
        holder = event.holder
        if holder is None:
            return "erased"
        shown = event.mask.identifier(holder.namespace, holder.value)
        return profile_link(holder.profile_id, f"{holder.namespace}: {shown}")

    @display(description="proof")
    def proof(self, event: Any) -> str:
        """Who, what text, when, how, where, until when; and whether the row is what was written."""
        proof = consent_proof(event.pk)
        if not event.mask.is_open:
            proof["who"] = "hidden"
        text = json.dumps(
            event.mask.tree(proof), cls=DjangoJSONEncoder, ensure_ascii=False, indent=2
        )
        return format_html('<pre class="t-code">{}</pre>', text)
