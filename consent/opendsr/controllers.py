"""Registering the companies whose systems may pass requests on."""

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from consent.models import Controller
from profiles.models import ApiKey
from profiles.services import Actor, save_audited

# Names only: an address would go round the check of what a name leads to.
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_ADDRESS = re.compile(r"[0-9.]+|0x[0-9a-f]+")
_CONTROLLER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def save_controller(controller: Controller, *, actor: Actor) -> None:
    """Store a controller, whose hosts are names in lower case. Raises ValidationError."""
    check_controller(controller)
    save_audited(controller, actor=actor, noun="controller", key=controller.controller_id)


def check_controller(controller: Controller) -> None:
    """Judge the id and the hosts, and spell the hosts in one way. Raises ValidationError."""
    if controller.controller_id and not _CONTROLLER_ID.fullmatch(controller.controller_id):
        message = _("Letters, digits, dots, dashes and underscores.")
        raise ValidationError({"controller_id": message})
    controller.callback_hosts = list(_hosts(controller.callback_hosts))


def controller_of(key: ApiKey) -> Controller | None:
    """Return for which controller a key acts: all keys of one name are one service."""
    return Controller.objects.filter(service=key.name).first()


def _hosts(names: Iterable[str]) -> Iterable[str]:
    for name in dict.fromkeys(name.strip().lower() for name in names):
        if not _HOST.fullmatch(name) or _ADDRESS.fullmatch(name):
            raise ValidationError({"callback_hosts": _("Each is the name of a host, no address.")})
        yield name
