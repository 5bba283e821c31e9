"""What the control algorithms learn, and what they refuse to."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.zoo_tabular.worlds import learner, trained
from zoo.config.recipes import load_recipe
from zoo.errors import ZooError
from zoo_tabular.control.q_learning import QLearning
from zoo_tabular.learning import check_memory

OPTIMA = {"FrozenLake-v1": 0.7401, "Taxi-v4": 7.93, "CliffWalking-v1": -13.0}
"""The undiscounted values of the best policies, by planning."""


def worth(model, q):
    """Return the exact undiscounted return of the greedy policy, over an episode."""
    n, a = model.n_states, q.argmax(1)
    value = np.zeros(n)
    for _ in range(model.time_limit or 1000):
        backup = np.add.reduceat(model.continuation * value[model.next_states], model.offsets[:-1])
        value = (model.expected_rewards + backup).reshape(n, -1)[np.arange(n), a]
    return float(model.initial @ value)


def learn_recipe(algorithm, env_id, seed):
    recipe = load_recipe(algorithm, env_id)
    config, steps = recipe.config.model_dump(), recipe.settings.n_timesteps
    made, env = learner(algorithm, env_id, n_envs=recipe.settings.n_envs, seed=seed, **config)
    for _ in made.train(env, steps):
        pass
    return worth(zoo.find_model(env), made.agent().q)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("env_id", OPTIMA)
@pytest.mark.parametrize("algorithm", ["q-learning", "double-q-learning"])
def test_recipes_reach_98_percent_of_the_optimum(algorithm, env_id, seed):
    best = OPTIMA[env_id]
    assert learn_recipe(algorithm, env_id, seed) >= best - 0.02 * abs(best)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "least"),
    [("sarsa", -17), ("expected-sarsa", -17), ("n-step-sarsa", -19), ("sarsa-lambda", -19),
     ("q-lambda", -17), ("dyna-q", -13), ("dyna-q-plus", -13), ("r-max", -13)],
)  # fmt: skip
def test_every_recipe_crosses_the_cliff(algorithm, least):
    assert learn_recipe(algorithm, "CliffWalking-v1", seed=0) >= least


def online_return(algorithm, seed):
    """Return the mean return while learning as in the book's example 6.6."""
    config = {"gamma": 1.0, "alpha": 0.5, "epsilon": 0.1}
    made, env = learner(algorithm, "CliffWalking-v1", seed=seed, **config)
    returns = [p.metrics["return"] for p in made.train(env, 200_000) if p.steps > 20_000]
    return float(np.mean(returns))


@pytest.mark.slow
def test_the_cliff_costs_q_learning_more_than_sarsa():
    sarsa = np.mean([online_return("sarsa", seed) for seed in range(3)])
    q_learning = np.mean([online_return("q-learning", seed) for seed in range(3)])
    assert -30 <= sarsa <= -17
    assert -60 <= q_learning <= -40


@pytest.mark.parametrize(
    "algorithm",
    ["q-learning", "double-q-learning", "sarsa", "expected-sarsa", "n-step-sarsa",
     "sarsa-lambda", "q-lambda", "dyna-q", "dyna-q-plus"],
)  # fmt: skip
def test_a_small_grid_is_learnt_by_all_interpreted(algorithm, monkeypatch):
    monkeypatch.setenv("ZOO_TABULAR_INTERPRETED", "1")
    made = trained(algorithm, "CliffWalking-v1", 12_000, n_envs=2, alpha=0.3, epsilon=0.1, gamma=1)
    early = made.world.last_returns.copy()
    assert early.mean() > -250  # a random walk returns some thousands


def test_the_return_of_a_simulation_is_reported():
    made, env = learner("q-learning", "FrozenLake-v1", n_envs=2)
    last = list(made.train(env, 5000))[-1]
    assert last.episodes == made.world.episodes[0] > 100
    assert last.metrics["return"] == made.world.last_returns.mean()
    assert last.metrics["length"] == made.world.last_lengths.mean()
    assert last.metrics["train/epsilon"] == 0.1


def test_a_training_in_a_simulation_continues_exactly():
    straight, env = learner("sarsa-lambda", "FrozenLake-v1", n_envs=2, alpha=0.5)
    told = [(p.steps, p.episodes, p.metrics) for p in straight.train(env, 9000)]
    first, env = learner("sarsa-lambda", "FrozenLake-v1", n_envs=2, alpha=0.5)
    for progress in first.train(env, 9000):
        if progress.steps == 4000:
            break
    resumed, env = learner("sarsa-lambda", "FrozenLake-v1", n_envs=2, alpha=0.5, seed=8)
    resumed.load_state(first.state())
    again = [(p.steps, p.episodes, p.metrics) for p in resumed.train(env, 9000)]
    assert again == told[-len(again) :]
    assert resumed.tables.q.tobytes() == straight.tables.q.tobytes()


def test_another_number_of_copies_cannot_continue():
    made = trained("q-learning", "FrozenLake-v1", 100, n_envs=2)
    other, env = learner("q-learning", "FrozenLake-v1", n_envs=3)
    other.load_state(made.state())
    with pytest.raises(ZooError, match=r"2 copies .* cannot go on with 3"):
        next(other.train(env, 200))


def test_a_table_over_memory_is_refused_before_it_is_made():
    space = spaces.MultiDiscrete([10_000, 10_000, 10_000])
    with pytest.raises(ZooError, match=r"1,000,000,000,000 states .* GiB"):
        QLearning(QLearning.Config(), space, spaces.Discrete(4), seed=0)
    check_memory(1000, 4, 16)


def test_no_discount_without_an_end_is_refused_before_there_is_a_run(tmp_path):
    made, env = learner("q-learning", "zoo/RiverSwim-v0", gamma=1.0)
    with pytest.raises(ZooError, match="never terminate"):
        made.check(env)
    with pytest.raises(ZooError, match="never terminate"):
        zoo.train("q-learning", "zoo/RiverSwim-v0", set={"gamma": 1.0}, runs=tmp_path)
    assert not list(tmp_path.iterdir())
    made, env = learner("q-learning", "zoo/RiverSwim-v0", gamma=0.9)
    assert next(made.train(env, 100)).steps == 100


def test_box_observations_are_refused_with_what_to_do():
    from zoo.environments.compatibility import check_supported
    from zoo.plugin.registry import get_registry

    env = gym.make("CartPole-v1")
    with pytest.raises(ZooError, match="binning"):
        check_supported(
            get_registry().algorithm("q-learning"), env.observation_space, env.action_space
        )
