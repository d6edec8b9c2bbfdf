"""The catalogue of products in the admin, and which products are bought together."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ingestion.catalogue.pairs import DEFAULT_DAYS, LEAST_ORDERS, MOST_PAIRS
from ingestion.models import Product
from ingestion.services import delete_product, product_pairs, save_product
from profiles.admin.kit.base import TesseraAdmin, require, staff_actor
from profiles.admin.kit.unfold import ModelForm

VIEW = "ingestion.view_product"


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
        view = self.admin_site.admin_view(self.pairs)
        return [path("pairs/", view, name="ingestion_product_pairs"), *super().get_urls()]

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
