"""The tutorial's MLP GAN as the GAN example in Lightning's documentation writes it, with Lightning's defaults.

The picture that the example gives TensorBoard at every step is left out.
"""

import measure  # isort: skip  # Before the slow imports.

import tempfile

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy
from torch.utils.data import DataLoader
from tutorial_loop import BATCH, LATENT, MNIST, discriminator, generator


class GAN(pl.LightningModule):
    def __init__(self, meter: measure.Meter, lr: float = 2e-4, b1: float = 0.5, b2: float = 0.999):
        super().__init__()
        self.save_hyperparameters(ignore="meter")
        self.automatic_optimization = False
        self.generator, self.discriminator = generator(), discriminator()
        self.meter = meter

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)

    def training_step(self, real: Tensor) -> None:
        optimizer_g, optimizer_d = self.optimizers()
        z = torch.randn(real.size(0), LATENT).type_as(real)

        self.toggle_optimizer(optimizer_g)
        ones = torch.ones(real.size(0), 1).type_as(real)
        g_loss = binary_cross_entropy(self.discriminator(self(z)), ones)
        self.log("g_loss", g_loss, prog_bar=True)
        self.manual_backward(g_loss)
        optimizer_g.step()
        optimizer_g.zero_grad()
        self.untoggle_optimizer(optimizer_g)

        self.toggle_optimizer(optimizer_d)
        ones = torch.ones(real.size(0), 1).type_as(real)
        zeros = torch.zeros(real.size(0), 1).type_as(real)
        real_loss = binary_cross_entropy(self.discriminator(real), ones)
        fake_loss = binary_cross_entropy(self.discriminator(self(z).detach()), zeros)
        d_loss = (real_loss + fake_loss) / 2
        self.log("d_loss", d_loss, prog_bar=True)
        self.manual_backward(d_loss)
        optimizer_d.step()
        optimizer_d.zero_grad()
        self.untoggle_optimizer(optimizer_d)

    def on_train_batch_end(self, *_: object) -> None:
        self.meter.tick()

    def configure_optimizers(self):
        lr, betas = self.hparams.lr, (self.hparams.b1, self.hparams.b2)
        adam_g = torch.optim.Adam(self.generator.parameters(), lr=lr, betas=betas)
        adam_d = torch.optim.Adam(self.discriminator.parameters(), lr=lr, betas=betas)
        return [adam_g, adam_d], []


def main() -> None:
    meter, iterations = measure.Meter(), measure.iterations()
    pl.seed_everything(0)
    loader = DataLoader(MNIST(), batch_size=BATCH, shuffle=True)
    with tempfile.TemporaryDirectory() as folder:
        # Lightning counts the updates of both optimizers.
        trainer = pl.Trainer(max_steps=2 * iterations, max_epochs=-1, accelerator="cpu", default_root_dir=folder)
        trainer.fit(GAN(meter), loader)
    assert meter.iterations == iterations
    print()  # The bar's line ends here.
    meter.report()


if __name__ == "__main__":
    main()
