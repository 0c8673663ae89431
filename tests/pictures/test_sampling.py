"""Picture i of a seed does not depend on the other pictures that are asked for."""

import torch
from toys import mlp

from ganexp.evaluators import evaluator
from ganexp.pictures.sampling import (
    CHOICE_OFFSET,
    DRAWN_TOGETHER,
    classes_in_proportion,
    classes_in_turn,
    latents,
    sample,
)


def drawn(n: int, batch: int, seed: int = 0, classes: int = 0) -> torch.Tensor:
    torch.manual_seed(1)
    generator = mlp().generator((1, 28, 28), classes).eval()
    return torch.cat([images for images, _ in sample(generator, n, seed, batch)])


def test_the_batch_size_and_the_number_do_not_matter():
    whole = drawn(2 * DRAWN_TOGETHER + 20, DRAWN_TOGETHER)
    for batch in (7, DRAWN_TOGETHER + 1):
        assert (drawn(2 * DRAWN_TOGETHER + 20, batch).int() - whole.int()).abs().max() <= 1
    assert torch.equal(latents(0, 3, 9, 4), latents(0, 0, 600, 4)[3:9])
    assert torch.equal(
        latents(0, DRAWN_TOGETHER - 2, DRAWN_TOGETHER + 2, 4),
        latents(0, 0, 600, 4)[DRAWN_TOGETHER - 2 : DRAWN_TOGETHER + 2],
    )


def test_seeds_and_streams_differ_and_the_global_rng_is_left_alone():
    before = torch.get_rng_state()
    assert not torch.equal(latents(0, 0, 5, 4), latents(1, 0, 5, 4))
    assert not torch.equal(latents(0, 0, 5, 4), latents(CHOICE_OFFSET, 0, 5, 4))
    assert torch.equal(torch.get_rng_state(), before)


def test_latents_are_standard_normal():
    x = latents(0, 0, 40_000, 4)
    assert abs(x.mean()) < 0.02 and abs(x.std() - 1) < 0.02


def test_every_stretch_of_samples_has_the_class_shares_of_the_data():
    at = classes_in_proportion(torch.tensor([500, 300, 0, 200]))
    assert torch.bincount(at(0, 1000, 4), minlength=4).tolist() == [500, 300, 0, 200]
    assert torch.bincount(at(370, 470, 4), minlength=4).tolist() == [50, 30, 0, 20]
    assert torch.equal(torch.cat((at(0, 7, 4), at(7, 2500, 4))), at(0, 2500, 4))


def test_classes_that_are_equal_come_in_turn():
    assert torch.equal(classes_in_proportion(torch.full((10,), 37))(5, 400, 10), classes_in_turn(5, 400, 10))
    assert classes_in_proportion(torch.full((10,), 37))(0, 5, 0) is None


def test_generated_and_given_pictures_reach_an_evaluator_in_the_same_blocks():
    assert DRAWN_TOGETHER % evaluator.BATCH_SIZE == 0
