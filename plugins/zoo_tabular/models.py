"""The transition probabilities of environments that do not tell their own: Blackjack-v1."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo import TransitionModel

STICK, HIT = 0, 1
SUMS, CARDS, ACES = 32, 11, 2
STATES = SUMS * CARDS * ACES
DECK = {card: 4 / 13 if card == 10 else 1 / 13 for card in range(1, 11)}
"""Ace, 2 to 9, and 10 with the three picture cards: drawn from an infinite deck."""
NATURAL_SUM = 0
"""The sum under which naturals are filed: no hand has it."""

Outcome = tuple[float, int, float, bool]
"""(probability, next state, reward, terminated), as in Gymnasium's tables."""


def blackjack(env: Any) -> TransitionModel:
    """Return the model of Gymnasium's Blackjack-v1 under its own `natural` and `sab`.

    Sutton & Barto (2018), example 5.1. The state (sum, dealer's card, usable ace) is counted as
    digits, the last fastest: (sum * 11 + card) * 2 + ace.

    Under `sab` or `natural` a natural, an ace and a ten from the start, is paid otherwise than
    another 21 with a usable ace, though the environment shows both as (21, card, 1). The model
    has it in the state (0, card, 1), which the environment never shows: the values of all
    states are then exact. A policy has to stick in both.
    """
    sab, natural = bool(env.sab), bool(env.natural)
    apart = sab or natural
    table: dict[int, dict[int, list[Outcome]]] = {
        state: {action: [(1.0, state, 0.0, True)] for action in (STICK, HIT)}
        for state in range(STATES)
    }
    for card in DECK:
        dealer = dealer_scores(card)
        for total, ace in [(total, 0) for total in range(4, 22)] + [(t, 1) for t in range(12, 22)]:
            state = state_of(total, card, ace)
            table[state] = {
                STICK: _compared(state, total, dealer),
                HIT: _drawn(total, card, ace),
            }
        if apart:
            state = state_of(NATURAL_SUM, card, 1)
            stick = _natural_wins(state, card) if sab else _pays_more(state, dealer)
            table[state] = {STICK: stick, HIT: _drawn(21, card, 1)}
    return TransitionModel.from_table(table, _first_states(apart))


def state_of(total: int, card: int, ace: int) -> int:
    """Return the state of a hand against the dealer's card."""
    return (total * CARDS + card) * ACES + ace


def add(total: int, ace: int, card: int) -> tuple[int, int]:
    """Return (sum, usable ace) of a hand with one more card; 22 and more is bust."""
    hard = total - 10 * ace + card
    usable = (ace or card == 1) and hard + 10 <= 21
    return (hard + 10, 1) if usable else (hard, 0)


def dealer_scores(card: int) -> dict[int, float]:
    """Return the distribution of the dealer's score, 0 for bust, who shows `card`.

    The dealer draws until the sum is 17 or more.
    """
    scores = dict.fromkeys([0, *range(17, 22)], 0.0)
    waiting = [(1.0, *add(0, 0, card))]
    while waiting:
        probability, total, ace = waiting.pop()
        if total >= 17:
            scores[total if total <= 21 else 0] += probability
        else:
            waiting += [(probability * p, *add(total, ace, drawn)) for drawn, p in DECK.items()]
    return scores


def _compared(state: int, total: int, dealer: dict[int, float]) -> list[Outcome]:
    """Return the outcomes of sticking with `total` against the dealer's scores."""
    chances = {1.0: 0.0, 0.0: 0.0, -1.0: 0.0}
    for score, probability in dealer.items():
        chances[float(np.sign(total - score))] += probability
    return [(probability, state, reward, True) for reward, probability in chances.items()]


def _natural_wins(state: int, card: int) -> list[Outcome]:
    """Return the outcomes of a natural that only another natural does not lose to."""
    tie = DECK.get(11 - card, 0.0) if card in (1, 10) else 0.0
    return [(1 - tie, state, 1.0, True), (tie, state, 0.0, True)]


def _pays_more(state: int, dealer: dict[int, float]) -> list[Outcome]:
    """Return the outcomes of a natural that pays 1.5 for a win, and ties with any 21."""
    return [
        (probability, to, 1.5 if reward == 1.0 else reward, ends)
        for probability, to, reward, ends in _compared(state, 21, dealer)
    ]


def _drawn(total: int, card: int, ace: int) -> list[Outcome]:
    """Return the outcomes of drawing one more card."""
    rows = []
    for drawn, probability in DECK.items():
        new_total, new_ace = add(total, ace, drawn)
        bust = new_total > 21
        rows.append((probability, state_of(new_total, card, new_ace), -float(bust), bust))
    return rows


def _first_states(apart: bool) -> np.ndarray:
    """Return the distribution of first states, naturals where they belong."""
    initial = np.zeros(STATES)
    for card, seen in DECK.items():
        for one, p in DECK.items():
            for two, q in DECK.items():
                total, ace = add(*add(0, 0, one), two)
                natural = apart and total == 21
                state = state_of(NATURAL_SUM if natural else total, card, ace)
                initial[state] += seen * p * q
    return initial
