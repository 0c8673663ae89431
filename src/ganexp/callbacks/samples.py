"""Pictures of the same latents over the whole run."""

import torch
from torch import Tensor

from ganexp import loggers, pictures
from ganexp.callbacks.callback import Callback
from ganexp.callbacks.checkpoints import Checkpoints
from ganexp.folder import RunFolder, whole
from ganexp.gan import GAN
from ganexp.networks.generator import Generator
from ganexp.sampling import generate

COLUMNS, ROWS = 10, 8


class SampleGrid(Callback):
    """Writes `samples/step-000000.png` …, and an animation of all grids at the end.

    The 80 latents are drawn once, from a random generator of their own. Each column of a conditional model shows one
    class.
    """

    # A grid that cannot be written, on a full disk for example, then costs no iteration.
    after = (Checkpoints,)

    def __init__(self, folder: RunFolder, every: int, seed: int, network: Generator):
        self.folder, self.every = folder, every
        own = torch.Generator().manual_seed(seed)
        self.latent = torch.randn(COLUMNS * ROWS, network.latent_dim, generator=own)
        classes = network.num_classes
        self.labels = (torch.arange(COLUMNS * ROWS) % COLUMNS % classes) if classes else None

    def state_dict(self) -> dict[str, Tensor]:
        return {"latent": self.latent}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        self.latent = state_dict["latent"]

    def begin(self, gan: GAN, step: int) -> None:
        if step == 0 and self.every:
            self.look(gan, step)

    def look(self, gan: GAN, step: int) -> None:
        sheet = pictures.grid(generate(gan.sampled_generator, self.latent, self.labels), COLUMNS)
        path = self.folder.grid(step)
        with whole(path) as temporary:
            pictures.to_pil(sheet).save(temporary)
        classes = "" if self.labels is None else ", one class a column"
        caption = f"The same {COLUMNS * ROWS} latents during the whole training{classes}"
        for logger in gan.trainer.loggers:
            loggers.show(logger, "samples", path, step, caption)

    def end(self, gan: GAN, step: int) -> None:
        if not self.folder.grid(step).exists():
            self.look(gan, step)
        with whole(self.folder.animation) as temporary:
            pictures.animate(self.folder.grids(), temporary)
