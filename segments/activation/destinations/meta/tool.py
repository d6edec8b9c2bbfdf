"""Meta: Custom Audiences (developers.facebook.com, Marketing API, custom-audience/users)."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.exchange import CallFailed, Exchange, Reply, bearer
from segments.activation.destinations.meta.normalise import FIELDS, prepare
from segments.activation.destinations.tools import Faults, Item, Setting, Tool
from segments.activation.outcomes import Outcome

ADDRESS = "https://graph.facebook.com/v25.0"
# Codes of rate limits: of the app, the user, the page, and of custom audiences.
_LIMITS = (4, 17, 32, 613, 80003)
# Codes of tokens and permissions, which are about the account.
_OF_ACCOUNT = (10, 102, 190, 200)
_UNKNOWN = 1


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return _call(exchange, "POST", items)


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return _call(exchange, "DELETE", items)


def _call(exchange: Exchange, method: str, items: Sequence[Item]) -> Faults:
    """Add or remove people. Whom Meta does not match it does not name, and does not say."""
    schema = sorted({name for item in items for name in item.fields})
    rows = [[item.fields.get(name, "") for name in schema] for item in items]
    content = {"payload": {"schema": schema, "data": rows}}
    reply = exchange.call(method, f"{_audience(exchange)}/users", content, _headers(exchange))
    _require(reply)
    return {}


def _require(reply: Reply) -> None:
    """Raise CallFailed where Meta took nobody, by the code in its answer."""
    code = reply.at("error", "code")
    if code in _LIMITS:
        raise CallFailed(Outcome(429, f"code_{code}", reply.retry_after))
    if code in _OF_ACCOUNT:
        raise CallFailed(Outcome(reply.status, f"code_{code}", is_general=True))
    if code in (_UNKNOWN, 2):
        raise CallFailed(Outcome(503, f"code_{code}"))
    reply.required()


def _check(exchange: Exchange) -> Reply:
    return exchange.call("GET", f"{_audience(exchange)}?fields=id", headers=_headers(exchange))


def _audience(exchange: Exchange) -> str:
    return f"{exchange.address}/{exchange.settings['audience']}"


def _headers(exchange: Exchange) -> dict[str, str]:
    return bearer(exchange.credentials["token"])


TOOL = Tool(
    key="meta",
    title="Meta Custom Audiences",
    settings=(
        Setting(name="audience", label=_("Number of the audience")),
        Setting(name="token", label=_("Access token"), is_secret=True, is_long=True),
        Setting(name="address", label=_("Address of the service"), default=ADDRESS),
    ),
    mapping={
        "EMAIL": "email",
        "PHONE": "phone",
        "FN": "traits.first_name",
        "LN": "traits.last_name",
        "COUNTRY": "traits.country",
    },
    fields=FIELDS,
    identifies=("EMAIL", "PHONE", "EXTERN_ID", "MADID"),
    prepare=prepare,
    put=_put,
    take_out=_take_out,
    forget=_take_out,
    check=_check,
    batch_size=5000,
    removal_size=5000,
    seconds_between_calls=1.0,
)
