"""The columns of an export: their names, and which there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from profiles.models import TraitDefinition
from profiles.services import kept_apart
from segments.lib.tables import ColumnType, TableColumn

MAX_COLUMNS = 50
NAMESPACES = ("email", "phone", "user_id")
ORDER_COLUMNS = ("orders", "value", "last_order_at")
ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class Column(TableColumn):
    """One column of an export, and what it is of."""

    trait: str = ""
    namespace: str = ""

    @property
    def is_personal(self) -> bool:
        """Whether it tells more than who is a member since when."""
        return self.name not in OPEN_COLUMNS


FIXED = {
    "id": ColumnType.TEXT,
    "entered_at": ColumnType.TIME,
    "last_seen_at": ColumnType.TIME,
    "orders": ColumnType.NUMBER,
    "value": ColumnType.NUMBER,
    "last_order_at": ColumnType.TIME,
    ACCOUNTS: ColumnType.JSON,
}
OPEN_COLUMNS = ("id", "entered_at")
TRAIT, IDENTIFIER = "trait.", "identifier."
_TYPES = {
    TraitDefinition.Type.NUMBER: ColumnType.NUMBER,
    TraitDefinition.Type.BOOLEAN: ColumnType.BOOLEAN,
    TraitDefinition.Type.LIST: ColumnType.JSON,
    TraitDefinition.Type.OBJECT: ColumnType.JSON,
}


class UnknownColumns(ValueError):
    """Names that no column has; `names` lists them."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)
        super().__init__(", ".join(self.names))


def column_choices() -> Mapping[str, Column]:
    """Return all columns by name. Special traits are none, since members have no value there."""
    fixed = {name: Column(name, kind) for name, kind in FIXED.items()}
    identifiers = {
        f"{IDENTIFIER}{namespace}": Column(
            f"{IDENTIFIER}{namespace}", ColumnType.JSON, namespace=namespace
        )
        for namespace in NAMESPACES
    }
    definitions = list(TraitDefinition.objects.order_by("key"))
    special = kept_apart(row.key for row in definitions)
    traits = {
        f"{TRAIT}{row.key}": Column(
            f"{TRAIT}{row.key}",
            _TYPES.get(TraitDefinition.Type(row.type), ColumnType.TEXT),
            trait=row.key,
        )
        for row in definitions
        if row.key not in special
    }
    return fixed | identifiers | traits


def read_columns(names: Iterable[str], choices: Mapping[str, Column]) -> list[Column]:
    """Return the columns of these names, each once; those that are always open for no name.

    Raises UnknownColumns.
    """
    wanted = list(dict.fromkeys(names)) or list(OPEN_COLUMNS)
    if unknown := [name for name in wanted if name not in choices]:
        raise UnknownColumns(unknown)
    return [choices[name] for name in wanted]
