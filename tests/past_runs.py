"""Writes run folders like those of real runs, without training anything."""

import json
from pathlib import Path
from typing import Any

import yaml
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

CARD = {
    "evaluator": "mnist_cnn_v1",
    "evaluator_sha256": "a" * 64,
    "reference": "MNIST train",
    "reference_sha256": "b" * 64,
    "samples": 10000,
    "weights": "ema",
    "seed": 0,
}


def evaluation(fid: float, **card: Any) -> dict[str, Any]:
    """An evaluation as in `run.json`; keywords change its card."""
    return {
        "figures": {"fid_mnist_cnn_v1": fid, "recall": 0.5, "fid_mnist_cnn_v1/3": 99.0},
        "floors": {"fid_mnist_cnn_v1": 0.6, "recall": 0.9},
        "noise": {"fid_mnist_cnn_v1": 0.2},
        "classes": {"0": 0.7, "1": 0.299, "2": 0.001},
        "card": CARD | card,
    }


def with_second_opinion(fid: float, second: float, mind: float, **card: Any) -> dict[str, Any]:
    """An evaluation with MIND and with the FID of a second evaluator, each measured to within 0.2."""
    found = evaluation(fid, **{"second_evaluator": "mnist_lenet_v1", "second_evaluator_sha256": "d" * 64} | card)
    found["card"] = {"directions": 1000, "directions_seed": 0} | found["card"]
    found["figures"] |= {"mind_mnist_cnn_v1": mind, "fid_mnist_lenet_v1": second}
    found["noise"] |= {"mind_mnist_cnn_v1": 0.2, "fid_mnist_lenet_v1": 0.2}
    return found


def write_run(
    folder: Path,
    *typed: str,
    choices: dict[str, str] | None = None,
    seed: int = 0,
    fid: float | None = None,
    record: dict[str, Any] | None = None,
    steps: tuple[int, ...] = (),
) -> Path:
    """A finished run with `typed` overrides, and with a grid and an evaluation at each of `steps`.

    `record` adds keys to `run.json`, or replaces them.
    """
    (folder / ".hydra").mkdir(parents=True)
    config: dict[str, Any] = {"seed": seed, "model": {"hidden": 256}, "network": {"hidden": "${model.hidden}"}}
    choices = {"model": "vanilla", "loss": "hinge", "hydra/launcher": "basic"} | (choices or {})
    for override in typed:
        key, _, value = override.partition("=")
        section, _, name = key.rpartition(".")
        if section:
            config.setdefault(section, {})[name] = yaml.safe_load(value)
    contents = {
        "config": config,
        "hydra": {"hydra": {"runtime": {"choices": choices}}},
        "overrides": [*typed, f"seed={seed}"],
    }
    for name, content in contents.items():
        (folder / ".hydra" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    about = {"status": "finished", "command": f"python -m ganexp.train {' '.join(typed)}", "seed": seed}
    measured = {"evaluation": evaluation(fid)} if fid is not None else {}
    (folder / "run.json").write_text(json.dumps(about | measured | (record or {})))
    with open(folder / "metrics.jsonl", "w") as file:
        for step in steps:
            file.write(
                json.dumps({"step": step, "seconds": step / 10, "samples": 9, "fid_mnist_cnn_v1": 100 - step}) + "\n"
            )
            write_grid(folder, step, shade=step % 256)
    return folder


def write_grid(run: Path, step: int, shade: int = 0) -> None:
    (run / "samples").mkdir(exist_ok=True)
    Image.new("L", (62, 62), shade).save(run / "samples" / f"step-{step:06d}.png")


def write_events(path: Path, began: float, scalars: list[tuple[float, int, str, float]]) -> None:
    """A TensorBoard file of (wall time, iteration, tag, value) that was opened at `began`."""
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=began, file_version="brain.Event:2").SerializeToString())
        for wall_time, step, tag, value in scalars:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.write(Event(wall_time=wall_time, step=step, summary=summary).SerializeToString())
