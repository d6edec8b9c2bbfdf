"""Which tables are spread over a cluster, and by which column, as the declarations say."""

from typing import NamedTuple

from django.apps import apps
from django.db.models import ForeignKey, Model

from profiles.lib.cluster import BY_PERSON, PEOPLE
from profiles.registry import registry


class SpreadTable(NamedTuple):
    """A table that is spread, by which column, and its model."""

    model: type[Model]
    column: str

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @property
    def is_beside_people(self) -> bool:
        return self.column == BY_PERSON


def spread_tables() -> list[SpreadTable]:
    """All tables to spread in their order: people first, then what lies beside them."""
    tables = [
        SpreadTable(apps.get_model(label), column) for label, column in registry.spread.items()
    ]
    return sorted(tables, key=lambda table: (table.name != PEOPLE, not table.is_beside_people))


def keys_to_people(table: SpreadTable) -> list["ForeignKey[Model, Model]"]:
    """The foreign keys of a table that the database checks: each stays on one machine."""
    return [
        field
        for field in table.model._meta.concrete_fields
        if isinstance(field, ForeignKey)
        and getattr(field, "db_constraint", False)
        and table.model._meta.managed
    ]
