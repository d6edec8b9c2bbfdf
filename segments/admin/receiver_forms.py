"""Forms that webhooks and destinations share."""

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSplitDateTimeWidget


class ReplayForm(forms.Form):
    """From when on is sent again."""

    since = forms.SplitDateTimeField(
        label=gettext_lazy("Since"), widget=UnfoldAdminSplitDateTimeWidget
    )


class DeleteForm(forms.Form):
    """A confirmation, by its button alone."""
