"""Proposing what the columns of a file mean, by their names and their cells."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

from ingestion.imports.formats import ISO, NUMBER, is_date_format
from ingestion.imports.inspect import Column

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[\d\s().-]{8,20}")
# By the name of the column without accents and signs; in English, French and German.
_NAMES = {
    "email": "email mail emailaddress mailaddress courriel adressemail adresseemail"
    " adresseelectronique",
    "phone": "phone telephone tel mobile portable gsm phonenumber mobilephone telefon handy numtel",
    "user_id": "userid customerid clientid id no numero num numeroclient noclient kundennummer"
    " customer customernumber idclient codeclient membernumber",
    "timestamp": "date timestamp time datetime createdat updatedat created updated datecreation"
    " datedecreation occurredat orderdate datecommande datum le",
}
_TARGETS = {name: target for target, names in _NAMES.items() for name in names.split()}
_TRAITS = {
    "first_name": "firstname prenom vorname givenname",
    "last_name": "lastname nom nomdefamille nachname surname familyname",
    "city": "city ville stadt town",
    "postal_code": "postalcode zip zipcode codepostal cp plz",
    "country": "country pays land countrycode",
    "birthday": "birthday birthdate dateofbirth datedenaissance naissance geburtstag dob",
    "gender": "gender sexe civilite geschlecht",
}
_TRAIT_NAMES = {name: trait for trait, names in _TRAITS.items() for name in names.split()}
_PROPERTIES = {
    "revenue": "revenue montant amount total betrag dollarvalue chiffredaffaires ca price totalht",
    "quantity": "quantity quantite qty qte menge numberofcds",
    "order_id": "orderid order commande numerocommande nocommande ordernumber",
    "currency": "currency devise waehrung",
}
_PROPERTY_NAMES = {name: prop for prop, names in _PROPERTIES.items() for name in names.split()}


def propose_mapping(columns: Sequence[Column], purposes: Collection[str] = ()) -> dict[str, Any]:
    """Return a mapping that is likely meant, for somebody to look at and change."""
    by_purpose = {_plain(key): key for key in purposes}
    targets: dict[str, str] = {}
    for column in columns:
        target = _target(column, set(targets.values()), by_purpose)
        if target not in targets.values():
            targets[column.name] = target
    _add_timestamp(columns, targets)
    has_amount = any(_plain(column.name) in _PROPERTY_NAMES for column in columns)
    call = "track" if has_amount and "timestamp" in targets.values() else "identify"
    prefix = "properties" if call == "track" else "traits"
    proposed = {name: _prefixed(target, prefix, name) for name, target in targets.items() if target}
    formats = {
        column.name: column.format
        for column in columns
        if proposed.get(column.name) == "timestamp"
        and is_date_format(column.format)
        and column.format != ISO
    }
    mapping: dict[str, Any] = {"call": call, "columns": proposed}
    if call == "track":
        mapping["event"] = "Order Completed"
    return mapping | ({"formats": formats} if formats else {})


def _add_timestamp(columns: Sequence[Column], targets: dict[str, str]) -> None:
    """Take the one column of dates for the time of the rows, where no name says which is."""
    dates = [
        column.name
        for column in columns
        if is_date_format(column.format) and targets.get(column.name) != "*birthday"
    ]
    if "timestamp" not in targets.values() and len(dates) == 1:
        targets[dates[0]] = "timestamp"


def _target(column: Column, used: Collection[str], by_purpose: dict[str, str]) -> str:
    """Return the target, or `*` and the name of what describes the person or the event."""
    plain = _plain(column.name)
    if purpose := by_purpose.get(plain):
        return f"consents.{purpose}"
    if (target := _TARGETS.get(plain)) and target not in used:
        return target
    if "email" not in used and _all(_EMAIL, column.examples):
        return "email"
    if "phone" not in used and column.format != NUMBER and _all(_PHONE, column.examples):
        is_date = is_date_format(column.format)
        return f"*{plain}" if is_date else "phone"
    name = _PROPERTY_NAMES.get(plain) or _TRAIT_NAMES.get(plain) or _snake(column.name)
    return f"*{name}"


def _prefixed(target: str, prefix: str, column: str) -> str:
    return f"{prefix}.{target[1:]}" if target.startswith("*") else target


def _all(pattern: re.Pattern[str], texts: Sequence[str]) -> bool:
    return bool(texts) and all(pattern.fullmatch(text.strip()) for text in texts)


def _plain(name: str) -> str:
    """Return the letters and digits of a name alone, without accents."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return re.sub(r"[^a-z0-9]", "", letters)


def _snake(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.strip().lower())
    ascii_ = "".join(sign for sign in letters if not unicodedata.combining(sign))
    return re.sub(r"\W+", "_", ascii_).strip("_")[:120] or "column"
