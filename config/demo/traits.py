"""The traits of the demo, as its staff reviewed them: what everybody who works with it may see."""

from config.demo.actor import DEMO
from profiles.models import TraitDefinition
from profiles.services import save_trait_definition

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


def define_traits() -> None:
    """Store the reviewed definitions that are missing; staff may have changed the others."""
    for category, types in ((Category.ORDINARY, ORDINARY), (Category.CONTACT, CONTACT)):
        for key, kind in types.items():
            if not TraitDefinition.objects.filter(key=key).exists():
                definition = TraitDefinition(
                    key=key, type=kind, category=category, is_reviewed=True
                )
                save_trait_definition(definition, actor=DEMO)
