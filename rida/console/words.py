"""The words for every code that the stages return. A code without words is shown itself (a test forbids it)."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Words = Mapping[str, Promise]


def of(words: Words, code: str) -> str:
    return str(words.get(code, code))


FINDINGS: Words = {
    "class_missing": _("Say what kind of message this is. The kind decides which duties apply."),
    "from_address_invalid": _("“%(address)s” is not an e-mail address. Correct the From address of the sender."),
    "from_domain_not_proved": _(
        "It is not proved that %(domain)s is yours. Publish its DNS records, then check again."
    ),
    "from_name_missing": _("The sender has no name. Recipients must see who writes to them."),
    "from_name_unreadable": _("The sender's name holds no letter that can be read. Write the name people know."),
    "from_name_shows_other_address": _(
        "The sender's name shows another address (%(shown)s) than the one it is sent from. Take it out."
    ),
    "from_is_not_the_sender": _("The From line of the message does not show the sender. Choose the sender again."),
    "reply_to_invalid": _("“%(address)s” is not an address for replies. Correct it, or leave it empty."),
    "leave_link_missing": _(
        "The %(part)s holds no unsubscribe link. Let the footer stand, or add {{ unsubscribe_url }}."
    ),
    "leave_link_hidden": _(
        "The unsubscribe link can hardly be seen (%(why)s). Make it as plain as the rest of the text."
    ),
    "leaving_takes_more_than_one_page": _("The unsubscribe link does not lead to Rida's one page with one button."),
    "other_way_to_leave": _("Another way to unsubscribe (%(address)s) would not be honoured. Take that link out."),
    "no_words_in_language": _("There are no legal words in “%(language)s” yet. Choose English or Arabic."),
    "notice_missing": _("The %(part)s does not tell how to unsubscribe. Let the footer stand."),
    "one_click_missing": _(
        "The one-click unsubscribe header is missing. Please report this: Rida should have written it."
    ),
    "one_click_post_missing": _("The one-click header lacks its second line. Please report this: Rida writes it."),
    "one_click_not_https": _(
        "The unsubscribe link is not HTTPS. The sandbox allows it; set RIDA_URL to an HTTPS address."
    ),
    "label_missing": _(
        "%(people)s recipients never opted in themselves, so the %(part)s must say that it is an advertisement. "
        "Switch the label on."
    ),
    "label_left_out": _("The %(part)s does not say that it is an advertisement. All recipients opted in, so it may."),
    "postal_address_incomplete": _(
        "The postal address is not complete. The law wants it in every message: %(missing)s."
    ),
    "postal_address_is_a_box": _("The postal address is a box. That is lawful only if it is registered (%(country)s)."),
    "postal_address_unconfirmed": _(
        "Nobody has confirmed that the postal address is right. Open the sender and confirm it."
    ),
    "postal_address_confirmed_long_ago": _(
        "The postal address was last confirmed on %(on)s. Look whether it still holds."
    ),
    "postal_address_not_shown": _("The postal address does not stand in the %(part)s. Let the footer stand."),
    "not_one_from": _("The message does not have exactly one From line. Please report this."),
    "field_repeated": _("The line %(name)s stands in the message twice. Please report this."),
    "message_id_invalid": _("The Message-ID is not valid. Please report this."),
    "false_reply": _("“%(subject)s” looks like an answer or a forward, and it is none. Change the subject."),
    "subject_missing": _("The message has no subject for this reader: %(kind)s."),
    "body_missing": _("The message is empty. Write what you want to say."),
    "merge_name_unknown": _(
        "“%(name)s” is not known of your contacts. Correct the tag, or import a column of that name."
    ),
    "tag_left_over": _("“%(tag)s” would stand in the message as it is. Correct the tag."),
    "copy_refused": _("For this reader the message cannot be made: %(reason)s."),
}

PARTS: Words = {
    "subject": _("Subject"),
    "preheader": _("Preview text"),
    "body": _("Message"),
    "html": _("HTML part"),
    "text": _("text part"),
}

PARAMS: Words = {
    "html": PARTS["html"],
    "text": PARTS["text"],
    "draft": pgettext_lazy("campaign", "a draft"),
    "launched": pgettext_lazy("campaign", "launched"),
    "running": pgettext_lazy("launch", "running"),
    "paused": pgettext_lazy("launch", "paused"),
    "cancelled": pgettext_lazy("launch", "cancelled"),
    "finished": pgettext_lazy("launch", "finished"),
    "person": _("one of your contacts"),
    "complete": _("a made-up reader"),
    "missing": _("somebody of whom only the address is known"),
    "arabic": _("somebody with an Arabic name"),
    "organisation": _("organisation"),
    "street": _("street"),
    "postal_code": _("postal code"),
    "city": _("city"),
    "region": _("region"),
    "country": _("country"),
}

STATES: Words = {
    "draft": _("Draft"),
    "launched": _("Launched"),
    "waiting": _("Waiting"),
    "running": _("Running"),
    "paused": _("Paused"),
    "cancelled": _("Cancelled"),
    "finished": _("Finished"),
    "failed": _("Failed"),
}

REASONS: Words = {
    "ok": _("May be written to"),
    "no_permission": _("Never gave permission for this topic"),
    "withdrawn": _("Unsubscribed"),
    "objected": _("Wants no mail at all from this sender"),
    "suppressed": _("The mailbox does not exist"),
    "complained": _("Called a message spam"),
    "erased": _("Asked to be erased"),
    "unconfirmed": _("Has not confirmed the sign-up"),
    "unproved": _("The permission is not proved"),
    "not_yet": _("The permission is dated in the future"),
    "only_for_tests": _("Permission for test messages only"),
    "attestation_needs_us": _("Only the importer's word: not enough under this law"),
    "attestation_needs_label": _("Only the importer's word: needs the advertisement label"),
    "customer_needs_label": _("A customer who did not opt in: needs the advertisement label"),
    "single_opt_in_needs_label": _("An opt-in without proof: needs the advertisement label"),
    "null_mx": _("The domain accepts no mail"),
    "no_domain": _("The domain does not exist"),
    "no_address": _("The domain has no mail server"),
    "dns_failed": _("The domain could not be looked up"),
}

BASES: Words = {
    "double_opt_in": _("Double opt-in"),
    "single_opt_in": _("Opt-in"),
    "customer": _("Customer"),
    "attestation": _("The importer's word"),
    "self_test": _("Own test"),
}

EVENTS: Words = {
    "requested": _("Signed up, not confirmed yet"),
    "granted": _("Gave permission"),
    "confirmed": _("Confirmed the sign-up"),
    "withdrawn": _("Unsubscribed"),
    "objected": _("Objected to all mail"),
    "suppressed": _("The mailbox does not exist"),
    "complained": _("Called a message spam"),
    "erased": _("Was erased on request"),
}

EVIDENCE: Words = {
    "at": _("When"),
    "confirmed_at": _("Confirmed at"),
    "file": _("Fingerprint of the file"),
    "import": _("Import"),
    "ip": _("Internet address"),
    "key": _("API key"),
    "line": _("Line of the file"),
    "n": _("Copy in the batch"),
    "said": _("Said"),
    "shown": _("What the person was shown"),
    "source": _("Where"),
    "statement": _("Statement"),
    "tranche": _("Batch"),
    "user": _("User"),
}

SAID: Words = {
    "page": _("pressed the button on the unsubscribe page"),
    "one_click": _("one-click unsubscribe of the mail program"),
}

CLASSES: Words = {
    "commercial": _("Commercial: it offers or advertises something"),
    "transactional_relationship": _("Transactional: about an order or a contract"),
    "dual": _("Both commercial and transactional"),
    "other": _("Other: a personal note, no offer in it"),
}

FIELDS: Words = {
    "email": _("E-mail address"),
    "name": _("Full name"),
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "locale": _("Language"),
    "zone": _("Time zone"),
    "last_purchase_at": _("Date of the last purchase"),
    "opted_in_at": _("Date of the opt-in"),
    "opted_out": _("Unsubscribed (yes, no or a date)"),
}

RULES: Words = {
    "R1": _("The kind of message is fixed"),
    "R10": _("Who sends it is true and plain"),
    "R12": _("There is an unsubscribe link"),
    "R16": _("Leaving takes one page"),
    "R20": _("It says that it is an advertisement"),
    "R21": _("It tells how to unsubscribe"),
    "R22": _("A postal address stands in it"),
    "R63": _("Mail programs can unsubscribe in one click"),
    "R70": _("The header lines are well formed"),
    "R84": _("No merge tag is left over"),
}
