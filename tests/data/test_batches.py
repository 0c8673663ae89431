"""Batches are a function of the seed and their number."""

import pytest
import torch

from ganexp.data.batches import Batches
from ganexp.data.dataset import Pictures


def counted(n: int) -> Pictures:
    """Picture k is filled with k, and its label is k."""
    k = torch.arange(n)
    return Pictures(k.to(torch.uint8).view(n, 1, 1, 1).expand(n, 3, 2, 4).contiguous(), k, tuple(map(str, range(n))))


def batches(n: int = 50, batch_size: int = 8, seed: int = 0, **more) -> Batches:
    return Batches(counted(n), batch_size, seed, **more)


def numbers(source: Batches, which) -> list[int]:
    return [k for number in which for k in source[number][1].tolist()]


def test_an_epoch_has_no_picture_twice_and_no_broken_batch():
    source = batches()
    epochs = [numbers(source, range(6 * e, 6 * e + 6)) for e in range(3)]
    for epoch in epochs:
        assert len(epoch) == len(set(epoch)) == 48
    assert epochs[0] != epochs[1] != epochs[2]
    assert set().union(*epochs) == set(range(50)), "what one epoch leaves out comes in another"


def test_a_batch_depends_on_the_seed_and_its_number_alone():
    order = [17, 3, 0, 40, 3, 17]
    source = batches(flip=True)
    for number in order:
        images, labels = source[number]
        again, labels_again = batches(flip=True)[number]
        assert torch.equal(images, again) and torch.equal(labels, labels_again)
    assert numbers(batches(seed=0), range(6)) != numbers(batches(seed=1), range(6))


def test_the_draws_leave_torchs_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    batches(flip=True)[3]
    assert torch.equal(before, torch.get_rng_state())


def test_pictures_stand_beside_their_labels():
    images, labels = batches()[4]
    torch.testing.assert_close(images, (labels / 127.5 - 1).view(-1, 1, 1, 1).expand_as(images), atol=1e-6, rtol=0)


def test_bytes_become_floats_from_minus_one_to_one():
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    batch, labels = Batches(Pictures(images, None, ()), 1, 0)[0]
    assert labels is None
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch, images.double().div(127.5).sub(1).float(), atol=1e-6, rtol=0)
    assert batch.min() == -1 and batch.max() == pytest.approx(1, abs=1e-6)


def test_about_half_of_the_pictures_are_mirrored_and_none_is_changed_otherwise():
    generator = torch.Generator().manual_seed(0)
    pictures = Pictures(torch.randint(256, (64, 3, 4, 4), dtype=torch.uint8, generator=generator), None, ())
    plain, flipped = (Batches(pictures, 32, 0, flip=flip) for flip in (False, True))
    mirrored = []
    for number in range(40):
        a, b = plain[number][0], flipped[number][0]
        straight = (a == b).flatten(1).all(1)
        assert (straight | (a.flip(3) == b).flatten(1).all(1)).all()
        mirrored.append(~straight)
    assert torch.cat(mirrored).float().mean() == pytest.approx(0.5, abs=0.06)
    assert not torch.equal(mirrored[0], mirrored[1])
