"""What the core itself registers, through the hooks that every plugin uses."""

from __future__ import annotations

from zoo.plugin.hookspecs import hookimpl
from zoo.plugin.specs import AgentSpec, ExporterSpec, HubSpec, ImporterSpec, WrapperSpec


@hookimpl
def zoo_agents() -> tuple[AgentSpec, ...]:
    """The portable kinds: they act with NumPy alone."""
    return (
        AgentSpec(
            kind="table",
            target="zoo.agents.table:TableAgent",
            summary="A table of action values or action probabilities",
        ),
        AgentSpec(
            kind="mlp",
            target="zoo.agents.mlp:MLPAgent",
            summary="A multilayer perceptron with its preprocessing and its head",
        ),
        AgentSpec(
            kind="cnn",
            target="zoo.agents.cnn:CNNAgent",
            summary="Convolutional networks for images, then layers and a head",
        ),
        AgentSpec(
            kind="recurrent",
            target="zoo.agents.recurrent:RecurrentAgent",
            summary="An LSTM that remembers the episode, then layers and a head",
        ),
    )


@hookimpl
def zoo_hubs() -> tuple[HubSpec, ...]:
    """The hubs that are not directories."""
    return (
        HubSpec(
            scheme="hf",
            target="zoo.hub.huggingface:HuggingFaceHub",
            summary="The Hugging Face Hub, or a server that speaks its language",
        ),
    )


@hookimpl
def zoo_importers() -> tuple[ImporterSpec, ...]:
    """The models that are met most often."""
    return (
        ImporterSpec(
            name="sb3",
            target="zoo.importers.sb3:SB3Importer",
            summary="Stable-Baselines3 and sb3-contrib zips, RL Zoo folders, sb3/* repositories",
        ),
        ImporterSpec(
            name="cleanrl",
            target="zoo.importers.cleanrl:CleanRLImporter",
            summary="CleanRL's .cleanrl_model files",
        ),
        ImporterSpec(
            name="layers",
            target="zoo.importers.layers:LayersImporter",
            summary="Plain networks in .pth, .safetensors or .onnx files, by a description",
        ),
    )


@hookimpl
def zoo_exporters() -> tuple[ExporterSpec, ...]:
    """The formats that others read without the zoo."""
    return (
        ExporterSpec(
            name="numpy",
            target="zoo.exporters.numpy_archive:NumPyExporter",
            summary="Arrays in an .npz file, with a description of the network",
        ),
        ExporterSpec(
            name="onnx",
            target="zoo.exporters.onnx_graph:OnnxExporter",
            summary="An ONNX graph from raw observations to actions",
            extra="onnx",
        ),
        ExporterSpec(
            name="torchscript",
            target="zoo.exporters.torchscript:TorchScriptExporter",
            summary="A TorchScript module from raw observations to actions",
            extra="torch",
        ),
    )


@hookimpl
def zoo_environments() -> tuple[WrapperSpec, ...]:
    """The wrappers that recipes can name."""
    return (
        WrapperSpec(
            name="frame-stack",
            target="zoo.environments.wrappers:FrameStack",
            summary="Stack the last n observations, zeros before the first (n=4)",
        ),
        WrapperSpec(
            name="frame-skip",
            target="zoo.environments.wrappers:FrameSkip",
            summary="Repeat each action, summing the rewards (skip=4)",
        ),
        WrapperSpec(
            name="history",
            target="zoo.environments.wrappers:History",
            summary="Append the last observations and actions to a Box observation (horizon=2)",
        ),
        WrapperSpec(
            name="history-dict",
            target="zoo.environments.wrappers:HistoryDict",
            summary="The same for the entry `observation` of a Dict observation (horizon=2)",
        ),
        WrapperSpec(
            name="time-feature",
            target="zoo.environments.wrappers:TimeFeature",
            summary="Append the remaining time, from 1 to 0 (max_steps=1000, test_mode=false)",
        ),
        WrapperSpec(
            name="time-limit",
            target="gymnasium.wrappers:TimeLimit",
            summary="Truncate episodes (max_episode_steps)",
        ),
        WrapperSpec(
            name="truncated-on-success",
            target="zoo.environments.wrappers:TruncatedOnSuccess",
            summary="End an episode after successes in a row (reward_offset=0, n_successes=1)",
        ),
        WrapperSpec(
            name="mask-velocity",
            target="zoo.environments.wrappers:MaskVelocity",
            summary="Zero the velocities, which makes the task partially observable",
        ),
        WrapperSpec(
            name="action-masks",
            target="zoo.environments.masks:ActionMasks",
            summary="Give info['action_mask'] to algorithms that learn with masks",
        ),
        WrapperSpec(
            name="flatten-dict-observation",
            target="gymnasium.wrappers:FlattenObservation",
            summary="Flatten a Dict, Tuple or image observation to a vector",
            takes="dict",
            makes="box",
        ),
        WrapperSpec(
            name="old-capsule-masses",
            target="zoo.environments.old_masses:OldCapsuleMasses",
            summary="Give MuJoCo's capsules the masses that they had before MuJoCo 2.1.1",
            extra="mujoco",
        ),
        WrapperSpec(
            name="resize-observation",
            target="zoo.environments.wrappers:ResizeObservation",
            summary="Resize an image observation (shape=[64, 64])",
            extra="atari",
        ),
        WrapperSpec(
            name="grayscale-observation",
            target="gymnasium.wrappers:GrayscaleObservation",
            summary="Turn a colour image grey (keep_dim=false)",
        ),
        WrapperSpec(
            name="atari",
            target="zoo.environments.atari:preprocess",
            summary="No-ops, frame skip, fire, grey (noop_max=30, frame_skip=4, screen_size=84)",
            extra="atari",
        ),
        WrapperSpec(
            name="atari-episodic-life",
            target="zoo.environments.atari:EpisodicLife",
            summary="A lost life ends the episode, without a reset of the game",
            training_only=True,
            extra="atari",
        ),
        WrapperSpec(
            name="atari-clip-reward",
            target="zoo.environments.atari:ClipReward",
            summary="Keep only the sign of the reward",
            training_only=True,
            extra="atari",
        ),
    )
