"""Two pages: the customers whom a person may see, and one of them, changed by a form."""

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.forms import modelform_factory
from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from insurer.models import Customer

CustomerForm = modelform_factory(
    Customer, fields=["name", "phone", "landline", "email", "address", "postal_code", "occupation"]
)


@login_required
def customers(request):
    """The list, with how many policies each holds."""
    found = Customer.objects.annotate(contracts=Count("policies")).order_by("id")
    return JsonResponse(
        [{"id": c.id, "name": c.name, "phone": c.phone, "contracts": c.contracts} for c in found],
        safe=False,
    )


@login_required
def customer(request, key):
    """One customer; POST writes the whole form back, masks and all."""
    found = get_object_or_404(Customer, id=key)
    if request.method == "POST":
        form = CustomerForm(request.POST, instance=found)
        if not form.is_valid():
            return JsonResponse(form.errors, status=400)
        form.save()
        found.refresh_from_db()
    return JsonResponse({"id": found.id, "name": found.name, "phone": found.phone})
