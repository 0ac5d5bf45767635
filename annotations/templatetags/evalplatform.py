"""Tags for every page: numbers with their interval, hostile text, states, our own charts."""

import json
import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Protocol
from xml.etree import ElementTree

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from .unseen import character_name, replace_unseen

register = template.Library()

MISSING = "not enough data"
LONG_TEXT = 1_500
MANY_BLOCKS = 4
CR_LF = '<span data-length="2">\n</span>'
ROLES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
# One tone a word; a status that is not listed is neutral and still readable.
TONES = {
    "ok": "released accepted passed pass done agreed settled gold submitted complete succeeded "
    "active calibrated valid fresh blind kept past_its_gate",
    "warn": "stale suspect cannot_tell due overdue paused revised expired partial invalid refused "
    "needs_work disputed reveal",
    "bad": "blocked failed fail rejected error suspended violates lost cancelled undefined_error",
    "info": "pilot to_sign open running leased queued in_progress proposed new waiting current shown "
    "evidence",
    "sim": "simulated simulator sandbox",
}  # fmt: skip
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}
SVG = "{http://www.w3.org/2000/svg}"
SVG_TAGS = {
    "svg", "g", "path", "line", "polyline", "polygon", "rect", "circle", "ellipse", "text", "tspan",
    "title", "desc", "defs", "marker", "clipPath", "linearGradient", "stop", "pattern", "use", "a",
}  # fmt: skip


class Estimate(Protocol):
    """What a number needs to be shown; `annotations.measurement.results.Estimate` has it."""

    value: float | None
    low: float | None
    high: float | None
    n: int | None
    level: float | str | None
    method: str
    reason: str | None


class Case(Protocol):
    """What a case needs to be shown."""

    context: str
    conversation: list[Any]
    response: str


@register.simple_tag
def estimate(
    e: Estimate | None, *, as_percent: bool = False, digits: int | None = None
) -> SafeString:
    """Value, interval and n; `undefined` with its reason where there is no value."""
    if not e:  # also a name that the template does not know
        return _undefined(MISSING)
    if not _is_number(e.value):
        return _undefined(e.reason or MISSING, n=e.n)
    digits = digits if digits is not None else (1 if as_percent else 3)
    value, low, high = (_number(x, digits, as_percent=as_percent) for x in (e.value, e.low, e.high))
    if _is_number(e.low) and _is_number(e.high):
        interval = format_html(' <span class="interval">[{}, {}]</span>', low, high)
    else:
        interval = format_html(
            ' <span class="interval none">no interval: {}</span>', e.reason or MISSING
        )
    n = "" if e.n is None else format_html(' <span class="n">n&nbsp;=&nbsp;{}</span>', f"{e.n:,}")
    return format_html(
        '<span class="estimate" title="{}"><span class="value">{}</span>{}{}</span>',
        _how(e),
        value,
        interval,
        n,
    )


@register.simple_tag
def percent(x: float | None, *, digits: int = 1) -> SafeString:
    """A share between 0 and 1 as a percentage; `undefined` where there is none."""
    if not _is_number(x):
        return _undefined(MISSING)
    return format_html('<span class="percent">{}</span>', _number(x, digits, as_percent=True))


@register.filter
def show_controls(text: object) -> SafeString:
    """Hostile text: escaped, and what can't be seen replaced by its code point."""
    raw = "" if text is None else str(text)
    return mark_safe(replace_unseen(raw, shown=_labelled, kept=escape))  # noqa: S308 (escaped part by part)


@register.filter
def show_case(text: object) -> SafeString:
    """A block of a case: as `show_controls`, and every character of the raw text can be counted.

    A browser reads CR LF as one character, so it gets a stand-in that says that it is two.
    """
    lines = ("" if text is None else str(text)).split("\r\n")
    return mark_safe(CR_LF.join(show_controls(line) for line in lines))  # noqa: S308 (parts escaped)


@register.inclusion_tag("components/case.html")
def case_text(
    case: Case, *, notice: str = "", masked: bool = False, nav: bool = False
) -> dict[str, Any]:
    """A case in reading order: context, conversation, response. `nav` where label.js is at hand."""
    blocks = list(_blocks(case))
    return {
        "blocks": blocks, "notice": notice, "masked": masked, "nav": nav,
        "is_long": len(blocks) > MANY_BLOCKS or any(block["is_long"] for block in blocks),
        "characters": f"{sum(len(block['text']) for block in blocks):,}",
    }  # fmt: skip


@register.simple_tag
def chart(svg: str | None) -> SafeString:
    """A chart that we drew, unescaped; whatever in it can act or is blocked by policy raises."""
    if not svg:
        return _undefined("nothing to draw yet")
    check_own_svg(str(svg))
    return mark_safe(str(svg))  # noqa: S308 (checked element by element)


