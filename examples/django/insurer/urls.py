"""Where the pages are."""

from django.urls import path

from insurer import views

urlpatterns = [
    path("customers/", views.customers),
    path("customers/<int:key>/", views.customer),
]
