from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from zoo.hub.curve import HEIGHT, WIDTH, Axes, Line, curve_svg, lines_svg

HEADER = "steps,seconds,mean_return,ci95_low,ci95_high\n"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(table: str, title: str = "A curve") -> ElementTree.Element:
    picture = curve_svg(table, title)
    assert picture is not None
    return ElementTree.fromstring(picture)


def points(element: ElementTree.Element | None) -> list[tuple[float, float]]:
    assert element is not None
    pairs = [pair.split(",") for pair in element.attrib["points"].split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_the_line_passes_through_the_means_at_the_scale_of_the_ticks() -> None:
    svg = drawn(HEADER + "1000,1,0,-10,10\n2000,2,50,40,60\n4000,3,100,100,100\n")
    line = points(svg.find(f"{SVG}polyline"))
    assert len(line) == 3
    (x1, y1), (x2, y2), (x3, y3) = line
    assert x2 - x1 == pytest.approx((x3 - x2) / 2, abs=0.2)
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.2)
    labels = {text.text: text.attrib for text in svg.findall(f"{SVG}text")}
    assert float(labels["100"]["y"]) - 4 == pytest.approx(y3)
    assert float(labels["0"]["x"]) < x1
    assert len(points(svg.find(f"{SVG}polygon"))) == 6


def test_everything_stays_inside_the_picture() -> None:
    svg = drawn(
        HEADER + "".join(f"{i * 37_001},1,{-(i**3)},{-(i**3) - 9},5\n" for i in range(1, 30))
    )
    every = points(svg.find(f"{SVG}polyline")) + points(svg.find(f"{SVG}polygon"))
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in every)
    labels = [text.text or "" for text in svg.findall(f"{SVG}text")]
    assert any(re.fullmatch(r"[\d.]+(M|k)", label) for label in labels)


@pytest.mark.parametrize(
    "rows",
    [
        "1,1,5,5,5\n2,1,5,5,5\n",
        "1,1,1e-9,0,2e-9\n2,1,0,0,0\n",
        "1,1,-1e12,-2e12,0\n9000000000,1,1e12,0,2e12\n",
        "2,1,1,0,2\n1,1,2,1,3\nnan,1,1,1,1\n3,1,inf,1,1\n4\n",
    ],
    ids=["flat", "tiny", "huge", "with bad rows"],
)
def test_odd_numbers_are_drawn(rows: str) -> None:
    line = points(drawn(HEADER + rows).find(f"{SVG}polyline"))
    assert len(line) == 2
    assert line == sorted(line)


@pytest.mark.parametrize("table", ["", HEADER, HEADER + "1,1,2,1,3\n", "a,b\n1,2\n2,3\n", "\x00,"])
def test_what_is_no_curve_is_no_picture(table: str) -> None:
    assert curve_svg(table, "A curve") is None


def test_a_title_cannot_break_out() -> None:
    svg = drawn(HEADER + "1,1,2,1,3\n2,1,2,1,3\n", '<script>&"x"')
    assert svg.find(f"{SVG}script") is None
    assert svg.find(f"{SVG}title").text == '<script>&"x"'  # type: ignore[union-attr]


def lines(*rows: list[tuple[float, float]]) -> list[Line]:
    return [Line([(x, y, y, y) for x, y in row], f"line {index}") for index, row in enumerate(rows)]


def drawn_lines(*rows: list[tuple[float, float]], axes: Axes) -> ElementTree.Element:
    return ElementTree.fromstring(lines_svg(lines(*rows), "Lines", axes))


def heights(svg: ElementTree.Element) -> dict[str | None, float]:
    """Where the labels of the upright axis stand."""
    labels = [text for text in svg.findall(f"{SVG}text") if text.get("text-anchor") == "end"]
    return {text.text: float(text.attrib["y"]) - 4 for text in labels}


def test_powers_of_ten_are_evenly_spaced_on_a_logarithmic_axis() -> None:
    svg = drawn_lines([(1, 100), (2, 1), (3, 0.01), (4, 0)], axes=Axes(logarithmic=True))
    (_, y1), (_, y2), (_, y3) = points(svg.find(f"{SVG}polyline"))  # 0 is left out
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.2)
    assert heights(svg)["1"] == pytest.approx(y2)


def test_small_powers_of_ten_are_written_as_such() -> None:
    axes = Axes(logarithmic=True, limits=(1e-10, 100))
    svg = drawn_lines([(1, 1e3), (2, 1e-12)], axes=axes)
    labels = heights(svg)
    assert labels["1e-10"] > labels["1e-4"] > labels["100"]


def test_what_lies_outside_the_limits_is_cut_off_at_the_edge_of_the_grid() -> None:
    svg = drawn_lines([(1, -1000), (2, -50)], axes=Axes(limits=(-100, 0)))
    inside = svg.find(f"{SVG}clipPath/{SVG}rect")
    assert inside is not None
    top, height = float(inside.attrib["y"]), float(inside.attrib["height"])
    labels = heights(svg)
    assert (labels["0"], labels["-100"]) == (top, top + height)
    group = svg.find(f"{SVG}g")
    assert group is not None
    assert group.attrib["clip-path"] == "url(#inside)"
    (_, below), (_, middle) = points(group.find(f"{SVG}polyline"))
    assert below > top + height
    assert middle == pytest.approx(top + height / 2)


def test_several_lines_have_colours_that_their_names_have_too() -> None:
    svg = drawn_lines([(1, 1), (2, 2)], [(1, 2), (2, 1)], axes=Axes())
    strokes = [line.attrib["stroke"] for line in svg.findall(f"{SVG}polyline")]
    names = {name.text: name.attrib["fill"] for name in svg.findall(f"{SVG}text/{SVG}tspan")}
    assert names == {"line 0": strokes[0], "line 1": strokes[1]}
    assert strokes[0] != strokes[1]


def test_a_level_to_compare_with_is_drawn_where_its_value_lies() -> None:
    svg = drawn_lines([(1, 0), (2, 10)], axes=Axes(level=(10, "the best")))
    dashed = [line for line in svg.findall(f"{SVG}line") if "stroke-dasharray" in line.attrib]
    assert float(dashed[0].attrib["y1"]) == points(svg.find(f"{SVG}polyline"))[1][1]
    assert "the best" in [text.text for text in svg.findall(f"{SVG}text")]
