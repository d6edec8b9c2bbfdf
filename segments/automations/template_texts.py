"""The mails of the templates, in both languages."""

from collections.abc import Mapping


def _text(subject: str, text: str) -> dict[str, str]:
    return {"subject": subject, "text": text}


TEXTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "welcome": {
        "en": _text(
            "Welcome, {{ first_name | dear customer }}",
            (
                "Hello {{ first_name | there }},\n\n"
                "thank you for joining us. If you have a question, answer this mail.\n"
            ),
        ),
        "fr": _text(
            "Bienvenue, {{ first_name | cher client }}",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "merci de nous avoir rejoints. Pour toute question, répondez à cet e-mail.\n"
            ),
        ),
    },
    "welcome-help": {
        "en": _text(
            "What others ask first",
            (
                "Hello {{ first_name | there }},\n\n"
                "here is what others ask in their first days with us.\n"
            ),
        ),
        "fr": _text(
            "Les premières questions",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "voici ce que l’on nous demande les premiers jours.\n"
            ),
        ),
    },
    "welcome-last": {
        "en": _text(
            "May we help you choose?",
            (
                "Hello {{ first_name | there }},\n\n"
                "tell us what you are looking for, and we help you find it.\n"
            ),
        ),
        "fr": _text(
            "Pouvons-nous vous aider à choisir ?",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "dites-nous ce que vous cherchez, nous vous aidons à le trouver.\n"
            ),
        ),
    },
    "basket": {
        "en": _text(
            "Your basket is still there",
            (
                "Hello {{ first_name | there }},\n\n"
                "you left something in your basket. It is still there.\n"
            ),
        ),
        "fr": _text(
            "Votre panier vous attend",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "vous avez laissé des articles dans votre panier. Ils y sont encore.\n"
            ),
        ),
    },
    "birthday": {
        "en": _text(
            "Happy birthday, {{ first_name | dear customer }}",
            ("Dear {{ first_name | customer }},\n\nwe wish you a happy birthday.\n"),
        ),
        "fr": _text(
            "Joyeux anniversaire, {{ first_name | cher client }}",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "nous vous souhaitons un joyeux anniversaire.\n"
            ),
        ),
    },
    "win-back": {
        "en": _text(
            "It has been a while",
            (
                "Hello {{ first_name | there }},\n\n"
                "since your last order we have new things. Have a look.\n"
            ),
        ),
        "fr": _text(
            "Cela fait longtemps",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "depuis votre dernière commande, il y a du nouveau. Venez voir.\n"
            ),
        ),
    },
    "win-back-last": {
        "en": _text(
            "Shall we stay in touch?",
            (
                "Hello {{ first_name | there }},\n\n"
                "if you would rather not hear from us, the link below ends it.\n"
            ),
        ),
        "fr": _text(
            "Restons-nous en contact ?",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "si vous préférez ne plus recevoir nos messages, le lien ci-dessous y met fin.\n"
            ),
        ),
    },
    "cross-sell": {
        "en": _text(
            "What goes with your order",
            (
                "Hello {{ first_name | there }},\n\n"
                "whoever bought what you did often chose these, too.\n"
            ),
        ),
        "fr": _text(
            "Ce qui va avec votre commande",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "ceux qui ont acheté la même chose ont souvent choisi ceci.\n"
            ),
        ),
    },
    "review": {
        "en": _text(
            "How do you like it?",
            (
                "Hello {{ first_name | there }},\n\n"
                "you have had your order for some days. Would you tell others how you like it?\n"
            ),
        ),
        "fr": _text(
            "Qu’en pensez-vous ?",
            (
                "Bonjour {{ first_name | à vous }},\n\n"
                "vous avez votre commande depuis quelques jours. Qu’en dites-vous ?\n"
            ),
        ),
    },
}
