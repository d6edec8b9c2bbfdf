"""Whose word a trait is, as far as the names that many senders share tell it."""

# The traits of Segment's specification that people say of themselves, in both spellings, and those
# of which common shops and CRMs are told in a form.
_GIVEN = """
address avatar birthday birthDate birth_date city company country description email firstName
first_name gender interests language lastName last_name locale name phone postalCode postal_code
state street title username website zip
"""
# What senders count or conclude.
_OBSERVED = "createdAt created_at"
_INFERRED = "age inferred_address_country inferred_phone_country"

ORIGINS: dict[str, str] = {
    **dict.fromkeys(_GIVEN.split(), "given"),
    **dict.fromkeys(_OBSERVED.split(), "observed"),
    **dict.fromkeys(_INFERRED.split(), "inferred"),
}
