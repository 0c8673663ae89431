"""What D and G each minimise, without a training loop."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from toys import batch, mlp, objectives

from ganexp.losses import NonSaturating, Relativistic
from ganexp.networks.dcgan import DCGAN
from ganexp.regularizers import GradientPenalty, Regularizer, WeightClip


def gradients(loss: torch.Tensor, module: nn.Module) -> list[torch.Tensor | None]:
    return list(torch.autograd.grad(loss, list(module.parameters()), allow_unused=True, retain_graph=True))


@pytest.mark.parametrize("conditional", [False, True])
def test_the_discriminator_s_objective_teaches_the_generator_nothing(conditional):
    method = objectives(network=DCGAN(hidden=4, latent_dim=4), conditional=conditional)
    loss = method.for_discriminator(*batch(conditional)).loss
    assert all(gradient is None for gradient in gradients(loss, method.generator))
    assert all(gradient is not None for gradient in gradients(loss, method.discriminator))


@pytest.mark.parametrize("loss", [NonSaturating(), Relativistic()])
def test_the_generator_s_objective_reaches_all_of_its_weights(loss):
    method = objectives(loss=loss)
    assert all(gradient is not None for gradient in gradients(method.for_generator(*batch()), method.generator))


def test_one_pass_over_both_batches_judges_as_two_passes_do():
    method = objectives(network=mlp(conditioning="auxiliary"), conditional=True)
    real, labels = batch(conditional=True)
    torch.manual_seed(1)
    judged = method.for_discriminator(real, labels)
    torch.manual_seed(1)
    fake = method.fakes(real, labels)
    for joint, pictures in ((judged.real, real), (judged.fake, fake)):
        alone = method.discriminator(pictures, labels)
        torch.testing.assert_close(joint.logits, alone.logits)
        torch.testing.assert_close(joint.class_logits, alone.class_logits)


@pytest.mark.parametrize(("norm", "sizes"), [("batch", [4, 4]), ("none", [8])])
@pytest.mark.parametrize("phase", ["discriminator", "generator"])
def test_batch_norm_never_sees_real_and_fake_together(norm, sizes, phase):
    network = DCGAN(hidden=4, latent_dim=4, discriminator_norm=norm)
    method = objectives(network=network, loss=Relativistic())
    seen = []
    method.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    getattr(method, f"for_{phase}")(*batch())
    assert seen == sizes


class Sum(Regularizer):
    """Its gradient is 1 everywhere."""

    def __init__(self, interval: int):
        self.interval = interval

    def penalty(self, discriminator, real, fake, labels):
        return sum(p.sum() for p in discriminator.parameters())


def test_a_lazy_penalty_comes_every_interval_th_update_that_many_times_as_heavy():
    def at(update, *regularizers):
        method = objectives(regularizers=regularizers)
        return gradients(method.for_discriminator(*batch(), update=update).loss, method.discriminator)

    for update, weight in ((0, 4), (1, 0), (4, 4)):
        for with_it, without in zip(at(update, Sum(4)), at(update), strict=True):
            torch.testing.assert_close(with_it - without, torch.full_like(without, weight))


def test_penalties_are_told_by_name_at_the_updates_at_which_they_fall_due():
    method = objectives(regularizers=[Sum(1), Sum(2), Sum(3)])
    for update, due in ((0, {"0", "1", "2"}), (1, {"0"}), (2, {"0", "1"}), (3, {"0", "2"})):
        objective = method.for_discriminator(*batch(), update=update)
        assert objective.penalties.keys() == set(method.due(update)) == due
        assert not any(penalty.requires_grad for penalty in objective.penalties.values())
        weighted = sum(method.regularizers[name].interval * penalty for name, penalty in objective.penalties.items())
        torch.testing.assert_close(objective.loss, objective.adversarial + weighted)


def test_a_projection_clips_the_weights_of_the_discriminator_alone():
    method = objectives(regularizers=[WeightClip(limit=0.01)])
    method.project()
    assert max(p.abs().max() for p in method.discriminator.parameters()) <= 0.01
    assert max(p.abs().max() for p in method.generator.parameters()) > 0.01


@pytest.mark.parametrize("loss", [NonSaturating(), Relativistic()])
def test_whatever_the_discriminator_judges_has_been_augmented(loss):
    method = objectives(loss=loss, regularizers=[GradientPenalty(where="line", what="norm_one", weight=1.0)])
    method.augment = lambda images: images + 10
    seen = []
    method.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    method.for_discriminator(*batch())
    method.for_generator(*batch())
    assert len(seen) == 3 and all(images.min() >= 9 for images in seen)


def test_an_auxiliary_classifier_learns_from_real_and_generated_pictures_and_teaches_the_generator():
    method = objectives(network=mlp(conditioning="auxiliary"), conditional=True)
    real, labels = batch(conditional=True)
    torch.manual_seed(1)
    of_discriminator = method.for_discriminator(real, labels)
    torch.manual_seed(1)
    of_generator = method.for_generator(real, labels)
    torch.manual_seed(1)
    on_real, on_fake = (method.discriminator(x, labels) for x in (real, method.fakes(real, labels)))
    classified = [cross_entropy(output.class_logits, labels) for output in (on_real, on_fake)]
    adversarial = method.loss.discriminator(on_real.logits, on_fake.logits)
    torch.testing.assert_close(of_discriminator.adversarial, adversarial)
    torch.testing.assert_close(of_discriminator.loss, adversarial + sum(classified))
    torch.testing.assert_close(of_generator, method.loss.generator(on_fake.logits, None) + classified[1])
