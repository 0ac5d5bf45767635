"""SVG elements, escaped text, numbers and scales: what all charts are drawn with."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

UNDEFINED = "undefined"
# Controls, format characters (bidirectional, zero width), surrogates, private use, unassigned.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
MAX_LABEL = 300
MAX_SENTENCES = 60
BOLD = frozenset({"chart-strong", "chart-step", "chart-lead", "chart-owner"})
# More combining marks than this on one letter are there to paint over the neighbours.
MAX_MARKS = 2


def clean(value: object) -> str:
    """One line of visible characters, at most `MAX_LABEL`, safe to escape into XML."""
    line = visible(str(value)[: 4 * MAX_LABEL])
    return line if len(line) <= MAX_LABEL else f"{line[: MAX_LABEL - 1]}…"


def visible(text: str) -> str:
    """The text on one line without what is unseen, reorders letters or breaks XML."""
    kept: list[str] = []
    marks = 0
    for character in text:
        if character.isspace():
            character = " "
        elif unicodedata.category(character) in UNSEEN:
            continue
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return " ".join("".join(kept).split())


def element(name: str, *children: str, **attributes: object) -> str:
    """An element; `class_` is class and text_anchor is text-anchor. Children are ready-made SVG.

    Values are escaped here; None leaves the attribute out.
    """
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(_attribute(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{shown}>{inner}</{name}>" if inner else f"<{name}{shown}/>"


def _attribute(value: object) -> str:
    if not isinstance(value, float):
        return visible(str(value))
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def words(
    text: object,
    x: float,
    y: float,
    *,
    class_: str = "",
    anchor: str = "start",
    width: float | None = None,
    size: float = 13,
) -> str:
    """A line of text at (x, y), cut to `width` with an ellipsis; the whole text as its tooltip."""
    whole = clean(text)
    if not whole:
        return ""
    broad = 1.12 if BOLD & set(class_.split()) else 1.0
    shown = whole if width is None else shorten(whole, width, size=size * broad)
    tooltip = element("title", escape(whole)) if shown != whole else ""
    classes = f"chart-text {class_}".strip()
    return element(
        "text", tooltip, escape(shown), x=float(x), y=float(y), text_anchor=anchor, class_=classes
    )


def shorten(text: str, width: float, *, size: float = 13) -> str:
    """The text, cut with an ellipsis to what fits by an estimate of the letters' widths."""
    used = 0.0
    for position, character in enumerate(text):
        used += size * _em(character)
        if used > width:
            return f"{text[: max(position - 1, 0)].rstrip()}…"
    return text


def _em(character: str) -> float:
    """The width of a letter in em, a little generous."""
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character.isupper() or character in "mwMW%@—":
        return 0.72
    return 0.32 if character in " .,:;'|ilj![]()1" else 0.57


def picture(
    *,
    width: float,
    height: float,
    kind: str,
    title: object,
    desc: str | Sequence[str],
    body: Sequence[str],
    links: Sequence[str] = (),
    compact: bool = False,
) -> str:
    """The whole `<svg>`; links lie beside the image, since nothing inside role=img is reached."""
    size = "chart-compact" if compact else "chart-wide"
    named = element("title", escape(clean(title))), element("desc", escape(describe(desc)))
    frame: dict[str, object] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {round(width)} {round(height)}",
        "class_": f"chart chart-{kind} {size}",
    }
    if not links:
        return element("svg", *named, *body, role="img", **frame)
    image = element("g", *named, *body, role="img")
    return element("svg", image, element("g", *links), role="group", **frame)


def describe(sentences: str | Sequence[str]) -> str:
    """The description as one text: whole sentences, the first sixty of them."""
    lines = [sentences] if isinstance(sentences, str) else list(sentences)
    more = [f"And {len(lines) - MAX_SENTENCES} more."] if len(lines) > MAX_SENTENCES else []
    return " ".join([clean(sentence) for sentence in lines[:MAX_SENTENCES]] + more)


