"""What this plugin registers: names only, so that nothing heavy is imported."""

from __future__ import annotations

from zoo import AlgorithmSpec, EnvironmentSpec, ModelSpec, WrapperSpec, hookimpl

TABLES = ("discrete", "multi-discrete", "tuple")
"""The kinds of observation that index a table."""
BOOK = "http://incompleteideas.net/book/the-book-2nd.html"


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """Return the algorithms of the family."""
    return [*PLANNING, *PREDICTION, *CONTROL, *BANDITS]


@hookimpl
def zoo_environments() -> list[EnvironmentSpec | ModelSpec | WrapperSpec]:
    """Return the environments, the models and the wrappers of the family."""
    return [*ENVIRONMENTS, *WRAPPERS]


def _control(name: str, target: str, summary: str, paper: str = BOOK) -> AlgorithmSpec:
    """Return the spec of an algorithm that learns a table of action values by acting."""
    where = f"zoo_tabular.control.{target}"
    return AlgorithmSpec(name, where, summary, TABLES, ("discrete",), paper)


CONTROL: tuple[AlgorithmSpec, ...] = (
    _control("q-learning", "q_learning:QLearning", "Off-policy temporal-difference control"),
    _control(
        "double-q-learning",
        "double_q_learning:DoubleQLearning",
        "Q-learning with two tables, which does not overestimate",
    ),
    _control("sarsa", "sarsa:Sarsa", "On-policy temporal-difference control"),
    _control(
        "expected-sarsa", "expected_sarsa:ExpectedSarsa", "Sarsa with the mean over the next action"
    ),
    _control("n-step-sarsa", "n_step_sarsa:NStepSarsa", "Sarsa that looks n rewards ahead"),
    AlgorithmSpec(
        "sarsa-lambda",
        "zoo_tabular.control.sarsa_lambda_either:SarsaLambdaOfEither",
        "Sarsa with eligibility traces; linear on binary features, as of tile-coding",
        (*TABLES, "multi-binary"),
        ("discrete",),
        BOOK,
    ),
    _control("q-lambda", "q_lambda:QLambda", "Watkins's Q(lambda): Q-learning with traces"),
    _control("dyna-q", "dyna_q:DynaQ", "Q-learning that replays a model that it learns"),
    _control(
        "dyna-q-plus",
        "dyna_q_plus:DynaQPlus",
        "Dyna-Q with a bonus for what was not tried for long",
    ),
    _control(
        "r-max",
        "r_max:RMax",
        "Optimism in the face of uncertainty, by planning",
        "https://www.jmlr.org/papers/v3/brafman02a.html",
    ),
    _control(
        "mc-control",
        "monte_carlo:MonteCarloControl",
        "On-policy Monte Carlo control, first-visit or every-visit",
    ),
    _control(
        "off-policy-mc-control",
        "off_policy_monte_carlo:OffPolicyMonteCarloControl",
        "Monte Carlo control by weighted importance sampling",
    ),
)


def _prediction(name: str, target: str, summary: str) -> AlgorithmSpec:
    """Return the spec of an algorithm that learns the values of a given policy by acting."""
    where = f"zoo_tabular.prediction.{target}"
    return AlgorithmSpec(name, where, summary, TABLES, ("discrete",), BOOK)


PREDICTION: tuple[AlgorithmSpec, ...] = (
    _prediction(
        "mc-prediction",
        "monte_carlo:MonteCarloPrediction",
        "The values of a given policy as average returns, first-visit or every-visit",
    ),
    _prediction(
        "off-policy-mc-prediction",
        "off_policy_monte_carlo:OffPolicyMonteCarloPrediction",
        "The values of a given policy from the episodes of another",
    ),
    _prediction("td-prediction", "td:TD", "The values of a given policy by TD(0)"),
    _prediction(
        "n-step-td", "n_step_td:NStepTD", "The values of a given policy from n rewards at a time"
    ),
    _prediction(
        "td-lambda",
        "td_lambda:TDLambda",
        "The values of a given policy by eligibility traces",
    ),
)


def _planner(name: str, target: str, summary: str) -> AlgorithmSpec:
    return AlgorithmSpec(
        name,
        f"zoo_tabular.planning.{target}",
        summary,
        observations=TABLES,
        actions=("discrete",),
        paper=BOOK,
        needs="model",
    )


PLANNING = (
    _planner(
        "policy-evaluation",
        "policy_evaluation:PolicyEvaluation",
        "The values of a given policy, by sweeps or by a linear solve",
    ),
    _planner(
        "policy-iteration",
        "policy_iteration:PolicyIteration",
        "Evaluate the policy, make it greedy, until it is stable",
    ),
    _planner(
        "modified-policy-iteration",
        "modified_policy_iteration:ModifiedPolicyIteration",
        "Policy iteration with evaluation cut short",
    ),
    _planner(
        "value-iteration",
        "value_iteration:ValueIteration",
        "Optimal values by sweeps: synchronous, Gauss-Seidel or prioritized",
    ),
    _planner(
        "finite-horizon",
        "finite_horizon:FiniteHorizon",
        "The best that a given number of steps can bring",
    ),
)

