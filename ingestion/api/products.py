"""Products: `/api/v1/products/`."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED
from rest_framework.viewsets import GenericViewSet

from ingestion.api import filters
from ingestion.api import product_serializers as serializers
from ingestion.catalogue.pairs import DEFAULT_DAYS, MAX_DAYS
from ingestion.models import Product
from ingestion.services import delete_product, product_pairs, save_product, save_products
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import one_page, page_of
from profiles.api.kit.problems import problem, validated
from profiles.lib.database import database_now
from profiles.models.access import Scope


class ProductViewSet(
    ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Product]
):
    """The catalogue of products.

    What it says of a product is copied into the events that name the product as they come: under
    `catalog`, beside `product_id` and in each element of `products`. A change holds for events that
    come after it.
    """

    scopes = {
        "GET": Scope.PROFILES_READ,
        "POST": Scope.EVENTS_WRITE,
        "PATCH": Scope.EVENTS_WRITE,
        "DELETE": Scope.EVENTS_WRITE,
    }
    bodiless_actions = ("destroy",)
    queryset = Product.objects.all()
    serializer_class: Any = serializers.ProductSerializer
    filterset_class: Any = filters.ProductFilter
    cursor_ordering = ("number",)
    lookup_field = "number"
    lookup_url_kwarg = "id"
    lookup_value_converter = "str"

    @extend_schema(responses={HTTP_201_CREATED: serializers.ProductSerializer})
    def create(self, request: Request) -> Response:
        """Create a product. 400 where there is one with this id."""
        fields = validated(self.get_serializer(data=request.data))
        product = _saved(Product(**fields), request)
        return Response(self.get_serializer(product).data, HTTP_201_CREATED)

    @extend_schema(
        request=serializers.ProductChangeSerializer, responses=serializers.ProductSerializer
    )
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        """Change a product, for events that come from now on."""
        changes = validated(serializers.ProductChangeSerializer(data=request.data, partial=True))
        product = self.get_object()
        for name, value in changes.items():
            setattr(product, name, value)
        return Response(self.get_serializer(_saved(product, request)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:  # noqa: A002
        """Delete a product. Events that were of it keep what they say."""
        delete_product(self.get_object(), actor=actor_of(request))
        return Response(status=204)

    @extend_schema(
        request=serializers.ProductsSerializer, responses=serializers.SavedProductsSerializer
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def bulk(self, request: Request) -> Response:
        """Create or replace up to 1,000 products. The same again changes nothing."""
        fields = validated(serializers.ProductsSerializer(data=request.data))
        saved = save_products(fields["products"], actor=actor_of(request))
        return Response(serializers.SavedProductsSerializer(saved).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("product", description="Only pairs with the product of this id."),
            OpenApiParameter(
                "days", int, description=f"Of how many days, at most {MAX_DAYS}; {DEFAULT_DAYS}."
            ),
        ],
        responses=page_of(serializers.ProductPairSerializer),
        filters=False,
    )
    @action(
        detail=False,
        filterset_class=None,
        pagination_class=None,
        query_parameters=("product", "days"),
    )
    def pairs(self, request: Request) -> Response:
        """List products that were bought together, by how much more often than by chance.

        Pairs of at least five orders, at most 200.
        """
        days = request.query_params.get("days", str(DEFAULT_DAYS))
        if not (days.isascii() and days.isdigit() and 1 <= int(days[:6]) <= MAX_DAYS):
            raise problem("days", "out_of_range", f"1 to {MAX_DAYS}.")
        pairs = product_pairs(
            now=database_now(), number=request.query_params.get("product"), days=int(days)
        )
        if pairs is None:
            raise problem("days", "too_slow", "Counting takes too long; ask about fewer days.")
        return one_page(serializers.ProductPairSerializer, pairs)


def _saved(product: Product, request: Request) -> Product:
    try:
        return save_product(product, actor=actor_of(request))
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        path = {"number": "id", "__all__": ""}.get(name, name)
        raise problem(path, "invalid", messages[0]) from None
