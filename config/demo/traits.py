"""The traits of the demo, as its staff reviewed them: what everybody who works with it may see."""

from config.demo.actor import DEMO
from profiles.models import TraitDefinition
from profiles.services import save_trait_definition
from segments.services import create_computed_trait

Category, Type = TraitDefinition.Category, TraitDefinition.Type
ORDINARY = {
    "country": Type.TEXT,
    "city": Type.TEXT,
    "gender": Type.TEXT,
    "interests": Type.LIST,
    "loyalty_tier": Type.TEXT,
    "language": Type.TEXT,
    "has_account": Type.BOOLEAN,
}
CONTACT = {
    "first_name": Type.TEXT,
    "last_name": Type.TEXT,
    "email": Type.TEXT,
    "phone": Type.TEXT,
}


# What is computed from events, with the label and the definition of each.
COMPUTED: dict[str, tuple[str, dict[str, str]]] = {
    "orders_in_total": ("Orders in total", {"name": "Order Completed"}),
    "spent_in_total": (
        "Spent in total",
        {"name": "Order Completed", "aggregate": "net"},
    ),
    "last_order_at": ("Last order", {"name": "Order Completed", "aggregate": "last_at"}),
}


def define_traits() -> None:
    """Store the reviewed definitions that are missing; staff may have changed the others."""
    for category, types in ((Category.ORDINARY, ORDINARY), (Category.CONTACT, CONTACT)):
        for key, kind in types.items():
            if not TraitDefinition.objects.filter(key=key).exists():
                definition = TraitDefinition(
                    key=key, type=kind, category=category, is_reviewed=True
                )
                save_trait_definition(definition, actor=DEMO)


def compute_traits() -> None:
    """Define the computed traits that are missing; the next refresh computes them."""
    for key, (label, definition) in COMPUTED.items():
        if not TraitDefinition.objects.filter(key=key).exists():
            create_computed_trait(key=key, label=label, definition=definition, actor=DEMO)
