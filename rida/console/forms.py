"""What the console's forms ask. Fields check shape; whether something may be done, the services decide."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from rida.accounts.models import Workspace
from rida.audience.columns import ATTRIBUTE, LEAVE_OUT, Field, attribute_name
from rida.audience.models import Attribute, Topic
from rida.audience.services import topics
from rida.campaign.models import Campaign, Identity
from rida.console import say, words

LANGUAGES = [("en", "English"), ("ar", "العربية")]
_MOST_TAGS = 20
_LOOKS = {"select": "form-select", "checkbox": "form-check-input", "radio": "form-check-input"}


class Styled(forms.Form):
    """A form in Tabler's look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            kind = getattr(field.widget, "input_type", "")
            field.widget.attrs.setdefault("class", _LOOKS.get(kind, "form-control"))
            if kind not in _LOOKS:
                field.widget.attrs.setdefault("dir", "auto")

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        for name in self.fields.keys() & self.errors.keys():
            attrs = self.fields[name].widget.attrs
            attrs["class"] = f"{attrs['class'].removesuffix(' is-invalid')} is-invalid"


class OneOf(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A choice whose names stand in a direction of their own: an option holds no markup, but it holds FSI and PDI."""

    def label_from_instance(self, obj: Any) -> str:
        return f"\u2068{obj}\u2069"


class LoginForm(Styled):
    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username", "dir": "ltr"})
    )
    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "dir": "ltr"})
    )


class FirstForm(Styled):
    name = forms.CharField(label=_("Your name"), max_length=120)
    email = forms.EmailField(label=_("Your e-mail address"), widget=forms.EmailInput(attrs={"dir": "ltr"}))
    password = forms.CharField(
        label=_("A password"),
        help_text=_("At least ten characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "dir": "ltr"}),
    )
    workspace_name = forms.CharField(
        label=_("Who sends the mail"), max_length=120, help_text=_("Your shop, association or company.")
    )
    topic_name = forms.CharField(
        label=_("What people sign up to"),
        max_length=120,
        initial=_("Offers"),
        help_text=_("The first topic. People give permission for a topic and leave a topic."),
    )
    language = forms.ChoiceField(label=_("Language of the pages"), choices=LANGUAGES)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password


class TopicForm(Styled):
    name = forms.CharField(label=_("Name"), max_length=120)
    description = forms.CharField(label=_("What they get, and how often"), required=False)

    def __init__(self, workspace: Workspace, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if topics(self.workspace).filter(name__iexact=name).exists():
            raise forms.ValidationError(_("There is a topic of this name already."))
        return name


class UploadForm(Styled):
    file = forms.FileField(
        label=_("A CSV file"),
        help_text=_("Its first line names the columns. UTF-8, UTF-16 and Windows-1256 are read right."),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
    )


class ImportForm(Styled):
    """How the columns of one file are read, and why its people may be written to."""

    topic = OneOf(queryset=Topic.objects.none(), label=_("Topic"), empty_label=None)
    basis = forms.ChoiceField(
        label=_("Why may these people be written to?"),
        required=False,
        widget=forms.RadioSelect,
        choices=[
            ("", _("A column of each row shows it (a purchase, an opt-in)")),
            ("customer", _("They are customers; each row holds the date of a purchase")),
            ("single_opt_in", _("They opted in; each row holds the date")),
            ("attestation", _("I vouch for them, in the words below (weakest; United States only, with a label)")),
        ],
    )
    statement = forms.CharField(
        label=_("Where the addresses come from, in your own words"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(
        self, workspace: Workspace, headers: Sequence[str], suggested: dict[str, str], *args: Any, **kwargs: Any
    ) -> None:
        self.headers = list(headers)
        super().__init__(*args, **kwargs)
        topic = self.fields["topic"]
        assert isinstance(topic, forms.ModelChoiceField)
        topic.queryset = topics(workspace)
        for index, header in enumerate(self.headers):
            self.fields[f"column_{index}"] = forms.ChoiceField(
                label=header,
                required=False,
                choices=_column_choices(header),
                initial=suggested.get(header, LEAVE_OUT),
                widget=forms.Select(attrs={"class": "form-select form-select-sm", "aria-label": header}),
            )

    def clean(self) -> None:
        """What the services would refuse as a mistake of the file, told as one that is mended on this page."""
        held = [field for field in self.mapping.values() if field != LEAVE_OUT]
        for twice in sorted({field for field in held if held.count(field) > 1}):
            name = words.of(words.FIELDS, twice.removeprefix(ATTRIBUTE))
            self.add_error(
                None, _("Two columns are both taken for “%(name)s”. Leave one of them out.") % {"name": name}
            )
        if Field.EMAIL not in held:
            self.add_error(
                None, _("No column of the file holds e-mail addresses. Choose “E-mail address” for the one that does.")
            )
        self._check_basis(held)

    def _check_basis(self, held: Sequence[str]) -> None:
        basis, dates = self.cleaned_data.get("basis"), {Field.LAST_PURCHASE_AT, Field.OPTED_IN_AT} & set(held)
        if basis == "attestation" and not self.cleaned_data.get("statement", "").strip():
            self.add_error("statement", _("Say where the addresses come from: your word is all that stands for them."))
        if basis == "customer" and not dates:
            self.add_error(
                "basis",
                _("No column holds the date of a purchase. Choose “Date of the last purchase” for the one that does."),
            )

    @property
    def columns(self) -> list[Any]:
        return [self[f"column_{index}"] for index in range(len(self.headers))]

    @property
    def mapping(self) -> dict[str, str]:
        return {header: self.cleaned_data[f"column_{index}"] for index, header in enumerate(self.headers)}


def _column_choices(header: str) -> list[tuple[str, Any]]:
    own = attribute_name(header)
    kept = [(f"{ATTRIBUTE}{own}", _("Keep as “%(name)s”") % {"name": own})] if own else []
    return [(LEAVE_OUT, _("Leave out")), *((field.value, words.FIELDS[field.value]) for field in Field), *kept]


class IdentityForm(Styled):
    name = forms.CharField(label=_("From name"), max_length=120, help_text=_("The name people know you by."))
    from_address = forms.EmailField(label=_("From address"), widget=forms.EmailInput(attrs={"dir": "ltr"}))
    reply_to = forms.EmailField(
        label=_("Replies go to"),
        required=False,
        widget=forms.EmailInput(attrs={"dir": "ltr"}),
        help_text=_("Leave it empty if they go to the From address."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES)
    organisation = forms.CharField(label=_("Organisation"), max_length=200)
    street = forms.CharField(
        label=_("Street and number, or box"),
        max_length=200,
        required=False,
        help_text=_("The law wants a postal address in every message. It stands below the text."),
    )
    postal_code = forms.CharField(label=_("Postal code"), max_length=20, required=False)
    city = forms.CharField(label=_("City"), max_length=120, required=False)
    region = forms.CharField(label=_("Region"), max_length=120, required=False)
    country = forms.RegexField(
        r"^[A-Za-z]{2}$",
        label=_("Country"),
        required=False,
        help_text=_("Two letters, such as US, EG or SA."),
        error_messages={"invalid": _("Write the country as two letters, such as US, EG or SA.")},
    )
    confirmed = forms.BooleanField(
        label=_("This postal address is right, and mail sent there reaches us."), required=False
    )


class CampaignForm(Styled):
    name = forms.CharField(label=_("Name, for yourself"), max_length=120)
    identity = OneOf(
        queryset=Identity.objects.none(), label=_("Sender"), required=False, empty_label=_("Choose a sender")
    )
    topic = OneOf(
        queryset=Topic.objects.none(),
        label=_("Topic"),
        required=False,
        empty_label=_("Choose a topic"),
        help_text=_("It goes to those who gave permission for it."),
    )
    message_class = forms.ChoiceField(
        label=_("Kind of message"), required=False, choices=[("", _("Choose a kind")), *words.CLASSES.items()]
    )
    language = forms.ChoiceField(label=_("Language of the message"), choices=LANGUAGES)
    subject = forms.CharField(label=_("Subject"), max_length=400, required=False)
    preheader = forms.CharField(
        label=_("Preview text"), max_length=400, required=False, help_text=_("Shown beside the subject in the inbox.")
    )
    markup = forms.ChoiceField(label=_("Written in"), choices=[("markdown", "Markdown"), ("html", "HTML")])
    body = forms.CharField(
        label=_("Message"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("Tags such as {{ first_name|default('friend') }} become the reader's own facts."),
    )
    ad_label = forms.BooleanField(label=_("Say plainly that it is an advertisement"), required=False, initial=True)

    def __init__(self, workspace: Workspace, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, found in (("identity", Identity.objects.filter(workspace=workspace)), ("topic", topics(workspace))):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = found
        direction = "rtl" if self["language"].value() == "ar" else "ltr"
        for name in ("subject", "preheader", "body"):
            self.fields[name].widget.attrs["dir"] = direction
        own = Attribute.objects.filter(workspace=workspace).order_by("name").values_list("name", flat=True)
        if own:
            tags = say.apart(" ".join(f"{{{{ attributes.{name} }}}}" for name in own[:_MOST_TAGS]))
            self.fields["body"].help_text += " " + _("Columns of your own: %(tags)s") % {"tags": tags}

    @classmethod
    def of(cls, campaign: Campaign) -> "CampaignForm":
        return cls(campaign.workspace, initial=forms.model_to_dict(campaign, fields=list(cls.base_fields)))


class HoldForm(Styled):
    reason = forms.CharField(label=_("Why"), max_length=200)
