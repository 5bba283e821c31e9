"""Many at once, and processes that are killed: nothing is lost, nothing is mixed up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import get_session

from tests.actors import saved, walker
from tests.hub.server.serving import Served, serving
from zoo.hub import upkeep
from zoo.hub.local import LocalHub
from zoo.hub.server.tokens import Tokens, add_token
from zoo.storage.bundle import Bundle

PUSHES, PULLS = 10, 50


def made(path: Path, seed: int) -> Bundle:
    film = bytes([seed]) * 100_000 + os.urandom(300_000)
    return saved(path, walker(seed), "FrozenLake-v1", files={"replay.mp4": film})


def download(served: Served, name: str, revision: str) -> dict[str, bytes]:
    """Fetch all files of a revision, as many clients of their own would: without any cache."""
    headers = {"Authorization": f"Bearer {served.token}"}
    api = HfApi(endpoint=served.url, token=served.token)
    files = {}
    for path in api.list_repo_files(name, revision=revision):
        url = hf_hub_url(name, path, revision=revision, endpoint=served.url)
        response = get_session().get(url, headers=headers)
        assert response.status_code == 200
        files[path] = response.content
    return files


def contents(bundle: Bundle) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bundle.path.iterdir()}


@pytest.mark.parametrize("most_regular", [1000, 8 << 20])  # beside the commit, and in it
def test_ten_pushes_and_fifty_pulls_at_once(
    served: Served,
    api: HfApi,
    tmp_path: Path,
    most_regular: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoo.hub.server.writing.MOST_REGULAR", most_regular)
    old = [made(tmp_path / f"old-{number}", number) for number in range(5)]
    new = [made(tmp_path / f"new-{number}", 100 + number) for number in range(PUSHES)]
    commits = []
    for number, bundle in enumerate(old):
        api.create_repo(f"team/old-{number}")
        done = api.upload_folder(repo_id=f"team/old-{number}", folder_path=bundle.path)
        commits.append(done.oid)
    start = threading.Barrier(PUSHES + PULLS)

    def push(number: int) -> str:
        start.wait()
        api.create_repo(f"team/new-{number}")
        name, path = f"team/new-{number}", new[number].path
        return str(api.upload_folder(repo_id=name, folder_path=path).oid)

    def pull(number: int) -> bool:
        start.wait()
        which = number % len(old)
        return download(served, f"team/old-{which}", commits[which]) == contents(old[which])

    with ThreadPoolExecutor(PUSHES + PULLS) as pool:
        pulls = [pool.submit(pull, number) for number in range(PULLS)]
        pushes = [pool.submit(push, number) for number in range(PUSHES)]
        assert all(pulled.result() for pulled in pulls)
        pushed = [push.result() for push in pushes]
    hub = LocalHub(served.root)
    for number, (bundle, commit) in enumerate(zip(new, pushed, strict=True)):
        assert download(served, f"team/new-{number}", commit) == contents(bundle)
        assert hub.get(f"team/new-{number}").digest == bundle.digest
    assert upkeep.verify(hub).problems == []


def test_of_two_commits_on_one_parent_one_wins_and_the_other_is_told(
    served: Served, api: HfApi
) -> None:
    api.create_repo("team/walker")
    head = str(api.model_info("team/walker").sha)
    start = threading.Barrier(PUSHES)

    def commit(number: int) -> str | int:
        add = CommitOperationAdd(path_in_repo="a.txt", path_or_fileobj=f"{number}".encode())
        start.wait()
        try:
            done = api.create_commit(
                "team/walker", [add], commit_message=f"{number}", parent_commit=head
            )
        except HfHubHTTPError as error:
            return error.response.status_code
        return str(done.oid)

    with ThreadPoolExecutor(PUSHES) as pool:
        results = list(pool.map(commit, range(PUSHES)))
    assert results.count(412) == PUSHES - 1
    (winner,) = [result for result in results if isinstance(result, str)]
    assert api.model_info("team/walker").sha == winner
    number = results.index(winner)
    assert download(served, "team/walker", "main") == {"a.txt": f"{number}".encode()}


def test_pushes_to_one_repository_retry_and_all_arrive(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in a process of its own, since in one they wait for each other."""
    bundles = [made(tmp_path / f"{number}", number) for number in range(4)]
    environment = os.environ | {
        "HF_TOKEN": served.token, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "zoo", "push", "--endpoint", served.url, "--json"]
    running = [
        subprocess.Popen(
            [*command, bundle.path, "hf:team/walker"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for bundle in bundles
    ]  # fmt: skip
    revisions = []
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        revisions.append(json.loads(out)["revision"])
    api = HfApi(endpoint=served.url, token=served.token)
    assert {c.commit_id for c in api.list_repo_commits("team/walker")} > set(revisions)
    for bundle, revision in zip(bundles, revisions, strict=True):
        files = download(served, "team/walker", revision)
        assert files["replay.mp4"] == (bundle.path / "replay.mp4").read_bytes()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the server as the command does; give the process, its address and a token."""
    token = add_token(tmp_path / "hub" / ".tokens.json", "ada")
    command = [sys.executable, "-m", "zoo", "hub", "serve", str(tmp_path / "hub"), "--port", "0"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    url = started.stdout.readline().split()[-1]
    yield started, url, token
    started.kill()
    started.wait()


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_server_that_is_killed_leaves_the_repository_whole(
    process: tuple[subprocess.Popen[str], str, str],
    tmp_path: Path,
    online: None,
    delay: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    impatient = SimpleNamespace(sleep=lambda seconds: time.sleep(0.01))
    monkeypatch.setattr("huggingface_hub.utils._http.time", impatient)
    killed, url, token = process
    api = HfApi(endpoint=url, token=token)
    while True:
        with suppress(Exception):  # it has said where it will listen, and does so in a moment
            api.create_repo("team/walker", exist_ok=True)
            break
    first = made(tmp_path / "a", 1)
    commit = api.upload_folder(repo_id="team/walker", folder_path=first.path).oid
    second = made(tmp_path / "b", 2)
    files = [
        CommitOperationAdd(path_in_repo=path.name, path_or_fileobj=path)
        for path in second.path.iterdir()
    ]
    threading.Timer(delay, killed.send_signal, [signal.SIGKILL]).start()
    outcome = ""
    with suppress(Exception):  # the connection broke, as it may
        outcome = str(api.create_commit("team/walker", files, commit_message="b").oid)
    killed.wait()
    root = tmp_path / "hub"
    with serving(root, Tokens(root / ".tokens.json"), token) as again:
        head = str(HfApi(endpoint=again.url, token=token).model_info("team/walker").sha)
        expected = contents(first) if head == commit else contents(second)
        assert not outcome or head == outcome
        assert download(again, "team/walker", head) == expected
        found = LocalHub(root).get("team/walker")
        assert contents(found) == expected
    assert upkeep.verify(LocalHub(root)).problems == []


def test_a_push_that_is_killed_leaves_the_repository_as_it_was(
    served: Served, api: HfApi, tmp_path: Path
) -> None:
    first = made(tmp_path / "a", 1)
    api.create_repo("team/walker")
    commit = api.upload_folder(repo_id="team/walker", folder_path=first.path).oid
    second = made(tmp_path / "b", 2)
    code = (
        "import sys, os\n"
        "from pathlib import Path\n"
        "from zoo.storage.bundle import open_bundle\n"
        "from zoo.hub.huggingface import HuggingFaceHub\n"
        "def progress(done, total):\n"
        "    if done > 100_000: os.kill(os.getpid(), 9)\n"
        "HuggingFaceHub(sys.argv[1]).push(\n"
        "    open_bundle(sys.argv[2]), 'team/walker', progress=progress)\n"
    )
    environment = os.environ | {"HF_TOKEN": served.token, "HF_HUB_OFFLINE": "0"}
    killed = subprocess.run(
        [sys.executable, "-c", code, served.url, second.path], env=environment, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert api.model_info("team/walker").sha == commit
    assert download(served, "team/walker", "main") == contents(first)
    assert LocalHub(served.root).get("team/walker").digest == first.digest
