"""The deep families' READMEs and their registrations name the same papers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zoo.plugin.registry import get_registry

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
ROW = re.compile(r"\| `([\w-]+)` \| (\[[^|]*) \|")


@pytest.mark.parametrize("plugin", ["zoo_actor_critic", "zoo_dqn", "zoo_policy_gradient"])
def test_the_first_paper_of_a_row_is_the_one_that_the_algorithm_is_registered_with(
    plugin: str,
) -> None:
    text = (PLUGINS / plugin / "README.md").read_text(encoding="utf-8")
    first = {name: re.findall(r"\((http[^)]*)\)", cell)[0] for name, cell in ROW.findall(text)}
    assert len(first) > 3
    assert first == {name: get_registry().algorithm(name).paper for name in first}
