"""The second factor of staff: an authenticator (TOTP, RFC 6238), and recovery codes for its loss.

Invariant: nothing else counts than a code of the account's own confirmed device. A code counts
once, and wrong ones make the next attempt wait (django-otp).
"""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from profiles.audit import Actor, audited

RECOVERY_CODES = 10


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Whether an account has an authenticator, and how many recovery codes are left."""

    is_set: bool
    recovery_codes: int


def second_factor_of(user: User) -> SecondFactor:
    """Return how an account is protected."""
    return SecondFactor(
        has_second_factor(user), StaticToken.objects.filter(device__user=user).count()
    )


def has_second_factor(user: User) -> bool:
    """Whether the account has a confirmed authenticator."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def begin_second_factor(user: User) -> TOTPDevice:
    """Return the authenticator that is being set up, with its secret; it counts for nothing yet."""
    device, _ = TOTPDevice.objects.get_or_create(
        user=user, confirmed=False, defaults={"name": "authenticator"}
    )
    return device


def confirm_second_factor(user: User, code: str, *, actor: Actor) -> list[str] | None:
    """Set up the authenticator that shows this code, and return new recovery codes.

    It replaces a former one. Returns None where the code is wrong.
    """
    with audited(actor, "staff.second_factor_set") as deed:
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not device.verify_token(code):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        deed.about("staff", user.pk)
        return _new_recovery_codes(user)


def check_code(user: User, code: str) -> Device | None:
    """Return the device of the account that a code is of; None where it is of none.

    A code of figures is the authenticator's, any other one is a recovery code, which is used up.
    """
    code = code.replace(" ", "").lower()
    kind = TOTPDevice if code.isdecimal() else StaticDevice
    # The lock: the same code, sent twice at once, counts once.
    with transaction.atomic():
        devices = kind.objects.select_for_update().filter(user=user, confirmed=True)
        return next((device for device in devices if device.verify_token(code)), None)


def renew_recovery_codes(user: User, *, actor: Actor) -> list[str]:
    """Return new recovery codes; the former ones count no more."""
    with audited(actor, "staff.recovery_codes_made") as deed:
        deed.about("staff", user.pk)
        return _new_recovery_codes(user)


def remove_second_factor(user: User, *, actor: Actor) -> bool:
    """Take the authenticator and the recovery codes of an account away; return if it had any."""
    with audited(actor, "staff.second_factor_removed") as deed:
        removed = has_second_factor(user)
        for kind in (TOTPDevice, StaticDevice):
            kind.objects.filter(user=user).delete()
        if removed:
            deed.about("staff", user.pk)
        return removed


def _new_recovery_codes(user: User) -> list[str]:
    device, _ = StaticDevice.objects.get_or_create(user=user, name="recovery codes")
    device.token_set.all().delete()
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes
