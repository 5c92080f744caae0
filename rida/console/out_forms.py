"""What the page “Out of the sandbox” asks: a relay, or our own addresses; and which message is the test."""

import re
import ssl
from ipaddress import ip_address
from typing import Any

import idna
from django import forms
from django.utils.translation import gettext_lazy as _

from rida.accounts.models import Workspace
from rida.campaign.models import Campaign, Identity
from rida.console import say
from rida.console.forms import Styled
from rida.kernel.errors import PasswordInClear
from rida.outbox.route import our_name
from rida.shaping.models import Source
from rida.shaping.routes import Caps, DirectSettings, RelaySettings
from rida.shaping.sources import caps_of

_SPLIT = re.compile(r"[\s,;]+")
_FROM_THE_START, _LATER = 465, {25, 587, 2525}
"""RFC 8314 gives TLS from the first byte a port of its own."""


class HostField(forms.CharField):
    """A name in DNS, kept in A-labels; with `address`, an address of the internet will do too."""

    def __init__(self, *, full: bool = False, address: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length=253, widget=forms.TextInput(attrs=_LATIN), **kwargs)
        self.full, self.address = full, address

    def clean(self, value: Any) -> str:
        text = super().clean(value).strip().rstrip(".")
        if not text or (self.address and _is_address(text)):
            return str(text)
        name = _a_labels(text)
        if not name or (self.full and "." not in name):
            raise forms.ValidationError(_("This is no full host name. Write it like mail.example.org."))
        return name


class AddressesField(forms.CharField):
    """Addresses of the internet, one a line or with commas."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.TextInput(attrs=_LATIN), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> tuple[str, ...]:
        found = tuple(filter(None, _SPLIT.split(super().clean(value))))
        for text in found:
            if not _is_address(text):
                says = _("“%(text)s” is no address of the internet. Write it like 203.0.113.5.")
                raise forms.ValidationError(says % {"text": say.apart(text)})
        return found


_LATIN = {"dir": "ltr", "autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}


class RelayForm(Styled):
    """An account at a mail server of others. It is filled in from their help pages."""

    host = HostField(label=_("Host"), address=True, help_text=_("Such as smtp.example.org."))
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, initial=587)
    tls = forms.ChoiceField(
        label=_("Encryption"),
        choices=[
            ("required", _("STARTTLS (port 587)")),
            ("implicit", _("TLS from the start (port 465)")),
            ("none", _("None: only on a network of your own, without a password")),
        ],
    )
    user = forms.CharField(label=_("User name"), required=False, max_length=200, widget=forms.TextInput(attrs=_LATIN))
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"dir": "ltr", "autocomplete": "new-password"}),
    )
    include = HostField(
        label=_("SPF include"),
        required=False,
        help_text=_("The relay's help pages name it, such as spf.example.org. Leave it empty if they name addresses."),
    )
    addresses = AddressesField(
        label=_("Outgoing addresses"), help_text=_("Only if the help pages name addresses instead of an include.")
    )
    name = HostField(
        label=_("This machine's name"),
        full=True,
        help_text=_("A full name in DNS, under which bounces can come back, such as mail.your-domain.example."),
    )
    hour = forms.IntegerField(label=_("Most messages an hour"), required=False, min_value=1, max_value=10_000_000)
    day = forms.IntegerField(
        label=_("Most messages a day"),
        required=False,
        min_value=1,
        max_value=100_000_000,
        help_text=_("As the relay tells you. Leave both empty if it sets no limit."),
    )
    connections = forms.IntegerField(label=_("Connections at once"), min_value=1, max_value=200, initial=10)
    messages_per_connection = forms.IntegerField(
        label=_("Messages a connection"), min_value=1, max_value=100_000, initial=100
    )
    authority = forms.CharField(
        label=_("Certificate authority (PEM)"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
        help_text=_("Only for a relay of your own house whose certificate the world's authorities do not prove."),
    )

    def __init__(self, source: Source | None, *args: Any, **kwargs: Any) -> None:
        self.known = RelaySettings.from_json(source.settings) if source and source.settings else None
        super().__init__(*args, initial=_relay_initial(source, self.known), **kwargs)
        if self.known and self.known.password:
            self.fields["password"].help_text = _("One is kept, sealed. Leave this empty to keep it.")
        else:
            self.fields["password"].help_text = _("It is kept sealed and never shown again.")

    def clean_authority(self) -> str:
        text: str = self.cleaned_data["authority"].strip()
        try:
            ssl.create_default_context(cadata=text or None)
        except (ssl.SSLError, ValueError) as error:
            raise forms.ValidationError(
                _("This is no certificate in PEM. It begins with BEGIN CERTIFICATE.")
            ) from error
        return text

    def clean(self) -> None:
        given = self.cleaned_data
        has_password = bool(given.get("password") or (self.known and self.known.password))
        if given.get("user") and given.get("tls") == "none":
            self.add_error("tls", say.said(PasswordInClear()))
        if given.get("user") and not has_password:
            self.add_error("password", _("The relay wants a password with the user name."))
        if given.get("password") and not given.get("user"):
            self.add_error("user", _("A password needs the user name that it belongs to."))
        self._check_port(given.get("port"), given.get("tls"))

    def _check_port(self, port: int | None, tls: str | None) -> None:
        if port == _FROM_THE_START and tls == "required":
            self.add_error("tls", _("Port 465 speaks TLS from the start. Choose that, or port 587 for STARTTLS."))
        if port in _LATER and tls == "implicit":
            self.add_error("tls", _("This port begins in clear text. Choose STARTTLS, or port 465 for TLS."))

    def settings(self) -> RelaySettings:
        """Without the password."""
        taken = ("host", "port", "tls", "user", "include", "addresses", "name", "messages_per_connection", "authority")
        return RelaySettings(**{name: self.cleaned_data[name] for name in taken})

    def caps(self) -> Caps:
        return Caps(*(self.cleaned_data[name] for name in ("hour", "day", "connections")))


class DirectForm(Styled):
    """Straight to the recipients' servers."""

    name = HostField(
        label=_("This machine's name"),
        full=True,
        help_text=_("A full name in DNS. The machine greets with it, and its address must be called so."),
    )
    public_addresses = AddressesField(
        label=_("Public addresses"),
        help_text=_("What the world sees this machine come from. Leave it empty if the name leads to them in DNS."),
    )
    local_address = forms.GenericIPAddressField(
        label=_("Local address"),
        required=False,
        widget=forms.TextInput(attrs=_LATIN),
        help_text=_("Only if this machine has several addresses and mail shall leave from this one."),
    )

    def __init__(self, source: Source | None, *args: Any, **kwargs: Any) -> None:
        known = source.settings if source else {}
        super().__init__(*args, initial={"name": _full_name(), **known}, **kwargs)

    def settings(self) -> DirectSettings:
        return DirectSettings(**self.cleaned_data)


