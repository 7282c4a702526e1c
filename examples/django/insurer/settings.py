"""Settings of the example; what pgmask needs is marked."""

import os

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "of-the-example-only")
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
ROOT_URLCONF = "insurer.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "pgmask.django",  # pgmask: the system checks
    "insurer",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "pgmask.django.middleware.PgmaskMiddleware",  # pgmask: below authentication
]

PGMASK_ACTOR = "insurer.actors.actor_of"  # pgmask: request -> Actor

DATABASES = {
    "default": {
        "ENGINE": "pgmask.django",  # pgmask: instead of django.db.backends.postgresql
        "NAME": os.environ.get("PGDATABASE", "insurer"),
        "USER": "crm_app",
        "PASSWORD": os.environ.get("CRM_APP_PASSWORD", ""),
        "HOST": os.environ.get("PGHOST", ""),
        "PORT": os.environ.get("PGPORT", ""),
        "OPTIONS": {
            "pgmask_issuer_key": os.environ.get("CRM_WEB_KEY", "crm-web.key"),  # pgmask
        },
    },
}
