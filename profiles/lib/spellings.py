"""How values of a namespace are spelled alike: the choices, and which namespaces have none."""

from enum import StrEnum
from types import MappingProxyType


class Normaliser(StrEnum):
    """How the values of a namespace are spelled alike, once they are trimmed."""

    AS_SENT = "none"
    LOWER = "lower"
    EMAIL = "email"
    PHONE = "phone"


# Namespaces that have their normaliser for good. Those of addresses and numbers are what consents,
# corrections and mail go by; erased user and anonymous ids are recognised under one another, which
# they are only while both are spelled alike.
OWN_NORMALISERS = MappingProxyType(
    {
        "profile": Normaliser.AS_SENT,
        "user_id": Normaliser.AS_SENT,
        "anonymous_id": Normaliser.AS_SENT,
        "email": Normaliser.EMAIL,
        "phone": Normaliser.PHONE,
    }
)
