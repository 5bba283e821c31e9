"""Draw the learning curves of the tabular family, and show them in its README.

python tools/family.py [ALGORITHM]...   measure and draw all, or these, and write the README
python tools/family.py --check          exit with 1 where the README is not current

What an algorithm does is written in plugins/zoo_tabular/README.md by hand; what stands between
markers there, the picture and how it was measured, comes from `EXHIBITS`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from family_curves import SEEDS, WINDOW, Config, errors, regrets, residuals, returns

from docs import ROOT, fill, in_tree_plugins, table
from zoo.hub.curve import Axes, Line, lines_svg
from zoo_tabular.hooks import ENVIRONMENTS

FAMILY = ROOT / "plugins" / "zoo_tabular"
README, CURVES = FAMILY / "README.md", FAMILY / "curves"


@dataclass(frozen=True)
class Study:
    """What is measured, where, how it is drawn, and the sentence that says so."""

    measure: Callable[[str, str, Config, str], Line]
    env_id: str
    what: str
    axes: Axes


MANY = f"mean of {len(SEEDS)} seeds with its 95 % interval"
CLIFF = Study(
    returns,
    "CliffWalking-v1",
    f"Return of each episode while learning, {MANY}; moving average over {WINDOW} episodes",
    Axes("episodes", "return", limits=(-100, 0), level=(-13, "optimal: -13")),
)
SWEEPS = Study(
    residuals,
    "CliffWalkingSlippery-v1",
    "Bellman residual of each sweep",
    Axes("sweeps", "residual", limits=(1e-10, 100), logarithmic=True),
)
GRID = Study(
    errors,
    "zoo/GridWorld-v0",
    f"Root mean square error of the state values, {MANY}",
    Axes("steps", "error", limits=(0, 20)),
)
ARMS = Study(
    regrets,
    "zoo/BernoulliBandit-v0",
    f"Regret, {MANY}",
    Axes("pulls", "regret", limits=(0, 500)),
)
CONTEXTS = replace(ARMS, env_id="zoo/LinearBandit-v0", axes=Axes("pulls", "regret", limits=(0, 30)))


@dataclass(frozen=True)
class Exhibit:
    """A picture: one line for each of `variants`, name -> what it adds to `config`."""

    study: Study
    config: Config = field(default_factory=dict)
    variants: Mapping[str, Config] = field(default_factory=lambda: {"": {}})


EXPLORING: Config = {"gamma": 1.0, "epsilon": 0.1}
STEPWISE: Config = {**EXPLORING, "alpha": 0.5}
CUT: Config = {"longest_episode": 100}
DISCOUNTED: Config = {"gamma": 0.99}
UNIFORM: Config = {"policy": "uniform", "gamma": 1.0}
EXHIBITS: dict[str, Exhibit] = {
    "q-learning": Exhibit(CLIFF, STEPWISE),
    "double-q-learning": Exhibit(CLIFF, STEPWISE),
    "sarsa": Exhibit(CLIFF, STEPWISE),
    "expected-sarsa": Exhibit(CLIFF, STEPWISE),
    "n-step-sarsa": Exhibit(CLIFF, {**STEPWISE, "alpha": 0.2, "n": 4}),
    "sarsa-lambda": Exhibit(CLIFF, {**STEPWISE, "alpha": 0.2, "trace_decay": 0.9}),
    "q-lambda": Exhibit(CLIFF, {**STEPWISE, "alpha": 0.2, "trace_decay": 0.9}),
    "dyna-q": Exhibit(CLIFF, {**STEPWISE, "planning_steps": 10}),
    "dyna-q-plus": Exhibit(CLIFF, {**STEPWISE, "planning_steps": 10, "kappa": 0.001}),
    "r-max": Exhibit(CLIFF, {"gamma": 0.95, "known_after": 1, "largest_reward": 0.0}),
    "mc-control": Exhibit(CLIFF, {**EXPLORING, "alpha": 0.1, "alpha_power": 0.0, **CUT}),
    "off-policy-mc-control": Exhibit(CLIFF, {**EXPLORING, **CUT}),
    "mc-prediction": Exhibit(GRID, UNIFORM),
    "off-policy-mc-prediction": Exhibit(
        replace(GRID, axes=Axes("steps", "error", limits=(0, 8))),
        {"policy": "optimal", "behaviour": "uniform", "gamma": 1.0},
        {
            "weighted": {"importance_sampling": "weighted"},
            "ordinary": {"importance_sampling": "ordinary"},
        },
    ),
    "td-prediction": Exhibit(GRID, {**UNIFORM, "alpha": 0.05}),
    "n-step-td": Exhibit(GRID, {**UNIFORM, "alpha": 0.05, "n": 4}),
    "td-lambda": Exhibit(GRID, {**UNIFORM, "alpha": 0.05, "trace_decay": 0.9}),
    "policy-evaluation": Exhibit(SWEEPS, {**DISCOUNTED, "policy": "uniform"}),
    "policy-iteration": Exhibit(SWEEPS, {**DISCOUNTED, "method": "iterative"}),
    "modified-policy-iteration": Exhibit(
        SWEEPS,
        DISCOUNTED,
        {f"{n} sweeps": {"evaluation_sweeps": n} for n in (0, 5, 50)},
    ),
    "value-iteration": Exhibit(
        SWEEPS,
        DISCOUNTED,
        {sweep: {"sweep": sweep} for sweep in ("synchronous", "gauss-seidel", "prioritized")},
    ),
    "finite-horizon": Exhibit(SWEEPS, {"gamma": 1.0, "horizon": 100}),
    "epsilon-greedy-bandit": Exhibit(ARMS, {"epsilon": 0.1}),
    "ucb1": Exhibit(ARMS),
    "thompson-sampling": Exhibit(ARMS, {"rewards": "bernoulli"}),
    "linucb": Exhibit(CONTEXTS, {"alpha": 0.3, "intercept": False}),
    "lints": Exhibit(CONTEXTS, {"v": 0.1, "intercept": False}),
}


def draw(name: str) -> None:
    """Measure an algorithm and write its picture."""
    exhibit = EXHIBITS[name]
    study = exhibit.study
    lines = [
        study.measure(name, study.env_id, {**exhibit.config, **more}, label)
        for label, more in exhibit.variants.items()
    ]
    CURVES.mkdir(exist_ok=True)
    picture = lines_svg(lines, f"{name} on {study.env_id}", study.axes)
    (CURVES / f"{name}.svg").write_text(picture, encoding="utf-8")


def caption(name: str) -> str:
    """Return the picture of an algorithm and how it was measured, as Markdown."""
    exhibit = EXHIBITS[name]
    study = exhibit.study
    settings = ", ".join(f"{key}={value}" for key, value in exhibit.config.items())
    said = f"{study.what}, on `{study.env_id}`" + (f" with `{settings}`." if settings else ".")
    return f"![{study.axes.y} of {name}](curves/{name}.svg)\n\n*{said}*"


def environments() -> str:
    """Return the table of the environments that the plugin brings."""
    rows = ((f"`{spec.id}`", spec.summary) for spec in ENVIRONMENTS)
    return table(["Environment", "What it is"], rows)


def render(text: str) -> str:
    """Return the README with all captions, and the table of environments, made anew."""
    text = fill(text, "environments", environments(), by="tools/family.py")
    for name in EXHIBITS:
        text = fill(text, name, caption(name), by="tools/family.py")
    return text


def main(arguments: Sequence[str]) -> None:
    """Draw, and write or check the README."""
    os.environ["ZOO_PLUGINS"] = ",".join(in_tree_plugins())
    if "--check" in arguments:
        text = README.read_text(encoding="utf-8")
        if render(text) != text:
            sys.exit(f"{README.relative_to(ROOT)} is not current. Run: python tools/family.py")
        return
    if unknown := sorted(set(arguments) - set(EXHIBITS)):
        sys.exit(f"{unknown[0]} has no picture; those that have: {', '.join(EXHIBITS)}")
    for name in arguments or EXHIBITS:
        draw(name)
        print(name, flush=True)
    README.write_text(render(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
