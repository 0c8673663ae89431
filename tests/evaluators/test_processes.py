"""The work of an evaluation, shared by two processes."""

import multiprocessing

import pytest
import torch

from ganexp.evaluators import evaluator
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.pictures.sampling import latents


def pictures(start: int, stop: int) -> torch.Tensor:
    """Those of a generator that is not there: the numbers `start` to `stop` of a stream."""
    return (latents(7, start, stop, 784).view(-1, 1, 28, 28) * 40 + 128).clamp(0, 255).to(torch.uint8)


def share(which: str, start: int, stop: int) -> Statistics:
    return Statistics.of(evaluator.load(which).embed(pictures(start, stop))[0])


@pytest.mark.slow
def test_two_processes_give_the_number_of_one(fake_evaluator):
    which = str(fake_evaluator)
    alone = share(which, 0, 1000)
    # 530 is at no block's end, neither of the latents nor of the evaluator.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.starmap(share, [(which, 0, 530), (which, 530, 1000)])
    reference = share(which, 1000, 2000)
    together = frechet_distance(first + second, reference)
    assert together == pytest.approx(frechet_distance(alone, reference), rel=1e-9)
