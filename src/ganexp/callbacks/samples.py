"""Pictures of the same latents over the whole run."""

import torch
from PIL import Image
from torch import Tensor

from ganexp import loggers, seeds
from ganexp.callbacks.callback import Callback
from ganexp.callbacks.checkpoints import Checkpoints
from ganexp.files.whole import whole
from ganexp.gan import GAN
from ganexp.networks.generator import Generator
from ganexp.pictures import drawing
from ganexp.pictures.sampling import generate
from ganexp.run_folder.folder import RunFolder, step_of

COLUMNS, ROWS = 10, 8


class SampleGrid(Callback):
    """Writes `samples/step-000000.png` …, and an animation of all grids at the end.

    The 80 latents are drawn once, from a random generator of their own. Each column of a conditional model shows one
    class.
    """

    # A grid that cannot be written, on a full disk for example, then costs no iteration.
    after = (Checkpoints,)

    def __init__(self, folder: RunFolder, every: int, seed: int, network: Generator, classes: tuple[str, ...]):
        self.folder, self.every = folder, every
        self.latent = torch.randn(COLUMNS * ROWS, network.latent_dim, generator=seeds.generator(seed, "grid"))
        num_classes = network.num_classes
        self.labels = (torch.arange(COLUMNS * ROWS) % COLUMNS % num_classes) if num_classes else None
        self._last = -1
        self.names = [classes[label] for label in self.labels] if self.labels is not None else None

    def state_dict(self) -> dict[str, Tensor]:
        return {"latent": self.latent}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        self.latent = state_dict["latent"]

    def begin(self, gan: GAN, step: int) -> None:
        # A process may have been killed between a checkpoint and the grid of the same iteration.
        if self.looks_at(step, gan.trainer.max_steps) and not self.folder.grid(step).is_file():
            self.look(gan, step)

    def look(self, gan: GAN, step: int) -> None:
        sheet = drawing.grid(generate(gan.sampled_generator, self.latent, self.labels), COLUMNS, self.names)
        path, self._last = self.folder.grid(step), step
        self.folder.check_still_there()
        with whole(path) as temporary:
            sheet.save(temporary, compress_type=Image.RLE)  # Three times as fast, and squares of one shade stay small.
        classes = "" if self.labels is None else ", one class a column"
        caption = f"The same {COLUMNS * ROWS} latents during the whole training{classes}"
        for logger in gan.trainer.loggers:
            loggers.show(logger, "samples", path, step, caption)

    def end(self, gan: GAN, step: int) -> None:
        if self.every:
            self._show_real(gan)
        if step != self._last:
            self.look(gan, step)
        with whole(self.folder.animation) as temporary:
            frames = self.folder.grids()
            drawing.animate(frames, [f"iteration {step_of(frame):,}" for frame in frames], temporary)

    def _show_real(self, gan: GAN) -> None:
        """A grid of training pictures, with the classes of the other grids, to compare them with."""
        batches = gan.batches
        if self.labels is None or batches.labels is None:
            rows = torch.arange(COLUMNS * ROWS) % len(batches.images)
        else:
            of_class = {c: (batches.labels == c).nonzero()[:, 0].cpu() for c in set(self.labels.tolist())}
            none = torch.tensor([-1])  # A class that was named may have no pictures.
            found = [(of_class[c] if len(of_class[c]) else none, i) for i, c in enumerate(self.labels.tolist())]
            rows = torch.stack([of[i % len(of)] for of, i in found])
        images = batches.images[rows.clamp(min=0).to(batches.images.device)].cpu()
        images[rows < 0] = 0
        with whole(self.folder.real) as temporary:
            drawing.grid(images, COLUMNS, self.names).save(temporary)
