"""The words for every code that the stages return. A code without words is shown itself (a test forbids it)."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Words = Mapping[str, Promise]


def of(words: Words, code: str) -> str:
    return str(words.get(code, code))


DNS_NOTES: Words = {
    "dkim_missing": _(
        "DNS shows no key at %(name)s yet. Publish the record as it stands here; it can take an hour until it is seen."
    ),
    "misplaced": _(
        "The record stands at %(name)s instead of %(meant)s: your DNS host adds the domain by itself. Enter the name without the domain."
    ),
    "dkim_several": _(
        "Several records stand at %(name)s, and receivers cannot tell which one counts. Keep only the one shown here."
    ),
    "dkim_other_key": _("Another key stands there. Replace it by the record shown here."),
    "dkim_quoted": _("The text was published together with quotation marks. Enter it again without them."),
    "dkim_no_key": _("What stands there is no DKIM key. Replace it by the record shown here."),
    "dkim_revoked": _("The record has an empty p=, which revokes the key. Replace it by the record shown here."),
    "dkim_damaged": _(
        "The key cannot be read: it was cut off or changed on the way. Enter the whole text again; some DNS hosts want it in parts of 255 characters."
    ),
    "dkim_not_for_mail": _(
        "The tags s= or h= of the record forbid signing this mail. Replace it by the record shown here."
    ),
    "dkim_testing": _("The record says t=y (testing), so receivers may ignore the signature. Take that tag out."),
    "dkim_key_too_short": _(
        "The key has only %(bits)s bits; Gmail and Yahoo refuse less than 1024. Replace it by the record shown here."
    ),
    "dkim_key_short": _("The key has only %(bits)s bits; 2048 are recommended. Replace it by the record shown here."),
    "spf_missing": _(
        "No SPF record stands at %(name)s, so receivers do not know who may send. Publish the record shown here."
    ),
    "spf_mistyped": _(
        "What stands there was meant for SPF, but receivers do not know it as such. It must begin with v=spf1 and a space. Replace it by the record shown here."
    ),
    "spf_several": _(
        "Several SPF records stand at %(name)s; receivers then honour none. Replace all of them by the one shown here, which says the same."
    ),
    "spf_refuses": _(
        "The record does not let %(address)s send, and mail will leave from there. Replace it by the record shown here."
    ),
    "spf_relay_unsure": _(
        "The record does not let %(address)s send, the address of the relay. It may send from others: look up what it tells its customers to include, and see how the test message fares."
    ),
    "spf_unreadable": _("Receivers cannot read the record, because of: %(term)s. Replace it by the record shown here."),
    "spf_too_many_lookups": _(
        "The record costs receivers more than %(most)s lookups, so they stop before they come to us. The record shown here names us first."
    ),
    "spf_lookups_full": _(
        "The record costs more than the %(most)s lookups that receivers grant. Take out what you do not send with any more."
    ),
    "spf_allows_everybody": _("The record lets the whole world send in your name. Let it end in ~all instead of +all."),
    "spf_undecided": _(
        "A DNS server that the record names does not answer. Check again in some minutes; if it stays so, take out what you do not send with any more."
    ),
    "spf_not_aligned": _(
        "The bounce domain %(bounce_domain)s does not count as belonging to %(domain)s, so only the signature speaks for you. Choose a bounce domain below yours, or take aspf=s out of the DMARC record."
    ),
    "outgoing_address_unknown": _(
        "DNS knows no address of %(name)s, so it cannot be said where mail would come from. Correct the name, or give the outgoing address."
    ),
    "dmarc_missing": _(
        "No DMARC record stands at %(name)s. Publish the record shown here: p=none changes nothing for your other mail."
    ),
    "dmarc_several": _(
        "Several DMARC records stand at %(name)s; receivers then honour none. Replace all of them by the one shown here."
    ),
    "dmarc_mistyped": _(
        "What stands there was meant for DMARC, but receivers do not know it as such. It must begin with v=DMARC1 in capitals. Replace it by the record shown here."
    ),
    "dmarc_policy_unknown": _(
        "The policy p=%(policy)s is none that receivers know (none, quarantine, reject). Replace the record by the one shown here."
    ),
    "mx_missing": _(
        "%(name)s takes no mail, so many receivers refuse what comes from it. Publish the record shown here; if this machine has no name in DNS, lead it to where your mail arrives."
    ),
    "mx_takes_no_mail": _(
        "%(name)s says that it takes no mail at all, so receivers refuse what comes from it. Replace the record by the one shown here."
    ),
    "mx_elsewhere": _(
        "Bounces do not come to %(host)s, so dead mailboxes stay unknown and are written to again. Publish the record shown here when you can."
    ),
    "mx_host_without_address": _(
        "Bounces are led to %(host)s, and DNS knows no address of it. Give that name an address, or correct the name."
    ),
    "ptr_missing": _(
        "The address %(address)s has no name. Set it where you rent the server: only they can. Large receivers refuse mail from addresses without one."
    ),
    "ptr_not_confirmed": _(
        "The address %(address)s says that it is %(found)s, but that name does not lead back to it. Give the name this address in DNS, or set the other name where you rent the server."
    ),
    "ptr_other_than_helo": _(
        "The address %(address)s is called %(found)s, but we greet as %(helo)s. Let both be the same; some receivers ask for it."
    ),
    "address_not_global": _(
        "%(address)s is an address of a private network; the world sees another one. Give the address that the world sees."
    ),
    "dns_unreachable": _("DNS does not answer for %(name)s. That may pass: check again in some minutes."),
}

RECORDS: Words = {
    "dkim": _("Key for the signature (DKIM)"),
    "spf": _("Who may send (SPF)"),
    "dmarc": _("What receivers do with forgeries (DMARC)"),
    "mx": _("Where bounces go (MX)"),
    "ptr": _("The name of the outgoing address (PTR)"),
}

RECORD_REASONS: Words = {
    "dkim": _("Each message is signed; this record lets receivers check it, and proves that the domain is yours."),
    "spf": _(
        "It names the machines that may send with bounces to this domain. Your own domain's record stays as it is."
    ),
    "dmarc": _("It ties both together and is asked for by Gmail, Yahoo and Microsoft."),
    "mx": _("Messages that cannot be delivered come back here, so that dead mailboxes are not written to again."),
    "ptr": _(
        "It is set where you rent the server, not with your domain's records. Receivers look whether name and address agree."
    ),
}

RECORD_STATES: Words = {
    "ok": pgettext_lazy("record", "stands"),
    "missing": pgettext_lazy("record", "is missing"),
    "wrong": pgettext_lazy("record", "must be changed"),
    "several": pgettext_lazy("record", "stands more than once"),
    "unreachable": pgettext_lazy("record", "could not be looked up"),
}

FINDINGS: Words = {
    **DNS_NOTES,
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
    "merge_name_bare": _("“%(name)s” is a column of your own. Write it as %(tag)s."),
    "copy_refused": _("For this reader the message cannot be made: %(reason)s."),
    "domain_not_asked": _("DNS was not asked about %(domain)s. Check the records of the sender's domain first."),
    "transactional_or_advertising": _(
        "Nobody can leave this mail, and it says neither that it advertises nor where you live: that is lawful only if all "
        "of it is about an order or a contract of each reader. If any of it advertises, choose another class."
    ),
    "message_not_believed": _(
        "%(verifier)s, a program of others, does not believe the signed message: DKIM %(dkim)s, SPF %(spf)s, DMARC %(dmarc)s (%(reason)s). Check the records of the sender's domain; if they stand, please report this."
    ),
    "verifier_missing": _(
        "One of two verifiers (%(verifier)s) could not be asked about the signed message: %(reason)s. The launch may go on; receivers ask more than one."
    ),
    "nobody_verified": _(
        "Nobody verified the signed message, so it is not known whether receivers would believe it. Run preflight again."
    ),
    "other_content_verified": _("The campaign was changed while its message was being verified. Run preflight again."),
    "first_launch_not_approved": _(
        "An owner of the installation approves the first launch into the world, on the page “Out of the sandbox”."
    ),
    "from_is_a_free_mailbox": _(
        "%(domain)s belongs to a mailbox provider, and only it may send in that name. Use an address of a domain of your own."
    ),
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

REFUSALS: Words = {
    "header_line_break": _("the subject would hold a line break; take it out of the contact's data"),
    "subject_too_long": _("the subject would be too long; shorten the contact's data"),
    "link_scheme": _("a link would not lead to the web, to an address or to a telephone; correct the contact's data"),
    "leave_link_missing": _("it would show no way to unsubscribe; take {{ unsubscribe_url }} out of its condition"),
    "no_recipient": _("the contact's address cannot be used"),
    "no_sender": _("the sender's address cannot be used"),
    "value": _("something in the contact's data is too long"),
    "output": _("the message would be too long"),
    "InvalidOperation": _("a tag cannot be worked out from the contact's data"),
}
"""Why one person gets no copy."""

HIDDEN: Words = {
    "no_words": _("it has no words"),
    "not_displayed": _("it is not displayed"),
    "no_size": _("it has no size"),
    "off_screen": _("it lies outside the page"),
    "clipped": _("it is cut off"),
    "not_visible": _("it is invisible"),
    "transparent": _("it is transparent"),
    "too_small": _("its letters are too small"),
    "no_contrast": _("its colour is that of the paper"),
}

FAULTS: Words = {
    "line_too_long": _("it is longer than a megabyte"),
    "too_many_columns": _("it has more than a thousand columns"),
    "quote_not_closed": _("a quotation mark is opened and not closed"),
    "broken_quotes": _("the quotation marks do not match"),
    "bad_bytes": _("it holds bytes that are no letters"),
    "control_character": _("it holds an invisible control character"),
    "too_long": _("a cell is too long"),
}
"""What is wrong with a line of a file."""

TAGS: Words = {
    "not_closed": _("“%(name)s” is opened and not closed"),
    "not_opened": _("“%(name)s” closes what was not opened"),
    "unexpected": _("“%(name)s” cannot stand there"),
    "unknown_filter": _("there is no filter “%(name)s”"),
    "unknown_statement": _("there is no statement “%(name)s”"),
    "unknown_test": _("there is no test “%(name)s”"),
    "link_scheme": _("links with “%(name)s:” are not allowed"),
    "not_text": _("it holds half a character"),
}
"""What is wrong with a message's text."""

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