@register.simple_tag
def badge(status: object, text: object = None) -> SafeString:
    """A state as a word with a tone; the word carries the meaning, the colour only repeats it."""
    word = str(status.value if isinstance(status, Enum) else status)
    tone = TONE_OF.get(word.strip().lower().replace(" ", "_").replace("-", "_"), "neutral")
    shown = word.replace("_", " ") if text is None else str(text)
    return format_html('<span class="badge tone-{}">{}</span>', tone, shown)


@register.inclusion_tag("components/empty.html")
def empty_state(
    title: str, next_url: str = "", next_label: str = "", *, text: str = ""
) -> dict[str, str]:
    """Nothing here yet, and what to do next."""
    return {"title": title, "next_url": next_url, "next_label": next_label, "text": text}


def check_own_svg(svg: str) -> None:
    """Raises ValueError unless `svg` is well formed and only draws: no handlers, no styles."""
    if not svg.lstrip().startswith("<svg") or "<!" in svg or "<?" in svg:
        raise ValueError(
            "A chart must be one <svg> element, without doctype, comments or instructions."
        )
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314 (no doctype, so no entities to expand)
    except ElementTree.ParseError as error:
        raise ValueError(f"A chart must be well-formed XML: {error}") from error
    for element in root.iter():
        _check_svg_element(element)


def _check_svg_element(element: ElementTree.Element) -> None:
    tag = element.tag.removeprefix(SVG)
    if tag not in SVG_TAGS:
        raise ValueError(f"A chart must not hold <{tag}>.")
    for name, value in element.attrib.items():
        name = name.rpartition("}")[2].lower()
        if name == "style" or name.startswith("on"):
            raise ValueError(f"A chart must not set {name}=; give it a class.")
        if name == "href" and (value[:1] not in "/?#" or value[:2] in ("//", "/\\")):
            raise ValueError("A chart may link only within this site.")


def _is_number(x: object) -> bool:
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)


def _number(x: float | None, digits: int, *, as_percent: bool) -> str:
    if x is None or not _is_number(x):
        return "?"
    shown = f"{x * 100 if as_percent else x:.{digits}f}"
    if float(shown) == 0:
        shown = shown.removeprefix("-")  # never "-0.0"
    return shown.replace("-", "\u2212") + ("%" if as_percent else "")


def _undefined(reason: str, *, n: int | None = None) -> SafeString:
    count = "" if n is None else format_html(' <span class="n">n&nbsp;=&nbsp;{}</span>', f"{n:,}")
    return format_html('<span class="estimate undefined">undefined: {}{}</span>', reason, count)


def _how(e: Estimate) -> str:
    """The tooltip: method, level and the figures in full."""
    level = getattr(e, "level", None)
    if isinstance(level, float):
        level = f"{level:.0%} interval"
    figures = f"{e.value:.4f}" if e.value is not None else ""
    if e.low is not None and e.high is not None:
        figures += f" [{e.low:.4f}, {e.high:.4f}]"
    return ", ".join(str(part) for part in (e.method, level, figures) if part)


def _labelled(run: str) -> str:
    """The visible stand-in for one or more of the same unseen character."""
    name = character_name(run[0])
    code, times = name.split(" ", 1)[0], len(run)
    return format_html(
        '<span class="ctl" data-length="{}" title="{}">{}</span>',
        times,
        name if times == 1 else f"{name}, {times} times",
        code if times == 1 else f"{code} \u00d7{times}",
    )


def _blocks(case: Case) -> Iterable[dict[str, Any]]:
    if case.context:
        yield _block("context", "Context", case.context, "context")
    turns = len(case.conversation or [])
    for number, turn in enumerate(case.conversation or []):
        turn = turn if isinstance(turn, Mapping) else {"content": turn}
        role = str(turn.get("role") or "").lower()
        label = ROLES.get(role) or (role[:40] or "Turn")
        kind = role if role in ROLES else "other"
        place = f"{number + 1} of {turns}" if turns >= MANY_BLOCKS else ""
        yield _block(f"turn-{number}", label, _plain(turn.get("content")), kind, place)
    if case.response:
        yield _block("response", "Response", case.response, "response")


def _block(field: str, label: str, text: str, kind: str, place: str = "") -> dict[str, Any]:
    is_long = len(text) > LONG_TEXT or text.count("\n") > 30
    return {
        "field": field, "label": label, "text": text, "kind": kind, "place": place,
        "is_long": is_long,
    }  # fmt: skip


def _plain(content: object) -> str:
    """The text of a turn; parts of a multi-part message one after another, other shapes as JSON."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        return "\n".join(_plain(_part(part)) for part in content)
    return json.dumps(content, ensure_ascii=False, indent=1, default=str)


def _part(part: object) -> object:
    return part["text"] if isinstance(part, Mapping) and isinstance(part.get("text"), str) else part
