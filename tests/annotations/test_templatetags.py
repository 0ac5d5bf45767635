"""Numbers come with their interval; hostile text reaches the page visible and harmless."""

import unicodedata
from dataclasses import dataclass, field
from enum import Enum
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template import engines
from django.utils.html import strip_tags

from annotations.errors import BadInput
from annotations.measurement.results import Estimate, undefined
from annotations.templatetags.evalplatform import check_own_svg, show_case, show_controls
from annotations.templatetags.unseen import UNSEEN

ALPHA = Estimate(0.93649, 0.92412, 0.94781, 2250, method="Krippendorff's alpha")
RATE = Estimate(0.38, 0.3221, 0.4411, 250, method="Wilson")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</div></section><h1>Gold released</h1>",
    "{% load static %}{{ settings.SECRET_KEY }}",
    "&lt;b&gt; &amp; '",
    "<\u200bscript>\u202ealert(1)",
]


@dataclass
class Case:
    context: str = ""
    conversation: list[Any] = field(default_factory=list)
    response: str = ""


class Status(Enum):
    IN_PROGRESS = "in_progress"


def render(source: str, **context: object) -> str:
    template = engines["django"].from_string("{% load evalplatform %}" + source)
    return template.render(context).strip()


def words(html: str) -> str:
    """The text of `html` as a reader sees it."""
    return " ".join(unescape(strip_tags(html)).split())


# --- numbers ---


def test_an_estimate_is_shown_with_its_interval_and_n() -> None:
    assert words(render("{% estimate e %}", e=ALPHA)) == "0.936 [0.924, 0.948] n = 2,250"


def test_more_digits_can_be_asked_for() -> None:
    assert words(render("{% estimate e digits=4 %}", e=ALPHA)).startswith("0.9365 [0.9241, 0.9478]")


def test_a_share_is_shown_as_a_percentage_with_both_ends() -> None:
    assert (
        words(render("{% estimate e as_percent=True %}", e=RATE)) == "38.0% [32.2%, 44.1%] n = 250"
    )


def test_the_tooltip_names_the_method_and_the_level() -> None:
    html = render("{% estimate e %}", e=ALPHA)
    assert 'title="Krippendorff&#x27;s alpha, 95% interval, 0.9365 [0.9241, 0.9478]"' in html


def test_an_undefined_estimate_gives_its_reason_and_no_number() -> None:
    e = undefined("one rater only; <b>two</b> are needed", n=12, method="alpha")
    html = render("{% estimate e %}{% estimate e as_percent=True %}", e=e)
    assert html.count("undefined: one rater only; &lt;b&gt;two&lt;/b&gt; are needed") == 2
    assert "n&nbsp;=&nbsp;12" in html
    assert "[" not in html


def test_a_value_without_an_interval_says_why() -> None:
    e = Estimate(0.5, None, None, 3, method="share", reason="one family only")
    assert words(render("{% estimate e %}", e=e)) == "0.500 no interval: one family only n = 3"


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), "", "many"])
def test_no_number_is_undefined_and_never_an_error(nothing: object) -> None:
    assert words(render("{% percent x %}", x=nothing)) == "undefined: not enough data"
    assert "undefined" in render("{% estimate missing %}")


@pytest.mark.parametrize(
    ("x", "shown"),
    [(0.38, "38.0%"), (0, "0.0%"), (1, "100.0%"), (-0.0001, "0.0%"), (-0.05, "\u22125.0%")],
)
def test_a_percentage_has_one_decimal_and_a_real_minus(x: float, shown: str) -> None:
    assert words(render("{% percent x %}", x=x)) == shown


def test_true_is_not_a_number() -> None:
    assert "undefined" in render("{% percent x %}", x=True)


# --- hostile text ---


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_of_its_own(text: str) -> None:
    html = render("{{ text|show_controls }}", text=text)
    rest = html.replace("<span ", "").replace("</span>", "")
    assert "<" not in rest
    assert "SECRET_KEY" not in html or "{{ settings.SECRET_KEY }}" in html


def test_a_direction_override_is_named_where_it_stands() -> None:
    stand_in = 'data-length="1" title="U+202E RIGHT-TO-LEFT OVERRIDE">U+202E'
    assert show_controls("pay\u202e100") == f'pay<span class="ctl" {stand_in}</span>100'


