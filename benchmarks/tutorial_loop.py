"""The tutorial's MLP GAN as PyTorch tutorials write it: DataLoader, per-sample transforms, `.item()` each step."""

import measure  # isort: skip  # Before the slow imports.

import mnist
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

BATCH, LATENT = 64, 100


class MNIST(Dataset):
    """Like torchvision's dataset with the transforms ToTensor and Normalize((0.5,), (0.5,)), step by step."""

    def __init__(self) -> None:
        self.pictures = torch.from_numpy(mnist.pictures())

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self.pictures[index].numpy())
        return self.normalize(self.to_tensor(picture))

    @staticmethod
    def to_tensor(picture: Image.Image) -> Tensor:
        pixels = torch.from_numpy(np.array(picture))
        return pixels.view(picture.size[1], picture.size[0], 1).permute(2, 0, 1).contiguous().float().div(255)

    @staticmethod
    def normalize(picture: Tensor) -> Tensor:
        mean, std = torch.tensor([0.5]).view(-1, 1, 1), torch.tensor([0.5]).view(-1, 1, 1)
        return picture.clone().sub_(mean).div_(std)


def generator() -> nn.Module:
    return nn.Sequential(
        nn.Linear(LATENT, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 512),
        nn.LeakyReLU(0.2),
        nn.Linear(512, 1024),
        nn.LeakyReLU(0.2),
        nn.Linear(1024, 784),
        nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)),
    )


def discriminator() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.4),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.4),
        nn.Linear(256, 1),
        nn.Sigmoid(),
    )


def main() -> None:
    meter, iterations = measure.Meter(), measure.iterations()
    torch.manual_seed(0)
    loader = DataLoader(MNIST(), batch_size=BATCH, shuffle=True)
    g, d = generator(), discriminator()
    criterion = nn.BCELoss()
    adam_g = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    losses = []
    while True:
        for real in loader:
            ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)

            adam_d.zero_grad()
            fake = g(torch.randn(len(real), LATENT))
            loss_d = criterion(d(real), ones) + criterion(d(fake.detach()), zeros)
            loss_d.backward()
            adam_d.step()

            adam_g.zero_grad()
            loss_g = criterion(d(fake), ones)
            loss_g.backward()
            adam_g.step()

            losses.append((loss_d.item(), loss_g.item()))
            meter.tick()
            if meter.iterations == iterations:
                return meter.report()


if __name__ == "__main__":
    main()
