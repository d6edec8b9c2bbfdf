"""The pages that a builder around definitions has: its views, and the form that it stands in.

Its views write nothing.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from profiles.admin.kit.base import TesseraAdmin
from segments.admin.builder.operations import Operation
from segments.admin.builder.suggestions import Search, Suggestion
from segments.admin.builder.views import (
    options_page,
    read_definition,
    read_operation,
    require_writer,
)


class BuilderAdmin(TesseraAdmin):
    """An admin with a builder.

    Subclasses name the templates of what is built and of what is told of it, the definition that a
    new one begins with, and say what is shown, suggested and told.
    """

    tree_template: str
    rail_template: str
    empty: dict[str, Any]

    def built(self, text: str, operation: Operation) -> Any:
        """Return what is shown of a definition in JSON text after an operation."""
        raise NotImplementedError

    def suggested(self, search: Search) -> list[Suggestion]:
        """Return what the store has for a field."""
        raise NotImplementedError

    def told(self, request: HttpRequest, definition: Any) -> dict[str, Any]:
        """Return the context in which a definition is told in words, with its faults."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, self._url_name("")
        return [
            path("builder/", view(self.build), name=f"{name}build"),
            path("builder/suggestions/", view(self.suggest), name=f"{name}suggest"),
            path("builder/preview/", view(self.preview), name=f"{name}preview"),
            *super().get_urls(),
        ]

    def _url_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def build(self, request: HttpRequest) -> HttpResponse:
        """Apply an operation to the definition in the form, and return what the builder shows."""
        require_writer(request)
        built = self.built(request.POST.get("definition", ""), read_operation(request))
        return self.page(request, self.tree_template, title=_("Builder"), built=built)

    def suggest(self, request: HttpRequest) -> HttpResponse:
        """Return the options of a field."""
        require_writer(request)
        return options_page(self, request, self.empty, self.suggested)

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Tell in words what the definition in the form does, and what it still lacks."""
        require_writer(request)
        told = self.told(request, read_definition(request.POST.get("definition", "")))
        return self.page(request, self.rail_template, title=_("Preview"), **told)

    def form_page(
        self,
        request: HttpRequest,
        form: forms.Form,
        *,
        title: str,
        submit: str,
        back: str,
        warning: str = "",
    ) -> HttpResponse:
        """Render a form whose field `definition` the builder shows."""
        urls = {
            f"{page}_url": reverse(f"admin:{self._url_name(page)}")
            for page in ("build", "suggest", "preview")
        }
        return self.page(
            request,
            "admin/segments/built_form.html",
            title=title,
            form=form,
            submit=submit,
            back=back,
            warning=warning,
            media=self.media + form.media,
            built=self.built(form["definition"].value() or "", Operation("show")),
            tree_template=self.tree_template,
            **urls,
        )
