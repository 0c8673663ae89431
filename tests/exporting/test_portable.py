"""The files of a generator give its pictures in other programs."""

import json
import logging

import pytest
import torch

pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
safetensors = pytest.importorskip("safetensors")

from omegaconf import OmegaConf  # noqa: E402

from ganexp import build, config  # noqa: E402
from ganexp.errors import UserError  # noqa: E402
from ganexp.exporting import portable  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("exported")]


def arguments(n, labels):
    z = torch.randn(n, 12, generator=torch.Generator().manual_seed(1))
    return (z, torch.arange(n) % 3) if labels else (z,)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("network", ["mlp", "mlp_conv", "dcgan", "resnet", "compact"])
def test_onnx_s_pictures_are_torch_s_for_any_number_of_them(exported, network, conditional, tmp_path):
    _, generator, graph = exported(network, conditional)

    portable.write_onnx(graph, tmp_path / "generator.onnx")

    assert [path.name for path in tmp_path.iterdir()] == ["generator.onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx")
    inputs = [(i.name, i.type, i.shape) for i in session.get_inputs()]
    assert inputs == [("latent", "tensor(float)", ["N", 12]), ("label", "tensor(int64)", ["N"])][: 1 + conditional]
    assert [output.name for output in session.get_outputs()] == ["images"]
    for n in (1, 2, 7):
        given = arguments(n, conditional)
        (images,) = session.run(None, {name: x.numpy() for (name, _, _), x in zip(inputs, given, strict=True)})
        torch.testing.assert_close(torch.from_numpy(images), generator(*given), atol=1e-5, rtol=0)


def test_the_graph_holds_no_path_of_the_machine_that_wrote_it(untrained, capfd):
    _, generator = untrained("mlp", False)
    logging.getLogger("torch.onnx").setLevel(logging.WARNING)
    graph = portable.to_onnx(generator, 12, 0)
    assert b"/site-packages/" not in graph.SerializeToString() and b".py" not in graph.SerializeToString()
    assert capfd.readouterr() == ("", "")


def test_a_graph_that_makes_other_pictures_is_refused():
    class Unsteady(torch.nn.Module):
        """Behaves in another way while it is exported, as a network that depends on Python's state would."""

        def forward(self, latent, labels=None):
            return latent.tanh() if torch.compiler.is_exporting() else (2 * latent).tanh()

    with pytest.raises(UserError, match=r"by ONNX differ from torch's by 0\.\d+, and at most 1e-05 is"):
        portable.to_onnx(Unsteady(), 12, 0)


def test_a_network_that_onnx_cannot_express_is_refused():
    class Branching(torch.nn.Module):
        def forward(self, latent, labels=None):
            return latent if latent.sum() > 0 else -latent

    with pytest.raises(UserError, match="the network cannot be written as ONNX: "):
        portable.to_onnx(Branching(), 12, 0)


@pytest.mark.parametrize("conditional", [False, True])
def test_safetensors_are_enough_to_build_the_generator_again(untrained, conditional, tmp_path):
    run, generator = untrained("mlp_conv", conditional)
    path = tmp_path / "generator.safetensors"
    portable.write_safetensors(run, generator, path)

    with safetensors.safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["ganexp"])
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    assert told["classes"] == (["cat", "dog", "</script>"] if conditional else [])
    parsed = config.parse(OmegaConf.create(told["config"]))
    assert parsed == run.config
    again = build.generator(parsed, told["shape"], len(told["classes"]))
    again.load_state_dict(weights)
    given = arguments(5, conditional)
    assert torch.equal(again.eval()(*given), generator(*given))
