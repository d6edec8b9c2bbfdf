"""Routes of sources and rejected messages, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from ingestion.api import (
    forbidden,
    hook_views,
    imports,
    plans,
    products,
    schema,
    sql_sources,
    views,
)

router = SimpleRouter(use_regex_path=False)
router.register("sources", views.SourceViewSet, basename="source")
router.register("rejected-messages", views.RejectedMessageViewSet, basename="rejected-message")
router.register("imports", imports.ImportViewSet, basename="import")
router.register("import-mappings", imports.SavedMappingViewSet, basename="import-mapping")
router.register("sql-sources", sql_sources.SqlSourceViewSet, basename="sql-source")
router.register("hooks", hook_views.HookViewSet, basename="hook")
router.register("hook-mappings", hook_views.HookMappingViewSet, basename="hook-mapping")
router.register("products", products.ProductViewSet, basename="product")
router.register("schema/events", schema.RegistryEventViewSet, basename="schema-event")
router.register("schema/properties", schema.RegistryPropertyViewSet, basename="schema-property")
router.register("schema/traits", schema.RegistryTraitViewSet, basename="schema-trait")
router.register("schema/forbidden-names", forbidden.ForbiddenNameViewSet, basename="forbidden-name")
router.register("schema/review", schema.SchemaReviewViewSet, basename="schema-review")

plan = plans.PlanViewSet.as_view({"get": "retrieve", "put": "update"})
draft = plans.PlanViewSet.as_view({"post": "draft"})
check = plans.PlanViewSet.as_view({"post": "check"})
urlpatterns = [
    path("sources/<slug:key>/plan/", plan, name="source-plan"),
    path("sources/<slug:key>/plan/draft/", draft, name="source-plan-draft"),
    path("sources/<slug:key>/plan/check/", check, name="source-plan-check"),
    *router.urls,
]
