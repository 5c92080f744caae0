"""The whole URL map on one screen. Links in mail are short: they stand in every copy."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("rida.public.urls")),
    path("", include("rida.console.urls")),
    path("api/v1/", include("rida.api.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]

handler500 = "rida.public.trouble.page"
