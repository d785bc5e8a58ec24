from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("permits", views.permits, name="permits"),
    path("contract", views.contract, name="contract"),
    path("not-logged-in", views.not_logged_in, name="not_logged_in"),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
