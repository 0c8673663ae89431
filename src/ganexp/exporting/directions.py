"""The latent directions that change a generator's pictures most."""

import torch
from torch import Tensor, nn

from ganexp.errors import UserError


def directions(generator: nn.Module, latent_dim: int, n: int) -> tuple[Tensor, Tensor]:
    """Right singular vectors of the first layer's weights, strongest first: unit rows, float [n', latent_dim].

    Beside them each one's share of all that the layer passes on of a latent from N(0, 1): float [n'],
    squared singular values over their sum. n' is n, or less where the layer has fewer. A step along one
    moves the layer's outputs along one of their principal components. This is SeFa's closed form (Shen and
    Zhou 2021); GANSpace (Härkönen et al. 2020) found such components from samples.
    UserError for a generator without such a layer.
    """
    # A label's features, if there are any, come behind the latent's.
    first = next((w for w in map(_weights, generator.modules()) if w is not None and w.shape[1] >= latent_dim), None)
    if first is None:
        raise UserError("the network has no nn.Linear or nn.ConvTranspose2d that could take the latent")
    _, strengths, vectors = torch.linalg.svd(first[:, :latent_dim].double(), full_matrices=False)
    shares = strengths.square() / strengths.square().sum()
    # A vector's sign is free; fixed, the same weights give the same page on any machine.
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    return (vectors * signs)[:n].float(), shares[:n].float()


def _weights(layer: nn.Module) -> Tensor | None:
    """[outputs, inputs] of a layer that could be the first."""
    if isinstance(layer, nn.Linear):
        return layer.weight
    return layer.weight.flatten(1).T if isinstance(layer, nn.ConvTranspose2d) else None
