from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.actors import ENV_ID, Guessing, Riddle, balancer, saved, walker
from zoo import ZooError, evaluate
from zoo.environments import rendering
from zoo.play import play


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there is a display."""
    monkeypatch.setattr(rendering, "has_display", lambda: True)


def test_without_a_display_the_command_that_films_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rendering.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    bundle = saved(tmp_path / "lake", walker(), "FrozenLake-v1")
    for agent in (bundle, bundle.agent(), str(bundle.path)):
        with pytest.raises(ZooError) as caught:
            play(agent)
        assert caught.value.hint == f"Film it instead: zoo record {bundle.path} -o FILE.mp4"


@pytest.mark.usefixtures("display")
def test_the_environment_is_made_to_show_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[str | None] = []
    make = Riddle.__init__

    def note(self: Riddle, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        modes.append(self.render_mode)

    monkeypatch.setattr(Riddle, "__init__", note)
    shown = play(Guessing(), env=ENV_ID, episodes=4, seed=3)
    assert modes == ["human"]
    counted = evaluate(Guessing(), ENV_ID, episodes=4, seed=3, n_envs=1)
    assert [moment.total for moment in shown] == counted.returns
    assert [moment.length for moment in shown] == counted.lengths


@pytest.mark.usefixtures("display")
def test_it_goes_on_until_the_window_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def closed(environment: Any) -> bool:
        looks.append(1)
        return len(looks) > 500

    monkeypatch.setattr("zoo.play._is_closed", closed)
    shown = play(Guessing(), env=ENV_ID)
    assert len(shown) > 10
    assert len(looks) == 501


@pytest.mark.usefixtures("display")
def test_a_closed_pygame_window_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setattr(rendering, "prepare_window", lambda: None)  # keep the driver below
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.quit()
    real, asked = pygame.event.peek, []

    def peek(*kinds: Any) -> bool:
        asked.append(kinds)
        if len(asked) == 5:
            pygame.event.post(pygame.event.Event(pygame.QUIT))
        return real(*kinds)

    monkeypatch.setattr(pygame.event, "peek", peek)
    try:
        assert play(balancer(0.1, 0.5, 2, 2), env="CartPole-v1") == []
    finally:
        pygame.display.quit()
    assert len(asked) == 5


@pytest.mark.usefixtures("display")
def test_a_window_that_cannot_be_opened_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":no-such-display")
    pygame.display.quit()
    try:
        with pytest.raises(ZooError) as caught:
            play(balancer(0, 0, 1, 0), env="CartPole-v1", episodes=1)
    finally:
        pygame.display.quit()
        os.environ["SDL_VIDEODRIVER"] = "dummy"
    assert "no window could be opened" in str(caught.value)
    assert "zoo record AGENT -o FILE.mp4" in str(caught.value)


@pytest.mark.usefixtures("display")
def test_wrong_requests_are_refused() -> None:
    with pytest.raises(ZooError, match="nothing to see"):
        play(Guessing(), env=ENV_ID, episodes=0)
    with pytest.raises(ZooError, match="no render mode human"):
        play(Guessing(), env="ZooTestPaper-v0", episodes=1)
