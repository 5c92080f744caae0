"""Each check passes the good campaign and stops the bad one; the tables say what else it sees."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rida.preflight.checks import CHECKS, Audience, Finding, Severity, Specimen, findings
from rida.preflight.tests.cases import BAD, CONFIRMED, NOW, Bad, case_of

B, W = Severity.BLOCK, Severity.WARN
OWN_LINK = "To unsubscribe <a href='{{ unsubscribe_url }}'>click here</a>"
ARABIC = {"language": "ar", "subject": "عرض لك", "body": "مرحباً {{ first_name|default('بك') }}"}


def seen(bad: Bad | None = None, rule: str = "", **changes: Any) -> list[tuple[Severity, str]]:
    found = findings(case_of(bad, **changes))
    return [(finding.severity, finding.code) for finding in found if finding.rule == rule or not rule]


@pytest.mark.parametrize("campaign", [{}, ARABIC, {"preheader": ""}, {"message_class": "dual"}])
def test_nothing_stands_against_a_good_campaign(campaign: dict[str, Any]) -> None:
    assert seen(Bad(campaign)) == []


def test_there_is_a_bad_campaign_for_every_check() -> None:
    assert len(BAD) == len(CHECKS)


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_campaign_is_stopped_by_its_rule_and_by_no_other(rule: str) -> None:
    found = findings(case_of(BAD[rule]))
    assert {finding.rule for finding in found if finding.blocks} == {rule}


@pytest.mark.parametrize("rule", BAD)
def test_a_finding_survives_json_and_is_said_once(rule: str) -> None:
    found = findings(case_of(BAD[rule]))
    assert [Finding.from_json(finding.to_json()) for finding in found] == found
    assert len({str(finding) for finding in found}) == len(found)


@pytest.mark.parametrize("value", ["", "marketing", "COMMERCIAL"])
def test_r1_wants_one_of_four_classes(value: str) -> None:
    assert seen(Bad({"message_class": value}), "R1") == [(B, "class_missing")]


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        ({"from_address": "rosa"}, "from_address_invalid"),
        ({"from_address": ""}, "from_address_invalid"),
        ({"from_address": "a@b.example, c@d.example"}, "from_address_invalid"),
        ({"name": ""}, "from_name_missing"),
        ({"name": "Rosa\r\nBcc: x"}, "from_name_unreadable"),
        ({"name": "service@bank.example"}, "from_name_shows_other_address"),
        ({"name": "ceo@flowers.example Rosa"}, "from_name_shows_other_address"),
        ({"reply_to": "nobody"}, "reply_to_invalid"),
    ],
)
def test_r10_wants_a_true_sender(identity: dict[str, str], code: str) -> None:
    assert (B, code) in seen(Bad(identity=identity), "R10")


def test_r10_lets_a_sender_show_the_own_address_and_leave_out_reply_to() -> None:
    assert seen(Bad(identity={"name": "Rosa rosa@flowers.example", "reply_to": ""}), "R10") == []


def test_r10_wants_the_domain_proved_on_a_real_route() -> None:
    assert seen(None, "R10", route="direct") == [(B, "from_domain_not_proved")]
    assert seen(None, "R10", route="direct", proved_domains={"flowers.example"}) == []


def test_r10_compares_the_message_with_the_identity() -> None:
    case = case_of()
    forged = replace(case.specimens[0], headers=(("From", "x@other.example"),))
    assert seen(None, "R10", specimens=[forged]) == [(B, "from_is_not_the_sender")]


HIDING = [
    ("<div style='display: none !important'>{}</div>", "not_displayed"),
    ("<div hidden>{}</div>", "not_displayed"),
    ("<div style='visibility:hidden'>{}</div>", "not_visible"),
    ("<div style='opacity:0'>{}</div>", "transparent"),
    ("<div style='opacity:.4'><p style='opacity:.4'>{}</p></div>", "transparent"),
    ("<div style='font-size:0'>{}</div>", "too_small"),
    ("<div style='font-size:1px'>{}</div>", "too_small"),
    ("<div style='font-size:0.1em'>{}</div>", "too_small"),
    ("<div style='height:0;overflow:hidden'>{}</div>", "no_size"),
    ("<div style='max-height:0px'>{}</div>", "no_size"),
    ("<table><tr><td width='0'>{}</td></tr></table>", "no_size"),
    ("<div style='text-indent:-9999px'>{}</div>", "off_screen"),
    ("<div style='position:absolute;left:-5000px'>{}</div>", "off_screen"),
    ("<div style='clip:rect(0,0,0,0)'>{}</div>", "clipped"),
    ("<div style='transform:scale(0)'>{}</div>", "clipped"),
    ("<div style='mso-hide:all'>{}</div>", "not_displayed"),
    ("<div style='dis/* */play:none'>{}</div>", "not_displayed"),
    ("<div style='d\\69splay:none'>{}</div>", "not_displayed"),
    ("<div style='content-visibility:hidden'>{}</div>", "not_displayed"),
    ("<div style='opacity:0%'>{}</div>", "transparent"),
    ("<div style='filter:opacity(0)'>{}</div>", "clipped"),
    ("<div style='font:0/0 a'>{}</div>", "too_small"),
    ("<div style='font:bold 1px Arial'>{}</div>", "too_small"),
    ("<div style='max-height:1px;overflow:hidden'>{}</div>", "no_size"),
    ("<div style='zoom:0'>{}</div>", "no_size"),
    ("<div style='transform:translateX(-9999px)'>{}</div>", "clipped"),
    ("<div style='transform:scale(.001)'>{}</div>", "clipped"),
]


@pytest.mark.parametrize(("wrapping", "why"), HIDING)
def test_r12_sees_a_hidden_link(wrapping: str, why: str) -> None:
    found = findings(case_of(Bad({"markup": "html", "body": "<p>x</p>" + wrapping.format(OWN_LINK)})))
    assert Finding("R12", B, "leave_link_hidden", {"why": why}) in found


LINK_STYLES = [
    ("color:#fff", "no_contrast"),
    ("color: white", "no_contrast"),
    ("color:rgb(250, 250, 250)", "no_contrast"),
    ("color:rgba(0,0,0,0.05)", "no_contrast"),
    ("color:transparent", "no_contrast"),
    ("color:#111;background-color:#000", "no_contrast"),
    ("color:#111;background:#000 none", "no_contrast"),
    ("color:hsl(0, 0%, 100%)", "no_contrast"),
    ("color:#0000", "no_contrast"),
    ("-webkit-text-fill-color:transparent", "no_contrast"),
    ("color:#333", ""),
    ("color:hsl(120, 60%, 30%)", ""),
    ("font:14px/1.5 Arial;overflow:hidden;max-height:40px", ""),
    ("color:white;background-color:navy", ""),
    ("color:rebeccapurple", ""),
    ("", ""),
]


@pytest.mark.parametrize(("style", "why"), LINK_STYLES)
def test_r12_sees_a_link_in_the_colour_of_its_paper(style: str, why: str) -> None:
    body = f"<p>To unsubscribe <a style='{style}' href='{{{{ unsubscribe_url }}}}'>click</a></p>"
    found = findings(case_of(Bad({"markup": "html", "body": body})))
    assert [finding.params["why"] for finding in found if finding.rule == "R12"] == ([why] if why else [])


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (
            "To unsubscribe <a href='{{ unsubscribe_url }}'><img src='https://x.example/a.png'></a>",
            ["leave_link_hidden"],
        ),
        ("To unsubscribe <a href='{{ unsubscribe_url }}'><span style='color:#fff'>x</span></a>", ["leave_link_hidden"]),
        (
            "{% if attributes.city %}To unsubscribe <a href='{{ unsubscribe_url }}'>x</a>{% endif %}",
            ["leave_link_missing"] * 2,
        ),
        (OWN_LINK + "<div style='display:none'>" + OWN_LINK + "</div>", []),
        ("unsubscribe: {{ unsubscribe_url }}", ["leave_link_missing"]),
    ],
)
def test_r12_looks_at_each_specimen_and_at_both_parts(body: str, codes: list[str]) -> None:
    assert seen(Bad({"markup": "html", "body": body}), "R12") == [(B, code) for code in codes]


def test_r12_and_r63_ask_nothing_of_mail_about_a_transaction() -> None:
    bad = Bad({"message_class": "transactional_relationship"})
    assert seen(bad, "R12") == seen(bad, "R63") == []
    assert seen(bad) == [(W, "transactional_or_advertising")]


def test_r16_wants_one_page_and_no_other_way_out() -> None:
    assert seen(None, "R16", one_page=False) == [(B, "leaving_takes_more_than_one_page")]
    assert seen(Bad({"body": "[إلغاء الاشتراك](https://x.example)"}), "R16") == [(B, "other_way_to_leave")]
    assert seen(Bad({"body": "[Our page](https://x.example)"}), "R16") == []


def test_r20_wants_the_label_unless_everybody_asked_for_it() -> None:
    bare = Bad({"ad_label": False})
    assert seen(bare, "R20") == [(B, "label_missing")] * 2
    asked = Audience(2, {("double_opt_in", 4): 1, ("single_opt_in", 2): 1})
    assert seen(bare, "R20", audience=asked) == [(W, "label_left_out")] * 2
    attested = Audience(1, {("attestation", 1): 1})
    assert seen(bare, "R20", audience=attested)[0] == (B, "label_missing")
    assert seen(Bad({"ad_label": False, "message_class": "other"}), "R20", audience=attested) == []


def test_r20_says_how_many_people_did_not_ask() -> None:
    found = [finding for finding in findings(case_of(Bad({"ad_label": False}))) if finding.rule == "R20"]
    assert [finding.params for finding in found] == [{"part": "html", "people": 2}, {"part": "text", "people": 2}]


def test_r20_is_not_content_with_a_label_in_another_language() -> None:
    bad = Bad({**ARABIC, "ad_label": False, "body": "Advertisement"})
    assert seen(bad, "R20")[0] == (B, "label_missing")


def test_r21_wants_the_notice_in_the_language_of_the_message() -> None:
    assert seen(Bad({"language": "fr"}), "R21") == [(B, "no_words_in_language")]
    english_in_arabic = Bad({**ARABIC, "markup": "html", "body": f"<p>{OWN_LINK}</p>"})
    assert seen(english_in_arabic, "R21") == [(B, "notice_missing")] * 2
    arabic = Bad({**ARABIC, "body": "يمكنك [إلغاء الاشتراك]({{ unsubscribe_url }})"})
    assert seen(arabic, "R21") == []


def test_r21_asks_nothing_of_a_note_to_friends() -> None:
    assert seen(Bad({"message_class": "other", "body": "[Goodbye]({{ unsubscribe_url }})"}), "R21") == []


@pytest.mark.parametrize(
    ("identity", "missing"),
    [
        ({"street": ""}, ["street"]),
        ({"region": "", "postal_code": " "}, ["region", "postal_code"]),
        ({"country": ""}, ["country"]),
        ({"organisation": ""}, ["organisation"]),
        ({"country": "DE", "region": ""}, None),
        ({"country": "AE", "region": "", "postal_code": ""}, None),
        ({"country": "ae", "region": "", "postal_code": ""}, None),
        ({"country": "SA", "region": "", "postal_code": ""}, ["postal_code"]),
    ],
)
def test_r22_wants_a_complete_address_for_its_country(identity: dict[str, str], missing: list[str] | None) -> None:
    found = [finding for finding in findings(case_of(Bad(identity=identity))) if finding.rule == "R22"]
    assert [finding.params.get("missing") for finding in found] == ([missing] if missing else [])


def test_r22_wants_the_address_shown_in_both_parts() -> None:
    case = case_of()
    silent = [replace(specimen, text="nothing", html="<p>nothing</p>") for specimen in case.specimens]
    assert seen(None, "R22", specimens=silent) == [(B, "postal_address_not_shown")] * 2


def test_r22_warns_of_an_old_confirmation_and_of_a_box_in_germany() -> None:
    assert seen(None, "R22", address_confirmed_at=None) == [(W, "postal_address_unconfirmed")]
    assert seen(None, "R22", now=CONFIRMED + timedelta(days=364)) == []
    assert seen(None, "R22", now=CONFIRMED + timedelta(days=365)) == [(W, "postal_address_confirmed_long_ago")]
    german = Bad(identity={"country": "DE", "street": "Postfach 12"})
    assert seen(german, "R22") == [(W, "postal_address_is_a_box")]
    assert seen(Bad(identity={"street": "PO Box 12"}), "R22") == []


def test_r22_asks_nothing_of_a_note_to_friends() -> None:
    assert seen(Bad({"message_class": "other"}, {"street": ""}), "R22", address_confirmed_at=None) == []


def test_r63_only_warns_of_plain_http_in_the_sandbox() -> None:
    plain = Bad(base_url="http://127.0.0.1:8000")
    assert seen(plain) == [(W, "one_click_not_https")]
    assert seen(plain, "R63", route="direct") == [(B, "one_click_not_https")]
    assert seen(None, "R63", route="direct") == []


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("List-Unsubscribe", [], "one_click_missing"),
        ("List-Unsubscribe", ["<mailto:x@y.example>"], "one_click_missing"),
        ("List-Unsubscribe", ["<https://a.example>, <https://b.example>"], "one_click_missing"),
        ("List-Unsubscribe-Post", [], "one_click_post_missing"),
        ("List-Unsubscribe-Post", ["List-Unsubscribe=Yes"], "one_click_post_missing"),
    ],
)
def test_r63_wants_both_fields_as_rfc_8058_has_them(name: str, values: list[str], code: str) -> None:
    assert seen(None, "R63", specimens=[_with(name, values)]) == [(B, code)]


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("From", [], "not_one_from"),
        ("From", ["a@b.example, c@d.example"], "not_one_from"),
        ("From", ["a@b.example", "a@b.example"], "not_one_from"),
        ("Subject", ["a", "a"], "field_repeated"),
        ("Message-ID", [], "message_id_invalid"),
        ("Message-ID", ["1@host.example"], "message_id_invalid"),
        ("Message-ID", ["<1@localhost>"], "message_id_invalid"),
    ],
)
def test_r70_wants_each_field_once_and_well(name: str, values: list[str], code: str) -> None:
    assert (B, code) in seen(None, "R70", specimens=[_with(name, values)])


@pytest.mark.parametrize(
    "subject",
    [
        *("Re: x", "RE : x", "FWD: x", "Fw: x", "re[2]: x", "AW: x", "رد: x", "إعادة توجيه: x", "الرد: x", "Antw: x"),
        *("\u200fرد: x", "\u200bRe: x", "R\u200de\u2060: x", "\uff32\uff45: x"),
    ],
)
def test_r70_refuses_a_false_reply(subject: str) -> None:
    assert seen(Bad({"subject": subject}), "R70") == [(B, "false_reply")]


@pytest.mark.parametrize(
    "subject", ["Reopening on Sunday: roses", "Roses: red", "Offer re: roses", "ردود عملائنا: جميلة"]
)
def test_r70_lets_an_honest_subject_pass(subject: str) -> None:
    assert seen(Bad({"subject": subject}), "R70") == []


def test_r70_warns_of_an_empty_subject() -> None:
    bad = Bad({"subject": "{{ first_name }}"})
    found = [finding.params["kind"] for finding in findings(case_of(bad)) if finding.code == "subject_missing"]
    assert found == ["person"]
    assert all(not finding.blocks for finding in findings(case_of(bad)))


TAGS = [
    "%%FIRST_NAME%%", "*|FNAME|*", "[[first_name]]", "${first_name}",
    r"\{\{ first_name }}", r"\{\% if x %}", "&#123;&#123;x}}",
]  # fmt: skip


@pytest.mark.parametrize("tag", TAGS)
def test_r84_finds_tags_of_every_style(tag: str) -> None:
    assert (B, "tag_left_over") in seen(Bad({"body": f"Dear {tag}, hello"}), "R84")


def test_r84_finds_a_tag_that_came_with_a_persons_facts() -> None:
    copied = replace(case_of().specimens[0], text="Dear {{ first_name }},")
    assert seen(None, "R84", specimens=[copied]) == [(B, "tag_left_over")]


def test_r84_looks_at_subjects_and_addresses_too() -> None:
    assert seen(Bad({"subject": "Hi *|FNAME|*"}), "R84") == [(B, "tag_left_over")]
    assert (B, "tag_left_over") in seen(Bad({"body": "[x](https://x.example/*|ID|*)"}), "R84")


@pytest.mark.parametrize("text", ["50 % off, 20 %!", "[1] and [2]", "$5 {net}", "a | b", "{ not a tag }", "** bold **"])
def test_r84_lets_ordinary_signs_pass(text: str) -> None:
    assert seen(Bad({"body": text}), "R84") == []


def test_r84_knows_every_name() -> None:
    asked = Bad({"body": "{{ attributes.city }} {{ attributes.town }} {{ frist_name }}", "preheader": "{{ emial }}"})
    found = [finding.params["name"] for finding in findings(case_of(asked)) if finding.code == "merge_name_unknown"]
    assert found == ["attributes.town", "emial", "frist_name"]
    assert seen(Bad({"body": "{{ attributes.town }}"}), "R84", attributes=None) == []


def test_r84_wants_something_said() -> None:
    assert seen(Bad({"body": " \n"}), "R84") == [(B, "body_missing")]


def test_r84_warns_when_some_copies_cannot_be_made_and_stops_when_none_can() -> None:
    refused = Specimen("person", refused="header_line_break")
    assert seen(None, "R84", specimens=[refused, *case_of().specimens]) == [(W, "copy_refused")]
    assert seen(None, "R84", specimens=[refused]) == [(B, "copy_refused")]


def _with(name: str, values: list[str]) -> Specimen:
    """The first specimen with other values of a field."""
    good = case_of().specimens[0]
    others = tuple(pair for pair in good.headers if pair[0] != name)
    return replace(good, headers=others + tuple((name, value) for value in values))


def test_now_is_after_the_confirmation() -> None:
    assert NOW > CONFIRMED
