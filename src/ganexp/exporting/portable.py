"""A generator as files for other programs: ONNX, and safetensors."""

import dataclasses
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx  # type: ignore[import-not-found]
import onnxruntime  # type: ignore[import-not-found]
import torch
from safetensors.torch import save  # type: ignore[import-not-found]
from torch import nn

from ganexp.errors import UserError
from ganexp.files.whole import whole, write_whole
from ganexp.pictures.sampling import classes_in_turn, latents
from ganexp.run import Run

TOLERANCE = 1e-5
"""The largest difference between a value of torch and of onnxruntime, both in [-1, 1]."""


def to_onnx(generator: nn.Module, latent_dim: int, num_classes: int) -> onnx.ModelProto:
    """The ONNX graph of a generator in eval mode. onnxruntime checks that it makes the same pictures.

    Inputs: latent float32 [N, latent_dim] and, if `num_classes` is not 0, label int64 [N]. Output: images float32
    [N, C, H, W] in [-1, 1]. N may be any number. UserError if the generator cannot be written as a graph, or if the
    graph makes other pictures.
    """
    n = torch.export.Dim("N")
    arguments = _arguments(2, latent_dim, num_classes)
    with _quiet():
        try:
            program = torch.onnx.export(
                generator,
                arguments,
                dynamo=True,
                verbose=False,
                input_names=["latent", "label"][: len(arguments)],
                output_names=["images"],
                dynamic_shapes=({0: n},) * len(arguments),
            )
        except torch.onnx.errors.OnnxExporterError as error:
            first = str(error).splitlines()[0]
            raise UserError(f"the network cannot be written as ONNX: {first}") from error
    assert program is not None
    graph = program.model_proto
    _forget_origin(graph)
    _check(graph, generator, latent_dim, num_classes)
    return graph


def write_onnx(graph: onnx.ModelProto, path: Path) -> None:
    """Write the graph and its weights as one file."""
    with whole(path) as temporary:
        onnx.save_model(graph, str(temporary), format="protobuf")


def write_safetensors(run: Run, generator: nn.Module, path: Path) -> None:
    """Write the generator's weights, and as metadata everything that builds the generator again.

    The metadata `ganexp` is JSON with `config`, the run's composed configuration; `shape`, [channels, height, width];
    and `classes`, the names of the classes of a conditional generator. To build the generator again:

        with safetensors.safe_open("generator.safetensors", "pt") as file:
            told = json.loads(file.metadata()["ganexp"])
            weights = {key: file.get_tensor(key) for key in file.keys()}
        config = ganexp.config.parse(OmegaConf.create(told["config"]))
        generator = ganexp.build.generator(config, told["shape"], len(told["classes"]))
        generator.load_state_dict(weights)
        generator.eval()
    """
    told = {"config": dataclasses.asdict(run.config), "shape": run.shape, "classes": run.classes}
    # safetensors refuses two names of one tensor, so each name gets a copy.
    weights = {key: value.clone(memory_format=torch.contiguous_format) for key, value in generator.state_dict().items()}
    write_whole(path, save(weights, {"ganexp": json.dumps(told)}))


def _arguments(n: int, latent_dim: int, num_classes: int) -> tuple[torch.Tensor, ...]:
    labels = classes_in_turn(0, n, num_classes)
    return (latents(0, 0, n, latent_dim), *([] if labels is None else [labels]))


def _check(graph: onnx.ModelProto, generator: nn.Module, latent_dim: int, num_classes: int) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for n in (1, 5):
        arguments = _arguments(n, latent_dim, num_classes)
        names = [given.name for given in session.get_inputs()]
        (images,) = session.run(None, {k: v.numpy() for k, v in zip(names, arguments, strict=True)})
        with torch.no_grad():
            expected = generator(*arguments)
        difference = float((torch.from_numpy(images) - expected).abs().max())
        if not difference <= TOLERANCE:
            raise UserError(
                f"the network's pictures by ONNX differ from torch's by {difference:.1g}, and at most {TOLERANCE:g} is "
                "allowed: nothing was written"
            )


def _forget_origin(graph: onnx.ModelProto) -> None:
    """Remove the exporter's notes about the origin of each node, because they hold paths of this machine."""
    held = graph.graph
    for part in (graph, held, *held.node, *held.input, *held.output, *held.initializer):
        part.ClearField("metadata_props")
    held.ClearField("value_info")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's notes about itself and about missing packages."""
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
