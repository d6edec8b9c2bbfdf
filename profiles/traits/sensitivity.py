"""How sensitive a trait or a property is, by its definition, else by its key.

Invariant: only what staff reviewed as ordinary counts as ordinary for sure. What nobody reviewed
is hidden as a trait; its key tells whether it names or reaches a person, or is special data.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import F, Value

from profiles.models import SchemaKey, SchemaPart, TraitDefinition

Category = TraitDefinition.Category
# Keys of values that name or reach a person, as `plain_key` spells them.
NAME_KEYS = frozenset({"name", "username", "displayname", "nickname"})
CONTACT_KEYS = NAME_KEYS | {
    *("firstname", "lastname", "fullname", "surname", "givenname", "familyname", "maidenname"),
    *("email", "emailaddress", "phone", "phonenumber", "mobile", "telephone", "tel", "fax"),
    *("address", "street", "postaladdress", "ip", "ipaddress", "token", "advertisingid"),
    *("deviceid", "idfa", "gaid", "avatar", "userid", "anonymousid", "previousid", "identifier"),
    *("iban", "bic", "accountnumber", "cardnumber", "creditcard", "ssn", "nationalid", "passport"),
    *("passportnumber", "taxid", "profileurl", "linkedin", "facebook", "instagram", "twitter"),
    *("latitude", "longitude"),
}
# `backup_email` and `homePhone` reach a person, too.
CONTACT_ENDINGS = ("email", "phone", "mobile", "telephone", "iban", "ipaddress", "streetaddress")
# Keys of special data of article 9, and of criminal records.
SPECIAL_KEYS = frozenset(
    {
        *("religion", "religiousbelief", "faith", "health", "healthstatus", "diagnosis", "disease"),
        *(
            "illness",
            "medication",
            "disability",
            "allergies",
            "pregnant",
            "ispregnant",
            "bloodtype",
        ),
        *("ethnicity", "ethnicorigin", "race", "politicalopinion", "politicalparty", "politics"),
        *("tradeunion", "unionmember", "sexualorientation", "sexlife", "genetics", "biometrics"),
        *("criminalrecord", "convictions", "mentalhealth", "hivstatus", "diabetic", "diabetes"),
    }
)


@dataclass(frozen=True, slots=True)
class TraitCategories:
    """The categories that definitions give, by plain key; `reviewed` are those staff looked at.

    `properties` are those of properties and parts of the context that staff reviewed.
    """

    defined: Mapping[str, Category] = field(default_factory=dict)
    reviewed: frozenset[str] = frozenset()
    properties: Mapping[str, Category] = field(default_factory=dict)

    def of(self, key: str) -> Category:
        """Return the category of a trait, or the one that its key suggests."""
        plain = plain_key(key)
        category = self.defined.get(plain, Category.ORDINARY)
        if plain in self.reviewed or category != Category.ORDINARY:
            return category
        return guess_category(key)

    def of_property(self, key: str) -> Category:
        """The same for a part of an event, where a name is mostly that of a thing."""
        plain = plain_key(key)
        if plain in self.properties:
            defined = self.defined.get(plain, Category.ORDINARY)
            return most_sensitive([self.properties[plain], defined])
        is_plain_name = plain in NAME_KEYS and plain not in self.defined
        return Category.ORDINARY if is_plain_name else self.of(key)

    def of_part(self, key: str) -> Category:
        """The same, where a name may as well be that of a person."""
        return self.of_property(key) if plain_key(key) in self.properties else self.of(key)

    def is_shown(self, key: str) -> bool:
        """Whether staff reviewed the trait and found it ordinary."""
        return plain_key(key) in self.reviewed and self.of(key) == Category.ORDINARY

    def is_part_shown(self, key: str) -> bool:
        """The same for a part of an event, which may be reviewed as such."""
        is_reviewed = plain_key(key) in self.properties
        return self.of_part(key) == Category.ORDINARY if is_reviewed else self.is_shown(key)


def load_categories() -> TraitCategories:
    """Return the categories of all definitions, in one query."""
    traits = TraitDefinition.objects.order_by().values_list(
        Value(SchemaPart.TRAIT.value), "key", "category", "is_reviewed"
    )
    properties = SchemaKey.objects.filter(is_reviewed=True).exclude(part=SchemaPart.TRAIT)
    parts = properties.order_by().values_list("part", F("path"), "category", "is_reviewed")
    defined: dict[str, Category] = {}
    of_properties: dict[str, Category] = {}
    reviewed = set()
    for part, key, category, is_reviewed in traits.union(parts, all=True):
        if part != SchemaPart.TRAIT:
            plain = plain_key(steps_of(key)[-1])
            former = of_properties.get(plain, Category.ORDINARY)
            of_properties[plain] = most_sensitive([Category(category), former])
            continue
        plain = plain_key(key)
        # Of two keys with one spelling the more sensitive counts.
        defined[plain] = most_sensitive([Category(category), defined.get(plain, Category.ORDINARY)])
        if is_reviewed:
            reviewed.add(plain)
    return TraitCategories(defined, frozenset(reviewed), of_properties)


def steps_of(path: str) -> list[str]:
    """Return the names along a path of the registry, such as `products[].price`."""
    return path.replace("[]", "").split(".")


def guess_property_category(path: str) -> Category:
    """Return the category that the names along a path suggest."""
    return most_sensitive(map(TraitCategories().of_property, steps_of(path)))


def guess_category(key: str) -> Category:
    """Return the category that a key suggests: the first judgement on a new trait."""
    plain = plain_key(key)
    if plain in SPECIAL_KEYS:
        return Category.SPECIAL
    is_contact = plain in CONTACT_KEYS or plain.endswith(CONTACT_ENDINGS)
    return Category.CONTACT if is_contact else Category.ORDINARY


def most_sensitive(categories: Iterable[Category]) -> Category:
    """Return the most sensitive of the categories, ordinary if there are none."""
    order = (Category.ORDINARY, Category.CONTACT, Category.SPECIAL)
    return max(categories, key=order.index, default=Category.ORDINARY)


def plain_key(key: str) -> str:
    """Return one spelling for `first_name`, `firstName` and `First Name`."""
    lowered = key.lower()
    # Most keys have nothing that is taken out.
    is_plain = lowered.isascii() and lowered.isalnum()
    return lowered if is_plain else re.sub(r"[^a-z0-9]", "", lowered)