def link(href: str, label: object, *, x: float, y: float, width: float, height: float) -> list[str]:
    """A transparent rectangle that leads to a page of this site; nothing for any other address."""
    if not is_own_address(href):
        return []
    hit = element(
        "rect",
        element("title", escape(clean(label))),
        x=float(x),
        y=float(y),
        width=float(width),
        height=float(height),
        rx=4,
        fill="none",
        pointer_events="all",
        class_="chart-hit",
    )
    return [element("a", hit, href=href, aria_label=clean(label), class_="chart-link")]


def is_own_address(href: str) -> bool:
    """A path, query or fragment of this site; "//host" and "/\\host" lead away from it."""
    return href[:1] in ("/", "?", "#") and href[:2] not in ("//", "/\\") and clean(href) == href


def is_number(value: float | None) -> bool:
    """A value that can be drawn."""
    return value is not None and math.isfinite(value)


def format_number(value: float | None) -> str:
    """Three significant digits; whole numbers whole; what is none is "undefined"."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    if isinstance(value, int):
        return _minus(f"{value:,}")
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(float(f"{value:.2e}"))))
    if magnitude < -4:
        return _minus(f"{value:.2e}")
    return _minus(f"{round(value, 2 - magnitude):,.{max(2 - magnitude, 0)}f}")


def _minus(text: str) -> str:
    return text.replace("-", "\u2212") if text.startswith("-") else text


def format_interval(low: float | None, high: float | None) -> str:
    """ "[0.924, 0.948]", or nothing where there is no interval."""
    if not (is_number(low) and is_number(high)):
        return ""
    return f"[{format_number(low)}, {format_number(high)}]"


def format_tick(value: float) -> str:
    """A tick as short as it can be said."""
    return _minus(f"{value:.6g}")


@dataclass(frozen=True)
class Scale:
    """A value's place: `low`..`high` onto `start`..`end` (which may run backwards)."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value, kept inside the frame."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Is the value inside the domain?"""
        return self.low <= value <= self.high

    def ticks(self, count: int = 5) -> tuple[float, ...]:
        """Round values inside the domain."""
        step = round_step((self.high - self.low) / count)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(round(i * step, 12) + 0.0 for i in range(first, last + 1))


def round_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not under `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))


def domain_of(
    values: Sequence[float | None], *, include: Sequence[float] = ()
) -> tuple[float, float]:
    """Round limits around all that will be drawn; 0 to 1 where there is nothing."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    known += [v for v in include if math.isfinite(v)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    if high - low < 1e-12 * max(1.0, abs(high)):
        half = abs(low) / 2
        low, high = (low - half, high + half) if half else (0.0, 1.0)
    step = round_step((high - low) / 5)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def check_domain(domain: tuple[float, float]) -> None:
    """Raises where a domain cannot be drawn."""
    low, high = domain
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"A chart's domain must run from a lower to a higher number: {domain}.")


def line(x1: float, y1: float, x2: float, y2: float, *, class_: str) -> str:
    """A straight line."""
    return element(
        "line",
        x1=float(x1),
        y1=float(y1),
        x2=float(x2),
        y2=float(y2),
        stroke="currentColor",
        class_=class_,
    )


def path(d: str, *, class_: str) -> str:
    """An open line through points, not filled."""
    return element("path", d=d, fill="none", stroke="currentColor", class_=class_)


def box(x: float, y: float, width: float, height: float, *, class_: str, rx: float = 0) -> str:
    """A rectangle."""
    return element(
        "rect",
        x=float(x),
        y=float(y),
        width=float(max(width, 0)),
        height=float(max(height, 0)),
        rx=float(rx),
        class_=class_,
    )


def disc(x: float, y: float, r: float, *, class_: str) -> str:
    """A circle."""
    return element("circle", cx=float(x), cy=float(y), r=float(r), class_=class_)


def polygon(points: Sequence[tuple[float, float]], *, class_: str) -> str:
    """A closed shape."""
    return element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_)
