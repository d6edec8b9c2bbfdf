"""Mail templates: what mails say, and what they said.

Invariant: a version never changes. What is on its way to somebody is written by the version with
which its automation was published.
"""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose


class MailTemplate(models.Model):
    """What a mail says, language by language, as it was saved last; `version` is its number.

    Clicks on its links are counted for `click_purpose` alone, and for nobody where there is none.
    """

    class Markup(models.TextChoices):
        HOUSE = "house", _("MJML in the house layout")
        MJML = "mjml", _("a whole MJML document")
        HTML = "html", _("plain HTML")

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")]
    )
    name = models.CharField(max_length=120)
    markup = models.CharField(max_length=5, choices=Markup, default=Markup.HOUSE)
    texts = models.JSONField()
    click_purpose = models.ForeignKey(
        Purpose, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class MailTemplateVersion(models.Model):
    """What a template said once it was saved."""

    template = models.ForeignKey(MailTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    markup = models.CharField(max_length=5, choices=MailTemplate.Markup)
    texts = models.JSONField()
    # A name and not a key: whoever saved it may be deleted later.
    actor = models.CharField(max_length=120)
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="mail_template_version")
        ]

    def __str__(self) -> str:
        return f"version {self.number} of mail template {self.template_id}"
