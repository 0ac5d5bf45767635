"""Charts are clean SVG whatever the labels say, show what is undefined, and can be read by all."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from annotations.charts import (
    AlarmMark,
    BarRow,
    CoursePoint,
    Curve,
    ForestRow,
    LoopStep,
    Reference,
    ReliabilityBin,
    ScatterPoint,
    bars,
    course,
    curves,
    forest,
    format_number,
    loop_picture,
    progress,
    reliability,
    scatter,
    sparkline,
    watch,
)
from annotations.charts.drawing import Scale, clean, domain_of, is_own_address, shorten
from annotations.charts.planes import MAX_POINTS, pareto_front
from annotations.templatetags.evalplatform import check_own_svg

SVG = "{http://www.w3.org/2000/svg}"
CSS = (Path(__file__).parents[2] / "static" / "css" / "charts.css").read_text()
STEPS = ["Draft", "Generate", "Assign", "Label", "Agree", "Adjudicate", "Calibrate", "Next"]
HOSTILE = (
    "<script>alert(1)</script>\"'&]]><!-- \x00\x07\x1b[31m\u202egnp.\ud800\ufffe"
    '" onload="x" style="y" Zx\u0301\u0301\u0301\u0301\u0301 &#x3c;b&#x3e;'
)


def loop(stands_at: int, state: str = "current", text: str = "") -> list[LoopStep]:
    return [
        LoopStep(
            label.lower(),
            text or label,
            text or "the lead",
            "done" if i < stands_at else state if i == stands_at else "todo",  # type: ignore[arg-type] # spelt by the test
            text or "12 of 40",
            f"/rounds/3/{i}",
        )
        for i, label in enumerate(STEPS)
    ]


def every_chart(text: str, *, compact: bool) -> dict[str, str]:
    """One of each chart with `text` wherever a text can stand."""
    row = ForestRow(text, 0.4, 0.3, 0.5, 12, "", "/cases", tick=0.6)
    none = ForestRow(text, None, None, None, 3, text)
    points = [
        ScatterPoint(0.1 * i, 0.5 - 0.1 * i, text, 0.0, 0.9, 0.0, 0.9, text, i % 2 == 0, "/judges")
        for i in range(5)
    ]
    bins = [ReliabilityBin(0.2, 0.3, 0.1, 0.5, 9), ReliabilityBin(0.7, None, None, None, 0)]
    gate = [Reference(0.35, text)]
    return {
        "forest": forest([row, none], title=text, references=gate, compact=compact),
        "bars": bars([row, none], title=text, references=gate, compact=compact),
        "scatter": scatter(points, x_label=text, y_label=text, title=text, compact=compact),
        "reliability": reliability(bins, title=text, x_label=text, y_label=text, compact=compact),
        "loop": loop_picture(loop(3, text=text), title=text, compact=compact),
        "progress": progress(3, 8, title=text),
        "sparkline": sparkline([0.1, None, 0.3], title=text),
        "curve": curves(
            [Curve(text, [(0, 0.3), (100, 0.2)]), Curve(text, [])],
            title=text,
            x_label=text,
            y_label=text,
            now=20,
            compact=compact,
        ),
        "watch": watch(
            [0.0, 1.2, 2.6],
            [0.0, 0.4, 0.0],
            2.5,
            alarms=[AlarmMark(2, True, text)],
            first=text,
            last=text,
            title=text,
            compact=compact,
        ),
        "course": course(
            [CoursePoint(text, 3), CoursePoint(text, 8)], 12, title=text, compact=compact
        ),
    }


@pytest.fixture(params=[False, True], ids=["wide", "compact"])
def compact(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def parsed(svg: str) -> ElementTree.Element:
    """The chart as a tree; it must be well-formed XML to get here."""
    return ElementTree.fromstring(svg)  # noqa: S314 (made by the code under test)


def texts(svg: str) -> list[str]:
    """Every line of text that is seen: a tooltip is a child, what follows it is its tail."""
    lines = parsed(svg).iter(f"{SVG}text")
    return ["".join([e.text or "", *(child.tail or "" for child in e)]) for e in lines]


def test_hostile_labels_stay_text_in_every_chart(compact: bool):
    for svg in every_chart(HOSTILE, compact=compact).values():
        check_own_svg(svg)
        for element in parsed(svg).iter():
            assert element.tag != f"{SVG}script"
            assert not {name for name in element.attrib if name == "style" or name[:2] == "on"}
        assert "<script" not in svg
        assert not re.search(
            "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\ud800-\udfff\ufffe]", svg
        )
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in svg


def test_every_chart_is_one_image_with_a_name_and_a_description(compact: bool):
    for svg in every_chart("A & B", compact=compact).values():
        root = parsed(svg)
        (image,) = [element for element in root.iter() if element.get("role") == "img"]
        assert (image[0].tag, image[1].tag) == (f"{SVG}title", f"{SVG}desc")
        assert image[0].text
        assert image[1].text
        assert not list(image.iter(f"{SVG}a")), "a link inside an image can't be reached"


def test_no_colour_and_no_id_is_written_into_a_chart(compact: bool):
    allowed = {"none", "currentColor"}
    for svg in every_chart("label", compact=compact).values():
        for element in parsed(svg).iter():
            assert {element.get("fill"), element.get("stroke")} <= {None, *allowed}
            assert element.get("id") is None


def test_every_class_of_a_chart_is_in_the_style_sheet(compact: bool):
    known = set(re.findall(r"\.(chart[\w-]*)", CSS))
    charts = [*every_chart("label", compact=compact).values(), loop_picture(loop(5, "blocked"))]
    lists = [names for svg in charts for names in re.findall(r'class="([^"]*)"', svg)]
    used = {name for names in lists for name in names.split()}
    assert used - known == set()


def test_nothing_is_drawn_outside_the_frame(compact: bool):
    for name, svg in every_chart("label " * 60, compact=compact).items():
        root = parsed(svg)
        _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
        for element in root.iter(f"{SVG}text"):
            assert 0 <= float(element.attrib["x"]) <= width, name
            assert 0 < float(element.attrib["y"]) < height, name


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "//evil.example", "/\\evil.example", "https://a.b", "", "/a\nb"]
)
def test_a_link_leads_only_within_this_site(href: str):
    assert not is_own_address(href)
    assert "<a " not in forest([ForestRow("label", 0.5, href=href)])


def test_a_link_has_the_row_in_words():
    svg = forest([ForestRow("gpt4", 0.9701, 0.95, 0.985, 450, href="/agreement?model=gpt4&x=1")])
    (link,) = parsed(svg).iter(f"{SVG}a")
    assert link.get("href") == "/agreement?model=gpt4&x=1"
    assert link.get("aria-label") == "gpt4: 0.970, [0.950, 0.985], n = 450."


@pytest.mark.parametrize("draw", [forest, bars])
def test_what_is_undefined_is_said_with_its_reason_and_n(draw: Callable[..., str], compact: bool):
    rows = [BarRow("Severity", None, None, None, 12, "all labels are equal"), BarRow("x", 0.4)]
    svg = draw(rows, compact=compact)
    assert "undefined: all labels are equal (n = 12)" in texts(svg)
    assert "Severity: undefined: all labels are equal (n = 12)." in svg
    assert "undefined" in texts(draw([BarRow("nan", float("nan"))], compact=compact))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.93651, "0.937"), (0.9, "0.900"), (0.99996, "1.00"), (12.345, "12.3"), (1234.5, "1,230"),
        (0, "0"), (0.0, "0"), (-0.05, "\u22120.0500"), (2250, "2,250"), (0.00001234, "1.23e-05"),
        (None, "undefined"), (float("nan"), "undefined"), (float("inf"), "undefined"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value: float | None, shown: str):
    assert format_number(value) == shown


def test_an_interval_that_leaves_the_frame_ends_in_an_arrow():
    inside = forest([ForestRow("a", 0.5, 0.4, 0.6)], domain=(0, 1))
    beyond = forest([ForestRow("a", 0.5, -0.2, 0.6)], domain=(0, 1))
    assert inside.count("<polygon") == 0
    assert beyond.count("<polygon") == 1


def test_a_domain_that_runs_backwards_is_refused():
    with pytest.raises(ValueError, match="lower to a higher"):
        forest([ForestRow("a", 0.5)], domain=(1, 0))


def test_bars_start_at_zero_and_keep_proportion():
    svg = bars([BarRow("a", 0.2), BarRow("b", 0.4)])
    wide = [float(w) for w in re.findall(r'width="([\d.]+)" height="14"', svg)]
    assert wide[1] == pytest.approx(2 * wide[0], rel=0.01)


def test_pareto_line_goes_through_the_points_that_nothing_beats():
    places = [(0.1, 0.5), (0.2, 0.2), (0.2, 0.3), (0.3, 0.3), (0.5, 0.1), (0.6, 0.1)]
    points = [(x, y, ScatterPoint(x, y, "")) for x, y in places]
    assert [(x, y) for x, y, _ in pareto_front(points)] == [(0.1, 0.5), (0.2, 0.2), (0.5, 0.1)]
    assert pareto_front([]) == []


def test_scatter_names_highlighted_points_with_both_intervals(compact: bool):
    point = ScatterPoint(0.048, 0.1, "stack", 0.03, 0.07, 0.08, 0.12, highlighted=True)
    svg = scatter([point], x_label="Evasion", y_label="Over-blocking", compact=compact)
    assert "0.0480 [0.0300, 0.0700] / 0.100 [0.0800, 0.120]" in texts(svg)
    assert svg.count('class="chart-error"') == 1
    assert "stack: Evasion 0.0480 [0.0300, 0.0700], Over-blocking 0.100 [0.0800, 0.120]." in svg


def test_scatter_counts_what_it_does_not_draw():
    points = [ScatterPoint(i / 65_535, 1 - i / 65_535, "") for i in range(65_535)]
    svg = scatter([*points, ScatterPoint(None, 0.1, "u")], x_label="x", y_label="y", pareto=False)
    assert svg.count("<circle") <= MAX_POINTS
    assert "1 undefined and not drawn." in texts(svg)
    assert "Of 65,535 points an even share is drawn, and all of the line." in texts(svg)


@pytest.mark.parametrize("draw", [forest, bars, reliability])
def test_nothing_to_draw_is_said(draw: Callable[..., str]):
    assert "No " in draw([])
    assert "No points yet." in texts(scatter([], x_label="x", y_label="y"))


def test_groups_differ_by_shape_and_not_by_colour_alone():
    points = [ScatterPoint(0.1, 0.1, "", group=name) for name in "abcd"]
    svg = scatter(points, x_label="x", y_label="y", pareto=False)
    marks = re.findall(r'<(circle|rect|polygon) [^>]*class="chart-fill chart-s(\d)', svg)
    assert {shape for shape, _ in marks} == {"circle", "rect", "polygon"}
    assert {series for _, series in marks} == {"1", "2", "3", "4"}


def test_loop_says_where_the_round_stands_and_whose_move_it_is(compact: bool):
    root = parsed(loop_picture(loop(3), title="Round 3", compact=compact))
    title, desc = (next(root.iter(f"{SVG}{name}")).text or "" for name in ("title", "desc"))
    assert title == "Round 3: Label: next move by the lead"
    assert "3 of 8 steps done" in desc
    assert "4. Label: now, the lead, 12 of 40." in desc
    assert "5. Agree: to do, the lead" in desc


def test_loop_marks_states_by_shape(compact: bool):
    svg = loop_picture(loop(3), compact=compact)
    assert svg.count('class="chart-tick"') == 3
    assert svg.count("chart-node-current") == 1
    assert svg.count("chart-node-todo") == 4
    blocked = loop_picture(loop(5, "blocked"), compact=compact)
    assert blocked.count("chart-node-blocked") == 1
    assert "!" in texts(blocked)
    assert "Blocked at Adjudicate: the lead must act" in blocked


def test_loop_closes_from_the_last_step_to_the_first(compact: bool):
    svg = loop_picture(loop(8), compact=compact)
    assert svg.count("chart-way-back") == 1
    assert "This round is complete" in svg
    assert svg.count('class="chart-way-done"') == 7


def test_a_loop_of_one_step_or_of_an_unknown_state_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        loop_picture(loop(0)[:1])
    with pytest.raises(ValueError, match="A step is one of done, current, todo, blocked"):
        loop_picture(loop(0, "lost"))


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [(12, 40, "12 of 40 (30%)"), (0, 5, "0 of 5 (0%)"), (9, 5, "9 of 5 (180%)")],
)
def test_progress_says_the_truth_and_stays_in_its_frame(done: int, total: int, said: str):
    svg = progress(done, total)
    assert said in texts(svg)
    assert max(float(w) for w in re.findall(r'width="([\d.]+)"', svg)) <= 358


def test_progress_of_nothing_is_undefined():
    assert "undefined: nothing to do yet" in texts(progress(0, 0))


def test_a_sparkline_has_a_gap_where_the_number_was_undefined():
    svg = sparkline([0.1, 0.2, None, 0.3, 0.4])
    assert svg.count("<path") == 2
    assert "0.400" in texts(svg)
    assert "undefined" in texts(sparkline([0.1, None]))
    assert "undefined" in texts(sparkline([]))


def test_a_course_ends_at_its_last_day_under_the_line_of_all_there_is():
    svg = course([CoursePoint("01 Mar", 2), CoursePoint("02 Mar", 5)], 10)
    assert {"01 Mar", "02 Mar", "10"} <= set(texts(svg))
    assert "02 Mar: 5 of 10." in svg
    assert svg.count("chart-reference") == 1


def test_a_course_of_nothing_is_undefined_and_of_one_day_a_point():
    assert "undefined: nothing is done yet" in texts(course([], 10))
    assert "<circle" in course([CoursePoint("01 Mar", 2)], 10)
    assert "<path" not in course([CoursePoint("01 Mar", 2)], 10)
    check_own_svg(course([], 0))


def test_ticks_are_round_and_the_domain_holds_every_value():
    low, high = domain_of([0.893, 0.97, None, float("nan")])
    assert low <= 0.893 < 0.97 <= high
    assert Scale(0, 1, 0, 100).ticks() == (0, 0.2, 0.4, 0.6, 0.8, 1)
    assert domain_of([]) == domain_of([0.0]) == (0.0, 1.0)


def test_long_and_wide_letters_are_cut_to_the_room_there_is():
    assert shorten("short", 200) == "short"
    assert len(shorten("語" * 50, 130)) < len(shorten("i" * 50, 130))
    assert len(clean("x" * 5_000_000)) == 300


def palette(theme: str) -> dict[str, str]:
    """The colours of a theme, a page's own colour replaced by its fallback."""
    blocks = {
        "light": re.search(r"^:root \{(.*?)\}", CSS, re.S | re.M),
        "dark": re.search(r'^\[data-theme="dark"\] \{(.*?)\}', CSS, re.S | re.M),
        "system dark": re.search(r':not\(\[data-theme="light"\]\) \{(.*?)\}', CSS, re.S),
    }
    block = blocks[theme]
    assert block
    return dict(re.findall(r"--chart-([\w-]+): (?:var\(--[\w-]+, )?(#\w{6})\)?;", block[1]))


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shapes_have_three_to_one_and_text_four_and_a_half_to_one(theme: str):
    colours = palette(theme)
    paper = colours["surface"]
    shapes = [*(f"s{i}" for i in range(1, 7)), "axis", "neutral", "reference", "done", "blocked"]
    for name in shapes:
        assert contrast(colours[name], paper) >= 3, name
    for name in ("ink", "muted", "current"):
        assert contrast(colours[name], paper) >= 4.5, name
    for name in ("done", "current", "blocked"):
        assert contrast(colours["on"], colours[name]) >= 4.5, name


