"""Each hook, implemented by a plugin that was installed, has the effect that it promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.plugin.registry import get_registry

Install = Callable[..., Path]

LEARNER = '''
import numpy as np
from zoo import Agent, Algorithm, Config, Progress
from zoo.agents.heads import Linear
from zoo.agents.mlp import Layer, MLPAgent


class Idler(Algorithm):
    """Learns nothing: it always takes action 1."""

    class Config(Config):
        """It has no hyperparameters."""

    def train(self, env, steps):
        env.reset()
        done = self.__dict__.setdefault("done", 0)
        while self.done < steps:
            env.step(np.ones(env.num_envs, np.int64))
            self.done += env.num_envs
            yield Progress(self.done, 0, {"train/idle": 1.0})

    def agent(self):
        layer = Layer(np.zeros((2, 4), np.float32), np.array([0, 1], np.float32), "identity")
        return MLPAgent(self.observation_space, self.action_space, [layer], Linear())

    def state(self):
        return {"done": self.__dict__.get("done", 0)}

    def load_state(self, state):
        self.done = state["done"]
'''
IDLER = """
@hookimpl
def zoo_algorithms():
    kinds = {"observations": ("box",), "actions": ("discrete",)}
    return [AlgorithmSpec("idler", "stranger_idler_code:Idler", "Idles", **kinds)]
"""
OBSERVERS = """
import json
from pathlib import Path

def tell(run, **event):
    with open(Path(run["path"]) / "seen.jsonl", "a") as file:
        print(json.dumps(event), file=file)

@hookimpl
def zoo_run_started(run):
    tell(run, event="started", algorithm=run["algorithm"])

@hookimpl
def zoo_run_progress(run, steps, metrics):
    tell(run, event="progress", steps=steps, metrics=dict(metrics))

@hookimpl
def zoo_run_finished(run, outcome):
    tell(run, event="finished", outcome=outcome)
