"""Fields of bodies that name people by any of their identifiers."""

from typing import Any

from rest_framework import serializers

MAX_REFERENCES = 1000


class ReferencesField(serializers.ListField):
    """From 1 to 1,000 identifiers as `namespace:value`, in the spelling of any source."""

    child: Any = serializers.RegexField(
        r"^[^:\s]+:[\s\S]*\S",
        max_length=1024,
        error_messages={
            "invalid": "Must look like namespace:value, such as email:ada@example.org."
        },
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_length": 1, "max_length": MAX_REFERENCES, **options})
