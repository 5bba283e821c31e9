"""Tic-tac-toe: the rules, the opponents, and the value of the game."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo_tabular.solutions import action_values, optimal
from zoo_tabular.environments.tictactoe import (
    FREE,
    OURS,
    THEIRS,
    TicTacToe,
    board_of,
    number_of,
    replies,
    value,
    winner,
)

EMPTY = (FREE,) * 9


def best_expected(board, opponent: str) -> float:
    """Return the value against an opponent by looking at every game, without the model."""
    if winner(board) or FREE not in board:
        return {FREE: 0.0, OURS: 1.0, THEIRS: -1.0}[winner(board)]
    worth = []
    for cell in range(9):
        if board[cell] == FREE:
            after = (*board[:cell], OURS, *board[cell + 1 :])
            if winner(after) or FREE not in after:
                worth.append(float(winner(after) == OURS))
            else:
                worth.append(
                    sum(p * best_expected(then, opponent) for p, then in replies(after, opponent))
                )
    return max(worth)


def test_states_are_digits_of_the_board_the_first_cell_most_significant() -> None:
    board = (OURS, FREE, THEIRS, FREE, FREE, FREE, FREE, FREE, OURS)
    assert number_of(board) == 3**8 + 2 * 3**6 + 1
    assert all(number_of(board_of(state)) == state for state in range(3**9))


@pytest.mark.parametrize("first", [True, False])
def test_against_a_perfect_opponent_the_best_is_a_draw(first: bool) -> None:
    model = TicTacToe(opponent="perfect", first=first).transition_model
    assert model.initial @ optimal(model) == 0
    assert value(EMPTY, OURS) == value(EMPTY, THEIRS) == 0


def test_the_best_play_against_a_random_opponent_wins_as_often_as_a_search_says() -> None:
    model = TicTacToe().transition_model
    values = optimal(model)
    assert values[number_of(EMPTY)] == pytest.approx(191 / 192)
    for board in ((1, 2, 0, 0, 1, 0, 0, 0, 2), (1, 2, 1, 0, 2, 0, 0, 0, 0)):
        assert values[number_of(board)] == pytest.approx(best_expected(board, "random"))


def test_best_moves_are_legal() -> None:
    env = TicTacToe()
    model = env.transition_model
    greedy = action_values(model, optimal(model), 1.0).argmax(axis=1)
    state, _ = env.reset(seed=3)
    for _ in range(300):
        action = greedy[state]
        assert env.action_masks()[action]
        state, reward, terminated, _, _ = env.step(action)
        assert reward >= 0
        if terminated:
            state, _ = env.reset()


def test_an_illegal_move_loses_at_once_and_changes_nothing() -> None:
    env = TicTacToe()
    _, info = env.reset(seed=0)
    assert info["action_mask"].all()
    state, reward, terminated, _, info = env.step(4)
    assert (reward, terminated) == (0.0, False)
    assert (info["action_mask"] == env.action_masks()).all()
    assert info["action_mask"].sum() == 7
    assert not info["action_mask"][4]
    assert env.step(4)[:4] == (state, -1.0, True, False)


def test_the_perfect_opponent_blocks_and_wins() -> None:
    block = (OURS, OURS, FREE, FREE, THEIRS, FREE, FREE, FREE, FREE)
    assert [board[2] for _, board in replies(block, "perfect")] == [THEIRS]
    win = (OURS, OURS, FREE, THEIRS, THEIRS, FREE, OURS, FREE, FREE)
    assert [board[5] for _, board in replies(win, "perfect")] == [THEIRS]
    assert len(replies(block, "random")) == 6


def test_the_opponent_begins_where_asked() -> None:
    env = TicTacToe(first=False)
    marks = {board_of(env.reset(seed=seed)[0]).count(THEIRS) for seed in range(20)}
    assert marks == {1}
    assert np.count_nonzero(env.initial_state_distrib) == 9


def test_the_board_is_written_out() -> None:
    env = TicTacToe(render_mode="ansi")
    env.reset(seed=0)
    env.state = number_of((1, 0, 2, 0, 1, 0, 0, 0, 0))
    assert env.render() == "X . O\n. X .\n. . .\n"