"""


@pytest.fixture
def idler(install: Install) -> str:
    """Install an algorithm that trains in no time, and return its name."""
    install("idler", IDLER, stranger_idler_code=LEARNER)
    return "idler"


def observed(install: Install, idler: str) -> list[dict[str, object]]:
    """Train for 40 steps with an observer, and return what it saw."""
    install("watcher", OBSERVERS)
    run = zoo.train(idler, "CartPole-v1", steps=40, seed=1)
    text = (Path(run.path) / "seen.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_zoo_algorithms(idler: str) -> None:
    run = zoo.train(idler, "CartPole-v1", steps=40, seed=1)
    assert run.algorithm == "idler"
    assert run.info["status"] == "finished"


def test_zoo_agents(install: Install) -> None:
    code = """
    import numpy as np
    from zoo import Agent

    class Portrait(Agent):
        kind = "portrait"
        def act(self, observations, *, deterministic=True, action_masks=None):
            return np.zeros(len(observations), np.int64)
        def describe(self): return {}
        def tensors(self): return {}
        @classmethod
        def restore(cls, description, tensors, observation_space, action_space):
            return cls(observation_space, action_space)
    """
    kind = "AgentSpec('portrait', 'stranger_portrait_code:Portrait', 'A portrait')"
    source = f"@hookimpl\ndef zoo_agents(): return [{kind}]"
    install("portrait", source, stranger_portrait_code=code)
    agent_class = get_registry().agent_class("portrait")
    assert issubclass(agent_class, zoo.Agent)
    assert agent_class.kind == "portrait"


def test_zoo_recipes(install: Install, tmp_path: Path, idler: str) -> None:
    from zoo.config.recipes import load_recipe

    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "idler.yml").write_text("CartPole-v1:\n  n_timesteps: 123\n")
    recipes = str(tmp_path / "recipes")
    install(
        "cook", f"from pathlib import Path\n@hookimpl\ndef zoo_recipes(): return Path({recipes!r})"
    )
    assert load_recipe(idler, "CartPole-v1").settings.n_timesteps == 123


def test_zoo_environments(install: Install) -> None:
    import gymnasium as gym

    from zoo.environments.ids import resolve

    source = """
    @hookimpl
    def zoo_environments():
        target = "gymnasium.envs.classic_control.cartpole:CartPoleEnv"
        return [EnvironmentSpec("Stranger-v0", target, "A cart", max_episode_steps=7)]
    """
    install("grounds", source)
    try:
        assert resolve("Stranger-v0") == "Stranger-v0"
        env = gym.make("Stranger-v0")
        env.reset(seed=0)
        steps = [env.step(step % 2) for step in range(7)]
        assert [step[3] for step in steps] == [False] * 6 + [True]
    finally:
        gym.registry.pop("Stranger-v0", None)


def test_zoo_hubs(install: Install) -> None:
    code = """
    from zoo import Entry, Hub

    class Lab(Hub):
        def __init__(self, *, endpoint=None, timeout=None): self.endpoint = endpoint
        def search(self, query): return [Entry(f"lab:{query.text}", url=self.endpoint)]
        def resolve(self, name, revision=None): return "1"
        def pull(self, name, revision, destination, *, progress=None): ...
    """
    source = "@hookimpl\ndef zoo_hubs(): return [HubSpec('lab', 'stranger_lab_code:Lab', 'Lab')]"
    install("lab", source, stranger_lab_code=code)
    assert "hf" in get_registry().hubs
    hub = get_registry().hub_class("lab")(endpoint="here", timeout=1.0)
    assert hub.search(zoo.Query("walker")) == [zoo.Entry("lab:walker", url="here")]
    with pytest.raises(zoo.ZooError, match="read-only"):
        hub.push(None, "walker")
    with pytest.raises(zoo.ZooError, match=r"no hub 'lap'.+Did you mean lab"):
        get_registry().hub_class("lap")


def test_zoo_importers(install: Install, tmp_path: Path) -> None:
    code = """
    import numpy as np
    from gymnasium import spaces
    from zoo import Imported, Importer
    from zoo.agents.heads import Linear
    from zoo.agents.layers import Layer
    from zoo.agents.mlp import MLPAgent

    class Lab(Importer):
        def recognises(self, path): return path.suffix == ".lab"
        def read(self, path, request):
            box = spaces.Box(-1.0, 1.0, (2,), np.float32)
            agent = MLPAgent(box, box, [Layer(np.eye(2))], Linear())
            return Imported(agent, "lab", {"id": "Lab-v0"}, notes=(f"{path.stem} was read",))
    """
    spec = "ImporterSpec('lab', 'stranger_lab_code:Lab', 'Lab')"
    source = f"@hookimpl\ndef zoo_importers(): return [{spec}]"
    install("lab", source, stranger_lab_code=code)
    (tmp_path / "cart.lab").write_text("")
    bundle, notes = zoo.import_agent(tmp_path / "cart.lab", tmp_path / "agent")
    assert notes == ("cart was read",)
    assert bundle.agent().act(np.full((1, 2), 0.5, np.float32)).tolist() == [[0.5, 0.5]]
    with pytest.raises(zoo.ZooError, match=r"no importer 'lap'.+Did you mean lab"):
        zoo.import_agent(tmp_path / "cart.lab", importer="lap")
    with pytest.raises(zoo.ZooError, match=r"Known importers: .*lab"):
        zoo.import_agent(tmp_path)


def test_zoo_exporters(install: Install, tmp_path: Path) -> None:
    code = """
    from zoo import Exporter

    class Lab(Exporter):
        suffix = ".lab"
        def write(self, agent, path): path.write_text(agent.kind)
    """
    spec = "ExporterSpec('lab', 'stranger_lab_code:Lab', 'Lab')"
    source = f"@hookimpl\ndef zoo_exporters(): return [{spec}]"
    install("lab", source, stranger_lab_code=code)
    path = zoo.export_agent("sb3-ppo/CartPole-v1", "lab", tmp_path / "agent.lab")
    assert path.read_text() == "mlp"


def test_zoo_run_started(install: Install, idler: str) -> None:
    seen = observed(install, idler)
    assert seen[0] == {"event": "started", "algorithm": "idler"}
    assert [event["event"] for event in seen].count("started") == 1


def test_zoo_run_progress(install: Install, idler: str) -> None:
    seen = [event for event in observed(install, idler) if event["event"] == "progress"]
    steps = [event["steps"] for event in seen]
    assert steps == sorted(steps)  # type: ignore[type-var]
    assert steps[-1] >= 40  # type: ignore[operator]
    assert seen[0]["metrics"]["train/idle"] == 1.0  # type: ignore[index]


def test_zoo_run_finished(install: Install, idler: str) -> None:
    seen = observed(install, idler)
    assert seen[-1] == {"event": "finished", "outcome": "finished"}
    assert [event["event"] for event in seen].count("finished") == 1


@pytest.mark.parametrize("hook", ["zoo_run_started", "zoo_run_progress", "zoo_run_finished"])
def test_an_observer_that_raises_does_not_stop_a_run(
    install: Install, idler: str, capsys: pytest.CaptureFixture[str], hook: str
) -> None:
    install("watcher", OBSERVERS)
    install("clumsy", f"@hookimpl\ndef {hook}(): raise RuntimeError('tripped')")
    run = zoo.train(idler, "CartPole-v1", steps=40, seed=1)
    assert run.info["status"] == "finished"
    lines = [line for line in capsys.readouterr().err.splitlines() if "'clumsy'" in line]
    assert len(lines) == 1
    assert f"{hook} raised RuntimeError: tripped" in lines[0]
    assert '"finished"' in (Path(run.path) / "seen.jsonl").read_text(encoding="utf-8")
