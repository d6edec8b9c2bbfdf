"""The catalogue of products in the admin, and which products are bought together."""

from io import BufferedReader
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget

from ingestion.catalogue.pairs import DEFAULT_DAYS, LEAST_ORDERS, MOST_PAIRS
from ingestion.models import Product
from ingestion.services import (
    FileFault,
    delete_product,
    import_products,
    product_pairs,
    save_product,
)
from profiles.admin.kit.base import TesseraAdmin, require, staff_actor
from profiles.admin.kit.unfold import ModelForm

VIEW, ADD = "ingestion.view_product", "ingestion.add_product"
# It is read within the request; larger ones are for the command.
MAX_BYTES = 20 * 1024 * 1024


class CatalogueForm(forms.Form):
    """A file of products."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "CSV, TSV, JSON lines, Excel or Parquet, also packed by gzip or zip."
        ),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("At most 20 MB; manage.py import_products takes more."))
        return file


@admin.register(Product)
class ProductAdmin(TesseraAdmin):
    """Products, with what the catalogue says of them."""

    list_display = ("name", "number", "category", "price", "cost", "updated_at")
    search_fields = ("number", "name", "category")
    ordering = ("name",)
    fields = ("number", "name", "category", "price", "cost", "attributes")
    audit_type = "product"
    list_before_template = "admin/ingestion/pairs_link.html"
    change_form_outer_before_template = "admin/ingestion/pairs_link.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("pairs/", view(self.pairs), name="ingestion_product_pairs"),
            path("upload/", view(self.upload), name="ingestion_product_upload"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {**(extra_context or {}), "may_upload": request.user.has_perm(ADD)}
        return super().changelist_view(request, extra)

    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file of products, or say what it would do."""
        require(request, ADD)
        is_posted = request.method == "POST"
        form = CatalogueForm(request.POST, request.FILES) if is_posted else CatalogueForm()
        report = None
        if is_posted and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                report = import_products(
                    BufferedReader(file),
                    actor=staff_actor(request),
                    is_dry_run="try" in request.POST,
                )
            except FileFault as error:
                form.add_error("file", str(error))
        return self.page(
            request,
            "admin/ingestion/catalogue.html",
            title=_("Upload a catalogue"),
            form=form,
            report=report,
            is_dry_run="try" in request.POST,
            back=reverse("admin:ingestion_product_changelist"),
        )

    def audit_key(self, row: Product) -> str:
        return row.number

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        # Events name it, so that a change would make it another product.
        return ("number",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return request.user.has_perm("ingestion.delete_product")

    def save_model(self, request: HttpRequest, obj: Product, form: ModelForm, change: Any) -> None:
        save_product(obj, actor=staff_actor(request))

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        delete_product(obj, actor=staff_actor(request))

    def pairs(self, request: HttpRequest) -> HttpResponse:
        """Show what is bought together, of one product if the address names it."""
        require(request, VIEW)
        number = request.GET.get("product") or None
        product = Product.objects.filter(number=number).first() if number else None
        pairs = product_pairs(now=timezone.now(), number=number)
        return self.page(
            request,
            "admin/ingestion/pairs.html",
            title=_("Bought together"),
            product=product,
            pairs=pairs,
            days=DEFAULT_DAYS,
            least=LEAST_ORDERS,
            is_cut=pairs is not None and len(pairs) == MOST_PAIRS,
            back=reverse("admin:ingestion_product_changelist"),
        )
