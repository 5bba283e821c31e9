"""Torch computes in one thread while small networks learn, and as before afterwards."""

import numpy as np
import pytest
from gymnasium import spaces

from zoo.training.threads import choose_threads, torch_threads

torch = pytest.importorskip("torch", reason="needs the extra `torch`")


@pytest.mark.parametrize(
    ("asked", "space", "threads"),
    [
        (None, spaces.Box(-1, 1, (4,)), 1),
        (None, spaces.Box(0, 255, (84, 84, 4), np.uint8), 0),
        (3, spaces.Box(-1, 1, (4,)), 3),
        (3, spaces.Box(0, 255, (84, 84, 4), np.uint8), 3),
    ],
)
def test_the_user_decides_then_the_observations(asked, space, threads):
    assert choose_threads(asked, space) == threads


def test_the_number_of_threads_is_put_back_even_after_an_error():
    before = torch.get_num_threads()

    def fail() -> None:
        with torch_threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before
    with torch_threads(0):
        assert torch.get_num_threads() == before
