"""Routes of sources and rejected messages, below /api/v1/."""

from rest_framework.routers import SimpleRouter

from ingestion.api import imports, products, views

router = SimpleRouter(use_regex_path=False)
router.register("sources", views.SourceViewSet, basename="source")
router.register("rejected-messages", views.RejectedMessageViewSet, basename="rejected-message")
router.register("imports", imports.ImportViewSet, basename="import")
router.register("import-mappings", imports.SavedMappingViewSet, basename="import-mapping")
router.register("products", products.ProductViewSet, basename="product")

urlpatterns = router.urls
