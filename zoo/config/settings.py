"""The keys of a recipe that the host consumes; all others belong to the algorithm's config."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from zoo.config.schema import Config, Field

WrapperEntry = str | dict[str, Any]


class RunSettings(Config):
    """How long to train, and on what: the environment's part of a recipe."""

    n_timesteps: int = Field(
        1_000_000, ge=1, description="Environment steps of a run, over all copies."
    )
    n_envs: int = Field(1, ge=1, description="Copies of the environment that train side by side.")
    env_wrapper: tuple[WrapperEntry, ...] = Field(
        (), description="Wrappers, innermost first: a name, or {name: {argument: value}}."
    )
    frame_stack: int | None = Field(
        None, ge=1, description="How many of the last observations the agent sees at once."
    )
    env_kwargs: dict[str, Any] = Field({}, description="Arguments for the environment itself.")

    @field_validator("env_wrapper", mode="before")
    @classmethod
    def _as_entries(cls, value: Any) -> Any:
        """Accept one wrapper without the list around it, as RL Zoo does."""
        if value is None:
            return ()
        entries = (value,) if isinstance(value, (str, dict)) else value
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            arguments = list(entry.values()) if isinstance(entry, dict) else [None]
            if len(arguments) != 1 or not isinstance(arguments[0], (dict, type(None))):
                raise ValueError("a wrapper is a name, or a mapping {name: {argument: value}}")
        return entries

    @property
    def wrappers(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """All wrappers as (name, arguments), innermost first, the frame stack outermost."""
        pairs = [
            (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
            for entry in self.env_wrapper
        ]
        if self.frame_stack:
            pairs.append(("frame-stack", {"n": self.frame_stack}))
        return tuple((name, dict(kwargs or {})) for name, kwargs in pairs)
