from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from zoo.hub.curve import HEIGHT, WIDTH, curve_svg

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
