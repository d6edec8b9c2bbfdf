"""What live segments ask for, in words for the people who are in them."""

from profiles.services import Category
from segments.definitions.live import effective_definition, parsed_nodes
from segments.definitions.sensitivity import load_sensitivity
from segments.language.phrases import language_of
from segments.language.words import describe
from segments.models import Segment


def rules_in_words(language: str) -> dict[str, str]:
    """Return the rule of each live segment by its key, in a language such as `fr` or `en-gb`.

    Segments by contact or special data are left out: their words may name other people.
    """
    sensitivity = load_sensitivity()
    definitions = {
        segment.key: effective_definition(segment)
        for segment in Segment.objects.filter(status=Segment.Status.LIVE)
    }
    ordinary = {
        key: definition
        for key, definition in definitions.items()
        if sensitivity.of(definition) == Category.ORDINARY
    }
    words = language_of(language)
    return {key: describe(node, words) for key, node in parsed_nodes(ordinary).items()}
