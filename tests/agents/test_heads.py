"""Heads: the sizes they read, the distributions they draw from, and what they refuse."""

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.heads import (
    HEADS,
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Distributional,
    Linear,
    Quantile,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import Layer
from zoo.errors import ZooError

N = 40_000
WIDE = spaces.Box(-100, 100, (2,))
UNIT = spaces.Box(-1, 1, (2,))


def choose(head, space, output, latent=None, *, deterministic=True, seed=0, masks=None):
    output = np.asarray(output, np.float32)
    latent = output if latent is None else np.asarray(latent, np.float32)
    rng = np.random.default_rng(seed)
    return head.compile(space)(output, latent, rng, deterministic, masks)


@pytest.mark.parametrize(
    ("head", "space", "size"),
    [
        (Categorical(), spaces.Discrete(5), 5),
        (Categorical(), spaces.MultiDiscrete([2, 3]), 5),
        (Categorical(), spaces.MultiBinary(4), 4),
        (Categorical(masks=True), spaces.MultiBinary(4), 8),
        (DiagonalGaussian(np.zeros(2)), UNIT, 2),
        (SquashedGaussian(Layer(np.ones((2, 3)))), UNIT, 2),
        (Deterministic(), spaces.Box(-1, 1, (2, 3)), 6),
        (Linear(), UNIT, 2),
        (Linear(), spaces.Discrete(3), 3),
        (QValue(), spaces.Discrete(3), 3),
        (Quantile(25), spaces.Discrete(3), 75),
    ],
)
def test_sizes(head, space, size):
    assert head.size(space) == size


@pytest.mark.parametrize(
    ("head", "space"),
    [
        (Categorical(), UNIT),
        (DiagonalGaussian(np.zeros(2)), spaces.Discrete(2)),
        (SquashedGaussian(Layer(np.ones((2, 3)))), spaces.MultiBinary(2)),
        (Deterministic(), spaces.Discrete(2)),
        (Linear(), spaces.MultiDiscrete([2, 2])),
        (QValue(), UNIT),
        (Quantile(5), spaces.MultiBinary(2)),
    ],
)
def test_a_wrong_space_is_refused(head, space):
    with pytest.raises(ZooError, match="cannot act in"):
        head.size(space)


def test_log_std_must_fit_the_actions():
    with pytest.raises(ZooError, match=r"log_std of shape \(3,\)"):
        DiagonalGaussian(np.zeros(3)).size(UNIT)
    with pytest.raises(ZooError, match="3 outputs, not 2"):
        SquashedGaussian(Layer(np.ones((3, 4)))).size(UNIT)


def test_gaussian_mean_is_clipped_to_the_bounds():
    actions = choose(DiagonalGaussian(np.zeros(2)), UNIT, [[0.5, -7.0]])
    assert actions.tolist() == [[0.5, -1.0]]


def test_gaussian_samples_have_its_moments():
    head = DiagonalGaussian(np.log([0.5, 3.0]))
    actions = choose(head, WIDE, np.tile([1.0, -2.0], (N, 1)), deterministic=False)
    np.testing.assert_allclose(actions.mean(0), [1, -2], atol=0.06)
    np.testing.assert_allclose(actions.std(0), [0.5, 3.0], rtol=0.02)
    assert abs(np.corrcoef(actions.T)[0, 1]) < 0.02


def test_state_dependent_noise_by_hand():
    # latent (1, 2); std = exp(log_std) = [[1, .5], [3, 0]]
    # variances: 1*1 + 4*9 = 37 and 1*.25 + 4*0 = .25
    log_std = np.log([[1.0, 0.5], [3.0, 1e-30]])
    head = DiagonalGaussian(log_std)
    latent = np.tile([1.0, 2.0], (N, 1))
    actions = choose(head, WIDE, np.zeros((N, 2)), latent, deterministic=False)
    np.testing.assert_allclose(actions.var(0), [37.0, 0.25], rtol=0.04)


def test_state_dependent_noise_never_vanishes():
    head = DiagonalGaussian(np.full((1, 2), -50.0))
    actions = choose(head, WIDE, np.zeros((N, 2)), np.zeros((N, 1)), deterministic=False)
    np.testing.assert_allclose(actions.var(0), 1e-6, rtol=0.04)


def test_the_mean_is_limited_before_the_noise():
    head = DiagonalGaussian(np.full(2, -20.0), squash=True, clip_mean=2.0)
    actions = choose(head, UNIT, [[5.0, -5.0]])
    np.testing.assert_allclose(actions, [[np.tanh(2), -np.tanh(2)]], rtol=1e-6)


def test_squashed_gaussian_by_hand():
    space = spaces.Box(0, 4, (1,))
    head = SquashedGaussian(Layer([[2.0]], [-1.0]))
    assert choose(head, space, [[0.0]], [[1.0]]).tolist() == [[2.0]]
    # log_std = 2 * latent - 1 = 1, so the pre-squash samples have deviation e
    actions = choose(head, space, np.zeros((N, 1)), np.ones((N, 1)), deterministic=False)
    samples = np.arctanh(np.clip(actions.astype(np.float64) / 2 - 1, -1 + 1e-7, 1 - 1e-7))
    assert np.quantile(samples, 0.8413) == pytest.approx(np.e, rel=0.05)


def test_squashed_gaussian_limits_log_std():
    head = SquashedGaussian(Layer([[1.0]]), high=-3.0)
    space = spaces.Box(-1, 1, (1,))
    actions = choose(head, space, np.zeros((N, 1)), np.full((N, 1), 80.0), deterministic=False)
    assert actions.std() == pytest.approx(np.exp(-3), rel=0.03)


def test_squashed_gaussian_reads_a_plain_layer():
    with pytest.raises(ZooError, match="'tanh'"):
        SquashedGaussian(Layer(np.ones((1, 1)), activation="tanh"))


def test_deterministic_never_draws():
    output = [[0.3, -0.2]]
    one = choose(Deterministic(), UNIT, output, deterministic=False, seed=1)
    two = choose(Deterministic(), UNIT, output, deterministic=True, seed=2)
    assert (one == two).all()
    np.testing.assert_allclose(one, np.tanh(output), rtol=1e-6)


def test_linear_clips_but_does_not_squash():
    assert choose(Linear(), UNIT, [[0.25, 3.0]]).tolist() == [[0.25, 1.0]]
    assert choose(Linear(), spaces.Discrete(3, start=1), [[0.0, 5.0, 1.0]]).tolist() == [2]


def test_q_value_explores_only_when_stochastic():
    output = np.tile([0.0, 1.0], (1000, 1))
    head = QValue(epsilon=1.0)
    assert choose(head, spaces.Discrete(2), output).tolist() == [1] * 1000
    drawn = choose(head, spaces.Discrete(2), output, deterministic=False)
    assert 400 < drawn.sum() < 600


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, float("nan"), "a", None])
def test_epsilon_is_a_probability(epsilon):
    with pytest.raises(ZooError, match="epsilon"):
        QValue(epsilon)
    with pytest.raises(ZooError, match="epsilon"):
        Quantile(3, epsilon)


