"""Evaluates the agents of a run, and keeps the best and the last of them as bundles."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from zoo.agent import Agent
from zoo.algorithm import Progress
from zoo.environments.config import EnvironmentConfig
from zoo.errors import ZooError
from zoo.evaluate import Evaluation, evaluate
from zoo.hub.card import card_files
from zoo.storage.bundle import Bundle, attach, open_bundle, save_bundle
from zoo.storage.metrics import MetricsLog, read_metrics
from zoo.storage.runs import Run
from zoo.training.cadence import Cadence

VALIDATION_SEED = 1_000_000
FINAL_SEED = 2_000_000
"""Added to the run's seed: an agent is chosen on other episodes than those it is judged on."""

VERSIONS_OF = ("agent-zoo", "numpy", "gymnasium", "torch", "stable-baselines3", "sb3-contrib",
               "mujoco", "box2d", "ale-py")  # fmt: skip


class Keeper:
    """Holds the agents of one run up against one another."""

    def __init__(self, run: Run, cadence: Cadence, *, steps: int, best_return: float) -> None:
        """Continue a run of which `steps` are done and whose best agent scored `best_return`."""
        self.run, self.cadence = run, cadence
        self.best_return = max(best_return, _best_so_far(run))
        self._curve = MetricsLog(run.evaluations, until=steps)
        points = read_metrics(run.evaluations)
        self.evaluated_at = points[-1]["steps"] if points else -1

    def evaluate(self, agent: Agent, progress: Progress, seconds: float) -> Evaluation:
        """Evaluate `agent`, add a point to the learning curve, keep the agent if it is the best."""
        evaluation = self._judge(agent, self.cadence.eval_episodes, VALIDATION_SEED)
        self.evaluated_at = progress.steps
        low, high = evaluation.ci95_return
        self._curve.append(
            {
                "steps": progress.steps,
                "seconds": round(seconds, 3),
                "mean_return": evaluation.mean_return,
                "std_return": evaluation.std_return,
                "ci95_low": low,
                "ci95_high": high,
                "mean_length": evaluation.mean_length,
                "episodes": evaluation.episodes,
            }
        )
        self._curve.flush()
        if evaluation.mean_return >= self.best_return:  # of equals, the one trained longest
            self.best_return = evaluation.mean_return
            self._save("best", agent, progress, seconds, evaluation)
        return evaluation

    def keep_last(self, agent: Agent, progress: Progress, seconds: float) -> None:
        """Keep `agent` as the run's newest."""
        self._save("last", agent, progress, seconds, None)

    def judge_best(self) -> Evaluation | None:
        """Evaluate the best agent on fresh episodes and write the result into its bundle."""
        if self.run.best is None or not self.cadence.final_episodes:
            return None
        bundle = open_bundle(self.run.best)
        evaluation = self._judge(bundle.agent(), self.cadence.final_episodes, FINAL_SEED)
        bundle = attach(bundle, self._companions(evaluation))
        attach(bundle, card_files(bundle))
        return evaluation

    def _judge(self, agent: Agent, episodes: int, seed: int) -> Evaluation:
        evaluation = evaluate(
            agent,
            EnvironmentConfig.from_json(self.run.info["environment"]),
            episodes=episodes,
            seed=seed + self.run.info["seed"],
        )
        return replace(evaluation, algorithm=self.run.algorithm)

    def _save(
        self,
        which: str,
        agent: Agent,
        progress: Progress,
        seconds: float,
        evaluation: Evaluation | None,
    ) -> Bundle:
        info = self.run.info
        return save_bundle(
            self.run.bundle_path(which),
            agent,
            algorithm=info["algorithm"],
            plugin=info["plugin"],
            versions=info["versions"],
            config=info["config"],
            environment=info["environment"],
            training={
                "run": self.run.id,
                "steps": progress.steps,
                "episodes": progress.episodes,
                "seconds": round(seconds, 3),
                "seed": info["seed"],
                "n_envs": info["n_envs"],
                "device": info["device"],
                "commit": info["commit"],
            },
            files=self._companions(evaluation),
        )

    def _companions(self, evaluation: Evaluation | None) -> dict[str, bytes]:
        """Return the files that stand beside the weights."""
        files: dict[str, bytes] = {}
        if evaluation is not None:
            text = json.dumps(evaluation.to_json(), indent=2)
            files["evaluation.json"] = text.encode()
            files["curve.csv"] = self.run.curve.read_bytes()
        return files


def _best_so_far(run: Run) -> float:
    """Return what the agent in `best/` scored: it may be newer than the checkpoint."""
    if run.best is None:
        return -math.inf
    try:
        return (open_bundle(run.best).evaluation or {})["mean_return"]
    except (ZooError, KeyError):  # a damaged one is replaced by the next evaluation
        return -math.inf


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages that decide what a score is worth."""
    versions = {}
    for name in VERSIONS_OF:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
