"""The tutorial's MLP GAN in Keras, as GAN tutorials write it: one `predict` and three `train_on_batch` an iteration.

Needs the extra: `pip install -e '.[keras]'`.
"""

import measure  # isort: skip  # Before the slow imports.

import mnist
import numpy as np
from tensorflow.keras.layers import Dense, Dropout, Input, LeakyReLU
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam

BATCH, LATENT = 64, 100


def build_generator() -> Sequential:
    model = Sequential([Input((LATENT,))])
    for width in (256, 512, 1024):
        model.add(Dense(width))
        model.add(LeakyReLU(0.2))
    model.add(Dense(784, activation="tanh"))
    return model


def build_discriminator() -> Sequential:
    model = Sequential([Input((784,))])
    for width in (512, 256):
        model.add(Dense(width))
        model.add(LeakyReLU(0.2))
        model.add(Dropout(0.4))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer=Adam(2e-4, 0.5))
    return model


def main() -> None:
    meter, iterations = measure.Meter(), measure.iterations()
    pictures = mnist.pictures().reshape(-1, 784).astype("float32") / 127.5 - 1
    generator, discriminator = build_generator(), build_discriminator()
    gan = Sequential([generator, discriminator])
    gan.compile(loss="binary_crossentropy", optimizer=Adam(2e-4, 0.5))
    ones, zeros = np.ones((BATCH, 1)), np.zeros((BATCH, 1))
    for _ in range(iterations):
        real = pictures[np.random.randint(0, len(pictures), BATCH)]
        fake = generator.predict(np.random.normal(0, 1, (BATCH, LATENT)), verbose=0)
        # Tutorials freeze the discriminator once, after compiling it. Keras 3 would then never train it.
        discriminator.trainable = True
        discriminator.train_on_batch(real, ones)
        discriminator.train_on_batch(fake, zeros)
        discriminator.trainable = False
        gan.train_on_batch(np.random.normal(0, 1, (BATCH, LATENT)), ones)
        meter.tick()
    meter.report()


if __name__ == "__main__":
    main()
