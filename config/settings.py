"""Django's settings, made from the environment (``config.env``). One file for every profile."""

import secrets
from pathlib import Path

from celery.schedules import crontab
from csp.constants import NONCE, SELF
from django.utils.translation import gettext_lazy as _

from config import database
from config.env import Environment
from config.logs import logging_config

env = Environment()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR") or BASE_DIR / ".data")
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")
SECRET_KEY = env.secret("SECRET_KEY", debug=DEBUG, make=lambda: secrets.token_urlsafe(48))
PUBLIC_URL = env.url("PUBLIC_URL", "http", "https")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
HTTPS = PUBLIC_URL.startswith("https://")

INSTALLED_APPS = [
    "config.apps.RoofConfig",
    "kernel.apps.KernelConfig",
    "records",
    "payments",
    "signaling",
    "accounts",
    "referrals",
    "consult",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
]
if DEMO:
    INSTALLED_APPS.append("demo")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "config.gate.PlainForms",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.PrincipalMiddleware",
]
# Machines (FHIR, tokens, gateways' callbacks) take a short way: measured, the twelve above cost
# four times the request itself.
MACHINE_MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
MACHINE_PATHS = ("/fhir", "/oauth/", "/pay/callback/", "/healthz", "/readyz", "/metrics")

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

_database_url = env.url("DATABASE_URL", "postgresql", "postgres")
DATABASES = {
    "default": database.postgresql(_database_url, pool=16)
    if _database_url
    else database.sqlite(DATA_DIR / "tongzhen.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.url("REDIS_URL", "redis", "rediss")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "sweep-outbox": {"task": "config.tasks.deliver_outbox", "schedule": 60.0},
    "deliver-referrals": {"task": "referrals.tasks.deliver_referrals", "schedule": 15.0},
    "deliver-notifications": {
        "task": "records.tasks.deliver_notifications",
        "schedule": 15.0,
    },
    "forget-notifications": {"task": "records.tasks.forget_notifications", "schedule": 86400.0},
    "tend-visits": {"task": "consult.tasks.sweep_visits", "schedule": 15.0},
    "tend-payments": {"task": "payments.tasks.tend", "schedule": 60.0},
    "reconcile": {
        "task": "payments.tasks.reconcile_yesterday",
        "schedule": crontab(hour=10, minute=30),  # gateways offer the bill of a day from 10 on
    },
    "tend-exports": {"task": "records.tasks.tend_exports", "schedule": 60.0},
    "forget-messages": {"task": "records.tasks.forget_messages", "schedule": 86400.0},
    "forget-callbacks": {"task": "payments.tasks.forget_refused_callbacks", "schedule": 86400.0},
}
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [f"{REDIS_URL}/1"]},
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"{REDIS_URL}/2",
        }
    }
    CELERY_BROKER_URL = f"{REDIS_URL}/0"
    CELERY_TASK_ACKS_LATE = True
    CELERY_TASK_REJECT_ON_WORKER_LOST = True
    CELERY_WORKER_PREFETCH_MULTIPLIER = 1
    # With kombu's defaults a killed worker's task comes back after 105 s; with these after 7 s.
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, float] = {
        "visibility_timeout": 300,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "config.layers.OneLoopLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CELERY_BROKER_URL = "memory://localhost/"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.01}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/console/"
ACCOUNT_ADAPTER = "accounts.adapter.StaffAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Tongzhen"
MFA_ADAPTER = "accounts.adapter.SecondFactorAdapter"

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = False  # the front proxy's work
SILENCED_SYSTEM_CHECKS = [
    "security.W008",  # as above
    # Other services of an operator's domain are not ours to move to HTTPS.
    "security.W005",
    "security.W021",
]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"  # links that are permissions must not travel on
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF, "ws:" if not HTTPS else "wss:"],
        "frame-ancestors": ["'none'"],
        "form-action": [SELF],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
FHIR_MOST_BYTES = env.number("FHIR_MOST_BYTES")
FHIR_MOST_ENTRIES = env.number("FHIR_MOST_ENTRIES")

TURN_URLS = env.words("TURN_URLS")
TURN_SECRET = env.text("TURN_SECRET")
MEDIA_ADDRESSES = env.words("MEDIA_ADDRESSES")
MEDIA_PORTS = env.ports("MEDIA_PORTS")
PARTNER_PRIVATE_NETWORKS = env.flag("PARTNER_PRIVATE_NETWORKS")
EXPORT_HOURS = env.number("EXPORT_HOURS")
EXPORT_LARGEST_MB = env.number("EXPORT_LARGEST_MB")
SUBSCRIPTION_EVENT_DAYS = env.number("SUBSCRIPTION_EVENT_DAYS")
EXCHANGE_CLIENT_ID = env.text("EXCHANGE_CLIENT_ID")
EXCHANGE_KEY_FILE = env.text("EXCHANGE_KEY_FILE")

WECHAT_PAY = {
    "url": env.url("WECHAT_PAY_URL", "https", "http"),
    "mchid": env.text("WECHAT_PAY_MCHID"),
    "appid": env.text("WECHAT_PAY_APPID"),
    "serial": env.text("WECHAT_PAY_SERIAL"),
    "key_file": env.text("WECHAT_PAY_KEY_FILE"),
    "apiv3_key": env.text("WECHAT_PAY_APIV3_KEY"),
    "platform_id": env.text("WECHAT_PAY_PLATFORM_ID"),
    "platform_key_file": env.text("WECHAT_PAY_PLATFORM_KEY_FILE"),
}

LOGGING = logging_config(env.text("LOG_LEVEL"))
LOGGING_CONFIG = "logging.config.dictConfig"
