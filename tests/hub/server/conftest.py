"""The real Hugging Face client, to talk to the server with."""

from __future__ import annotations

import pytest
from huggingface_hub import HfApi

from tests.hub.server.serving import Served


@pytest.fixture
def api(served: Served) -> HfApi:
    """Return the client of somebody who may write."""
    return HfApi(endpoint=served.url, token=served.token)


@pytest.fixture
def stranger(served: Served) -> HfApi:
    """Return the client of somebody who has no token."""
    return HfApi(endpoint=served.url, token=False)
