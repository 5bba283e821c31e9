"""What the two control algorithms with eligibility traces share around their loops."""

from __future__ import annotations

from typing import NamedTuple

from zoo_tabular.exploration import Exploration, StepSize
from zoo_tabular.learning import TabularAlgorithm, check_memory
from zoo_tabular.traces import KINDS, Traces, make_traces


class TraceSettings(NamedTuple):
    """The numbers of a loop with traces."""

    gamma: float
    exploration: Exploration
    step_size: StepSize
    trace_decay: float
    kind: int


class TracedAlgorithm(TabularAlgorithm):
    """Keeps a set of traces for each copy; a subclass gives its config and its loop."""

    work = 4

    def make_memory(self, copies: int) -> Traces:
        """Return one set of traces for each copy."""
        check_memory(self.n_states, self.n_actions, self.bytes_per_pair + 16 * copies)
        return make_traces(copies, self.n_states * self.n_actions)

    def make_settings(self) -> TraceSettings:
        """Return the numbers of the loop."""
        config = self.config
        return TraceSettings(
            float(config.gamma),
            config.explorer(),
            config.step_size(),
            float(config.trace_decay),
            KINDS[config.traces],
        )
