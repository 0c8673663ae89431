"""What each metric means: a short name, which direction is better, and one sentence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """better: `lower`, `higher` or `near` a value; empty if nothing is known."""

    name: str
    better: str
    meaning: str

    @property
    def arrow(self) -> str:
        return {"lower": "↓", "higher": "↑"}.get(self.better, self.better.replace("near", "≈"))

    @property
    def sentence(self) -> str:
        return f"{self.meaning} Better: {self.better}." if self.better else self.meaning


ENTRIES = {
    "fid_test": Entry(
        "FID (held-out)",
        "lower",
        "The distance between the features of samples and of pictures that nobody trained on.",
    ),
    "fid": Entry("FID", "lower", "The distance between the features of samples and of training pictures."),
    "kid": Entry("KID", "lower", "A distance like FID that does not depend on the number of samples."),
    "mind": Entry(
        "MIND", "lower", "How far the features of samples must be moved, along random directions, to become real ones."
    ),
    "precision": Entry("precision", "higher", "The share of samples that look like real pictures."),
    "recall": Entry("recall", "higher", "The share of real pictures that the generator could make."),
    "density": Entry("density", "higher", "How close samples are to real pictures; real pictures reach about 1."),
    "coverage": Entry("coverage", "higher", "The share of real pictures with a sample close by."),
    "classifier_score": Entry(
        "classifier score", "higher", "High if single samples look like one class and all classes occur."
    ),
    "class_divergence": Entry("class divergence", "lower", "How far the shares of the classes are from the data's."),
    "class_accuracy": Entry(
        "class accuracy",
        "higher",
        "The share of samples that show the class that was asked for. "
        "If it is above that of real pictures, variety may be missing.",
    ),
    "gan_train": Entry("GAN-train", "higher", "How well a classifier trained on samples alone knows real pictures."),
    "modes": Entry("classes made", "higher", "The number of classes that the generator makes often enough."),
    "neighbour_distance": Entry(
        "neighbour distance",
        "near 1",
        "The distance of samples to the nearest training picture, divided by that of held-out pictures; low: copies.",
    ),
    "copies": Entry("copies", "near 0.01", "The share of samples that are nearly a training picture."),
    "duplicates": Entry("duplicates", "near 0.01", "The share of samples that are nearly identical to another one."),
}
"""The entries by the beginning of a metric's name. The first that fits is taken."""


def entry(metric: str) -> Entry:
    """The entry of `fid_mnist_cnn_v1`, `recall`, …; an unknown metric is its own name without a meaning."""
    whole, _, part = metric.partition("/")
    for beginning, found in ENTRIES.items():
        if whole == beginning or whole.startswith((f"{beginning}_", f"{beginning}-")):
            if part == "mean":
                return Entry(f"{found.name} by class", found.better, f"The mean of the {found.name} within each class.")
            return found
    return Entry(metric.replace("_", " "), "", "")
