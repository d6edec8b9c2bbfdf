"""The names of models and fields in the language of whoever reads them.

Django makes the names from those of classes and attributes, in English. Here each becomes a text
that is looked up in the catalogues where it is shown.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy


def translate_names(models: Iterable[type[Model]]) -> None:
    """Let the names and help texts of models and their fields be translated when they are shown."""
    for model in models:
        options = model._meta
        options.verbose_name = _translated(options.verbose_name)
        options.verbose_name_plural = _translated(options.verbose_name_plural)
        for field in options.fields:
            field.verbose_name = _translated(field.verbose_name)
            field.help_text = _translated(field.help_text)


def _translated(text: Any) -> Any:
    # English, since no language is chosen while the project starts. Under the empty text stands the
    # catalogue's own heading.
    return gettext_lazy(str(text)) if text else text
