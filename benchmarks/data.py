"""Examples of the workloads: digits if there are some, otherwise noise of the same density."""

from __future__ import annotations

from typing import Any

import numpy as np


def load_images(count: int, mnist: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images of 28 x 28 pixels and labels: MNIST, or random ones as sparse as those."""
    if mnist:
        with np.load(mnist) as data:
            keys = {key.lower(): key for key in data.files}
            return data[keys["x_train"]][:count], data[keys["y_train"]][:count]
    random = np.random.default_rng(1)
    images = random.integers(2, 256, (count, 28, 28)) * (random.random((count, 28, 28)) < 0.19)
    return images.astype(np.uint8), random.integers(0, 10, count)


def encode_latency(images: np.ndarray, time: float) -> list[Any]:
    """Return one spike for each pixel that is not black, brighter ones earlier."""
    from mlgenn_rs.utils.data import linear_latency_encode_data

    return linear_latency_encode_data(images.reshape(len(images), -1), time)


def encode_rate(images: np.ndarray, timesteps: int, peak: float = 0.1) -> list[Any]:
    """Return spikes drawn in every timestep, with a probability of ``peak`` for white pixels."""
    from mlgenn_rs.utils.data import preprocess_spikes

    random = np.random.default_rng(2)
    examples = []
    for image in images.reshape(len(images), -1):
        spikes = random.random((timesteps, image.size)) < image * (peak / 255.0)
        times, ids = np.nonzero(spikes)
        examples.append(preprocess_spikes(times.astype(np.float32), ids, image.size))
    return examples


def random_spikes(count: int, neurons: int, spikes: int, time: float) -> list[Any]:
    """Return examples of so many spikes each, at random."""
    from mlgenn_rs.utils.data import preprocess_spikes

    random = np.random.default_rng(3)
    return [
        preprocess_spikes(
            np.floor(random.uniform(0.0, time, spikes)),
            random.integers(0, neurons, spikes),
            neurons,
        )
        for _ in range(count)
    ]


def count_max(examples: list[Any], batch_size: int) -> int:
    """Return a number of spikes that no batch exceeds."""
    return batch_size * max(len(example.spike_times) for example in examples)