def test_a_run_of_one_unseen_character_is_folded_and_counted() -> None:
    html = show_controls("a" + "\u200b" * 500 + "b")
    assert 'data-length="500"' in html
    assert "U+200B \u00d7500" in html
    assert len(html) < 150


def test_different_unseen_characters_are_told_apart() -> None:
    assert show_controls("\u200b\u200c\u200d").count("<span") == 3


def test_every_control_format_private_and_separator_character_is_shown() -> None:
    unseen = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    missed = [
        hex(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in unseen
        and chr(code) not in "\n\t"
        and not UNSEEN.match(chr(code))
    ]
    assert missed == []


@pytest.mark.parametrize("blank", "\u3164\uffa0\u2800\u115f\u034f\U000e0100")
def test_characters_that_draw_nothing_are_shown_too(blank: str) -> None:
    assert f"U+{ord(blank):04X}" in show_controls(f"a{blank}b")


def test_lines_tabs_and_ordinary_letters_stay_as_they_are() -> None:
    text = "Grüße\n\t日本語 العربية עברית 😀❤️ é café\r\nnext"
    assert show_controls(text) == text.replace("\r\n", "\n")


def test_a_bare_carriage_return_and_an_escape_sequence_are_shown() -> None:
    html = show_controls("safe\rharm\x1b[2J\x00")
    assert all(name in html for name in ("CARRIAGE RETURN", "U+001B ESCAPE", "U+0000 NULL"))


def test_joiners_stay_where_a_script_or_an_emoji_needs_them() -> None:
    persian, family = "می\u200cخواهم", "👨\u200d👩\u200d👧"
    assert show_controls(persian) == persian
    assert show_controls(family) == family


@pytest.mark.parametrize("text", ["ig\u200dnore", "\u200cab", "می\u200c\u200cخواهم", "می\u200c"])
def test_joiners_are_shown_where_they_only_hide(text: str) -> None:
    assert "U+200" in show_controls(text)


def test_letters_smuggled_as_tags_are_shown() -> None:
    smuggled = "".join(chr(0xE0000 + ord(character)) for character in "ignore")
    html = show_controls(f"hello{smuggled}")
    assert html.count('class="ctl"') == 6
    assert "TAG LATIN SMALL LETTER I" in html


def test_a_lone_surrogate_can_be_sent_over_the_wire() -> None:
    assert b"LONE SURROGATE" in show_controls("a\ud800b").encode()


def test_text_that_claims_to_be_safe_is_escaped_all_the_same() -> None:
    html = render("{{ text|show_controls }}", text=show_controls("x") + "<b>")
    assert "<b>" not in html
    assert show_controls(None) == ""


def test_a_selection_can_be_counted_back_to_the_raw_text() -> None:
    raw = "a\u200b\u200bb\u202ec"
    html = show_controls(raw)
    stand_ins = sum(int(part.split('"')[0]) for part in html.split('data-length="')[1:])
    assert stand_ins + len("abc") == len(raw)


class Counter(HTMLParser):
    """Counts the characters of the raw text that a piece of HTML stands for, as a browser sees it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.count, self.is_stand_in = 0, False
        self.feed(html.replace("\r\n", "\n").replace("\r", "\n"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_stand_in = True
        self.count += int(dict(attrs)["data-length"] or 0)

    def handle_endtag(self, tag: str) -> None:
        self.is_stand_in = False

    def handle_data(self, data: str) -> None:
        self.count += 0 if self.is_stand_in else len(data)


@pytest.mark.parametrize(
    "raw",
    [
        "a\u200b\u200bb\u202ec", "one\r\ntwo\r\n\r\n", "\r\n", "\r\r\n\n", "😀e\u0301\ufeff", "<b>&amp;\x00",
        "می\u200cخواهم 👨\u200d👩\u200d👧", "a\ud800b", "\u200d\r\n\u200d", "", *HOSTILE,
    ],
)  # fmt: skip
def test_every_character_of_a_block_can_be_counted_on_the_page(raw: str) -> None:
    assert Counter(show_case(raw)).count == len(raw)


# --- cases ---


def test_a_case_reads_context_then_conversation_then_response() -> None:
    case = Case("A canteen.", [{"role": "user", "content": "Rice?"}], "One hour.")
    html = render("{% case_text case %}", case=case)
    fields = [part.split('"')[0] for part in html.split('data-field="')[1:]]
    assert fields == ["context", "turn-0", "response"]
    assert html.index("A canteen.") < html.index("Rice?") < html.index("One hour.")
    assert html.count('dir="auto"') == 3


def test_every_role_has_its_class_and_a_strange_role_can_not_break_out() -> None:
    roles = ["system", "user", "assistant", "tool", '"><script>']
    turns = [{"role": role, "content": "x"} for role in roles]
    html = render("{% case_text case %}", case=Case(conversation=turns))
    assert all(f'class="turn turn-{role}"' in html for role in [*roles[:4], "other"])
    assert "<script" not in html


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_box(text: str) -> None:
    case = Case(text, [{"role": "user", "content": text}], text)
    html = render("{% case_text case notice=text %}", case=case, text=text)
    plain = render(
        "{% case_text case notice=text %}", case=Case("a", [{"content": "b"}], "c"), text="d"
    )
    for tag in ("<div", "<p", "<script", "<img", "<h1", "<section", "<details"):
        assert html.count(tag) == plain.count(tag)


def test_a_case_without_texts_says_so() -> None:
    assert "This case was imported without its text" in render("{% case_text case %}", case=Case())


def test_a_notice_collapses_the_case_until_it_is_opened() -> None:
    html = render('{% case_text case notice="Mentions illness." %}', case=Case(response="x"))
    assert "<details" in html
    assert "<details open" not in html
    assert html.index("Mentions illness.") < html.index("</summary>") < html.index("data-field")


def test_a_masked_case_is_marked_and_its_words_are_there_for_the_reveal_key() -> None:
    assert "is-masked" in render("{% case_text case masked=True %}", case=Case(response="x"))
    assert "is-masked" not in render("{% case_text case %}", case=Case(response="x"))


def test_a_long_text_scrolls_and_can_be_reached_by_keyboard() -> None:
    assert 'tabindex="0"' in render("{% case_text case %}", case=Case(response="word " * 400))
    assert "tabindex" not in render("{% case_text case %}", case=Case(response="word"))


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (None, ""),
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one\ntwo"),
        ({"image": "<b>"}, "&lt;b&gt;"),
        (["plain", {"type": "image_url"}], "image_url"),
    ],
)
def test_turns_of_other_shapes_are_shown_as_text(content: object, shown: str) -> None:
    case = Case(conversation=[{"role": "user", "content": content}])
    assert shown in render("{% case_text case %}", case=case)


def test_a_long_case_has_its_ways_about_where_the_page_has_the_keys() -> None:
    turns = [{"role": "user", "content": f"Turn {number}."} for number in range(5)]
    html = render("{% case_text case nav=True %}", case=Case("", turns, "An answer."))
    assert "6 blocks, 45 characters" in html
    assert "2 of 5" in html
    assert "case-nav" not in render("{% case_text case %}", case=Case("", turns, "An answer."))
    assert "case-nav" not in render("{% case_text case nav=True %}", case=Case("", [], "Short."))


def test_a_turn_that_is_only_a_string_is_shown() -> None:
    assert "hello" in render("{% case_text case %}", case=Case(conversation=["hello"]))


# --- charts, badges, empty states ---

GOOD_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" role="img"><title>a &lt; b</title>'
    '<g class="bar"><rect x="0" y="0" width="1" height="2"/></g>'
    '<a href="/rubric/1"><text>c</text></a></svg>'
)


def test_our_own_chart_is_drawn_as_it_is() -> None:
    assert render("{% chart svg %}", svg=GOOD_SVG) == GOOD_SVG


def test_no_chart_says_so() -> None:
    assert "nothing to draw yet" in render("{% chart svg %}", svg=None)


@pytest.mark.parametrize(
    "svg",
    [
        "<p>not a chart</p>",
        "just text",
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"></svg>',
        '<svg><rect style="fill:red"/></svg>',
        "<svg><foreignObject><p/></foreignObject></svg>",
        '<svg><a href="javascript:alert(1)"><text>x</text></a></svg>',
        '<svg><a href="//elsewhere.example/"><text>x</text></a></svg>',
        '<svg xmlns:xlink="http://www.w3.org/1999/xlink"><use xlink:href="http://x/y#z"/></svg>',
        '<svg><image href="x"/></svg>',
        "<svg><text>a & b</text></svg>",
        "<svg></svg><script>alert(1)</script>",
        "<svg><!-- x --></svg>",
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
        '<svg><h:script xmlns:h="http://www.w3.org/1999/xhtml">1</h:script></svg>',
    ],
)
def test_a_chart_that_could_act_or_is_not_ours_is_refused(svg: str) -> None:
    with pytest.raises(ValueError, match="A chart m"):
        check_own_svg(svg)


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        ("draft", "neutral"), ("released", "ok"), ("simulated", "sim"), ("undefined", "neutral"),
        ("stale", "warn"), ("blocked", "bad"), ("In progress", "info"), ("unheard of", "neutral"),
    ],
)  # fmt: skip
def test_a_state_is_a_word_with_a_tone(status: str, tone: str) -> None:
    html = render("{% badge status %}", status=status)
    assert f"tone-{tone}" in html
    assert words(html) == status


def test_a_badge_takes_states_from_tables_and_other_words() -> None:
    assert words(render("{% badge s %}", s=Status.IN_PROGRESS)) == "in progress"
    assert words(render('{% badge "stale" "2 labels" %}')) == "2 labels"
    assert "<b>" not in render("{% badge s %}", s="<b>")


def test_an_empty_place_says_what_to_do_next() -> None:
    html = render(
        '{% empty_state "No cases yet" url "Import cases" text="A file will do." %}', url="/i?a&b"
    )
    assert '<a role="button" href="/i?a&amp;b">Import cases</a>' in html
    assert "<a" not in render('{% empty_state "Nothing" %}')


# --- the frame ---


@pytest.mark.parametrize("name", ["403", "403_csrf", "404", "409", "429", "500"])
def test_an_error_page_needs_no_context_and_says_what_to_do(name: str) -> None:
    html = engines["django"].get_template(f"{name}.html").render()
    assert f'<p class="code">{name[:3]}</p>' in html
    assert 'role="button"' in html
    assert "data-error-page" in html


def test_an_error_page_quotes_what_was_refused_as_text() -> None:
    html = engines["django"].get_template("409.html").render({"message": "<b>Closed.</b>"})
    assert '<p class="said" data-said>&lt;b&gt;Closed.&lt;/b&gt;</p>' in html


@pytest.mark.parametrize("status", [403, 404, 409, 422])
def test_a_refusal_of_the_domain_is_told_in_its_own_words(status: int) -> None:
    error = BadInput("The file has no id column.", ["row 3: <i>"])
    html = (
        engines["django"]
        .get_template("errors/domain.html")
        .render({"error": error, "status": status})
    )
    assert "data-said>The file has no id column.</p>" in html
    assert "<li>row 3: &lt;i&gt;</li>" in html
    assert f'<p class="code">{status}</p>' in html


@pytest.mark.parametrize(
    ("items", "is_shown"), [([{"label": "Rubric", "href": "/r", "count": 0}], True), ([], False)]
)
def test_the_side_bar_marks_where_the_reader_is(
    items: list[dict[str, Any]], is_shown: bool
) -> None:
    nav = {"project": {"label": "Demo", "href": "/"}, "items": items, "active": "Rubric"}
    html = engines["django"].get_template("base.html").render({"nav": nav})
    assert ('<a href="/r" aria-current="page">' in html) is is_shown
    assert ('<span class="count">0</span>' in html) is is_shown


def test_the_frame_shows_what_the_install_lacks_and_what_is_simulated() -> None:
    context = {"install_notes": ["No embedding model."], "simulated": "All raters are simulators."}
    html = engines["django"].get_template("base.html").render(context)
    assert "This install lacks 1 thing<" in html
    assert '<aside class="simulated"' in html


def test_demo_accounts_are_shown_only_where_there_are_any() -> None:
    template = engines["django"].get_template("registration/login.html")
    html = template.render({"demo_users": [("lead", "pw", "Lead")]})
    assert 'data-fill-username="lead" data-fill-password="pw"' in html
    assert "Demo accounts" not in template.render({})
