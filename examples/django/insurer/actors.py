"""As whom a request acts: the staff member whom Django's own login has found."""

from insurer.models import Staff
from pgmask.integrations.acting import Actor


def actor_of(request):
    """The staff member behind ``request.user``; nobody before login.

    Users are named by staff number. Never take person, profile or unit from the request itself.
    """
    if not request.user.is_authenticated:
        return None
    staff = Staff.objects.get(id=int(request.user.username))
    return Actor(person=staff.id, profile="agent", unit=str(staff.unit_id))
