"""How D and G take turns in a training."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam
from toys import ADAM, Looks, fit, gan, mlp, objectives, same, weights

from ganexp import random_state
from ganexp.gan import AVERAGE_EVERY
from ganexp.losses import Hinge, Loss, NonSaturating, Relativistic, Wasserstein
from ganexp.networks.dcgan import DCGAN
from ganexp.networks.layout import in_order_of, put_channels_last, put_moments_in_order
from ganexp.regularizers import GradientPenalty, WeightClip


def still(parameters) -> SGD:
    """An optimizer that moves nothing."""
    return SGD(parameters, lr=0.0)


def test_a_training_is_the_loop_that_one_would_write_by_hand():
    trained, method = gan(objectives(mlp(dropout=0.4))), objectives(mlp(dropout=0.4))
    torch.manual_seed(2)
    trained.on_load_checkpoint({"rng": random_state.of(trained.device)})
    fit(trained, 3)
    torch.manual_seed(2)
    descend = [ADAM(network.parameters()) for network in (method.discriminator, method.generator)]
    for step in range(3):
        real, _ = trained.batches[step]
        for optimizer, objective in zip(
            descend, (lambda real: method.for_discriminator(real).loss, method.for_generator), strict=True
        ):
            optimizer.zero_grad()
            objective(real).backward()
            optimizer.step()
    for network in ("generator", "discriminator"):
        assert same(weights(getattr(trained, network)), weights(getattr(method, network)))


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("loss", [NonSaturating(), Relativistic()])
def test_each_network_s_steps_leave_the_other_untouched(conditional, loss):
    for moving in ("generator", "discriminator"):
        method = objectives(DCGAN(hidden=4, latent_dim=4), loss, conditional=conditional)
        before = {name: weights(getattr(method, name)) for name in ("generator", "discriminator")}
        fit(gan(method, optimizers=(ADAM, still) if moving == "generator" else (still, ADAM)), 2)
        for name in before:
            assert same(before[name], weights(getattr(method, name))) == (name != moving)


class OneSided(Loss):
    """Only G has something to gain."""

    def discriminator(self, real, fake):
        return 0 * real.mean()

    def generator(self, fake, real=None):
        return -fake.mean()


def test_the_generator_s_step_gives_the_discriminator_no_gradient():
    trained = fit(gan(objectives(loss=OneSided())), 1)
    assert not any(p.grad.any() for p in trained.discriminator.parameters())
    assert any(p.grad.any() for p in trained.generator.parameters())


@pytest.mark.parametrize("n_critic", [1, 3])
def test_an_iteration_is_n_critic_steps_of_the_discriminator_and_one_of_the_generator(n_critic):
    def counted(gan, step):
        return [next(iter(optimizer.state.values()))["step"].item() for optimizer in gan.trainer.optimizers]

    steps = Looks(counted)
    trained = fit(gan(n_critic=n_critic), 3, steps)
    assert steps.seen == [[step, n_critic * step] for step in (1, 2, 3)]
    assert trained.global_step == 3


def test_each_step_of_the_discriminator_gets_a_batch_of_its_own():
    module = gan(n_critic=2)
    seen, numbered = [], module.batches.rows
    module.batches.rows = lambda number: seen.append(number) or numbered(number)
    fit(module, 3)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_scalars_are_new_at_every_pause_and_at_the_end():
    seen = Looks(lambda gan, step: (step, gan.scalars), every=2)
    trained = fit(gan(), 5, seen)
    assert [step for step, _ in seen.seen] == [2, 4]
    first, second = (scalars for _, scalars in seen.seen)
    assert first != second and trained.scalars not in (first, second)
    assert set(first) == {
        "loss/discriminator",
        "loss/generator",
        *(f"{name}/{side}" for name in ("probability", "accuracy") for side in ("real", "fake")),
        *(f"gradient_norm/{network}" for network in ("discriminator", "generator")),
    }


@pytest.mark.parametrize("loss", [Hinge(), Wasserstein(), Relativistic()])
def test_scores_are_not_called_probabilities_and_without_a_boundary_nobody_is_right(loss):
    seen = Looks(lambda gan, step: set(gan.scalars))
    fit(gan(objectives(loss=loss)), 1, seen)
    right = {"accuracy/real", "accuracy/fake"} if loss.boundary is not None else set()
    lengths = {"gradient_norm/discriminator", "gradient_norm/generator"}
    assert seen.seen[0] - lengths == {"loss/discriminator", "loss/generator", "score/real", "score/fake"} | right


def test_the_loss_of_a_classifier_has_a_curve_of_its_own():
    seen = Looks(lambda gan, step: gan.scalars)
    fit(gan(objectives(network=mlp(conditioning="auxiliary"), conditional=True)), 1, seen)
    assert seen.seen[0]["loss/classification"] > 1


def test_the_penalty_that_is_reported_is_the_newest():
    penalty = GradientPenalty(where="real", what="norm_zero", weight=1.0, interval=4)
    seen = Looks(lambda gan, step: gan.scalars["loss/penalty"])
    fit(gan(objectives(regularizers=[penalty])), 5, seen)
    assert seen.seen[0] == seen.seen[1] == seen.seen[3] > 0
    assert seen.seen[4] != seen.seen[3], "iteration 5 is update 4"


def test_a_resumed_run_reports_the_newest_penalty_of_before(tmp_path):
    def lazy():
        penalty = GradientPenalty(where="real", what="norm_zero", weight=1.0, interval=4)
        return gan(objectives(regularizers=[penalty]))

    path = tmp_path / "2.ckpt"
    whole, rest = (Looks(lambda gan, step: gan.scalars["loss/penalty"]) for _ in range(2))
    fit(lazy(), 3, whole, Looks(lambda gan, step: step == 2 and gan.trainer.save_checkpoint(path)))
    fit(lazy(), 3, rest, checkpoint=path)
    assert rest.seen == whole.seen[2:]


def test_parameters_that_are_frozen_stay_as_they_are():
    frozen = gan()
    first = next(frozen.discriminator.parameters()).requires_grad_(False)
    before = first.clone()
    fit(frozen, 2)
    assert torch.equal(first, before)


def test_weights_are_clipped_after_each_step_of_the_discriminator():
    clipped = fit(gan(objectives(regularizers=[WeightClip(limit=0.01)])), 2)
    assert max(p.abs().max() for p in clipped.discriminator.parameters()) <= 0.01
    assert max(p.abs().max() for p in clipped.generator.parameters()) > 0.01


@pytest.mark.parametrize("last", [False, True])
def test_updates_are_the_same_in_any_order_of_the_weights_in_memory(last):
    """Stock Adam goes by indices, and fused Adam by memory. The gradient of a penalty comes in an order of its own."""
    ends = []
    for reordered, fused in ((last, True), (False, False)):
        network = DCGAN(hidden=4, latent_dim=4, discriminator_norm="none")
        method = objectives(network, regularizers=[GradientPenalty("real", "norm_zero", 1.0)])
        for half in (method.generator, method.discriminator):
            if reordered:
                put_channels_last(half)
        adam = partial(Adam, lr=0.01, fused=fused)
        fit(gan(method, optimizers=(adam, adam)), 3)
        ends.append([*weights(method.generator), *weights(method.discriminator)])
    torch.testing.assert_close(ends[0], ends[1], atol=1e-4, rtol=1e-4)


def test_moments_of_a_checkpoint_take_the_order_of_the_weights():
    torch.manual_seed(0)
    old = nn.Parameter(torch.randn(4, 3, 2, 2))
    then = Adam([old], lr=0.1, fused=True)
    old.grad = torch.randn(4, 3, 2, 2)
    then.step()
    new = nn.Parameter(old.detach().clone(memory_format=torch.channels_last))
    now = Adam([new], lr=0.1, fused=True)
    now.load_state_dict(copy.deepcopy(then.state_dict()))
    put_moments_in_order(now)
    old.grad = torch.randn(4, 3, 2, 2)
    new.grad = in_order_of(new, old.grad)
    then.step()
    now.step()
    torch.testing.assert_close(new, old)


def test_the_average_forgets_fast_at_first_and_then_at_its_decay():
    module = gan(ema_decay=0.9)
    expected = weights(module.generator)
    raw = Looks(lambda gan, step: weights(gan.generator))
    fit(module, 108, raw)
    for step, current in enumerate(raw.seen):
        decay = min(0.9, (1 + step) / (10 + step))
        if step > 100:  # From here on, one update for every four iterations.
            decay = decay**AVERAGE_EVERY if (step + 1) % AVERAGE_EVERY == 0 else 1.0
        expected = [torch.lerp(average, new, 1 - decay) for average, new in zip(expected, current, strict=True)]
    for ours, theirs in zip(module.ema.parameters(), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_average_averages_running_statistics_too():
    module = gan(objectives(DCGAN(hidden=4, latent_dim=4, generator_norm="batch")), ema_decay=0.9)
    fit(module, 1)
    norms = [[m for m in net.modules() if isinstance(m, nn.BatchNorm2d)] for net in (module.ema, module.generator)]
    for average, raw in zip(*norms, strict=True):
        torch.testing.assert_close(average.running_mean, 0.9 * raw.running_mean)


def test_pictures_come_from_the_average_if_there_is_one():
    averaged, raw = gan(ema_decay=0.9), gan(ema_decay=0)
    assert averaged.sampled_generator is averaged.ema and raw.sampled_generator is raw.generator


def rates(gan, step):
    return gan.trainer.optimizers[0].param_groups[0]["lr"] / ADAM.lr


def test_learning_rates_fall_linearly_to_their_share():
    seen = Looks(rates)
    fit(gan(decay_from=0.5, decay_to=0.1), 8, seen)
    assert seen.seen == pytest.approx([1, 1, 1, 1, 1, 0.775, 0.55, 0.325])


def test_the_learning_rates_of_a_resumed_run_fall_as_if_it_had_never_stopped(tmp_path):
    whole, rest, path = Looks(rates), Looks(rates), tmp_path / "6.ckpt"
    saved = Looks(lambda gan, step: step == 6 and gan.trainer.save_checkpoint(path))
    fit(gan(decay_from=0.5, decay_to=0.1), 8, whole, saved)
    fit(gan(decay_from=0.5, decay_to=0.1), 8, rest, checkpoint=path)
    assert rest.seen == whole.seen[6:]


def test_without_a_fall_learning_rates_stay():
    seen = Looks(rates)
    fit(gan(decay_from=1.0), 4, seen)
    assert seen.seen == [1, 1, 1, 1]


def test_gradients_are_clipped_and_the_scalars_hold_their_norm_before_that():
    seen = Looks(lambda gan, step: gan.scalars["gradient_norm/discriminator"])
    clipped = fit(gan(clip_norm=1e-3), 1, seen)
    for network in (clipped.generator, clipped.discriminator):
        assert nn.utils.get_total_norm([p.grad for p in network.parameters()]) == pytest.approx(1e-3, rel=1e-3)
    assert seen.seen[0] > 0.01
