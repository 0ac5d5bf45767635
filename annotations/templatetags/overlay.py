"""A case with the passages that raters marked drawn on it, for the adjudicator."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from .evalplatform import Case, case_text, show_case

register = template.Library()


class Passage(Protocol):
    """One marked passage: by whom, and where (code points of the raw text of a block)."""

    @property
    def number(self) -> int: ...
    @property
    def by(self) -> str: ...
    @property
    def tone(self) -> int: ...
    @property
    def part(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


@register.inclusion_tag("components/case.html")
def case_with_passages(
    case: Case, passages: Sequence[Passage], *, notice: str = "", masked: bool = False,
    nav: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """As `case_text`, with each passage marked and signed."""
    shown = case_text(case, notice=notice, masked=masked, nav=nav)
    by_part: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_part[passage.part].append(passage)
    for block in shown["blocks"]:
        if found := by_part.get(block["field"]):
            block["marked"] = marked(block["text"], found)
    return shown


def marked(text: str, passages: Sequence[Passage]) -> SafeString:
    """The text cut at every edge of a passage; each piece says whose it is, each end is signed."""
    inside = [p for p in passages if 0 <= p.start < p.end <= len(text)]
    edges = sorted({0, len(text), *(p.start for p in inside), *(p.end for p in inside)})
    pieces = [_piece(text[a:b], a, b, inside) for a, b in pairwise(edges)]
    return mark_safe("".join(pieces))  # noqa: S308 (every piece is escaped)


def _piece(text: str, start: int, end: int, passages: Sequence[Passage]) -> str:
    here = [p for p in passages if p.start <= start and end <= p.end]
    if not here:
        return show_case(text)
    tones = " ".join(f"by-{p.tone}" for p in here[:1])
    begins = "".join(f'<span id="passage-{p.number}"></span>' for p in here if p.start == start)
    names = ", ".join(dict.fromkeys(p.by for p in here))
    ends = dict.fromkeys(p.by for p in here if p.end == end)
    signed = format_html('<sup class="passage-by">{}</sup>', ", ".join(ends)) if ends else ""
    depth = "several" if len(here) > 1 else "one"
    piece = format_html(
        '<mark class="passage {} {}" title="{}">{}</mark>', depth, tones, names, show_case(text)
    )
    return f"{begins}{piece}{signed}"
