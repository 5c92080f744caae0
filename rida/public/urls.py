"""What recipients see: two addresses, both found only in a letter."""

from django.urls import path

from rida.public.views import leave, view

urlpatterns = [
    path("u/<str:token>", leave, name="leave"),
    path("v/<str:token>", view, name="view"),
]
