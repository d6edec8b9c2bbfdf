"""Unfold's admin classes and its `display`, with the types that Unfold itself does not declare.

To the type checker they are Django's own classes, of which Unfold's are subclasses.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as DjangoModelAdmin
    from django.contrib.admin.views.main import ChangeList
    from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
    from django.contrib.auth.models import User
    from django.core.paginator import Paginator as DjangoPaginator
    from django.forms import ModelForm as DjangoModelForm

    # Django's classes are generic in the stubs only, so they take no parameters at run time.
    BaseUserAdmin = DjangoUserAdmin[User]
    ModelAdmin = DjangoModelAdmin[Any]
    ModelForm = DjangoModelForm[Any]
    Paginator = DjangoPaginator[Any]

    unfold_display: Any
else:
    from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
    from django.core.paginator import Paginator
    from django.forms import ModelForm
    from unfold.admin import ModelAdmin
    from unfold.decorators import display as unfold_display
    from unfold.views import ChangeList

Column = TypeVar("Column", bound=Callable[..., Any])


class Label(tuple[str, str]):
    """A state and its words: Unfold colours it in lists, and writes it out on a page of one row."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(self[1])


def display(
    *,
    description: Any,
    ordering: str | None = None,
    empty_value: str | None = None,
    label: bool | str | Mapping[str, str] | None = None,
    header: bool | None = None,
) -> Callable[[Column], Column]:
    """Describe a column as Unfold does; what has a label may return a state and its words."""
    describe = unfold_display(
        description=description,
        ordering=ordering,
        empty_value=empty_value,
        label=label,
        header=header,
    )

    def decorate(column: Column) -> Column:
        @wraps(column)
        def labelled(*args: Any) -> Any:
            value = column(*args)
            return Label(value) if label and isinstance(value, tuple) else value

        return cast("Column", describe(labelled))

    return decorate


__all__ = ["BaseUserAdmin", "ChangeList", "ModelAdmin", "ModelForm", "Paginator", "display"]
