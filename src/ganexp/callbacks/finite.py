"""NaN and infinity: how ganexp finds them, and how a run with them ends."""

import math

from ganexp.console.arguments import line, override
from ganexp.errors import UserError
from ganexp.gan import GAN
from ganexp.run_folder.folder import RunFolder


def not_finite(gan: GAN) -> list[str]:
    """The networks with a weight that is NaN or infinite, and the newest training scalars that are NaN or infinite."""
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    found = [
        f"the weights of the {name}"
        for name, network in networks.items()
        if not all(bool(weights.isfinite().all()) for weights in network.parameters())
    ]
    return found + [name for name, value in gan.scalars.items() if not math.isfinite(value)]


def stop_if_not_finite(gan: GAN, step: int, folder: RunFolder) -> None:
    """UserError if something is NaN or infinite. The networks are then saved in `checkpoints/nan.ckpt`."""
    found = not_finite(gan)
    if not found:
        return
    gan.trainer.save_checkpoint(folder.nan)
    clip = override("train.clip_norm", gan.train_options.clip_norm / 2 or 1)
    advice = (
        f"To go on from the last checkpoint, type {line('train', override('fork', str(folder)), clip)}"
        if folder.has_checkpoint()
        else f"No checkpoint was saved before: start again with {clip}"
    )
    raise UserError(
        f"Stopped at iteration {step}: NaN or infinity in {', '.join(found)}. Lower the learning rates "
        "(optimizer.generator.lr, optimizer.discriminator.lr), or bound the gradients by train.clip_norm. "
        f"{folder.nan.relative_to(folder.path)} has the networks as they are now. {advice}"
    )