VECTORS = ("box", "discrete", "multi-discrete", "multi-binary", "dict")
"""The kinds of observation that are a vector, or become one."""


def _bandit(
    name: str, target: str, summary: str, paper: str, observations: tuple[str, ...] = TABLES
) -> AlgorithmSpec:
    """Return the spec of an algorithm that learns what an action pays at once."""
    where = f"zoo_tabular.bandits.{target}"
    return AlgorithmSpec(name, where, summary, observations, ("discrete",), paper)


BANDITS: tuple[AlgorithmSpec, ...] = (
    _bandit(
        "epsilon-greedy-bandit",
        "epsilon_greedy:EpsilonGreedyBandit",
        "Bandit (one-step problems): sample averages, epsilon-greedy",
        "http://incompleteideas.net/book/the-book-2nd.html",
    ),
    _bandit(
        "ucb1",
        "ucb1:UCB1",
        "Bandit (one-step problems): upper confidence bounds",
        "https://doi.org/10.1023/A:1013689704352",
    ),
    _bandit(
        "thompson-sampling",
        "thompson:ThompsonSampling",
        "Bandit (one-step problems): Thompson sampling, Beta-Bernoulli or Gaussian",
        "https://arxiv.org/abs/1707.02038",
    ),
    _bandit(
        "linucb",
        "linucb:LinUCB",
        "Contextual bandit (one-step problems): LinUCB, disjoint linear models",
        "https://arxiv.org/abs/1003.0146",
        VECTORS,
    ),
    _bandit(
        "lints",
        "lints:LinTS",
        "Contextual bandit (one-step problems): linear Thompson sampling",
        "https://arxiv.org/abs/1209.3352",
        VECTORS,
    ),
)

ENVIRONMENTS: tuple[EnvironmentSpec | ModelSpec, ...] = (
    EnvironmentSpec(
        "zoo/GridWorld-v0",
        "zoo_tabular.environments.gridworld:GridWorld",
        "Walk to a terminal corner, -1 a move (rows=4, columns=4)",
        max_episode_steps=200,
    ),
    EnvironmentSpec(
        "zoo/WindyGridWorld-v0",
        "zoo_tabular.environments.windy:WindyGridWorld",
        "Cross the wind (kings_moves=false, stochastic=false, staying=false)",
        max_episode_steps=1000,
    ),
    EnvironmentSpec(
        "zoo/Garnet-v0",
        "zoo_tabular.environments.garnet:Garnet",
        "A random continuing task (states=100, actions=4, branching=5, seed=0)",
        max_episode_steps=100,
    ),
    EnvironmentSpec(
        "zoo/RiverSwim-v0",
        "zoo_tabular.environments.riverswim:RiverSwim",
        "Swim upstream for a large reward, continuing (states=6)",
        max_episode_steps=100,
    ),
    EnvironmentSpec(
        "zoo/NChain-v0",
        "zoo_tabular.environments.nchain:NChain",
        "Walk a slippery chain, continuing (states=5, slip=0.2, small=2, large=10)",
        max_episode_steps=100,
    ),
    EnvironmentSpec(
        "zoo/TicTacToe-v0",
        "zoo_tabular.environments.tictactoe:TicTacToe",
        "Tic-tac-toe with action masks (opponent=random or perfect, first=true)",
    ),
    EnvironmentSpec(
        "zoo/BernoulliBandit-v0",
        "zoo_tabular.environments.bandits:BernoulliBandit",
        "Arms that pay 1 or nothing (arms=10 or probabilities=[...], seed=0)",
    ),
    EnvironmentSpec(
        "zoo/GaussianBandit-v0",
        "zoo_tabular.environments.bandits:GaussianBandit",
        "Arms that pay with noise (arms=10 or means=[...], deviation=1, seed=0)",
    ),
    EnvironmentSpec(
        "zoo/LinearBandit-v0",
        "zoo_tabular.environments.bandits:LinearBandit",
        "A contextual linear bandit (arms=5, dimension=8, noise=0.1, seed=0)",
    ),
    ModelSpec(
        "Blackjack-v1",
        "zoo_tabular.models:blackjack",
        "The exact probabilities of the infinite deck, under natural and sab",
    ),
)

WRAPPERS = (
    WrapperSpec(
        "binning",
        "zoo_tabular.discretization:Binning",
        "Cut a Box into equal parts: the states of a table (bins=10, low, high: lists)",
        takes="box",
        makes="multi-discrete",
    ),
    WrapperSpec(
        "tile-coding",
        "zoo_tabular.discretization:TileCoding",
        "Turn a Box into binary features by offset tilings (tilings=8, tiles=8, low, high: lists)",
        takes="box",
        makes="multi-binary",
    ),
)