VERIFIERS_AWAY: Words = {
    "verifier_not_installed": _("it is not installed on this machine"),
    "verifier_crashed": _("it stopped before it answered"),
    "verifier_slow": _("it did not answer in time"),
    "verifier_garbled": _("its answer could not be read"),
}
"""Why a verifier has no opinion."""

BY_NAME: Mapping[str, Words] = {
    "reason": {**REASONS, **REFUSALS, **VERIFIERS_AWAY},
    "code": REASONS,
    "why": HIDDEN,
    "detail": FAULTS,
}
"""Parameters whose values are codes of their own."""

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
    "R60": _("The sending machine is known to DNS"),
    "R62": _("SPF, DKIM and DMARC stand and agree"),
    "R66": _("The signing key is long enough"),
    "A1": _("The first launch into the world is approved"),
}

WAYS: Words = {
    "sandbox": _("the sandbox on this machine"),
    "relay": _("the relay %(name)s"),
    "direct": _("straight to the recipients' servers, as %(name)s"),
}
"""How mail leaves, within a sentence."""

TRIALS: Words = {
    "accepted": pgettext_lazy("message", "Accepted"),
    "deferred": pgettext_lazy("message", "Not now: it waits for another try"),
    "bounced": pgettext_lazy("message", "Refused"),
    "withheld": pgettext_lazy("message", "Not sent"),
    "expired": pgettext_lazy("message", "Given up"),
    "cancelled": pgettext_lazy("message", "Called off"),
    "doubtful": pgettext_lazy("message", "Nobody knows whether it arrived"),
}
"""How one message fared."""

