"""Checks of the training loop: what it draws, what it reports, and that it can be stopped."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.algorithm import Progress
from zoo.testing.contexts import encode_batch
from zoo.testing.failure import require
from zoo.testing.randomness import global_randomness, seeded_globally, touched_since
from zoo.testing.subject import Subject, copies, difference, same

UNUSUAL_SEED = 1_618_033_988


def reaches_an_update(subject: Subject) -> None:
    """Training changes the agent within the short trainings that the other checks compare."""
    straight = subject.straight
    hint = (
        "Lower warm-up, batch and rollout sizes in the recipe `probe` (or config=...), so that "
        "the checks reach the update"
    )
    steps = straight.progress[-1].steps
    require(
        not same(straight.before, straight.middle),
        f"the agent is the same after {straight.pause} steps as before training",
        hint,
    )
    require(
        subject.plans or not same(straight.middle, straight.after),  # planning converges
        f"the agent does not change between {straight.pause} and {steps} steps",
        hint,
    )


def determinism_by_seed(subject: Subject) -> None:
    """The same seed gives the same agent bit for bit, another seed another one."""
    with seeded_globally(12345):
        again = _train(subject, seed=0)
    first = subject.straight.after
    require(
        same(first, again),
        f"two trainings with seed 0 end differently: {difference(first, again)}",
        "Draw every random number from generators that the constructor seeds from `seed`, "
        "and iterate over nothing unordered",
    )
    if subject.plans:
        return  # planning may draw nothing at all
    require(
        not same(first, _train(subject, seed=1)),
        "two trainings with different seeds end with the same agent",
        "Seed exploration and initialisation from `seed`",
    )


def _train(subject: Subject, *, seed: int) -> dict[str, np.ndarray]:
    with subject.trial(seed=seed) as trial:
        return copies(trial.finish(subject.short_steps))


def global_rng_untouched(subject: Subject) -> None:
    """The global generators of random, NumPy and torch are as they were whenever control is
    outside the algorithm: after the constructor, each Progress, agent, act and state.
    """
    subject.algorithm_class  # noqa: B018 - its import may seed what it likes
    with seeded_globally(UNUSUAL_SEED):  # nobody reseeds to this state by chance
        _watch_global_randomness(subject)


def _watch_global_randomness(subject: Subject) -> None:
    before = global_randomness()

    def check(what: str) -> None:
        touched = touched_since(before)
        require(
            not touched,
            f"{what} changes the global generator of {' and of '.join(touched)}",
            "Draw from numpy.random.default_rng(seed) or torch.Generator; around a library that "
            "knows only the global one, put its state back before each yield and return",
        )

    with subject.trial() as trial:
        check("the constructor")
        for _ in trial.run(subject.short_steps):
            check("train")
        check("the end of train")
        agent = trial.algorithm.agent()
        check("agent()")
        observations = encode_batch(subject.observations, [0, 1, 2])
        for deterministic in (True, False):
            agent.act(observations, deterministic=deterministic)
            check("act")
        trial.algorithm.load_state(trial.algorithm.state())
        check("state() or load_state()")


def progress_is_true(subject: Subject) -> None:
    """Steps and episodes never decrease and are those of the environment; training ends at the
    first Progress that reaches the steps asked for, planning also where it has converged;
    metrics are floats.
    """
    steps = subject.short_steps
    last = Progress(0, 0)
    with subject.trial(at_least=2) as trial:  # with one copy, some mistakes do not show
        for progress in trial.run(steps):
            require(
                last.steps < steps,
                f"train goes on at {progress.steps} steps after it had reached the {steps} asked "
                "for",
                "Loop `while self.steps < steps`, and yield once per batch",
            )
            _check_counts(last, progress)
            if not subject.plans:
                _check_truth(progress, trial.env)
            last = progress
    require(last.steps >= steps, f"train ends at {last.steps} of {steps} steps")
    if subject.plans:
        _check_converged(subject)


def _check_converged(subject: Subject) -> None:
    """Where planning ends early, going on has to change next to nothing."""
    with subject.trial() as trial:
        ended = copies(trial.finish(subject.learning_steps))
        steps = trial.progress[-1].steps
        if steps >= subject.learning_steps:
            return
        again = copies(trial.finish(subject.learning_steps))
    close = all(np.allclose(ended[name], again[name], rtol=1e-3, atol=1e-3) for name in ended)
    require(
        close,
        f"train ends at {steps} of {subject.learning_steps} steps, but has not converged: "
        f"{difference(ended, again)} when it goes on",
        "Return from train before `steps` only where another sweep would change nothing",
    )


def _check_counts(last: Progress, progress: Progress) -> None:
    for what in ("steps", "episodes"):
        before, now = getattr(last, what), getattr(progress, what)
        require(
            isinstance(now, (int, np.integer)) and not isinstance(now, bool),
            f"Progress.{what} is {now!r}, not an int",
        )
        require(
            now >= before,
            f"Progress.{what} decreases from {before} to {now}",
            "Count over the whole run, not over one batch",
        )
    for name, value in progress.metrics.items():
        require(
            isinstance(name, str) and isinstance(value, (int, float, np.number)),
            f"the metric {name!r} is {value!r}, not a float",
            "Report float(...) of a mean",
        )


def _check_truth(progress: Progress, env: Any) -> None:
    probes = [copy.unwrapped for copy in env.envs]
    steps = sum(probe.steps_taken for probe in probes)
    episodes = sum(probe.episodes_ended for probe in probes)
    require(
        progress.steps == steps,
        f"Progress.steps is {progress.steps} where the environments took {steps} steps",
        "Count one step per copy of the environment and call of env.step",
    )
    require(
        progress.episodes == episodes,
        f"Progress.episodes is {progress.episodes} where {episodes} episodes ended",
        "Count terminated | truncated over all copies",
    )


def closes_early(subject: Subject) -> None:
    """Training can be stopped at any Progress; agent() and state() are then consistent, and
    training can be taken up again.
    """
    with subject.trial() as trial:
        trial.run(subject.short_steps)
        trial.stop()  # before the first step
    with subject.trial() as trial:
        first = next(iter(trial.run(subject.short_steps)))
        trial.stop()
        agent = trial.algorithm.agent()
        agent.act(encode_batch(subject.observations, [0, 1, 2]))
        trial.algorithm.state()
        goal = first.steps + 1
        for _ in trial.run(goal):
            pass
        last = trial.progress[-1].steps
        taken = sum(probe.unwrapped.steps_taken for probe in trial.env.envs)
        require(last >= goal, f"after a stop, train({goal}) ends at {last} steps")
        require(
            subject.plans or last == taken,
            f"after a stop at {first.steps} steps, train({goal}) ends at {last} steps where the "
            f"environments took {taken}",
            "Count in the algorithm, not in a local variable of train",
        )
