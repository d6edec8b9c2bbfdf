"""The request and response bodies of products."""

from typing import Any

from rest_framework import serializers

from ingestion.models import Product
from ingestion.models.products import NUMBER_VALIDATOR, check_attributes
from profiles.api.kit.fields import NumberField

MAX_BULK = 1000


class AmountField(serializers.DecimalField):
    """A decimal that is answered as a JSON number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_digits=20, decimal_places=4, min_value=0, coerce_to_string=False, **kwargs
        )

    def to_representation(self, value: Any) -> Any:
        return NumberField().to_representation(value)


class ProductChangeSerializer(serializers.ModelSerializer[Product]):
    """What can be changed of a product. Prices are in the store's currency, without tax."""

    price = AmountField(required=False, allow_null=True)
    cost = AmountField(required=False, allow_null=True)
    attributes = serializers.DictField(required=False, validators=[check_attributes])

    class Meta:
        model = Product
        fields: tuple[str, ...] = ("name", "category", "price", "cost", "attributes")


class ProductSerializer(ProductChangeSerializer):
    """One product, under the `product_id` (else `sku`) by which events name it."""

    id = serializers.CharField(source="number", max_length=255, validators=[NUMBER_VALIDATOR])

    class Meta(ProductChangeSerializer.Meta):
        fields = ("id", *ProductChangeSerializer.Meta.fields, "updated_at")
        read_only_fields = ("updated_at",)


class ProductsSerializer(serializers.Serializer[Any]):
    """Many products: each is created, or replaces the one with its id."""

    products = ProductSerializer(many=True, min_length=1, max_length=MAX_BULK)  # type: ignore[call-arg]


class SavedProductsSerializer(serializers.Serializer[Any]):
    """How many products were new, changed, and as before."""

    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class ProductNameSerializer(serializers.Serializer[Any]):
    """A product; the name is empty where the catalogue does not have it."""

    id = serializers.CharField(source="number")
    name = serializers.CharField()


class ProductPairSerializer(serializers.Serializer[Any]):
    """Two products that are bought together.

    `lift` is how many times more often they come together than by chance, `confidence` the share of
    the orders of the rarer one that had the other, too.
    """

    one = ProductNameSerializer()
    other = ProductNameSerializer()
    orders = serializers.IntegerField(help_text="Orders of both.")
    orders_of_one = serializers.IntegerField()
    orders_of_other = serializers.IntegerField()
    all_orders = serializers.IntegerField(help_text="Orders of any product in these days.")
    lift = NumberField()
    confidence = NumberField()
