"""Models of letters that officers have written in the place of those that come with the store."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from consent.models.requests import PrivacyRequest


class LetterModel(models.Model):
    """The subject and text of letters about one kind of request, on one event, in one language."""

    class Event(models.TextChoices):
        RECEIVED = "received", _("received")
        PROOF = "proof", _("a proof is needed")
        EXTENDED = "extended", _("extended")
        REFUSED = "refused", _("refused")
        DONE = "done", _("done")
        HELD = "held", _("partly done, the rest is kept")
        NOTHING_HELD = "nothing_held", _("nothing is held")

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        FRENCH = "fr", "Français"

    kind = models.CharField(max_length=16, choices=PrivacyRequest.Kind)
    event = models.CharField(max_length=16, choices=Event)
    language = models.CharField(max_length=2, choices=Language)
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=20_000)

    class Meta:
        ordering = ["kind", "event", "language"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "event", "language"], name="letter_model_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_event_display()}, {self.language}"