class TrialForm(Styled):
    """A few words of ours in the name of a sender, or a campaign as it is."""

    letter = forms.ChoiceField(label=_("Which message"))

    def __init__(self, workspace: Workspace, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        senders = Identity.objects.filter(workspace=workspace).order_by("pk")
        campaigns = Campaign.objects.filter(workspace=workspace).exclude(identity=None).order_by("-pk")[:50]
        field = self.fields["letter"]
        assert isinstance(field, forms.ChoiceField)
        short = _("A short message from %(sender)s")
        field.choices = [
            *((f"sender:{each.pk}", short % {"sender": say.apart(str(each))}) for each in senders),
            *((f"campaign:{each.pk}", say.apart(each.name)) for each in campaigns),
        ]

    @property
    def chosen(self) -> tuple[str, int]:
        """`sender` or `campaign`, and its number."""
        kind, _colon, number = self.cleaned_data["letter"].partition(":")
        return kind, int(number)


def _relay_initial(source: Source | None, known: RelaySettings | None) -> dict[str, Any]:
    if source is None or known is None:
        return {"name": _full_name()}
    caps = caps_of(source)
    kept = {name: value for name, value in known.to_json().items() if name != "password"}
    return {**kept, "name": known.name or _full_name(), "hour": caps.hour, "day": caps.day,
            "connections": caps.connections}  # fmt: skip


def _full_name() -> str:
    """What this machine calls itself, if the world can know it by that."""
    name = our_name()
    return name if "." in name and not name.endswith((".local", ".localdomain", ".internal")) else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _a_labels(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode().lower()
    except idna.IDNAError:
        return ""
