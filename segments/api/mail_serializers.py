"""The request and response bodies of mail templates."""

from typing import Any

from rest_framework import serializers

from consent.models import Purpose
from segments.models import MailTemplate

TEXTS_HELP = (
    "By language (`en` and `fr` at least): subject, preheader, body and text; without a text it is "
    "made from the body. A field is `{{ trait | what stands there without it }}`."
)


class MailTemplateSerializer(serializers.ModelSerializer[MailTemplate]):
    """What a mail says, language by language.

    `version` grows with each change of its texts. Who is on their way through an automation gets
    the version with which it was published.
    """

    texts = serializers.DictField(help_text=TEXTS_HELP)
    click_purpose = serializers.SlugRelatedField(
        slug_field="key",
        queryset=Purpose.objects.all(),
        allow_null=True,
        required=False,
        help_text="For whom permits it, clicks on the links of the page are counted.",
    )

    class Meta:
        model = MailTemplate
        fields: tuple[str, ...] = (
            *("key", "name", "markup", "texts", "click_purpose", "version", "created_at"),
        )
        read_only_fields: tuple[str, ...] = ("version", "created_at")
        # The service says that a key is taken.
        extra_kwargs = {
            "key": {"validators": [*MailTemplate._meta.get_field("key").validators[:1]]},
            "markup": {"help_text": "house, mjml or html."},
        }


class MailTemplateChangeSerializer(MailTemplateSerializer):
    """What may change of a mail template."""

    class Meta(MailTemplateSerializer.Meta):
        fields = ("name", "markup", "texts", "click_purpose")
        read_only_fields = ()


class MailPreviewRequestSerializer(serializers.Serializer[Any]):
    """Who would read it: a profile, or somebody made up by their traits; and in which language."""

    profile = serializers.UUIDField(required=False)
    traits = serializers.DictField(required=False)
    language = serializers.RegexField(r"^[a-z]{2}$", required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "profile" in attrs and "traits" in attrs:
            detail = "Either a profile or traits."
            raise serializers.ValidationError({"traits": [detail]}, code="invalid")
        return attrs


class LetterSerializer(serializers.Serializer[Any]):
    """What one person would read. The way out in it is that of nobody."""

    subject = serializers.CharField()
    html = serializers.CharField()
    text = serializers.CharField()
