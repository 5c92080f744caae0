"""One settings file, read from the environment (design §9). What is not named here has one good value."""

import os
import secrets
from ipaddress import ip_address, ip_network
from pathlib import Path

from rida import embedded
from rida.kernel.errors import SettingError

HOME = embedded.home()
BASE = Path(__file__).resolve().parent


def _number(name: str, default: float) -> float:
    return _numbers(name, str(default))[0]


def _numbers(name: str, default: str) -> tuple[float, ...]:
    given = os.environ.get(name) or default
    try:
        return tuple(float(part) for part in given.split(","))
    except ValueError:
        raise SettingError(name=name, reason=f"“{given}” is no number") from None


def _server(name: str, port: int) -> tuple[str, int] | None:
    """An address with or without a port: 192.0.2.1, 192.0.2.1:5300, 2001:db8::1, [2001:db8::1]:5300."""
    given = os.environ.get(name, "").strip()
    bare, _, named = given.rpartition(":") if given.count(":") == 1 or "]:" in given else (given, "", "")
    try:
        return (str(ip_address(bare.strip("[]"))), int(named or port)) if given else None
    except ValueError:
        reason = f"“{given}” is no address of a server; write it like 192.0.2.1 or 127.0.0.1:5300"
        raise SettingError(name=name, reason=reason) from None


def _networks(name: str) -> tuple[str, ...]:
    given = tuple(filter(None, os.environ.get(name, "").replace(" ", "").split(",")))
    try:
        return tuple(str(ip_network(net)) for net in given)
    except ValueError as error:
        raise SettingError(name=name, reason=str(error)) from None


def _secret() -> str:
    """RIDA_SECRET, else one made once and kept in the home, readable by its owner only."""
    if given := os.environ.get("RIDA_SECRET"):
        return given
    file = HOME / "secret"
    if not file.exists():
        embedded.make_home(HOME)
        _write_private(file, secrets.token_urlsafe(48))
    return file.read_text()


def _write_private(file: Path, text: str) -> None:
    """Two processes may start at once: the first to link its file wins, nobody reads half a secret."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


# --- Rida -----------------------------------------------------------------------------------------------------------

RIDA_SECRETS = {0: _secret().encode()}
RIDA_URL = os.environ.get("RIDA_URL", "http://127.0.0.1:8000").rstrip("/")
RIDA_RESOLVER = _server("RIDA_RESOLVER", 53)
RIDA_MX_PORT = int(_number("RIDA_MX_PORT", 25))
RIDA_LAB_NETS = _networks("RIDA_LAB_NETS")

RIDA_WINDOW_SECONDS = _number("RIDA_WINDOW_SECONDS", 3600)
"""The rolling window of every network's budget; shorter only in demonstrations and tests."""
RIDA_LEASE_SECONDS = _number("RIDA_LEASE_SECONDS", 60)
RIDA_LEASE_MARGIN_SECONDS = _number("RIDA_LEASE_MARGIN_SECONDS", min(5, RIDA_LEASE_SECONDS / 5))
RIDA_RETRY_SECONDS = _numbers("RIDA_RETRY_SECONDS", "300,900,3600,14400")
RIDA_GIVE_UP_SECONDS = _number("RIDA_GIVE_UP_SECONDS", 72 * 3600)
RIDA_SHARDS = 16
RIDA_NODE_SILENCE_SECONDS = _number("RIDA_NODE_SILENCE_SECONDS", 10)
"""A node without a sign of life for so long loses its tickets."""

# --- Django ---------------------------------------------------------------------------------------------------------

SECRET_KEY = RIDA_SECRETS[max(RIDA_SECRETS)].decode()
DEBUG = False
ALLOWED_HOSTS = ["*"]  # links are made from RIDA_URL, never from the Host header
CSRF_TRUSTED_ORIGINS = [RIDA_URL]
ROOT_URLCONF = "rida.urls"
WSGI_APPLICATION = "rida.wsgi.application"
DATABASES = {"default": embedded.django_database(os.environ)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "ninja",
    "procrastinate.contrib.django",
    "rida.accounts",
    "rida.permission",
    "rida.audience",
    "rida.campaign",
    "rida.shaping",
    "rida.preflight",
    "rida.outbox",
    "rida.dispatch",
    "rida.feedback",
    "rida.reports",
    "rida.public",
    "rida.console",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

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
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربية")]
LOCALE_PATHS = [BASE / "locale"]
FORMAT_MODULE_PATH = ["rida.formats"]
USE_I18N = True
USE_THOUSAND_SEPARATOR = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [BASE / "static"]
WHITENOISE_USE_FINDERS = True

# No outside host, no inline script or style: the whole interface works under this (facts: libraries §2).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
# Not no-referrer: Chromium would send “Origin: null” with every form, which the CSRF check refuses. Pages whose address
# is a token say no-referrer themselves.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = RIDA_URL.startswith("https://")
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tickets"
PROCRASTINATE_ON_APP_READY = "rida.dispatch.engine_procrastinate.on_app_ready"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("RIDA_LOG", "WARNING")},
}