@pytest.mark.parametrize("n", [0, -1, 2.0, "3", True])
def test_the_number_of_quantiles_is_a_positive_integer(n):
    with pytest.raises(ZooError, match="n_quantiles"):
        Quantile(n)


def test_masks_reach_each_kind_of_choice():
    head = Categorical(masks=True)
    one = choose(head, spaces.Discrete(3), [[9.0, 1.0, 2.0]], masks=np.array([[0, 1, 1]], bool))
    assert one.tolist() == [2]
    masks = np.array([[True, False, True, True]])
    bits = choose(head, spaces.MultiBinary(2), [[0.0, 9.0, 0.0, 9.0]], masks=masks)
    assert bits.tolist() == [[0, 1]]


def test_every_head_is_listed_under_its_name():
    assert set(HEADS) == {
        "categorical", "diagonal-gaussian", "squashed-gaussian", "deterministic", "linear",
        "q-value", "quantile", "distributional",
    }  # fmt: skip


def test_a_distributional_head_takes_the_largest_mean_of_the_returns():
    head = Distributional(np.array([-1.0, 0.0, 2.0]))
    # softmax of [0, 0, 0] has the mean 1/3; that of [0, 5, 0] is nearly 0
    output = np.array([[0.0, 5.0, 0.0, 0.0, 0.0, 0.0]], np.float32)
    assert choose(head, spaces.Discrete(2), output).tolist() == [1]
    assert choose(head, spaces.Discrete(2), -output).tolist() == [0]


def test_a_smooth_log_std_is_led_to_its_bounds():
    log_std = Layer(np.zeros((1, 1)), np.array([0.0]))  # tanh(0): the middle of -5 and 2
    head = SquashedGaussian(log_std, low=-5.0, high=2.0, smooth=True)
    space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    zeros = np.zeros((20_000, 1), np.float32)
    actions = choose(head, space, zeros, zeros, deterministic=False)
    assert np.arctanh(actions).std() == pytest.approx(np.exp(-1.5), rel=0.03)