def test_dark_by_system_and_dark_by_choice_are_the_same():
    assert palette("dark") == palette("system dark")
    assert palette("dark").keys() == palette("light").keys()


# ---- what more work would buy, and what is not to be trusted


def test_a_tick_is_drawn_faint_behind_the_estimate_and_said_in_words(compact: bool):
    svg = forest([ForestRow("Harm", 0.2, 0.1, 0.3, 50, tick=0.4)], domain=(0, 1), compact=compact)
    ticks = [e for e in parsed(svg).iter(f"{SVG}line") if e.get("class") == "chart-aside"]
    assert len(ticks) == 1
    assert "faint tick at 0.400" in svg
    plain = forest([ForestRow("Harm", 0.2, 0.1, 0.3, 50)], domain=(0, 1), compact=compact)
    assert "tick" not in plain


def test_a_tick_widens_the_frame_so_that_it_is_seen():
    svg = forest([ForestRow("Harm", 0.2, 0.1, 0.3, 50, tick=0.9)])
    (tick,) = [e for e in parsed(svg).iter(f"{SVG}line") if e.get("class") == "chart-aside"]
    left, right = 220, 488
    assert left < float(tick.attrib["x1"]) < right


def test_curves_fall_from_left_to_right_and_say_their_points(compact: bool):
    line = Curve("best", [(0, 0.3), (100, 0.2), (200, 0.1)])
    svg = curves([line], title="Width", x_label="labels", y_label="width", compact=compact)
    (drawn,) = [e for e in parsed(svg).iter(f"{SVG}path") if "chart-line" in e.attrib["class"]]
    heights = [float(step.split()[1]) for step in drawn.attrib["d"][1:].split(" L")]
    assert heights == sorted(heights)  # down the page
    assert "best: 0.300 at 0, 0.200 at 100, 0.100 at 200." in svg


