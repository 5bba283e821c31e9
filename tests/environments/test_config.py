import json

import pytest

from zoo.environments.config import EnvironmentConfig
from zoo.errors import ZooError


def test_json_round_trip_keeps_everything():
    config = EnvironmentConfig(
        "ALE/Pong-v5", {"frameskip": 1}, (("atari", {}), ("frame-stack", {"n": 4}))
    )
    read = EnvironmentConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert read == config


def test_changing_the_json_leaves_the_config_alone():
    config = EnvironmentConfig("CartPole-v1", {"a": 1}, (("history", {"horizon": 2}),))
    data = config.to_json()
    data["kwargs"]["a"] = 2
    data["wrappers"][0][1]["horizon"] = 5
    assert config == EnvironmentConfig("CartPole-v1", {"a": 1}, (("history", {"horizon": 2}),))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": 5},
        {"id": "A-v0", "kwargs": [1]},
        {"id": "A-v0", "wrappers": "atari"},
        {"id": "A-v0", "wrappers": [["atari"]]},
        {"id": "A-v0", "wrappers": [["atari", []]]},
        [],
    ],
)
def test_data_of_another_form_is_refused(data):
    with pytest.raises(ZooError):
        EnvironmentConfig.from_json(data)
