"""What tests of the admin start from: signed-in clients, and rows of every model."""

from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from consent.models import BulkRequest, Controller, LegalHold, LetterModel, PrivacyRequest
from consent.services import (
    NewRequest,
    RuleTerms,
    add_notice,
    create_rule,
    note_bounce,
    open_request,
    suppress,
)
from ingestion.inbox.body import pack_message
from ingestion.models import (
    ConsentCategory,
    DroppedCount,
    FileImport,
    ForbiddenName,
    Hook,
    InboxRow,
    MessageCount,
    PlanBreach,
    Product,
    RecentMessage,
    RefusedRow,
    RejectedMessage,
    SavedMapping,
    SqlRun,
    SqlSource,
    TrackingPlan,
    WriteKey,
)
from ingestion.services import create_write_key
from profiles.identity.rules import Ruleset, begin_version, load_rules
from profiles.models import (
    EventName,
    HealthMeasure,
    IdentityDecision,
    MatchProposal,
    RulesApplication,
    StaffRead,
    TraitDefinition,
    TrustLevel,
)
from profiles.models.access import Scope
from profiles.services import (
    Subject,
    SubjectCount,
    create_api_key,
    fold_tallies,
    keep_tally,
    persons_of,
)
from segments.models import (
    Automation,
    Code,
    CodePool,
    ComputedTrait,
    ExclusiveGroup,
    MailTemplate,
    MemberExport,
    Segment,
    SegmentFamily,
    SegmentSize,
    SegmentVersion,
    StaticList,
)
from segments.services import NewDestination, create_destination, create_webhook
from tests.admin_people import make_person, numbers
from tests.factories import (
    TESTER,
    make_case,
    make_identifier,
    make_profile,
    make_purpose,
    make_source,
)


