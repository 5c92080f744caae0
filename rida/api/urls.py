"""Where REST v1 lives, below `api/v1/`. Its description for people is at `docs`, for programs at `openapi.json`."""

from django.urls import path

from rida.api.routes import api

urlpatterns = [path("", api.urls)]
