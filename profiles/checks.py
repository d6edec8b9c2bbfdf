"""System checks of personal data: access and erasure see all that is held."""

from collections.abc import Iterable, Iterator, Sequence

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, connection
from django.db.models import Model

from profiles.lib import sql
from profiles.registry import PersonalData, Registry, registry

OWN_APPS = ("profiles", "consent", "ingestion", "segments")


def check_declarations(**_: object) -> list[CheckMessage]:
    """`profiles.E001` to `E003`: a model is declared or exempt, and each field has one class."""
    return declaration_faults(registry)


def check_tables(*, databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """`profiles.E004`: a table of the database that is neither declared nor exempt."""
    if not databases:
        return []
    try:
        return table_faults(registry)
    except DatabaseError:
        # There is no database yet: nothing can be in it.
        return []


def declaration_faults(registry: Registry) -> list[CheckMessage]:
    """What the registry does not say, or says twice, about the models of the four apps."""
    models = [model for app in OWN_APPS for model in apps.get_app_config(app).get_models()]
    return [fault for model in models for fault in _faults_of(model, registry)]


def table_faults(registry: Registry) -> list[CheckMessage]:
    """The tables that the registry says nothing about; partitions count with their parents."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TABLES)
        tables = {table for (table,) in cursor.fetchall()}
    labels = [declaration.label for declaration in registry] + list(registry.exemptions)
    known = {apps.get_model(label)._meta.db_table for label in labels}
    unknown = tables - known - registry.exempt_tables.keys()
    hint = "Declare its model, or exempt the table with its content and its lifetime."
    return [
        Error(f"Nobody says what is in table {table}.", hint=hint, id="profiles.E004")
        for table in sorted(unknown)
    ]


def _faults_of(model: type[Model], registry: Registry) -> Iterator[CheckMessage]:
    label = model._meta.label
    declaration = registry.get(label)
    is_exempt = model._meta.label_lower in registry.exemptions
    if declaration is None and not is_exempt:
        hint = "Declare it in the app's personal_data, or exempt it there with a reason."
        yield Error(f"{label} is not declared as personal data.", hint=hint, id="profiles.E001")
    elif declaration is not None and is_exempt:
        yield Error(f"{label} is both declared and exempt.", id="profiles.E003")
    elif declaration is not None and (names := sorted(_misclassified(model, declaration))):
        hint = "Put each field of the model, and no other, into one field class."
        yield Error(
            f"{label}: {', '.join(names)}: not in one class.", hint=hint, id="profiles.E002"
        )


def _misclassified(model: type[Model], declaration: PersonalData) -> set[str]:
    """Fields without a class, fields with two, and names that are no field."""
    classes = (
        declaration.given,
        declaration.observed,
        declaration.inferred,
        declaration.technical,
    )
    return {field.name for field in model._meta.concrete_fields} ^ _named_once(classes)


def _named_once(classes: Iterable[Iterable[str]]) -> set[str]:
    names = [name for field_class in classes for name in field_class]
    return {name for name in names if names.count(name) == 1}
