"""Unfold's admin classes and its `display`, with the types that Unfold itself does not declare.

To the type checker they are Django's own classes, of which Unfold's are subclasses.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

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

    Column = TypeVar("Column", bound=Callable[..., Any])

    def display(
        *,
        description: Any,
        ordering: str | None = None,
        empty_value: str | None = None,
        label: bool | str | Mapping[str, str] | None = None,
        header: bool | None = None,
    ) -> Callable[[Column], Column]: ...
else:
    from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
    from django.core.paginator import Paginator
    from django.forms import ModelForm
    from unfold.admin import ModelAdmin
    from unfold.decorators import display
    from unfold.views import ChangeList

__all__ = ["BaseUserAdmin", "ChangeList", "ModelAdmin", "ModelForm", "Paginator", "display"]
