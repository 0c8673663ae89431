"""The latent directions that change a generator's pictures most."""

import torch
from torch import Tensor, nn

from ganexp.errors import UserError


def directions(generator: nn.Module, latent_dim: int, n: int) -> tuple[Tensor, Tensor]:
    """The n strongest latent directions, and the share of each in the variance of the first layer's outputs.

    The directions are unit rows, float [n', latent_dim]: the right singular vectors of the first layer's weights. A
    step along a direction moves the layer's outputs along one of their principal components (SeFa's closed form, Shen
    and Zhou 2021; GANSpace, Härkönen et al. 2020, finds such components from samples). The shares are float [n']: the
    squared singular values, divided by their sum. n' is n, or less if the layer has fewer directions.
    UserError if the generator has no layer that takes the latent.
    """
    # In the input of the layer, the features of the label come after the latent.
    first = next((w for w in map(_weights, generator.modules()) if w is not None and w.shape[1] >= latent_dim), None)
    if first is None:
        raise UserError("the network has no nn.Linear or nn.ConvTranspose2d that could take the latent")
    _, strengths, vectors = torch.linalg.svd(first[:, :latent_dim].double(), full_matrices=False)
    shares = strengths.square() / strengths.square().sum()
    # The sign of a singular vector is arbitrary. Fixing it makes the page the same on every machine.
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    return (vectors * signs)[:n].float(), shares[:n].float()


def _weights(layer: nn.Module) -> Tensor | None:
    """The weights [outputs, inputs] of a layer that could take the latent, or None."""
    if isinstance(layer, nn.Linear):
        return layer.weight
    return layer.weight.flatten(1).T if isinstance(layer, nn.ConvTranspose2d) else None
