"""Mail templates in the admin: what each says, shown as a person in the light and in the dark.

Invariant: a person's traits pass through the mask of who looks, and a page is shown in a frame in
which nothing runs and which belongs to no site.
"""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.admin.kit.masks import mask_for
from profiles.models import Profile, StaffRead
from profiles.services import note_reads, persons_of
from segments import services
from segments.admin.mail_forms import LANGUAGES, MailTemplateForm, NewMailTemplateForm, ShownAsForm
from segments.language.operands import DefinitionError
from segments.models import MailTemplate

VIEW, ADD, CHANGE = "segments.view_segment", "segments.add_segment", "segments.change_segment"
PAGE = "admin:segments_mailtemplate_change"
LIST = "admin:segments_mailtemplate_changelist"


@admin.register(MailTemplate)
class MailTemplateAdmin(ReadOnlyAdmin):
    """Mail templates, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("name", "key", "markup", "version", "created_at")
    list_filter = ("markup",)
    search_fields = ("name", "key")
    ordering = ("name",)
    audit_type = "mail_template"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "segments_mailtemplate"
        return [
            path("<int:pk>/edit/", view(self.edit), name=f"{name}_edit"),
            path("<int:pk>/end/", view(self.end), name=f"{name}_end"),
            path("<int:pk>/test/", view(self.test), name=f"{name}_test"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a template, and save it."""
        require(request, ADD)
        form = NewMailTemplateForm(None, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                row = services.create_mail_template(actor=staff_actor(request), **form.saved())
            except DefinitionError as error:
                form.add_faults(error)
            except services.SegmentError as error:
                form.add_error(error.field, error.detail)
            else:
                return redirect(PAGE, row.pk)
        return self._ask(request, form, _("New mail template"), _("Make"), reverse(LIST))

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change what a template says; a change is a new version."""
        require(request, CHANGE)
        row: MailTemplate = self.found_or_404(request, str(pk))
        form = MailTemplateForm(row, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                services.update_mail_template(row, actor=staff_actor(request), changes=form.saved())
            except DefinitionError as error:
                form.add_faults(error)
            else:
                return redirect(PAGE, pk)
        title = _("Change %(name)s") % {"name": row.name}
        return self._ask(request, form, title, _("Save"), reverse(PAGE, args=[pk]))

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete a template, asked by a POST."""
        require(request, CHANGE)
        row: MailTemplate = self.found_or_404(request, str(pk))
        if request.method == "POST":
            try:
                services.delete_mail_template(row, actor=staff_actor(request))
            except services.SegmentError as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, _("%(name)s is deleted.") % {"name": row.name})
                return redirect(LIST)
        return redirect(PAGE, pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what a template says to somebody, in each language."""
        row: MailTemplate = self.found_or_404(request, object_id)
        form = ShownAsForm(request.GET if "person" in request.GET else None)
        traits = self._traits(request, form)
        letters = [
            (code, LANGUAGES.get(code, code), services.preview_mail(row, traits, language=code))
            for code in sorted(row.texts)
        ]
        pages = [
            [services.in_scheme(letter.html, is_dark=is_dark) for is_dark in (False, True)]
            for *_names, letter in letters
        ]
        return self.page(
            request,
            "admin/segments/mail_template.html",
            title=row.name,
            row=row,
            form=form,
            letters=list(zip(letters, pages, strict=True)),
            may_change=request.user.has_perm(CHANGE),
            sending=services.automations_sending(row.key),
            person=request.GET.get("person", "") if form.is_valid() else "",
            address=cast("User", request.user).email,
        )

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a template to who looks at it, as it is shown; asked by a POST."""
        require(request, CHANGE)
        row: MailTemplate = self.found_or_404(request, str(pk))
        address, language = cast("User", request.user).email, request.POST.get("language", "")
        form = ShownAsForm(request.POST)
        if request.method == "POST" and address and language in row.texts and form.is_valid():
            try:
                services.send_test_mail(
                    row,
                    self._traits(request, form),
                    to=address,
                    language=language,
                    actor=staff_actor(request),
                )
                messages.success(request, _("The mail is on its way to you."))
            except OSError:
                messages.error(request, _("The mail server did not take it."))
        return redirect(PAGE, pk)

    def _ask(
        self, request: HttpRequest, form: MailTemplateForm, title: str, submit: str, back: str
    ) -> HttpResponse:
        question = Question(title=title, form=form, submit=submit, back=back)
        return question_page(self, request, question)

    def _traits(self, request: HttpRequest, form: ShownAsForm) -> dict[str, Any]:
        """Return the traits of who would read it, masked; none where nobody is named."""
        uuid = form.cleaned_data["person"] if form.is_valid() else None
        if uuid is None:
            return {}
        person = Profile.objects.filter(uuid=uuid, is_restricted=False).first()
        if person is None:
            form.add_error("person", _("Nobody has this id."))
            return {}
        mask = mask_for(request)
        note_reads(
            persons_of([person]),
            StaffRead.Page.PROFILE,
            reader=staff_actor(request),
            is_open=mask.is_open,
        )
        return mask.traits(person.traits)
