"""System checks of what a cluster demands of tables: which are spread, and which keys they have.

Invariant: a store whose checks pass can be spread over many machines at any time.
"""

from collections.abc import Iterator

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db.models import AutoField, BigAutoField, CompositePrimaryKey, ForeignKey, Model

from profiles.checks import OWN_APPS
from profiles.lib.cluster import BY_PERSON, PEOPLE
from profiles.registry import Registry, registry


def check_spread(**_: object) -> list[CheckMessage]:
    """`profiles.E005` and `E006`: what grows with people is spread, and keys stay on a machine."""
    models = [model for app in OWN_APPS for model in apps.get_app_config(app).get_models()]
    return spread_faults(models, registry)


def spread_faults(models: list[type[Model]], registry: Registry) -> list[CheckMessage]:
    """What keeps any of the models from lying on many machines."""
    return [fault for model in models for fault in _faults_of(model, registry)]


def _faults_of(model: type[Model], registry: Registry) -> Iterator[CheckMessage]:
    label = model._meta.label
    column = registry.spread.get(model._meta.label_lower)
    columns = {field.column: field for field in model._meta.concrete_fields}
    if column is None and BY_PERSON in columns:
        hint = 'Its declaration says spread = "profile_id".'
        yield Error(f"{label} grows with people and is not spread.", hint=hint, id="profiles.E005")
    elif column is not None and (column not in columns or columns[column].null):
        yield Error(f"{label} has no {column} in every row.", id="profiles.E005")
    elif column is not None:
        for key in _keys_without(model, column):
            hint = "No machine sees whether a key is unique on all others."
            yield Error(f"{label}: {key} lacks {column}.", hint=hint, id="profiles.E005")
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey) and _crosses(field, column, registry):
            hint = "Give it db_constraint=False."
            name = f"{label}.{field.name}"
            yield Error(f"{name} is a key between machines.", hint=hint, id="profiles.E006")


def _keys_without(model: type[Model], column: str) -> Iterator[str]:
    """The unique keys of a model that do not contain the column by which it is spread."""
    meta = model._meta
    columns = {field.name: field.column for field in meta.concrete_fields}
    if isinstance(meta.pk, CompositePrimaryKey) and column not in meta.pk.columns:
        yield "the primary key"
    for field in meta.concrete_fields:
        # An id that counts up gets the column when the table is spread.
        is_counted = isinstance(field, AutoField | BigAutoField)
        if field.unique and field.column != column and not is_counted:
            yield field.name
    for constraint in meta.total_unique_constraints:
        if column not in {columns[name] for name in constraint.fields}:
            yield constraint.name


def _crosses(field: "ForeignKey[Model, Model]", column: str | None, registry: Registry) -> bool:
    """Whether the database would check the key across machines."""
    if not getattr(field, "db_constraint", False):
        return False
    target = registry.spread.get(field.related_model._meta.label_lower)
    is_beside_people = column == BY_PERSON and field.column == BY_PERSON
    is_people = field.related_model._meta.db_table == PEOPLE
    return (column or target) is not None and not (is_beside_people and is_people)
