"""The four purposes of the demo's shop, with their notices in English and French."""

from datetime import datetime
from typing import NamedTuple

from config.demo.actor import DEMO
from consent.models import LegalBasis, Purpose
from consent.services import PurposeTerms, add_notice, define_purpose


class DemoPurpose(NamedTuple):
    """A purpose, and the notice that customers are shown about it, by language."""

    key: str
    terms: PurposeTerms
    notices: dict[str, str]


PURPOSES = (
    DemoPurpose(
        "newsletter",
        PurposeTerms(
            title="Newsletter",
            text="We write to you about new records and concerts, about twice a month.",
            legal_basis=LegalBasis.CONSENT,
            is_direct_marketing=True,
            validity="P13M",
            categories=("e-mail address", "language", "opened and clicked issues"),
            recipients=("the service that sends our e-mail",),
            retention="Until you unsubscribe, and three years from then as proof.",
        ),
        {
            "en": "Yes, send me the newsletter about new records and concerts. I can unsubscribe "
            "at any time by the link in every issue. This permission lasts 13 months.",
            "fr": "Oui, envoyez-moi la lettre sur les nouveaux disques et les concerts. Je peux "
            "me désabonner à tout moment par le lien de chaque numéro. Cette autorisation vaut "
            "13 mois.",
        },
    ),
    DemoPurpose(
        "recommendations",
        PurposeTerms(
            title="Recommendations",
            text="We suggest records by what you bought and looked at in our shop.",
            legal_basis=LegalBasis.LEGITIMATE_INTEREST,
            categories=("purchases", "products viewed", "interests"),
            retention="Three years from your last visit.",
            is_profiling=True,
        ),
        {
            "en": "We suggest records by what you bought and looked at here. It is in our "
            "interest that you find what you like; you may object at any time, with no reason "
            "given.",
            "fr": "Nous vous proposons des disques d'après vos achats et vos visites ici. C'est "
            "notre intérêt que vous trouviez ce qui vous plaît ; vous pouvez vous y opposer à "
            "tout moment, sans motif.",
        },
    ),
    DemoPurpose(
        "targeted_advertising",
        PurposeTerms(
            title="Targeted advertising",
            text="We let advertising networks know that you are among our customers, "
            "to show you our offers.",
            legal_basis=LegalBasis.CONSENT,
            is_direct_marketing=True,
            validity="P6M",
            categories=("e-mail address", "purchases", "products viewed"),
            recipients=("advertising networks",),
            retention="Six months.",
            is_profiling=True,
        ),
        {
            "en": "Yes, you may tell advertising networks that I am a customer, so that I see "
            "your offers elsewhere. I can take this back at any time. This permission lasts six "
            "months.",
            "fr": "Oui, vous pouvez indiquer à des régies publicitaires que je suis client, pour "
            "que je voie vos offres ailleurs. Je peux revenir sur ce choix à tout moment. Cette "
            "autorisation vaut six mois.",
        },
    ),
    DemoPurpose(
        "order_fulfilment",
        PurposeTerms(
            title="Orders",
            text="We deliver what you order, take payment, and answer your questions about it.",
            legal_basis=LegalBasis.CONTRACT,
            categories=("name", "contact details", "purchases"),
            recipients=("carriers", "the payment service"),
            retention="Ten years, as the law asks of invoices.",
        ),
        {
            "en": "We use your name, contact details and orders to deliver what you buy, to take "
            "payment and to answer your questions. Without them we cannot deliver.",
            "fr": "Nous utilisons votre nom, vos coordonnées et vos commandes pour livrer vos "
            "achats, les encaisser et répondre à vos questions. Sans eux, nous ne pouvons pas "
            "livrer.",
        },
    ),
)


def define_purposes(*, now: datetime) -> None:
    """Define the purposes that are missing, and add the notices."""
    present = set(Purpose.objects.values_list("key", flat=True))
    for key, terms, notices in PURPOSES:
        if key not in present:
            define_purpose(key=key, terms=terms, actor=DEMO, now=now)
        # A notice with the same content exists once, so that a second load adds nothing.
        for language, content in notices.items():
            add_notice(key=key, language=language, content=content, shown_from=now, actor=DEMO)
