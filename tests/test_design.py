"""The look keeps its promises: contrast in both themes, nothing that the policy would block."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CSS = (ROOT / "static" / "css" / "app.css").read_text()
TOKENS = {
    name: colours
    for name, *colours in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS)
}
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SURFACES = ("bg", "surface", "sunken")
TONES = ("accent", "ok", "warn", "bad", "info", "sim")
TEXT_PAIRS = [
    *[(ink, on) for ink in ("ink", "muted", *TONES) for on in SURFACES],
    *[(tone, f"{tone}-soft") for tone in TONES],
    *[("ink", f"{tone}-soft") for tone in TONES],
    ("on-accent", "accent-fill"),
    ("on-accent", "accent-hover"),
]  # fmt: skip
SHAPE_PAIRS = [
    *[(shape, on) for shape in ("line-strong", "focus", "accent-fill") for on in ("bg", "surface")],
    *[(f"s{number}", "surface") for number in range(1, 7)],
]


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


class Inline(HTMLParser):
    """Collects what the policy blocks: style attributes and elements, handlers, script bodies."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_script = tag == "script"
        names = [name for name, _ in attrs]
        self.found += [f"<{tag} {name}>" for name in names if name == "style" or name[:2] == "on"]
        self.found += [f"<{tag} {name}>" for name in names if name.startswith("hx-on")]
        if tag == "style":
            self.found.append("<style>")

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.found.append("script body")

    def handle_endtag(self, tag: str) -> None:
        self.in_script = False


def inline_parts(html: str) -> list[str]:
    parser = Inline()
    parser.feed(re.sub(r"\{%.*?%\}", "", html))  # a tag's words are no attributes
    return parser.found


def test_contrast_is_the_one_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's example


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_can_be_read_in_both_themes(text: str, ground: str, theme: int) -> None:
    assert contrast(TOKENS[text][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS)
def test_borders_focus_and_chart_lines_can_be_seen(shape: str, ground: str, theme: int) -> None:
    assert contrast(TOKENS[shape][theme], TOKENS[ground][theme]) >= 3


@pytest.mark.parametrize("name", ["bad-fill", "sim-fill"])
def test_white_text_can_be_read_on_filled_marks(name: str) -> None:
    assert all(contrast("#ffffff", colour) >= 4.5 for colour in TOKENS[name])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_template_holds_what_the_content_policy_blocks(path: Path) -> None:
    assert inline_parts(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_template_switches_escaping_off(path: Path) -> None:
    assert not re.search(r"\|\s*safe\b|autoescape\s+off|\|\s*safeseq", path.read_text())


def test_the_search_for_inline_parts_finds_them() -> None:
    html = '<p style="x" onclick="y" hx-on:click="z">a</p><style>b</style><script>c</script>'
    assert len(inline_parts(html)) == 5
    assert inline_parts('<script src="/a.js" defer></script><p class="x">a</p>') == []


def test_nothing_is_loaded_from_another_site() -> None:
    sources = [*TEMPLATES, *(ROOT / "static" / "css").glob("*.css")]
    remote = re.compile(r"""(?:src|href)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import""")
    assert [path.name for path in sources if remote.search(path.read_text())] == []
