"""Routes of sources and rejected messages, below /api/v1/."""

from django.urls import path

from ingestion.api import views

urlpatterns = [
    path("sources/", views.SourceList.as_view()),
    path("sources/<slug:key>/", views.SourceDetail.as_view()),
    path("sources/<slug:key>/keys/", views.SourceKeys.as_view()),
    path("sources/<slug:key>/keys/<slug:prefix>/", views.SourceKey.as_view()),
    path("rejected-messages/", views.RejectedMessageList.as_view()),
    path("rejected-messages/<uuid:uuid>/", views.RejectedMessageDetail.as_view()),
    path("rejected-messages/<uuid:uuid>/replay/", views.RejectedMessageReplay.as_view()),
]
