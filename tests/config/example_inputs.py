"""What comes into the example world: messages, a plan, products, files and a query."""

from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from ingestion.models import Product
from ingestion.services import (
    add_part,
    begin_import,
    create_signing_secret,
    drain_inbox,
    finish_import,
    forbid_names,
    register_hook,
    save_mapping,
    save_plan,
    save_product,
    start_import,
)
from profiles.models import EventName, SchemaKey, Source
from profiles.services import fold_tallies
from tests.factories import TESTER, make_source, make_write_key, send_messages
from tests.ingestion.sql_sources import make_orders, make_sql_source, order, run


def make_plan() -> None:
    """Give the shop the plan of the example."""
    quiz = {
        "type": "object",
        "required": ["quizId", "score"],
        "properties": {"score": {"type": "number", "minimum": 0}},
    }
    age = {"properties": {"age": {"type": "integer"}}}
    content = {
        "policy": "refuse",
        "unplanned": "flag",
        "events": {"Quiz Answered": {"schema": quiz}},
        "calls": {"identify": {"schema": age, "policy": "flag"}},
    }
    save_plan(Source.objects.get(key="shop"), content, actor=TESTER)


def make_hook() -> None:
    """Make a webhook with a mapping of its own."""
    fact = {"call": "track", "event": "Voted", "id": "id", "time": "created_at"}
    fact |= {"who": {"email": "voter.email"}, "properties": {"choice": "choice"}}
    kinds = {"vote.cast": [fact]}
    register_hook("votes", preset="custom", secret="a-secret", kinds=kinds, actor=TESTER)


def make_products() -> None:
    """Make a product that was bought together with another one."""
    product = Product(
        number="P-1",
        name="A knife",
        category="Home > Kitchen > Knives",
        price=20,
        cost=Decimal("8.5"),
        attributes={"colour": "black"},
    )
    save_product(product, actor=TESTER)
    both = [{"product_id": "P-1"}, {"product_id": "P-2"}]
    order = {"type": "track", "userId": "7", "event": "Order Completed"}
    at = timezone.now().isoformat()
    baskets = [*([both] * 5), [{"product_id": "P-4"}]]
    send_messages(
        *({**order, "timestamp": at, "properties": {"products": basket}} for basket in baskets)
    )


FILE = b"Mail,Date,Ville\ngrace@example.org,31/12/2025,Lyon\nnobody,31/12/2025,Lyon\n"
FILE_MAPPING = {
    "call": "identify",
    "columns": {"Mail": "email", "Date": "timestamp", "Ville": "traits.city"},
    "formats": {"Date": "%d/%m/%Y"},
}


def make_imports() -> dict[str, str]:
    """Make a file that was imported, one that is being uploaded, and one that waits."""
    source = make_source(key="shop")
    save_mapping("crm-people", FILE_MAPPING, actor=TESTER)
    files = [begin_import(source, "people.csv", len(FILE), actor=TESTER) for _ in range(3)]
    done, _, waiting = files
    for file_import in (done, waiting):
        add_part(file_import, 0, FILE, actor=TESTER)
    done.refresh_from_db()
    finish_import(start_import(done, FILE_MAPPING, actor=TESTER), drain_inbox)
    other = "3f3c2b1a-5d4e-4f6a-8b7c-9d0e1f2a3b4c"
    names = (f"{number}{other[1:]}" for number in range(3))
    return {name: str(each.uuid) for name, each in zip(names, files, strict=True)}


def sql_source_id() -> str:
    """Make a source that reads a file of orders, and run it."""
    folder = Path(settings.SQL_SQLITE_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shop.db"
    if not path.exists():
        name = f"{uuid4()}.db"
        # Renamed once it is whole: other workers make it, too.
        make_orders(folder, [order(7, "2026-03-15 10:30:00", "42")], name).rename(path)
    sql_source = make_sql_source()
    run(sql_source)
    return str(sql_source.uuid)


def send_history() -> None:
    """Send a visitor and an account that prove to be one person, an order, and a faulty message."""
    make_write_key(make_source(key="shop", name="Shop"))
    ada = {"email": "ada@example.org", "name": "Ada"}
    send_messages({"anonymousId": "7f3c", "traits": {"city": "Lyon"}})
    send_messages({"userId": "42", "traits": ada})
    order = {"orderId": "7", "revenue": 19.99}
    send_messages(
        {"userId": "42", "anonymousId": "7f3c"},
        {
            "type": "group",
            "userId": "42",
            "groupId": "acme",
            "traits": {"name": "Acme", "plan": "pro"},
        },
        {"type": "track", "userId": "42", "event": "Order Completed", "properties": order},
        {"type": "track", "userId": "42"},
    )


def registry_id() -> str:
    """Add up what was sent, forbid a name, and return the id of a property of the order."""
    forbid_names(["ssn"], actor=TESTER)
    fold_tallies()
    rows = SchemaKey.objects.filter(name__name="Order Completed", path="revenue")
    return str(rows.get().uuid)


def refund_name_id() -> str:
    return str(EventName.objects.get_or_create(kind="track", name="Order Refunded")[0].uuid)


def signing_secrets_prefix() -> str:
    return create_signing_secret(make_source(key="shop"), actor=TESTER)[0].prefix
