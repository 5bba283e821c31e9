"""`zoo eval`: what an agent is worth, over whole episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli import options as opt
from zoo.cli.output import interval, json_option, number, print_json, print_pairs

if TYPE_CHECKING:
    from zoo.evaluate import Evaluation


@click.command("eval")
@opt.agent_argument
@opt.add(
    opt.env_option,
    click.option(
        "--episodes", "-n", type=opt.COUNT, metavar="N", default=100, show_default=True,
        help="How many episodes count.",
    ),
    opt.seed_option,
    click.option(
        "--n-envs", type=opt.COUNT, metavar="N",
        help="Copies of the environment that run at once; the result depends on it only by chance.",
    ),
    opt.stochastic_option,
    opt.runs_option,
)  # fmt: skip
@json_option
def evaluate(
    agent: str,
    *,
    env: str | None,
    episodes: int,
    seed: int,
    n_envs: int | None,
    stochastic: bool,
    runs: str | None,
    as_json: bool,
) -> None:
    """Measure an agent over many episodes.

    AGENT is a reference such as sb3-ppo/CartPole-v1, a run's id, or a path.
    """
    import zoo
    from zoo.cli.live import Counter

    with Counter("evaluating", episodes) as counter:
        found = zoo.evaluate(
            opt.agent_in(runs, agent),
            env,
            episodes=episodes,
            seed=seed,
            n_envs=n_envs,
            deterministic=not stochastic,
            progress=counter.set,
        )
    if as_json:
        print_json(found.to_json())
    else:
        print_evaluation(found)


def print_evaluation(found: Evaluation) -> None:
    """Print an evaluation for people."""
    mean, bounds = number(found.mean_return), interval(found.ci95_return)
    acting = "deterministic" if found.deterministic else "stochastic"
    success = found.success_rate
    print_pairs(
        {
            "algorithm": found.algorithm,
            "environment": found.env_id,
            "episodes": f"{found.episodes}, seed {found.seed}, {acting}",
            "mean return": f"{mean}, 95 % interval {bounds}",
            "standard deviation": number(found.std_return),
            "median": number(found.median_return),
            "interquartile mean": number(found.iqm_return),
            "mean length": number(found.mean_length),
            "success rate": None if success is None else f"{success:.0%}",
        }
    )
