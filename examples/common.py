"""What the examples share: options, the learning rate's decay, and pictures."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlgenn_rs.callbacks import OptimiserParamSchedule


def positive(text: str) -> int:
    """Option that is a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def create_parser(description: str, epochs: int | None) -> argparse.ArgumentParser:
    """Parser with the options that every example has; ``epochs`` is a default."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=positive, default=epochs, help="default: %(default)s")
    parser.add_argument("--seed", type=positive, default=1, help="default: %(default)s")
    parser.add_argument("--threads", type=positive, help="default: one per core")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture, e.g. a.png")
    return parser


def parse(parser: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line, and complain now about what would go wrong after the training."""
    options = parser.parse_args(arguments)
    if options.plot is not None:
        if importlib.util.find_spec("matplotlib") is None:
            parser.error("--plot needs matplotlib: pip install mlgenn_rs[plot]")
        if not options.plot.suffix:
            parser.error(f"--plot needs the name of a picture, such as a.png, got {options.plot}")
        options.plot.parent.mkdir(parents=True, exist_ok=True)
    return options


def decay(epochs: int, factor: float) -> OptimiserParamSchedule:
    """Callback that lets learning rates decay by a factor over all epochs, exponentially."""
    per_epoch = factor ** (1.0 / epochs)
    return OptimiserParamSchedule(
        "alpha", lambda epoch, alpha: alpha if epoch == 0 else alpha * per_epoch
    )


@contextmanager
def picture(path: Path, columns: int, width: float = 4.0) -> Iterator[Any]:
    """Axes side by side, saved as a picture at the end of the block."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, columns, figsize=(width * columns, 3.4), squeeze=False)
    yield axes[0]
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"picture: {path}")


def draw_learning_curve(axis: Any, values: list[float], what: str) -> None:
    """A value for each epoch."""
    axis.plot(range(1, len(values) + 1), values, marker="." if len(values) < 50 else None)
    axis.set(title="learning curve", xlabel="epoch", ylabel=what)
    axis.grid(alpha=0.3)
