"""The consent ledger in the admin, read only."""

import json
from typing import Any

from django.contrib import admin
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.models import ConsentEvent
from consent.services import consent_proof, signed_proof
from profiles.admin.kit.base import MaskedAdmin, MaskedList, require
from profiles.admin.kit.formatting import profile_link
from profiles.admin.kit.unfold import ChangeList, display
from profiles.models import Identifier

STATE_COLOURS = {
    "given": "success",
    "renewed": "success",
    "refused": "danger",
    "withdrawn": "danger",
    "invalidated": "danger",
    "requested": "info",
    "unknown": "info",
}


class LedgerList(MaskedList):
    """A page of the ledger whose events have their `identifier_or_none`, in one query more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Events outlive their identifiers, so a join would lose those of erased people.
        identifiers = Identifier.objects.in_bulk(
            {event.identifier_id for event in self.result_list}
        )
        for event in self.result_list:
            event.identifier_or_none = identifiers.get(event.identifier_id)


@admin.register(ConsentEvent)
class ConsentEventAdmin(MaskedAdmin):
    """Consent events: who decided what about which purpose, how and when."""

    list_display = ("purpose_label", "state_label", "who", "actor", "method", "occurred_at")
    list_filter = ("purpose", "state", "kind", "actor", "method")
    sortable_by = ()
    fields = (
        "purpose_label",
        "state_label",
        "who",
        "occurred_at",
        "received_at",
        "valid_until",
        "actor",
        "method",
        "trust",
        "source",
        "recorded_by",
        "proof",
    )
    readonly_fields = fields
    change_form_outer_after_template = "admin/consent/proof_link.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.printed_proof)
        return [
            path("<uuid:pk>/proof/", view, name="consent_consentevent_proof"),
            *super().get_urls(),
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        url = reverse("admin:consent_consentevent_proof", args=[object_id]) if object_id else ""
        extra = {**(extra_context or {}), "proof_url": url}
        return super().changeform_view(request, object_id, form_url, extra)

    def printed_proof(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Show the proof as a page that prints, with the very texts that were shown."""
        require(request, "consent.view_consentevent")
        event = self.found_or_404(request, str(pk))
        proof = self._masked_proof(event)
        evidence = json.dumps(
            proof["where"]["evidence"], cls=DjangoJSONEncoder, ensure_ascii=False, indent=2
        )
        return self.page(
            request,
            "admin/consent/proof.html",
            title=str(event.pk),
            event=event,
            proof=proof,
            evidence=evidence,
            # It has the values that this person may not see.
            jws=signed_proof(proof) if event.mask.is_open else "",
        )

    def _masked_proof(self, event: Any) -> dict[str, Any]:
        proof = consent_proof(event.pk)
        if event.mask.is_open:
            return proof
        # The rest says nothing of a person, and words that were shown must not be cut.
        return proof | {"who": "hidden", "where": event.mask.tree(proof["where"])}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LedgerList

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentEvent]:
        events: QuerySet[ConsentEvent] = super().get_queryset(request)
        return events.select_related("purpose")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        event = super().get_object(request, object_id, from_field)
        if event is not None:
            identifiers = Identifier.objects.filter(pk=event.identifier_id)
            event.identifier_or_none = identifiers.first()
        return event

    @display(description=_("purpose"))
    def purpose_label(self, event: ConsentEvent) -> str:
        key = event.purpose.key if event.purpose else gettext("all direct marketing")
        if event.kind != "objection":
            return key
        return gettext("objection to %(purpose)s") % {"purpose": key}

    @display(description=_("state"), label=STATE_COLOURS)
    def state_label(self, event: ConsentEvent) -> tuple[str, str]:
        return event.state, event.get_state_display()

    @display(description=_("who"))
    def who(self, event: Any) -> str:
        identifier = event.identifier_or_none
        if identifier is None:
            return gettext("erased")
        value = event.mask.identifier(identifier.namespace, identifier.value)
        return profile_link(identifier.profile_id, f"{identifier.namespace}: {value}")

    @display(description=_("proof"))
    def proof(self, event: Any) -> str:
        proof = self._masked_proof(event)
        text = json.dumps(proof, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        return format_html('<pre class="t-code">{}</pre>', text)
