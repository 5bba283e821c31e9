import numpy as np
import pytest
from gymnasium import spaces

from zoo.agent import Agent
from zoo.environments.compatibility import (
    algorithms_for,
    check_agent_fits,
    check_supported,
    space_kind,
)
from zoo.errors import ZooError
from zoo.plugin import registry
from zoo.plugin.specs import AlgorithmSpec, WrapperSpec

VECTOR = spaces.Box(-1, 1, (3,))
IMAGE = spaces.Box(0, 255, (84, 84, 4), np.uint8)


class Silent(Agent):
    kind = "silent"

    def act(self, observations, *, deterministic=True, action_masks=None):
        raise NotImplementedError

    def describe(self):
        return {}

    def tensors(self):
        return {}

    @classmethod
    def restore(cls, description, tensors, observation_space, action_space):
        return cls(observation_space, action_space)


@pytest.mark.parametrize(
    ("space", "kind"),
    [
        (VECTOR, "box"),
        (IMAGE, "image"),
        (spaces.Box(0, 1, (84, 84, 4)), "box"),
        (spaces.Box(0, 255, (128,), np.uint8), "box"),
        (spaces.Discrete(4), "discrete"),
        (spaces.MultiDiscrete([2, 3]), "multi-discrete"),
        (spaces.MultiBinary(3), "multi-binary"),
        (spaces.Dict({"a": VECTOR}), "dict"),
        (spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3))), "tuple"),
        (spaces.Tuple((spaces.Discrete(2), VECTOR)), "Tuple"),
        (spaces.Text(5), "Text"),
    ],
)
def test_kinds_are_those_that_specs_name(space, kind):
    assert space_kind(space) == kind


@pytest.fixture
def algorithms(monkeypatch):
    specs = {
        "tabular": AlgorithmSpec("tabular", "m:C", "", ("discrete",), ("discrete",)),
        "value": AlgorithmSpec("value", "m:C", "", ("box", "image"), ("discrete",)),
        "gradient": AlgorithmSpec("gradient", "m:C", "", ("box",), ("box", "discrete")),
        "planner": AlgorithmSpec("planner", "m:C", "", ("box",), ("box",), needs="model"),
    }
    monkeypatch.setattr(registry.get_registry(), "algorithms", specs)
    return specs


def test_spaces_that_fit_are_let_through(algorithms):
    check_supported(algorithms["value"], IMAGE, spaces.Discrete(2))


def test_an_unfit_action_space_names_the_algorithms_that_fit(algorithms):
    with pytest.raises(ZooError) as caught:
        check_supported(algorithms["value"], VECTOR, spaces.Box(-1, 1, (2,)))
    assert "value does not take actions of kind box" in caught.value.message
    assert caught.value.hint == "These do: gradient"


def test_an_unfit_observation_space_is_named_first(algorithms):
    with pytest.raises(ZooError, match="tabular does not take observations of kind image"):
        check_supported(algorithms["tabular"], IMAGE, spaces.Box(-1, 1, (2,)))


def test_wrappers_that_make_the_observations_fit_are_named(algorithms, monkeypatch):
    bins = WrapperSpec("bins", "m:C", "", takes="box", makes="discrete")
    bits = WrapperSpec("bits", "m:C", "", takes="box", makes="multi-binary")
    monkeypatch.setattr(registry.get_registry(), "wrappers", {"bits": bits, "bins": bins})
    with pytest.raises(ZooError) as caught:
        check_supported(algorithms["tabular"], VECTOR, spaces.Discrete(2))
    assert "what it takes (bins): --set env_wrapper=bins. These do: value" in caught.value.hint
    with pytest.raises(ZooError) as caught:
        check_supported(algorithms["tabular"], VECTOR, VECTOR)
    assert "wrapper" not in caught.value.hint  # the actions would not fit either


def test_those_that_learn_from_experience_are_listed_and_not_those_that_plan(algorithms):
    assert algorithms_for(VECTOR, spaces.Box(-1, 1, (2,))) == ["gradient"]


def test_where_none_fits_it_says_so(algorithms):
    with pytest.raises(ZooError, match="No installed algorithm takes them"):
        check_supported(algorithms["tabular"], spaces.Text(5), spaces.Discrete(2))


@pytest.mark.parametrize(
    ("own", "given"),
    [
        (VECTOR, spaces.Box(-5, 5, (3,))),
        (VECTOR, spaces.Box(-1, 1, (3,), np.float64)),
        (IMAGE, IMAGE),
        (spaces.Dict({"a": VECTOR}), spaces.Dict({"a": spaces.Box(-2, 2, (3,))})),
        (spaces.Tuple((VECTOR,)), spaces.Tuple((VECTOR,))),
        (spaces.Discrete(3), spaces.Discrete(3)),
    ],
)
def test_an_agent_fits_spaces_of_the_same_form(own, given):
    check_agent_fits(Silent(own, spaces.Discrete(2)), given, spaces.Discrete(2))


@pytest.mark.parametrize(
    ("own", "given"),
    [
        (VECTOR, spaces.Box(-1, 1, (4,))),
        (IMAGE, spaces.Box(0, 1, (84, 84, 4))),
        (VECTOR, spaces.Discrete(3)),
        (spaces.Discrete(3), spaces.Discrete(4)),
        (spaces.Dict({"a": VECTOR}), spaces.Dict({"b": VECTOR})),
        (spaces.Tuple((VECTOR,)), spaces.Tuple((VECTOR, VECTOR))),
    ],
)
def test_an_agent_does_not_fit_spaces_of_another_form(own, given):
    with pytest.raises(ZooError, match=r"the agent's observations are .* environment Mine-v0"):
        check_agent_fits(
            Silent(own, spaces.Discrete(2)), given, spaces.Discrete(2), env_id="Mine-v0"
        )
    with pytest.raises(ZooError, match="the agent's actions are"):
        check_agent_fits(Silent(VECTOR, own), VECTOR, given)