ADVICE: Words = {
    "no_connection": _(
        "No connection came about, or it broke. Look whether host and port are right, and whether this machine may reach them: many providers of servers close port 25 until you ask."
    ),
    "relay_name": _(
        "No DNS server that this machine asks knows the relay's name, or none answers. Look whether the host is spelled as the relay's help pages have it."
    ),
    "guard": _(
        "That address lies in a private network, and mail into the world goes to public addresses only. Correct the host; for a laboratory of your own name its network in RIDA_LAB_NETS and start Rida anew."
    ),
    "encryption": _(
        "No safe encryption came about, so nothing was sent. Look whether the host has the very name that its certificate shows, and whether the port fits the encryption. A relay of your own house needs its certificate authority here."
    ),
    "login": _(
        "The relay does not take user name or password. Enter them anew in the first step; until then its mail waits, so that the account is not locked."
    ),
    "login_way": _(
        "The relay offers no way to log in that Rida knows, or not without encryption. Choose STARTTLS or TLS, or look up what else it asks for."
    ),
    "turned_away": _(
        "The server turned us away at the door. Its words tell why: often the outgoing address is on a block list, or has no name in DNS."
    ),
    "sender_refused": _(
        "The server does not let you send from this address. Most relays want the domain or the address confirmed in their own console first."
    ),
    "recipient_refused": _(
        "The server refuses this recipient. Look whether your own address is right, and read its words."
    ),
    "message_refused": _(
        "The server refuses the message itself. Its words tell why: often SPF, DKIM or DMARC did not pass, or the domain is new to it."
    ),
    "later": _(
        "The server asks us to come again later. New senders are often put off for some minutes (greylisting); Rida tries again by itself."
    ),
    "doubtful": _(
        "The connection broke after the message was handed over. Look into your mailbox; if it is not there in some minutes, send another."
    ),
    "withheld": _("The message could not be made, or your address is barred. Look at the launch for the reason."),
    "expired": _("It was tried for an hour. Read the last words of the server, then send another."),
    "cancelled": _("It was called off. Send another."),
}
"""What to do about a test that did not arrive."""

LATE: Words = {
    "nobody": _("Nobody has taken it yet. Is a worker running? Start “rida up”, or “rida worker”."),
    "silent": _(
        "A worker is at it, and the server keeps silent so far. Often port and encryption do not fit each other: 587 wants STARTTLS, 465 TLS from the start. Or something on the way lets nothing through. In some minutes it stands here how it ended."
    ),
}
"""What to think of a test of which nothing is heard."""

DIALOGUE: Words = {
    "connected": _("Connected to %(host)s, %(address)s, port %(port)s"),
    "failed": _("It ended here: %(why)s"),
    "encrypted": _("Encrypted from here: %(version)s, %(cipher)s; the certificate of %(certificate)s was checked"),
    "encrypted_unproved": _(
        "Encrypted from here: %(version)s, %(cipher)s; the certificate of %(certificate)s was taken without a check"
    ),
    "open_already": _("Over a connection that was open already: greeting and login were said before"),
    "content": _("The message, %(bytes)s bytes"),
    "cut": _("More was said than is kept here"),
}
"""Notes between the lines of a dialogue."""

HISTORY: Words = {
    "source.choose": _("chose the way"),
    "source.approve": _("approved the first launch by"),
}
