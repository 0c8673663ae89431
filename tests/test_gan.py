"""The adversarial step."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ganexp.config import Train
from ganexp.data.batches import Batches
from ganexp.data.fake import Fake
from ganexp.gan import GAN
from ganexp.losses import NonSaturating, Relativistic
from ganexp.networks.dcgan import DCGAN
from ganexp.networks.mlp import MLP
from ganexp.optimizers import Adam
from ganexp.pictures import to_uint8
from ganexp.regularizers import GradientPenalty, Regularizer, WeightClip

SHAPE = (1, 28, 28)
DATA = Fake(batch_size=4, n=16, image_size=28, channels=1, classes=10)


def game(network=None, loss=None, regularizers=(), conditional=False, **train) -> GAN:
    """A small game, ready to be stepped without a trainer."""
    torch.manual_seed(0)
    network = network or MLP(hidden=8, latent_dim=4)
    classes = 10 if conditional else 0
    gan = GAN(
        network.generator(SHAPE, classes),
        network.discriminator(SHAPE, classes, per_sample=False),
        loss or NonSaturating(),
        regularizers,
        (Adam(), Adam()),
        Train(**train),
        latent_dim=4,
        make_batches=lambda device: Batches(DATA.load(), 4, 0, device),
        pauses=[1],
    )
    optimizers = gan.configure_optimizers()
    gan._trainer = SimpleNamespace(global_step=0, max_steps=100)
    gan.optimizers = lambda use_pl_optimizer=True: list(optimizers)
    gan.on_train_start()
    return gan


def bits(module: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in module.parameters()]


def same(before: list[torch.Tensor], module: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


@pytest.fixture
def reals():
    return Batches(DATA.load(), 4, 0, torch.device("cpu"))[0]


@pytest.mark.parametrize("conditional", [False, True])
def test_the_discriminator_phase_leaves_the_generator_untouched(reals, conditional):
    gan = game(conditional=conditional, network=DCGAN(hidden=4, latent_dim=4))
    generator, discriminator = bits(gan.generator), bits(gan.discriminator)
    gan.update_discriminator(reals[0], reals[1] if conditional else None, 0, reporting=False)
    assert same(generator, gan.generator)
    assert not same(discriminator, gan.discriminator)


@pytest.mark.parametrize("loss", [NonSaturating(), Relativistic()])
def test_the_generator_phase_leaves_the_discriminator_untouched(reals, loss):
    gan = game(loss=loss)
    generator, discriminator = bits(gan.generator), bits(gan.discriminator)
    gan.update_generator(reals[0], None, reporting=False)
    assert same(discriminator, gan.discriminator)
    assert all(p.grad is None for p in gan.discriminator.parameters())
    assert not same(generator, gan.generator)


def test_one_pass_over_both_batches_judges_as_two_passes_do(reals):
    gan = game(network=MLP(hidden=8, latent_dim=4, conditioning="auxiliary"), conditional=True)
    images, labels = reals
    of_real, of_fake = gan.judge(images, -images, labels)
    for joint, alone in ((of_real, gan.discriminator(images, labels)), (of_fake, gan.discriminator(-images, labels))):
        torch.testing.assert_close(joint.logits, alone.logits)
        torch.testing.assert_close(joint.classes, alone.classes)


@pytest.mark.parametrize(("norm", "sizes"), [("batch", [4, 4]), ("none", [8])])
def test_batch_norm_never_sees_real_and_fake_together(reals, norm, sizes):
    gan = game(network=DCGAN(hidden=4, latent_dim=4, discriminator_norm=norm))
    seen = []
    gan.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    gan.judge(reals[0], -reals[0], None)
    assert seen == sizes


class Sum(Regularizer):
    """Its gradient is 1 everywhere."""

    def __init__(self, interval: int):
        self.interval = interval

    def penalty(self, discriminator, real, fake, labels):
        return sum(p.sum() for p in discriminator.parameters())


def test_a_lazy_penalty_comes_every_interval_th_update_that_many_times_as_heavy(reals):
    def gradients(update, *regularizers):
        gan = game(regularizers=regularizers)
        gan.update_discriminator(reals[0], None, update, reporting=False)
        return [p.grad for p in gan.discriminator.parameters()]

    for update, weight in ((0, 4), (1, 0), (4, 4)):
        for with_it, without in zip(gradients(update, Sum(4)), gradients(update), strict=True):
            torch.testing.assert_close(with_it - without, torch.full_like(without, weight))


def test_the_penalty_that_is_reported_is_the_newest(reals):
    gan = game(regularizers=[GradientPenalty(where="real", what="norm_zero", weight=1.0, interval=4)])
    of_penalised, of_next = (
        gan.update_discriminator(reals[0], None, update, reporting=True)["loss/penalty"] for update in (0, 1)
    )
    assert of_penalised == of_next > 0


def test_weights_are_clipped_after_each_update_of_the_discriminator(reals):
    gan = game(regularizers=[WeightClip(limit=0.01)])
    gan.update_discriminator(reals[0], None, 0, reporting=False)
    assert max(p.abs().max() for p in gan.discriminator.parameters()) <= 0.01
    assert max(p.abs().max() for p in gan.generator.parameters()) > 0.01


def test_the_average_forgets_fast_at_first_and_then_at_its_decay():
    gan = game(ema_decay=0.9)
    before = bits(gan.ema)
    with torch.no_grad():
        for p in gan.generator.parameters():
            p.add_(1)
    gan.update_average(step=0)
    for a, b in zip(before, gan.ema.parameters(), strict=True):
        torch.testing.assert_close(b, a + 0.9)
    for step in range(10_000, 10_004):  # one update, of the weight of four
        gan.update_average(step)
    for a, b in zip(before, gan.ema.parameters(), strict=True):
        torch.testing.assert_close(b, a + 1 - 0.1 * 0.9**4)


def test_without_an_average_pictures_come_from_the_generator_and_leave_its_mode():
    gan = game(ema_decay=0, network=DCGAN(hidden=4, latent_dim=4))
    pictures = gan.pictures(torch.randn(3, 4), None)
    assert pictures.dtype == torch.uint8 and pictures.shape == (3, *SHAPE)
    assert gan.generator.training


def test_pictures_come_from_the_average():
    gan = game(ema_decay=0.9)
    with torch.no_grad():
        for p in gan.ema.parameters():
            p.add_(0.1)
    latent = torch.randn(3, 4)
    assert torch.equal(gan.pictures(latent, None), to_uint8(gan.ema(latent, None)))
    assert not torch.equal(gan.pictures(latent, None), to_uint8(gan.generator(latent, None)))


def test_learning_rates_fall_linearly_to_their_share():
    gan = game(decay_from=0.5, decay_to=0.1)
    rates = []
    for step in (0, 50, 75, 100):
        gan._set_learning_rates(step)
        rates.append(gan._optimizers[0].param_groups[0]["lr"] / 2e-4)
    assert rates == pytest.approx([1, 1, 0.55, 0.1])


def test_a_resumed_run_s_rates_fall_from_where_they_started():
    gan, resumed = (game(decay_from=0.5, decay_to=0.1) for _ in range(2))
    gan._set_learning_rates(75)
    for old, new in zip(gan._optimizers, resumed._optimizers, strict=True):
        new.load_state_dict(old.state_dict())
    resumed.on_train_start()
    resumed._set_learning_rates(100)
    assert resumed._optimizers[0].param_groups[0]["lr"] == pytest.approx(2e-5)


def test_gradients_are_clipped_in_norm_and_the_norm_from_before_is_told(reals):
    gan = game(clip_norm=1e-3)
    told = gan.update_discriminator(reals[0], None, 0, reporting=True)["gradient_norm/discriminator"]
    norm = nn.utils.get_total_norm([p.grad for p in gan.discriminator.parameters()])
    assert norm == pytest.approx(1e-3, rel=1e-3)
    assert told > 0.01


@pytest.mark.parametrize("loss", [NonSaturating(), Relativistic()])
def test_whatever_the_discriminator_judges_has_been_augmented(reals, loss):
    penalty = GradientPenalty(where="line", what="norm_one", weight=1.0)
    gan = game(loss=loss, regularizers=[penalty])
    gan.augment = lambda images: images + 10
    seen = []
    gan.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    gan.update_discriminator(reals[0], None, 0, reporting=False)
    gan.update_generator(reals[0], None, reporting=False)
    assert seen and all(images.min() >= 9 for images in seen)


def test_an_auxiliary_classifier_learns_from_real_and_generated_pictures(reals):
    gan = game(network=MLP(hidden=8, latent_dim=4, conditioning="auxiliary"), conditional=True)
    images, labels = reals
    torch.manual_seed(1)
    figures = gan.update_discriminator(images, labels, 0, reporting=True)
    gan = game(network=MLP(hidden=8, latent_dim=4, conditioning="auxiliary"), conditional=True)
    torch.manual_seed(1)
    of_real, of_fake = gan.judge(images, gan.generator(gan.latent(len(images)), labels), labels)
    expected = gan.loss.discriminator(of_real.logits, of_fake.logits)
    expected += cross_entropy(of_real.classes, labels) + cross_entropy(of_fake.classes, labels)
    torch.testing.assert_close(figures["loss/discriminator"], expected)
