"""The author's Markdown or HTML becomes clean HTML in a frame, and a text part made once."""

import html
import re

import pytest

from rida.campaign.content import Draft, compile_content, direction, unknown_names
from rida.campaign.tests.drafts import FACTS, draft, filled
from rida.campaign.words import LANGUAGES, spoken, words
from rida.kernel.errors import ContentError, HeaderInjection

LOOP_IN_TABLE = (
    "<table>{% for row in attributes.rows %}<tr><td>{{ loop.index }}</td><td>{{ row }}</td></tr>{% endfor %}</table>"
)


def test_markdown_and_tags_become_html() -> None:
    _, page, _ = filled(draft(body="Hello **{{ first_name }}**, [see]({{ attributes.url }}) <b>raw</b>"))
    assert "Hello <strong>Layla</strong>" in page
    assert '<a href="https://x.example/a?b=c&amp;d=e"' in page
    assert "&lt;b&gt;raw&lt;/b&gt;" in page


def test_a_loop_in_markdown_goes_round_whole_list_items() -> None:
    _, page, text = filled(draft(body="Now in:\n{% for row in attributes.rows %}\n- {{ row }}\n{% endfor %}\nBye."))
    assert re.findall(r"<li[^>]*>(\w+)</li>", page) == ["roses", "tulips"]
    assert page.count("<ul") == page.count("</ul>") == 2
    assert "* roses" in text
    assert "* tulips" in text
    assert "Bye." in text


def test_a_loop_over_the_rows_of_an_html_table_stays_inside_the_table() -> None:
    _, page, text = filled(draft(markup="html", body=LOOP_IN_TABLE))
    table = page[page.index("<table>") : page.index("</table>")]
    assert re.findall(r"<td>(\w+)</td>", table) == ["1", "roses", "2", "tulips"]
    assert [line.split() for line in text.splitlines()[:4] if line.strip()] == [["1", "roses"], ["2", "tulips"]]


def test_a_style_sheet_is_written_into_the_elements() -> None:
    _, page, _ = filled(draft(markup="html", body="<style>p { color: #123456 }</style><p>Hello {{ first_name }}</p>"))
    assert '<p style="color: #123456;">Hello Layla</p>' in page


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<p onclick='alert(1)'>x</p>",
        "<iframe srcdoc='x'></iframe>",
        "<form action='https://x.example'><input></form>",
        "<svg><script>alert(1)</script></svg>",
        "<!--[if mso]><script>alert(1)</script><![endif]-->",
        "<meta http-equiv='refresh' content='0;url=https://x.example'>",
        "</td></table><script>alert(1)</script>",
        "<img src='https://x.example/a.png' onerror='alert(1)'>",
    ],
)
def test_active_content_is_taken_out(hostile: str) -> None:
    _, page, _ = filled(draft(markup="html", body=f"<p>before</p>{hostile}<p>after</p>"))
    inside = page[page.index("<p>before") : page.index("after</p>")]
    assert not re.search(r"alert|<script|<iframe|<form|<meta|<!--|onclick|onerror", inside)


LINKS = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"]
DISGUISES = ["java\tscript:alert(1)", " javascript:x", "\x01javascript:x", "java\u200bscript:x", "javascript&#58;x"]


@pytest.mark.parametrize("address", LINKS + DISGUISES)
def test_a_link_may_lead_to_the_web_a_mailbox_or_a_telephone_only(address: str) -> None:
    with pytest.raises(ContentError) as caught:
        compile_content(draft(markup="html", body=f'<a href="{address}">x</a>'))
    assert caught.value.params["code"] == "link_scheme"
    assert caught.value.params["part"] == "body"


@pytest.mark.parametrize("address", LINKS + DISGUISES)
def test_a_link_is_looked_at_again_after_merging(address: str) -> None:
    ready = compile_content(draft(markup="html", body='<a href="{{ attributes.url }}">x</a>'))
    assert "x.example" in filled(ready)[1]
    with pytest.raises(ContentError) as caught:
        filled(ready, attributes={"url": html.unescape(address)})
    assert caught.value.params["code"] == "link_scheme"


def test_a_scheme_cannot_be_put_together_from_two_facts() -> None:
    ready = compile_content(draft(body="[x]({{ attributes.a }}{{ attributes.b }})"))
    with pytest.raises(ContentError):
        filled(ready, attributes={"a": "java", "b": "script:x"})


@pytest.mark.parametrize(
    "address", ["https://x.example", "http://x.example", "mailto:a@b.example", "tel:+1555", "#top", ""]
)
def test_good_links_stay(address: str) -> None:
    assert f'href="{address}"' in filled(draft(markup="html", body=f'<a href="{address}">x</a>'))[1]


def test_only_a_body_with_moving_links_is_looked_at_again() -> None:
    assert not compile_content(draft(body="[x](https://x.example) [y]({{ unsubscribe_url }})")).moving_links
    assert compile_content(draft(body="[x](https://x.example/{{ first_name }})")).moving_links


def test_the_text_part_is_made_once_and_keeps_the_tags_and_the_addresses() -> None:
    _, _, text = filled(
        draft(
            body="# Dear {{ name }}\n\n[Order]({{ attributes.url }}) or write <>&.\n\n![roses](https://x.example/a.png)"
        )
    )
    assert text.startswith("Dear Layla Haddad\n\nOrder (https://x.example/a?b=c&d=e) or write <>&.\n\nroses")


