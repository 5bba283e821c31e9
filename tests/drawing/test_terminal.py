from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.drawing.tables import lake, saved
from zoo import show
from zoo.drawing.scale import Scale


def test_cells_carry_the_colour_of_their_value(tmp_path: Path) -> None:
    portrait = show(saved(tmp_path / "agent", lake(), "FrozenLake-v1"))
    line = next(line for line in portrait.lines(width=100) if "0.10 " in line.plain)
    colours = [span.style.bgcolor.name for span in line.spans if span.style.bgcolor]  # type: ignore[union-attr]
    scale = Scale(0.0, 1.4)
    assert colours == ["#{:02x}{:02x}{:02x}".format(*scale.colour(i / 10)) for i in range(4)]


def test_a_narrow_terminal_keeps_the_arrows(tmp_path: Path) -> None:
    portrait = show(saved(tmp_path / "agent", lake(), "FrozenLake-v1"))
    wide, narrow = ([line.plain for line in portrait.lines(width=w)] for w in (80, 20))
    assert any("0.10 " in line for line in wide)
    assert not any("0.10 " in line for line in narrow)
    assert any("S ←" in line for line in narrow)


def test_the_table_of_states_has_values_and_names(tmp_path: Path) -> None:
    policy = np.eye(4)[np.arange(16) % 4]
    policy[2] = 0.25
    portrait = show(saved(tmp_path / "agent", lake(policy=policy), "FrozenLake-v1"))
    head, one, two = (line.plain.split() for line in portrait.lines(states=[1, 2])[-3:])
    assert head == ["state", "P", "left", "P", "down", "P", "right", "P", "up", "best"]
    assert one == ["1", "0.00", "1.00", "0.00", "0.00", "down"]
    assert two == ["2", "0.25", "0.25", "0.25", "0.25", "any"]