# ---- a CUSUM


def test_a_watch_marks_its_alarms_and_says_them_in_words():
    svg = watch([0.0, 2.6, 0.0], [0.0, 0.0, 2.7], 2.5,
                alarms=[AlarmMark(1, True, "1 May 2026"), AlarmMark(2, False, "3 May 2026")])  # fmt: skip
    assert svg.count("<circle") == 2
    assert "Alarm of a rise: 1 May 2026." in svg
    assert "Alarm of a fall: 3 May 2026." in svg


def test_two_alarms_on_one_place_have_one_date_to_read():
    rise = [0.0, 2.6, 2.6, *[0.0] * 200]
    svg = watch(rise, None, 2.5, alarms=[AlarmMark(1, True, "1 May"), AlarmMark(2, True, "2 May")])
    assert (svg.count("<circle"), "1 May" in texts(svg), "2 May" in texts(svg)) == (2, True, False)


def test_what_is_not_watched_yet_says_why():
    assert "undefined: 3 checks so far" in " ".join(
        texts(watch([], None, 0.0, reason="3 checks so far"))
    )


def test_a_long_watch_keeps_its_peaks():
    rise = [0.0] * 10_000
    rise[5_001] = 9.0
    svg = watch(rise, None, 2.5)
    assert len(svg) < 20_000
    ys = [float(pair.split()[1]) for pair in re.findall(r"[ML]([\d.]+ [\d.]+)", svg)]
    assert min(ys) < 40