def sign_in(role: str = "") -> Client:
    """Return a client that is signed in as a superuser, or as staff with one role."""
    number = next(numbers)
    if role:
        user = User.objects.create_user(f"{role}-{number}", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
    else:
        user = User.objects.create_superuser(f"owner-{number}")
    client = Client()
    client.force_login(user)
    return client


def make_world(*, people: int = 2) -> dict[str, Any]:
    """Create rows of every model in the admin: one of each, or `people` of the large ones."""
    source = make_source(key="shop")
    purpose = _get_or_make_purpose()
    segment = _make_segment(next(numbers), purpose)
    profiles = [make_person(source, purpose, segment) for _ in range(people)]
    request = open_request(
        NewRequest(
            kind="access", references=(f"profile:{profiles[0].uuid}",), reason="asked by phone"
        ),
        door=PrivacyRequest.Door.STAFF,
        actor=TESTER,
    )
    persons = persons_of(profiles)
    LetterModel.objects.get_or_create(
        kind="access", event="done", language="en", defaults={"subject": "Done", "text": "Done."}
    )
    for _ in range(people):
        BulkRequest.objects.create(
            kind="access",
            reason="A breach.",
            person_ids=persons,
            requested_by=str(TESTER),
            requested_at=timezone.now(),
        )
        _make_small_rows(source, purpose)
        _make_import(source)
        number = next(numbers)
        ExclusiveGroup.objects.create(key=f"group-{number}", name="Offers")
        _make_computed_trait(f"orders_{number}")
        Controller.objects.create(
            controller_id=f"acme-{number}", name="Acme", service=f"acme-{number}"
        )
        _make_rule(purpose)
        LegalHold.objects.create(
            identifier_ids=[profiles[0].identifiers.values_list("pk", flat=True)[0]],
            scope={"events": ["Order Completed"]},
            ground="legal_claim",
            reason="A claim of ada.private@example.org",
            review_on=timezone.localdate() + timedelta(days=90),
            placed_by=str(TESTER),
        )
        one, other = (make_identifier(f"user_id:sister-{number}-{each}") for each in range(2))
        IdentityDecision.objects.create(
            verdict="related", one=one, other=other, actor=str(TESTER), reason="One household."
        )
        one, other = (make_profile(f"user_id:twin-{number}-{each}") for each in range(2))
        sides = [side.identifiers.get(namespace="profile") for side in (one, other)]
        MatchProposal.objects.create(
            one=sides[0], other=sides[1], probability=0.9, prior=-9, weights={"city": 0.4}
        )
        make_case(f"user_id:many-{number}")
        StaffRead.objects.create(actor=str(TESTER), page="list", depth="masked", people=50)
        HealthMeasure.objects.create(
            day=date(2026, 1, 1) + timedelta(days=number),
            key="singletons",
            value=40,
            people=100,
            state="in_range",
        )
        version = begin_version(Ruleset(load_rules()))
        RulesApplication.objects.create(
            version=version,
            actor=str(TESTER),
            until_seq=0,
            state="done",
            finished_at=timezone.now(),
        )
        StaticList.objects.create(key=f"list-{number}", name="Guests")
        SegmentFamily.objects.create(
            kind="rfm", key=f"rfm-{number}", name="RFM", event="Viewed", value="price"
        )
        create_destination(
            NewDestination(
                name=f"Vouchers {number}",
                tool="http",
                segments=[segment],
                purpose=purpose,
                settings={"address": "https://loyalty.example/people"},
            ),
            actor=TESTER,
        )
        create_webhook(
            name=f"Shop {number}",
            url="https://shop.example/hooks",
            events=["consent.changed"],
            actor=TESTER,
        )
        Automation.objects.create(
            key=f"welcome-{number}",
            name=f"Welcome {number}",
            purpose=purpose,
            definition={"trigger": {"type": "event", "name": "Signed Up"}, "steps": []},
        )
        note_bounce(f"ada-{number}@example.org", is_hard=True, at=timezone.now())
        pool = CodePool.objects.create(key=f"summer-{number}", name=f"Summer {number}")
        Code.objects.create(
            pool=pool, text=f"SUN-{number}", key=profiles[0].uuid, given_at=timezone.now()
        )
        MailTemplate.objects.create(
            key=f"hello-{number}",
            name=f"Hello {number}",
            texts={
                code: {"subject": "Hello", "body": "<mj-text>Well?</mj-text>"}
                for code in ("en", "fr")
            },
        )
        MemberExport.objects.create(
            segment=segment,
            purpose=purpose,
            actor=str(TESTER),
            format="csv",
            columns=["id"],
            members=people,
        )
    return {
        "source": source,
        "purpose": purpose,
        "segment": segment,
        "profile": profiles[0],
        "profiles": profiles,
        "request": request,
        "api_key": create_api_key("till", scopes=[Scope.PROFILES_READ], actor=TESTER)[0],
        "write_key": WriteKey.objects.filter(source=source).first(),
        "rejected": RejectedMessage.objects.first(),
        "import": FileImport.objects.first(),
        "sql_source": SqlSource.objects.first(),
    }


def _make_rule(purpose: Any) -> None:
    """Create a rule on events that nobody did."""
    number = next(numbers)
    create_rule(
        event=EventName.objects.create(kind="track", name=f"Rare {number}").name,
        purpose=purpose,
        terms=RuleTerms(period="P1Y"),
        actor=TESTER,
        now=timezone.now(),
    )


def _make_computed_trait(key: str) -> None:
    trait = TraitDefinition.objects.create(key=key, type="number", is_computed=True)
    definition = {"name": "Order Completed", "aggregate": "sum", "property": "revenue"}
    ComputedTrait.objects.create(trait=trait, definition=definition)


def _make_import(source: Any) -> None:
    number = next(numbers)
    mapping = {"call": "identify", "columns": {"Mail": "email", "Date": "timestamp"}}
    file_import = FileImport.objects.create(
        source=source, name=f"people-{number}.csv", size=10, status="done", mapping=mapping
    )
    cells = pack_message(b'{"Mail":"ada@example.org"}')
    RefusedRow.objects.create(
        file_import=file_import, number=2, code="invalid_time", column="Date", cells=cells
    )
    other = make_source()
    Hook.objects.create(
        source=other,
        preset="shopify",
        prefix=f"twh_{number}",
        digest=str(number),
        sealed_secret=b"x",
    )
    SavedMapping.objects.create(key=f"mapping-{number}", mapping=mapping)
    sql_source = SqlSource.objects.create(
        name=f"Shop {number}",
        source=source,
        sealed_url=b"x",
        place="postgresql: shop.example:5432/shop",
        query="SELECT * FROM people",
        cursor_column="updated_at",
        mapping=mapping,
    )
    SqlRun.objects.create(sql_source=sql_source, fault="query_canceled")
    Product.objects.create(
        number=f"P-{number}", name="A knife", category="Home > Kitchen", price=20
    )


def _get_or_make_purpose() -> Any:
    from consent.models import Purpose

    existing = Purpose.objects.filter(key="newsletter").first()
    return existing or make_purpose(is_direct_marketing=True)


def _make_segment(number: int, purpose: Any) -> Segment:
    definition = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
    segment = Segment.objects.create(
        key=f"segment-{number}",
        name=f"From Lyon {number}",
        definition=definition,
        live_definition=definition,
        live_version=1,
        purpose=purpose,
        status="live",
        size=2,
    )
    SegmentVersion.objects.create(segment=segment, number=1, definition=definition, author="ada")
    now = timezone.now()
    for days, size in ((9, 1), (3, 5), (0, 2)):
        SegmentSize.objects.create(
            segment=segment, measured_at=now - timedelta(days=days), size=size
        )
    return segment


def _make_registry(source: Any, number: int) -> None:
    """Create what is known of a property, in the way in which the drain counts it."""
    day = timezone.now().date().isoformat()
    name = EventName.objects.get_or_create(kind="track", name="Order Completed")[0]
    count = SubjectCount(messages=40)
    at = round(timezone.now().timestamp() * 1_000_000)
    for _ in range(4):
        count.sample({"revenue": {"number"}, f"size-{number}": {"text"}}, at)
    keep_tally({Subject("property", name.pk, source.pk, day): count})
    keep_tally({Subject("trait", None, source.pk, day): count})
    fold_tallies()


def _make_small_rows(source: Any, purpose: Any) -> None:
    """Create one row each of the models that are not about a profile."""
    number = next(numbers)
    now = timezone.now()
    create_write_key(source, kind=WriteKey.Kind.SECRET, actor=TESTER)
    create_api_key(f"service {number}", scopes=[Scope.PROFILES_READ], actor=TESTER)
    add_notice(key="signup", language="en", content=f"Words {number}", shown_from=now, actor=TESTER)
    suppress([f"email:gone{number}@example.org"], request_id=None)
    TraitDefinition.objects.get_or_create(key=f"trait-{number}", defaults={"type": "text"})
    _make_registry(source, number)
    ConsentCategory.objects.create(source=source, category=f"category {number}", purpose=purpose)
    ForbiddenName.objects.create(name=f"forbidden {number}")
    PlanBreach.objects.create(
        source=source, day=now.date(), event=f"Seen {number}", count=3, path="properties.at"
    )
    TrackingPlan.objects.create(source=source, version=number, content={}, digest=str(number))
    DroppedCount.objects.create(source=source, day=now.date(), reason=f"erased {number}", count=3)
    InboxRow.objects.create(source=source, trust=2, body=b"", message_count=3)
    MessageCount.objects.create(
        source=source, hour=now - timedelta(hours=number), outcome="stored", count=number
    )
    RecentMessage.objects.create(
        source=source,
        received_at=now,
        outcome="stored",
        type="identify",
        body=pack_message(b'{"type":"identify","traits":{"email":"ada@example.org"}}'),
    )
    RejectedMessage.objects.create(
        source=source,
        trust=TrustLevel.CLAIM,
        inbox_row_id=number,
        place=0,
        code="invalid",
        path="traits",
        detail="must be an object",
        body=pack_message(b'{"type":"identify","traits":{"email":"ada@example.org"}}'),
        received_at=now,
    )
