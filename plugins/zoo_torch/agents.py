"""Trained networks as portable agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium import Space

from zoo.agents.cnn import CNNAgent
from zoo.agents.heads import Head
from zoo.agents.layered import LayeredAgent
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, Step, standard_steps
from zoo.agents.reading import ImageReader, Reading
from zoo_torch.encoders import Encoder


def layered_agent(
    observation_space: Space[Any],
    action_space: Space[Any],
    layers: Sequence[Layer],
    head: Head,
    *,
    encoder: Encoder | None = None,
    normalization: Sequence[Step] = (),
) -> LayeredAgent:
    """Return an agent of the kind `mlp`, or `cnn` behind an encoder, with copies of all numbers.

    `normalization` is what happens to observations before anything else (`steps` of an
    `ObservationNormalizer`).
    """
    if encoder is None:
        steps = Preprocess([*normalization, *standard_steps(observation_space)])
        return MLPAgent(observation_space, action_space, layers, head, steps)
    reading = reading_of(observation_space, encoder, normalization)
    return CNNAgent(observation_space, action_space, reading, layers, head)


def reading_of(
    observation_space: Space[Any], encoder: Encoder | None, normalization: Sequence[Step] = ()
) -> Reading:
    """Return what an agent reads of its observations: what the encoder does, if there is one."""
    if encoder is None:
        steps = Preprocess([*normalization, *standard_steps(observation_space)])
        return Reading(observation_space, (), steps)
    readers = [
        ImageReader(image, network, tensors)
        for image, network, tensors in zip(
            encoder.rows.images, encoder.networks, encoder.tensors(), strict=True
        )
    ]
    rest = encoder.rows.rest
    if rest is not None:
        rest = Preprocess([*normalization, *rest.steps])
    return Reading(observation_space, readers, rest)
