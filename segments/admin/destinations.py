"""Destinations in the admin: which there are, what each is sent, and what staff do with one.

Invariant: a destination is sent what names people, so that only whoever may see contact data makes,
changes or tries one; its credentials are shown to nobody.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from profiles.admin.kit.base import (
    require,
    staff_actor,
)
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import hide_all
from profiles.admin.kit.unfold import display
from profiles.lib import exact_json
from profiles.models import Profile
from segments import services
from segments.activation.outcomes import Outcome
from segments.admin.destination_forms import DestinationForm, PersonForm, pretty
from segments.admin.exports import REASONS
from segments.admin.receivers import CHANGE, Page, ReceiverAdmin, posted
from segments.admin.visibility import hiding_for
from segments.lib.left_out import LeftOut
from segments.models import Destination

PAGE = "admin:segments_destination_change"
ADD = "admin:segments_destination_add"
SHOWN = 50
# What a mapping may read, as examples.
PATHS = ("id", "email", "phone", "user_id", "traits.first_name", "identifiers.email[0]", "segments")
OTHER_REASONS = {
    "no_member": gettext_lazy("in none of its segments"),
    "no_identifier": gettext_lazy("nothing by which the tool could know them"),
    "closed": gettext_lazy("the segment is paused or failed"),
}


@admin.register(Destination)
class DestinationAdmin(ReceiverAdmin):
    """Destinations, for whoever may see segments."""

    list_display = ("name", "tool_title", "purpose", "condition", "created_at")
    audit_type = "destination"
    working = gettext_lazy("is sent to")
    call_taken = gettext_lazy("The tool took the call.")
    replay_warning = gettext_lazy("Each gets what they are to be now, and asks the gate again.")
    end_warning = gettext_lazy(
        "The tool keeps whom it has. To take them out first, take all segments off."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms([CHANGE, SEE_CONTACTS])

    def own_pages(self) -> Mapping[str, Page]:
        return {"edit": self.edit, "trial": self.trial}

    def get_urls(self) -> list[URLPattern]:
        sample = self.admin_site.admin_view(self.sample)
        return [path("sample/", sample, name="segments_destination_sample"), *super().get_urls()]

    def try_out(self, receiver: Destination) -> Outcome:
        return services.check_account(receiver)

    def sent_again(self, count: int) -> str:
        return ngettext("%d person is sent again.", "%d people are sent again.", count) % count

    @display(description=gettext_lazy("tool"))
    def tool_title(self, destination: Destination) -> str:
        return str(services.load_tool(destination.tool).title)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a tool, then for what it needs, and make the destination."""
        self._require(request)
        key = request.GET.get("tool", "")
        if key not in services.tool_keys():
            tools = [services.load_tool(each) for each in services.tool_keys()]
            return self.page(
                request, "admin/segments/tools.html", title=_("New destination"), tools=tools
            )
        form = DestinationForm(request, services.load_tool(key), data=posted(request))
        if form.is_valid():
            try:
                new = services.NewDestination(tool=key, **form.fields_of_service())
                destination = services.create_destination(new, actor=staff_actor(request))
            except services.SegmentError as error:
                form.show_fault(error)
            else:
                return redirect(PAGE, destination.pk)
        return self._form_page(request, form, _("New destination"), reverse(ADD))

    def edit(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Change a destination; credentials that are left empty stay as they are."""
        destination = self.changeable(request, pk)
        tool = services.load_tool(destination.tool)
        form = DestinationForm(request, tool, destination=destination, data=posted(request))
        if form.is_valid():
            try:
                services.update_destination(
                    destination, actor=staff_actor(request), changes=form.fields_of_service()
                )
            except services.SegmentError as error:
                form.show_fault(error)
            else:
                return redirect(PAGE, pk)
        return self._form_page(request, form, destination.name, reverse(PAGE, args=[pk]))

    def _form_page(
        self, request: HttpRequest, form: DestinationForm, title: str, back: str
    ) -> HttpResponse:
        return self.page(
            request,
            "admin/segments/destination_form.html",
            title=title,
            form=form,
            tool=form.tool,
            paths=PATHS,
            back=back,
        )

    def sample(self, request: HttpRequest) -> HttpResponse:
        """Show what a mapping makes of somebody who does not exist."""
        self._require(request)
        tool, text = request.POST.get("tool", ""), request.POST.get("mapping", "")
        sample, fault = "", ""
        try:
            mapping = exact_json.read(text.encode())
            sample = pretty(services.sample_of(tool, mapping))
        except services.SegmentError as error:
            fault = f"{error.field}: {error.detail}"
        except (ValueError, RecursionError):
            fault = _("This is not JSON.")
        return self.page(
            request, "admin/segments/sample.html", title="", sample=sample, fault=fault
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a destination with its log, and the truth about one person."""
        destination: Destination = self.found_or_404(request, object_id)
        segments = services.heard_segments(destination)
        is_hidden = any(map(hiding_for(request), segments))
        may_see = request.user.has_perm(SEE_CONTACTS)
        form = PersonForm(request.GET if "person" in request.GET else None)
        return self.page(
            request,
            "admin/segments/destination.html",
            title=destination.name,
            row=destination,
            tool=services.load_tool(destination.tool),
            condition=self.condition(destination),
            segments=segments,
            mapping=pretty(destination.mapping),
            is_hidden=is_hidden,
            deliveries=[] if is_hidden else destination.deliveries.order_by("-pk")[:SHOWN],
            may_see=may_see,
            may_change=request.user.has_perms([CHANGE, SEE_CONTACTS]) and not is_hidden,
            form=form,
            **({} if is_hidden else self._truth(destination, form, may_see=may_see)),
        )

    def _truth(
        self, destination: Destination, form: PersonForm, *, may_see: bool
    ) -> dict[str, Any]:
        if not form.is_valid():
            return {}
        profile = Profile.objects.filter(uuid=form.cleaned_data["person"]).first()
        if profile is None:
            form.add_error("person", _("Nobody has this id."))
            return {}
        truth = services.truth_of(destination, profile)
        fields = truth.fields if may_see else hide_all(truth.fields)
        return {
            "truth": truth,
            "person": profile,
            "sent": pretty(fields),
            "why": reason_in_words(truth.refusal),
        }

    def trial(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Show what would be sent of the first members now; nothing is."""
        destination = self.changeable(request, pk)
        run = services.dry_run(destination)
        left_out = [(reason_word(reason), count) for reason, count in sorted(run.left_out.items())]
        return self.page(
            request,
            "admin/segments/destination_trial.html",
            title=_("What would be sent: %(name)s") % {"name": destination.name},
            row=destination,
            run=run,
            left_out=left_out,
            sample=[pretty(each) for each in run.sample],
        )

    def _require(self, request: HttpRequest) -> None:
        require(request, CHANGE)
        require(request, SEE_CONTACTS)

    def changeable(self, request: HttpRequest, pk: UUID) -> Destination:
        self._require(request)
        destination: Destination = self.found_or_404(request, str(pk))
        return destination


def reason_word(reason: str) -> str:
    """Return a reason why somebody is not sent, in words."""
    if reason in OTHER_REASONS:
        return str(OTHER_REASONS[reason])
    return str(REASONS[LeftOut(reason)])


def reason_in_words(refusal: services.Refusal | None) -> str:
    """Return why somebody is not sent, for which purpose and since when."""
    if refusal is None:
        return ""
    words = {"reason": reason_word(refusal.reason), "purpose": refusal.purpose}
    if refusal.since is None:
        return (_("%(reason)s (%(purpose)s)") if refusal.purpose else "%(reason)s") % words
    day = timezone.localtime(refusal.since).date().isoformat()
    return _("%(reason)s (%(purpose)s), since %(day)s") % {**words, "day": day}
