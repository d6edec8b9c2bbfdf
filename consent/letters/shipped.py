"""The models of letters that come with the store, in English and French.

Pure. A letter is made of what every kind of request shares on an event, and of what is said of the
kind alone.
"""

from typing import NamedTuple


class Letter(NamedTuple):
    subject: str
    text: str


_CLOSINGS = {
    "en": (
        "If you do not agree with our answer, you may complain to a data protection authority or "
        "go to court.\n\nYours sincerely,\n{company}\n\nReference: {reference}"
    ),
    "fr": (
        "Si notre réponse ne vous satisfait pas, vous pouvez saisir une autorité de protection des "
        "données, la CNIL en France, ou un juge.\n\nVeuillez agréer nos salutations distinguées.\n"
        "{company}\n\nRéférence : {reference}"
    ),
}
_GREETINGS = {"en": "Dear Sir or Madam,", "fr": "Madame, Monsieur,"}
# How the kind is named within a sentence.
_KINDS = {
    "en": {
        "access": "your request for access to your personal data",
        "rectification": "your request to have your personal data corrected",
        "erasure": "your request to have your personal data erased",
        "restriction": "your request to have the use of your personal data restricted",
        "portability": "your request to receive your personal data in a portable form",
        "objection": "your objection to the use of your personal data",
    },
    "fr": {
        "access": "votre demande d’accès à vos données personnelles",
        "rectification": "votre demande de rectification de vos données personnelles",
        "erasure": "votre demande d’effacement de vos données personnelles",
        "restriction": "votre demande de limitation de l’usage de vos données personnelles",
        "portability": "votre demande de portabilité de vos données personnelles",
        "objection": "votre opposition à l’usage de vos données personnelles",
    },
}
_DONE = {
    "en": {
        "access": "You receive with it a copy of all data that we hold about you, what we use them "
        "for, where they come from and who received them.",
        "rectification": "The data are corrected. What others send us later does not replace them.",
        "erasure": "The data are erased, and what we are sent about you is not taken in again. We "
        "keep only what the law obliges us to keep, and a proof that names nobody.",
        "restriction": "The data are stored, and are used for nothing else.",
        "portability": "You receive with it the data that you gave us and those that your use of "
        "our services left, in a form that machines read.",
        "objection": "We do not use the data for direct marketing any more.",
    },
    "fr": {
        "access": "Vous recevez avec la présente une copie de toutes les données que nous détenons "
        "à votre sujet, à quoi elles servent, d’où elles viennent et qui les a reçues.",
        "rectification": "Les données sont rectifiées. Ce que d’autres nous envoient plus tard ne "
        "les remplace pas.",
        "erasure": "Les données sont effacées, et ce qui nous est envoyé à votre sujet n’est plus "
        "enregistré. Nous ne gardons que ce que la loi impose et une preuve qui ne nomme personne.",
        "restriction": "Les données sont conservées et ne servent à rien d’autre.",
        "portability": "Vous recevez avec la présente les données que vous nous avez fournies et "
        "celles que votre usage de nos services a laissées, dans un format lisible par machine.",
        "objection": "Nous n’utilisons plus les données pour la prospection.",
    },
}
_EVENTS = {
    "en": {
        "received": "We received {kind} on {received}. You will have an answer by {due} at the "
        "latest.",
        "proof": "We received {kind} on {received}. Before we act on it we must be sure that it "
        "comes from you. Please answer this letter; we will tell you what we need. Do not send a "
        "copy of an identity document.",
        "extended": "We received {kind} on {received}. We need more time, until {due} at the "
        "latest, as article 12(3) of the GDPR allows. The reason is:\n\n{reason}",
        "refused": "We received {kind} on {received}. We cannot do what you ask. The reason "
        "is:\n\n{reason}",
        "done": "We received {kind} on {received}, and have done what you asked. {done}",
        "held": "We received {kind} on {received}, and have done what you asked, except for data "
        "that we must keep by law, or to establish, exercise or defend legal claims (article "
        "17(3) of the GDPR). They are kept apart and used for nothing else, and go once that "
        "reason has ended. What we are sent about you is not taken in again.",
        "nothing_held": "We received {kind} on {received}. We hold no data under what you told us.",
    },
    "fr": {
        "received": "Nous avons reçu {kind} le {received}. Vous aurez une réponse au plus tard le "
        "{due}.",
        "proof": "Nous avons reçu {kind} le {received}. Avant d’y donner suite, nous devons nous "
        "assurer qu’elle vient de vous. Répondez à cette lettre ; nous vous dirons ce qu’il nous "
        "faut. N’envoyez pas de copie d’une pièce d’identité.",
        "extended": "Nous avons reçu {kind} le {received}. Il nous faut plus de temps, au plus "
        "tard jusqu’au {due}, comme le permet l’article 12, paragraphe 3, du RGPD. Le motif "
        "est :\n\n{reason}",
        "refused": "Nous avons reçu {kind} le {received}. Nous ne pouvons pas y donner suite. Le "
        "motif est :\n\n{reason}",
        "done": "Nous avons reçu {kind} le {received} et y avons donné suite. {done}",
        "held": "Nous avons reçu {kind} le {received} et y avons donné suite, sauf pour des "
        "données que la loi nous impose de conserver, ou qu’exige la constatation, l’exercice ou "
        "la défense de droits en justice (article 17, paragraphe 3, du RGPD). Elles sont "
        "conservées à part, ne servent à rien d’autre, et disparaissent dès que ce motif prend "
        "fin. Ce qui nous est envoyé à votre sujet n’est plus enregistré.",
        "nothing_held": "Nous avons reçu {kind} le {received}. Nous ne détenons aucune donnée sous "
        "ce que vous nous avez indiqué.",
    },
}
_SUBJECTS = {"en": "About {kind}", "fr": "Au sujet de {kind}"}
# What rests open when the store's own letters are put together; the others are merge fields.
_KIND, _DONE_OF_KIND = "{kind}", "{done}"


def shipped_letter(kind: str, event: str, language: str) -> Letter:
    """Return the model of a letter; its fields are those of `fields.FIELDS`."""
    named = _KINDS[language][kind]
    sentence = _EVENTS[language][event].replace(_KIND, named)
    sentence = sentence.replace(_DONE_OF_KIND, _DONE[language][kind])
    text = "\n\n".join((_GREETINGS[language], sentence, _CLOSINGS[language]))
    return Letter(_SUBJECTS[language].replace(_KIND, named), text)
