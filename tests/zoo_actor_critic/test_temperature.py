"""The temperature: fixed, or led to where the policy has the entropy that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from zoo import ZooError
from zoo.config.schema import validate
from zoo_actor_critic.configuration import TemperatureConfig
from zoo_actor_critic.temperature import Temperature


def test_a_fixed_one_stays() -> None:
    temperature = Temperature(0.2, "auto", -3.0)
    temperature.descend(np.ones(4, np.float32), 0.1)
    assert temperature.alpha == 0.2
    assert Temperature(0.0, "auto", -3.0).alpha == 0.0


@pytest.mark.parametrize(("ent_coef", "first"), [("auto", 1.0), ("auto_0.1", 0.1)])
def test_a_learnt_one_begins_where_it_is_told(ent_coef: str, first: float) -> None:
    assert Temperature(ent_coef, "auto", -3.0).alpha == pytest.approx(first)


@pytest.mark.parametrize("ent_coef", [0, 0.2, "auto", "auto_0.1", "auto_3.", "auto_1e-3"])
def test_what_configs_take_is_a_temperature_to_begin_with(ent_coef: float | str) -> None:
    config = validate(TemperatureConfig, {"ent_coef": ent_coef})
    assert np.isfinite(Temperature(config.ent_coef, config.target_entropy, -3.0).alpha)


@pytest.mark.parametrize(
    "ent_coef",
    [-1, 1e39, "auto_0", "auto_0e5", "auto_1e999", "auto_1e39", "auto_-1", "auto_", "autoo", "0.1"],
)
def test_other_temperatures_are_refused_and_the_forms_named(ent_coef: float | str) -> None:
    with pytest.raises(ZooError, match=r"'ent_coef': .*>= 0, auto, or auto_NUMBER") as refused:
        validate(TemperatureConfig, {"ent_coef": ent_coef})
    assert f"not {ent_coef}" in refused.value.message


@pytest.mark.parametrize(("target", "aimed"), [("auto", -3.0), (1.5, 1.5)])
def test_it_falls_while_the_entropy_is_above_its_target_and_rises_below(
    target: float | str, aimed: float
) -> None:
    for surplus, direction in ((0.5, -1), (-0.5, 1)):
        temperature = Temperature("auto", target, -3.0)
        log_probs = np.float32([0.25, -0.25]) - np.float32(aimed + surplus)
        temperature.descend(log_probs, 0.01)
        # the first step of Adam is as long as the learning rate, here of log alpha
        assert temperature.alpha == pytest.approx(np.exp(0.01 * direction), rel=1e-4)


def test_it_goes_on_from_its_state() -> None:
    one, other = Temperature("auto", "auto", -1.0), Temperature("auto", "auto", -1.0)
    one.descend_by_entropy(2.0, 0.1)
    other.load_state(one.state())
    assert other.alpha == one.alpha
    for temperature in (one, other):
        temperature.descend_by_entropy(-2.0, 0.1)
    assert other.alpha == one.alpha
