"""Images of digits as latency-coded spikes: those of scikit-learn, or MNIST from a file.

The brighter a pixel, the earlier its only spike; black pixels do not spike.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mlgenn_rs.utils.data import PreprocessedSpikes, linear_latency_encode_data

MNIST_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class Digits(NamedTuple):
    """Some images of digits."""

    images: np.ndarray
    """Pixels from 0 to 255: (images, height, width)."""
    labels: np.ndarray


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that say which images are learned."""
    parser.add_argument(
        "--mnist", type=open_mnist, metavar="FILE", help="learn MNIST from this mnist.npz"
    )
    parser.add_argument(
        "--validate",
        action="store_true",
        help="test on the last sixth of the training images, to choose options by",
    )


def open_mnist(text: str) -> Path:
    """Path of a file with the arrays of Keras' ``mnist.npz``, checked."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).stem.lower() for name in archive.namelist()}
    except zipfile.BadZipFile:
        names = set()
    if not names.issuperset(MNIST_ARRAYS):
        raise argparse.ArgumentTypeError(
            f"{path} is not the mnist.npz of Keras, with the arrays {', '.join(MNIST_ARRAYS)}"
        )
    return path


def load(options: argparse.Namespace) -> tuple[Digits, Digits]:
    """Images to train and to test with."""
    train, test = load_mnist(options.mnist) if options.mnist else load_digits()
    if options.validate:
        size = len(train.labels) * 5 // 6
        test = Digits(train.images[size:], train.labels[size:])
        train = Digits(train.images[:size], train.labels[:size])
    return train, test


def load_digits() -> tuple[Digits, Digits]:
    """The digits of scikit-learn, 8 x 8 pixels, as training and test set."""
    try:
        from sklearn import datasets
    except ImportError:
        raise SystemExit(
            "The digits come from scikit-learn: pip install mlgenn_rs[demo], or give --mnist"
        ) from None
    digits = datasets.load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1437], order[1437:]
    return Digits(images[train], digits.target[train]), Digits(images[test], digits.target[test])


def load_mnist(path: Path) -> tuple[Digits, Digits]:
    """MNIST, 28 x 28 pixels."""
    with np.load(path) as data:
        keys = {key.lower(): key for key in data.files}
        x_train, y_train, x_test, y_test = (data[keys[name]] for name in MNIST_ARRAYS)
    return Digits(x_train, y_train), Digits(x_test, y_test)


def encode(digits: Digits, timesteps: int) -> list[PreprocessedSpikes]:
    """Spikes of each image; in the end 4 ms are left for them to reach the output."""
    return linear_latency_encode_data(digits.images, max_time=timesteps - 4.0, thresh=1)
