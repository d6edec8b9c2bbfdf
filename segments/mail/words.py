"""Plain words of a mail as the words of a template in the house layout."""

from html import escape


def house_words(subject: str, text: str) -> dict[str, str]:
    """Return a template's words in one language: the subject as a heading, then paragraphs."""
    paragraphs = [part.replace("\n", " ").strip() for part in text.strip().split("\n\n")]
    lines = [f"<mj-text><h1>{escape(subject, quote=False)}</h1></mj-text>"]
    lines += [f"<mj-text>{escape(part, quote=False)}</mj-text>" for part in paragraphs]
    return {"subject": subject, "preheader": paragraphs[-1][:200], "body": "\n".join(lines) + "\n"}
