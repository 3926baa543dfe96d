"""Every example runs, learns something and draws its picture; sizes are small, bounds are low."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mlgenn_rs

EXAMPLES = Path(__file__).parents[2] / "examples"
PACKAGE = Path(mlgenn_rs.__file__).parents[1]

ACCURACIES = {
    "latency_mnist.py --epochs 4": 0.6,
    "latency_mnist.py --rule eprop --epochs 2 --hidden 64": 0.5,
    "latency_mnist.py --conv --epochs 2": 0.5,
    "yin_yang.py --epochs 3 --train-size 600 --hidden 60": 0.4,
    "learned_delays.py --epochs 3 --train-size 600 --hidden 24": 0.25,
    "learned_delays.py --delays none --epochs 1 --train-size 64 --hidden 8": 0.05,
    "deep_r.py --epochs 3 --hidden 64 --connected 0.1": 0.5,
    "deep_r.py --no-rewiring --epochs 1 --hidden 32": 0.1,
}
"""Commands, with test accuracies that are to be reached; the last ones hardly learn."""

ERRORS = {
    "pattern_generation.py --epochs 4 --hidden 64": 2.5,
    "pattern_generation.py --rule eprop --epochs 1 --hidden 32": 10.0,
}
"""Commands, with mean square errors that are not to be reached."""


def run(command: str, *options: str) -> subprocess.CompletedProcess[str]:
    script, *arguments = command.split()
    path = os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments, *options],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def read_results(command: str, *options: str) -> dict[str, str]:
    done = run(command, "--threads", "1", *options)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("command", [*ACCURACIES, *ERRORS])
def test_example(command: str, tmp_path: Path) -> None:
    if command.startswith(("latency", "deep_r")):
        pytest.importorskip("sklearn")
    picture = tmp_path / "folder" / "picture.png"
    can_draw = importlib.util.find_spec("matplotlib") is not None
    results = read_results(command, *(["--plot", str(picture)] if can_draw else []))
    if command in ACCURACIES:
        assert float(results["test accuracy"]) >= ACCURACIES[command]
    else:
        assert float(results["mean square error"]) < ERRORS[command]
    if can_draw:
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_same_seed_gives_the_same_network() -> None:
    command = "yin_yang.py --epochs 1 --train-size 100 --hidden 10"
    assert read_results(command) == read_results(command)


def test_weights_are_saved(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    read_results("latency_mnist.py --epochs 1 --hidden 16", "--save", str(tmp_path / "weights"))
    sizes = {np.load(file).size for file in (tmp_path / "weights").iterdir()}
    assert sizes == {64 * 16, 16 * 10}


def test_mnist_from_a_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (96, 28, 28)).astype(np.uint8)
    labels = random.integers(0, 10, 96)
    file = tmp_path / "mnist.npz"
    np.savez(file, x_train=images, y_train=labels, x_test=images[:32], y_test=labels[:32])
    for script in ("latency_mnist.py --conv", "deep_r.py --hidden 8"):
        results = read_results(f"{script} --epochs 1", "--mnist", str(file), "--validate")
        assert 0.0 <= float(results["test accuracy"]) <= 1.0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("latency_mnist.py --mnist nowhere.npz", "there is no file nowhere.npz"),
        ("deep_r.py --mnist FILE", "is not the mnist.npz of Keras"),
        ("latency_mnist.py --conv --rule eprop", "e-prop does not share"),
        ("latency_mnist.py --rule backprop", "invalid choice: 'backprop'"),
        ("yin_yang.py --epochs 0", "must be at least 1, got 0"),
        ("deep_r.py --connected 2", "must be larger than 0 and at most 1"),
        ("learned_delays.py --plot picture", "needs the name of a picture"),
    ],
)
def test_mistakes_are_explained(command: str, message: str) -> None:
    if "--plot" in command:
        pytest.importorskip("matplotlib")
    done = run(command.replace("FILE", __file__))
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


def test_accuracy_script_repeats_an_example(tmp_path: Path) -> None:
    output = tmp_path / "lines.jsonl"
    script = "../benchmarks/accuracy.py"
    done = run(f"{script} delays_none --seeds 1 2", "--output", str(output), "--epochs", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    line = json.loads(output.read_text())
    assert json.loads(done.stdout) == line and line["seeds"] == [1, 2]
    values = line["values"]["test accuracy"]
    assert line["mean"]["test accuracy"] == pytest.approx(np.mean(values))
    assert line["sd"]["test accuracy"] == pytest.approx(np.std(values, ddof=1))