def test_values_in_the_text_part_are_not_escaped() -> None:
    _, page, text = filled(draft(body="{{ name }}"), name="A & <B>")
    assert "A & <B>" in text
    assert "A &amp; &lt;B&gt;" in page


@pytest.mark.parametrize("body", [r"\{\{ name }}", "`{`{ name }}", "&#123;&#123; name }}", "&lbrace;{ name }}"])
def test_braces_that_are_no_tag_stay_braces(body: str) -> None:
    _, page, text = filled(draft(body=body))
    assert "Layla Haddad" not in page
    assert "Layla Haddad" not in text


def test_the_foot_says_who_why_and_how_to_leave_in_both_languages() -> None:
    for language in LANGUAGES:
        _, page, text = filled(draft(language=language))
        said = words(language)
        for part in (
            said["ad_label"],
            said["leave"],
            said["notice"],
            said["view"],
            "Offers",
            "12 Garden Street",
            "62704",
        ):
            assert part in html.unescape(page)
            assert part in text
        assert f'href="{FACTS["unsubscribe_url"]}"' in page
        assert FACTS["unsubscribe_url"] in text


def test_the_words_exist_in_both_languages_and_arabic_is_arabic() -> None:
    english, arabic = words("en"), words("ar")
    assert english.keys() == arabic.keys()
    for name, sentence in arabic.items():
        assert sentence != english[name]
        assert name == "comma" or re.search(r"[\u0600-\u06ff]", str(sentence))
    assert (spoken("ar-EG"), spoken("en_GB"), spoken("fr")) == ("ar", "en", None)


def test_the_foot_leaves_out_what_does_not_apply() -> None:
    assert "Advertisement" not in filled(draft(ad_label=False))[2]
    assert "nsubscribe" not in filled(draft(message_class="transactional_relationship"))[2]
    assert "on a list of" in filled(draft(topic_name=""))[2]


def test_an_author_who_places_the_link_is_not_given_a_second_one() -> None:
    _, page, text = filled(draft(body="To unsubscribe, [click]({{ unsubscribe_url }})."))
    assert page.count(FACTS["unsubscribe_url"]) == text.count(FACTS["unsubscribe_url"]) == 1


@pytest.mark.parametrize(
    ("language", "way"),
    [
        ("ar", "rtl"),
        ("he", "rtl"),
        ("fa-IR", "rtl"),
        ("ur_PK", "rtl"),
        ("en", "ltr"),
        ("fr", "ltr"),
        ("arn", "ltr"),
        ("", "ltr"),
    ],
)
def test_direction_follows_the_language_of_the_content(language: str, way: str) -> None:
    assert direction(language) == way
    page = filled(draft(language=language))[1]
    assert f'<html lang="{language}" dir="{way}">' in page
    assert f'align="{"right" if way == "rtl" else "left"}"' in page


def test_the_preheader_is_shown_escaped_and_merged() -> None:
    page = filled(draft(preheader="<b> for {{ first_name }}"))[1]
    assert "&lt;b&gt; for Layla" in page
    assert 'class="rida-lead"' not in filled(draft())[1]


@pytest.mark.parametrize("subject", ["one\ntwo", "one\r\nBcc: x@y.example", "one\x00", "one\u2028two", "one\x85two"])
def test_a_subject_with_a_line_break_is_refused_before_anybody_is_written_to(subject: str) -> None:
    with pytest.raises(HeaderInjection):
        compile_content(draft(subject=subject))


def test_an_empty_or_odd_body_is_no_crash() -> None:
    for markup in ("markdown", "html"):
        for body in ("", " ", "\x00", "<", "<table>", "{% if first_name %}{% endif %}", "<p", "</div></td>"):
            assert "Rosa" in filled(draft(markup=markup, body=body))[1]


def test_half_a_character_is_refused_in_the_text_and_in_the_facts() -> None:
    for part in ("subject", "preheader", "body"):
        with pytest.raises(ContentError) as caught:
            compile_content(draft(**{part: "\ud83d"}))
        assert caught.value.params["code"] == "not_text"
    with pytest.raises(ContentError):
        filled(draft(body="{{ name }}"), name="\ud83d")


def test_unknown_names_are_listed() -> None:
    asked = (
        "{{ first_nam }} {{ attributes.city }} {{ sender.city }} {{ sender.car }} {{ name.x }} {{ attributes['k'] }}"
    )
    assert unknown_names(draft(body=asked), {"city"}) == ["first_nam", "name.x", "sender.car"]
    assert unknown_names(draft(subject="{{ attributes.zzz }}", body=""), {"city"}) == ["attributes.zzz"]
    assert (
        unknown_names(draft(subject="{{ attributes.zzz }}", body="{% for a in attributes.b %}{{ a }}{% endfor %}"))
        == []
    )


def test_a_draft_survives_json_and_its_hash_covers_every_field() -> None:
    good = draft()
    assert Draft.from_json(good.to_json()) == good
    assert len(good.hash()) == 32
    changed = {name: "x" for name in Draft.__dataclass_fields__ if name != "sender"} | {"ad_label": False}
    hashes = {draft(**{name: value}).hash() for name, value in changed.items()}
    hashes |= {draft(sender={name: "x"}).hash() for name in good.to_json()["sender"]}
    assert len(hashes | {good.hash()}) == len(changed) + len(good.to_json()["sender"]) + 1
