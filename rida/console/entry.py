"""The way in: the first login, login and logout."""

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth import login as log_in
from django.contrib.auth import logout as log_out
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from rida.accounts.models import User
from rida.accounts.services import failed_login, first_login_is_open, may_try_login, use_first_login, workspace_of
from rida.audience.services import add_topic
from rida.console.forms import FirstForm, LoginForm
from rida.kernel.clock import now
from rida.kernel.errors import TokenError


@sensitive_post_parameters("password")
@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """The answer is the same for a wrong address and a wrong password."""
    if request.method == "GET" and request.user.is_authenticated:
        return redirect("home")
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (user := _known(request, form)):
        return _welcome(request, user, redirect(_wanted(request)))
    return render(request, "console/login.html", {"form": form, "next": request.GET.get("next", "")})


def _known(request: HttpRequest, form: LoginForm) -> User | None:
    email, at = form.cleaned_data["email"], now()
    if not may_try_login(email, at):
        form.add_error(None, _("Too many wrong passwords for this address. Please wait a quarter of an hour."))
        return None
    user = authenticate(request, username=email.lower(), password=form.cleaned_data["password"])
    if isinstance(user, User):
        return user
    failed_login(email, at)
    form.add_error(None, _("Address and password do not belong together. Please try again."))
    return None


def _wanted(request: HttpRequest) -> str:
    """Where they were going, unless that is somewhere else in the world."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else resolve_url("home")


def _welcome(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    log_in(request, user)
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, samesite="Lax", max_age=365 * 24 * 3600)
    return response


def logout(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        log_out(request)
    return redirect("login")


@sensitive_post_parameters("password")
@never_cache
def first(request: HttpRequest, token: str) -> HttpResponse:
    """Looking uses nothing up; the form makes the owner, their workspace and its first topic."""
    if not first_login_is_open(token, now()):
        return _private(render(request, "console/first_closed.html", status=404))
    form = FirstForm(request.POST or None, initial={"language": get_language()})
    if request.method == "POST" and form.is_valid():
        try:
            return _private(_welcome(request, _owner(token, form), redirect("home")))
        except TokenError:
            return _private(render(request, "console/first_closed.html", status=404))
    return _private(render(request, "console/first.html", {"form": form}))


def _owner(token: str, form: FirstForm) -> User:
    asked = dict(form.cleaned_data)
    topic_name = asked.pop("topic_name")
    owner = use_first_login(token, **asked, now=now())
    workspace = workspace_of(owner)
    assert workspace is not None
    add_topic(workspace, slugify(topic_name)[:60] or "news", topic_name)
    return owner


def _private(response: HttpResponse) -> HttpResponse:
    """The address is a key: no other site learns it."""
    response.headers["Referrer-Policy"] = "same-origin"
    return response
