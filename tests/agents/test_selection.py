"""Choices: frequencies match the probabilities, and nothing leaves its bounds."""

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents import selection
from zoo.errors import ZooError

N = 20_000
FOUR_SIGMA = 4 * 0.5 / np.sqrt(N)  # of a frequency at most, so that chance alone fails no test


def frequencies(actions, n):
    return np.bincount(actions, minlength=n) / len(actions)


def test_logits_are_sampled_as_their_softmax():
    logits = np.log([0.1, 0.2, 0.7]).astype(np.float32) + 5
    actions = selection.sample_logits(np.tile(logits, (N, 1)), np.random.default_rng(1))
    np.testing.assert_allclose(frequencies(actions, 3), [0.1, 0.2, 0.7], atol=FOUR_SIGMA)


def test_masked_logits_are_renormalised():
    logits = np.log(np.tile([0.1, 0.2, 0.7], (N, 1)))
    masks = np.tile([True, True, False], (N, 1))
    actions = selection.sample_logits(logits, np.random.default_rng(1), masks)
    np.testing.assert_allclose(frequencies(actions, 3), [1 / 3, 2 / 3, 0], atol=FOUR_SIGMA)


def test_probabilities_are_sampled():
    rows = np.tile([0.0, 0.25, 0.0, 0.75, 0.0], (N, 1))
    actions = selection.sample_probabilities(rows, np.random.default_rng(2))
    np.testing.assert_allclose(frequencies(actions, 5), [0, 0.25, 0, 0.75, 0], atol=FOUR_SIGMA)
    assert set(actions.tolist()) == {1, 3}


def test_a_draw_of_zero_chooses_no_impossible_action():
    class Zero:
        def random(self, shape):
            return np.zeros(shape)

    assert selection.sample_probabilities(np.array([[0.0, 0.0, 1.0]]), Zero()).tolist() == [2]


def test_epsilon_greedy_explores_as_often_as_it_says():
    values = np.tile([0.0, 1.0, 0.5, 0.2], (N, 1))
    actions = selection.epsilon_greedy(values, 0.4, np.random.default_rng(3))
    np.testing.assert_allclose(frequencies(actions, 4), [0.1, 0.7, 0.1, 0.1], atol=FOUR_SIGMA)


def test_greedy_without_epsilon_draws_nothing():
    rng = np.random.default_rng(4)
    before = rng.bit_generator.state
    assert selection.epsilon_greedy(np.array([[1.0, 3.0, 3.0]]), 0.0, rng).tolist() == [1]
    assert rng.bit_generator.state == before


def test_the_largest_allowed_is_chosen():
    values = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    masks = np.array([[False, True, True], [True, False, False]])
    assert selection.largest(values, masks).tolist() == [1, 0]


def test_quantiles_are_averaged_before_the_choice():
    # quantiles first: action 0 has (0, 9), action 1 has (4, 4); 4.5 beats 4
    output = np.array([[0.0, 4.0, 9.0, 4.0]], np.float32)
    select = selection.greedy(spaces.Discrete(2, start=10), 0.0, n_quantiles=2)
    assert select(output, output, np.random.default_rng(0), True, None).tolist() == [10]


def test_bits_follow_the_sigmoid():
    output = np.tile(np.log([[1 / 3, 3.0]]), (N, 1))
    rng = np.random.default_rng(5)
    assert selection.bits(output[:1], output, rng, True, None).tolist() == [[False, True]]
    drawn = selection.bits(output, output, rng, False, None)
    np.testing.assert_allclose(drawn.mean(0), [0.25, 0.75], atol=FOUR_SIGMA)


def test_one_of_each_takes_its_block_and_start():
    output = np.array([[0.0, 1.0, 9.0, 0.0, 8.0]])
    select = selection.one_of_each([2, 3], np.array([0, 5]))
    rng = np.random.default_rng(6)
    assert select(output, output, rng, True, None).tolist() == [[1, 5]]
    masks = np.array([[True, False, False, True, False]])
    assert select(output, output, rng, True, masks).tolist() == [[0, 6]]
    assert select(output, output, rng, False, masks).tolist() == [[0, 6]]


def test_clipping_is_per_component():
    bound = selection.clip_to(spaces.Box(np.array([-1, -2.0], np.float32), np.float32([1, np.inf])))
    assert bound(np.array([[5.0, 5.0], [-5.0, -5.0]])).tolist() == [[1, 5], [-1, -2]]


def test_a_space_without_bounds_clips_nothing():
    x = np.array([[1e30]])
    assert selection.clip_to(spaces.Box(-np.inf, np.inf, (1,)))(x) is x


def test_rescaling_by_hand():
    bound = selection.rescale_to(spaces.Box(np.float32([-2, 0]), np.float32([2, 10])))
    x = np.arctanh(np.array([[0.5, -0.5]], np.float32))
    np.testing.assert_allclose(bound(x), [[1.0, 2.5]], rtol=1e-6)


def test_rescaling_never_leaves_the_bounds():
    rng = np.random.default_rng(7)
    low = rng.normal(size=500).astype(np.float32)
    space = spaces.Box(low, low + rng.random(500).astype(np.float32))
    bound = selection.rescale_to(space)
    for extreme in (-50.0, 50.0):
        actions = bound(np.full((1, 500), extreme, np.float32))
        assert actions.dtype == np.float32
        assert space.contains(actions[0])


def test_what_has_no_bounds_cannot_be_filled():
    with pytest.raises(ZooError, match="no bounds"):
        selection.rescale_to(spaces.Box(-np.inf, np.inf, (1,)))
