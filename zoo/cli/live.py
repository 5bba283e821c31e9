"""The live view of a run on stderr: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.cli.output import interval, number

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from zoo.evaluate import Evaluation
    from zoo.storage.runs import Run

SECONDS_BETWEEN_LINES = 5.0
FINISHED, SWEEPS = "finished", "sweeps"
OWN = "train/"
"""What the names of an algorithm's own metrics begin with."""


def live_view() -> LiveView:
    """Return the view that fits where stderr goes."""
    return TerminalView() if sys.stderr.isatty() else LineView()


class LiveView:
    """Observes a run; the subclasses say how what happens is shown."""

    def __init__(self) -> None:
        self.total = 0
        self.unit = "steps"
        self.best: float | None = None
        self._evaluated_at = -1
        self._last: tuple[int, Mapping[str, float]] = 0, {}

    def started(self, run: Run, steps: int) -> None:
        """Show what begins, or continues, and where it will lie."""
        self.total, self.unit = steps, unit_of(run.algorithm)
        begins = (
            f"continues at {run.steps:,} {self.unit}" if run.steps else f"seed {run.info['seed']}"
        )
        device = run.info["device"]
        self.say(f"{run.algorithm} on {run.env_id}, {begins}, {device} -> {run.path}")
        self.begin(run.steps)

    def progress(self, steps: int, metrics: Mapping[str, float]) -> None:
        """Show how far training is."""
        self._last = steps, metrics
        self.move(steps, self.describe(steps, metrics))

    def evaluated(self, steps: int, evaluation: Evaluation) -> None:
        """Show an evaluation, and whether it is the best so far.

        The second one at the same step judges the best agent on fresh episodes: the command
        prints it as the result.
        """
        if steps == self._evaluated_at:
            return
        self._evaluated_at = steps
        mean = evaluation.mean_return
        is_best = self.best is None or mean > self.best
        self.best = mean if self.best is None else max(mean, self.best)
        bounds = interval(evaluation.ci95_return)
        mark = "  best so far" if is_best else ""
        own = own_metric(self._last[1]) if self.unit == SWEEPS else ""
        where = f"{steps:,} {self.unit}" + (f", {own}" if own else "")
        self.say(f"evaluation at {where}: mean return {number(mean)} {bounds}{mark}")

    def note(self, text: str) -> None:
        """Show a remark of the host, such as that it is about to stop."""
        self.say(f"note: {text}")

    def finished(self, run: Run, outcome: str) -> None:
        """Leave the screen in order; the command says how it went.

        Planning that has converged before its steps are used up has come to its end all the same.
        """
        steps, metrics = self._last
        if outcome == FINISHED and 0 < steps < self.total:
            self.total = steps
            self.move(steps, self.describe(steps, metrics))

    def describe(self, steps: int, metrics: Mapping[str, float]) -> str:
        """Return the numbers behind the bar: how good it is, speed, time left."""
        speed = metrics.get("steps_per_second") or 0.0
        told = f"return {number(metrics['return'])}" if "return" in metrics else own_metric(metrics)
        parts = [told] if told else []
        parts.append(f"{speed:,.0f} {self.unit}/s")
        if speed and steps < self.total:
            parts.append(f"{clock((self.total - steps) / speed)} left")
        return "  ".join(parts)

    def say(self, line: str) -> None:
        raise NotImplementedError

    def begin(self, steps: int) -> None:
        raise NotImplementedError

    def move(self, steps: int, numbers: str) -> None:
        raise NotImplementedError


class LineView(LiveView):
    """Plain lines: one every few seconds, and one for each evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def say(self, line: str) -> None:
        # A reader that went away (`2>&1 | head`) must not stop the training.
        try:
            print(line, file=sys.stderr, flush=True)
        except BrokenPipeError:
            import os

            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    def begin(self, steps: int) -> None:
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES

    def move(self, steps: int, numbers: str) -> None:
        now = time.monotonic()
        if now < self._next and steps < self.total:
            return
        self._next = now + SECONDS_BETWEEN_LINES
        share = 100 * steps // self.total if self.total else 100
        self.say(f"{min(share, 100):3}%  {steps:,}/{self.total:,} {self.unit}  {numbers}")


class TerminalView(LiveView):
    """A progress bar that stays in place while lines scroll above it."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr)

    def begin(self, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.percentage:>3.0f}%"),
            BarColumn(bar_width=24),
            TextColumn(f"{{task.completed:,.0f}}/{{task.total:,.0f}} {self.unit}"),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("", total=self.total, completed=steps, numbers="")
        self._bar.start()

    def move(self, steps: int, numbers: str) -> None:
        if self._bar is not None and self._task is not None:
            done = min(steps, self.total)
            self._bar.update(self._task, total=self.total, completed=done, numbers=numbers)

    def finished(self, run: Run, outcome: str) -> None:
        super().finished(run, outcome)
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class Counter:
    """A bar for a number of things (episodes, bytes); nothing where stderr is no terminal.

    The total may become known only while they are counted.
    """

    def __init__(self, what: str, total: int | None = None, *, quiet: bool = False) -> None:
        self.what, self.total = what, total
        self._bar: Any = None
        self._quiet = quiet or not sys.stderr.isatty()

    def __enter__(self) -> Counter:
        if not self._quiet:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self.what, total=self.total)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def set(self, done: int, total: int | None = None) -> None:
        """Show that `done` of the total are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total or self.total)


def own_metric(metrics: Mapping[str, float]) -> str:
    """Return the first of an algorithm's own metrics where no episodes are played, else ''.

    An algorithm that plans tells by it how far it is: by the Bellman residual.
    """
    name = next((name for name in metrics if name.startswith(OWN)), None)
    if name is None or "return" in metrics or metrics.get("episodes"):
        return ""
    return f"{name.removeprefix(OWN).replace('_', ' ')} {metrics[name]:.3g}"


def unit_of(algorithm: str) -> str:
    """Return what a step of an algorithm is called: those that plan make sweeps."""
    from zoo.plugin.registry import get_registry

    spec = get_registry().algorithms.get(algorithm)
    return SWEEPS if spec is not None and spec.needs == "model" else "steps"


def clock(seconds: float) -> str:
    """Return a length of time for people: 0:35, 12:05, 3:07:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
