"""The request and response bodies of pools of codes."""

from typing import Any

from rest_framework import serializers

from segments.models import CodePool
from segments.services import stock_of


class CodePoolSerializer(serializers.ModelSerializer[CodePool]):
    """Codes of one kind, each given to one person at most.

    An `event` whose `property` is a code says that it was redeemed.
    """

    class Meta:
        model = CodePool
        fields: tuple[str, ...] = (
            *("key", "name", "expires_at", "alert_below", "event", "property", "created_at"),
        )
        read_only_fields: tuple[str, ...] = ("created_at",)
        # The service says that a key is taken.
        extra_kwargs = {"key": {"validators": [*CodePool._meta.get_field("key").validators[:1]]}}


class CodePoolChangeSerializer(CodePoolSerializer):
    """What may change of a pool."""

    class Meta(CodePoolSerializer.Meta):
        fields = ("name", "expires_at", "alert_below", "event", "property")
        read_only_fields = ()


class StockedPoolSerializer(CodePoolSerializer):
    """A pool, and how many of its codes are free, given, and redeemed of those."""

    free = serializers.IntegerField(read_only=True)
    given = serializers.IntegerField(read_only=True)
    redeemed = serializers.IntegerField(read_only=True)

    class Meta(CodePoolSerializer.Meta):
        fields = (*CodePoolSerializer.Meta.fields, "free", "given", "redeemed")

    def to_representation(self, instance: CodePool) -> dict[str, Any]:
        stock = stock_of(instance)
        instance.free, instance.given, instance.redeemed = (  # type: ignore[attr-defined]
            *(stock.free, stock.given, stock.redeemed),
        )
        fields: dict[str, Any] = super().to_representation(instance)
        return fields


class CodesSerializer(serializers.Serializer[Any]):
    """Codes to put into a pool: 4 to 64 letters, digits and signs each."""

    codes = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=10_000
    )


class NewCodesSerializer(serializers.Serializer[Any]):
    """How many codes to make by chance, and of which form."""

    count = serializers.IntegerField(min_value=1, max_value=100_000)
    length = serializers.IntegerField(min_value=8, max_value=24, default=10)
    prefix = serializers.RegexField(r"^[A-Z0-9-]{0,16}$", default="", allow_blank=True)


class AddedCodesSerializer(serializers.Serializer[Any]):
    """How many codes were put into the pool that were not in it."""

    added = serializers.IntegerField()
