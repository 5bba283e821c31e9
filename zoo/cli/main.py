"""The command `zoo`: a table of commands, none of which is imported before it runs."""

from __future__ import annotations

import click

import zoo
from zoo.cli.groups import LazyCommand, RootGroup

SECTIONS = {
    "Train": {
        "train": LazyCommand("zoo.cli.train:train", "Train an algorithm on an environment."),
        "resume": LazyCommand("zoo.cli.resume:resume", "Continue a run from its checkpoint."),
        "runs": LazyCommand("zoo.cli.runs:runs", "List, show and remove runs."),
    },
    "Agents": {
        "eval": LazyCommand("zoo.cli.evaluate:evaluate", "Measure an agent over many episodes."),
        "enjoy": LazyCommand("zoo.cli.enjoy:enjoy", "Watch an agent in a window."),
        "show": LazyCommand("zoo.cli.show:show", "Draw what an agent has learnt."),
        "record": LazyCommand("zoo.cli.record:record", "Write a video of an agent."),
        "import": LazyCommand("zoo.cli.import_:import_", "Turn a foreign model into an agent."),
        "export": LazyCommand("zoo.cli.export:export", "Write an agent in another format."),
        "models": LazyCommand("zoo.cli.models:models", "List, show, remove, tag and pin agents."),
    },
    "Hub": {
        "push": LazyCommand("zoo.cli.push:push", "Keep an agent in a hub."),
        "pull": LazyCommand("zoo.cli.pull:pull", "Fetch an agent from a hub."),
        "search": LazyCommand("zoo.cli.search:search", "Find agents."),
        "verify": LazyCommand("zoo.cli.verify:verify", "Check an agent and its claimed score."),
        "lock": LazyCommand("zoo.cli.lock:lock", "Pin the agents of a project."),
        "hub": LazyCommand("zoo.cli.hub:hub", "Look after a hub on this machine."),
    },
    "Look up": {
        "algos": LazyCommand("zoo.cli.algos:algos", "List and show algorithms."),
        "envs": LazyCommand("zoo.cli.envs:envs", "List environments."),
        "recipes": LazyCommand("zoo.cli.recipes:recipes", "List, show and convert recipes."),
        "plugins": LazyCommand("zoo.cli.plugins:plugins", "List plugins, and begin one."),
        "doctor": LazyCommand("zoo.cli.doctor:doctor", "Tell versions, device and what is broken."),
    },
}


@click.group(
    cls=RootGroup, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(zoo.__version__, prog_name="zoo")
def main() -> None:
    """A zoo of reinforcement-learning agents: train them, measure them, watch them.

    \b
    zoo train --algo sb3-ppo --env CartPole-v1
    zoo eval sb3-ppo/CartPole-v1
    """
