"""GAN-train (Shmelkov, Schmid and Alahari 2018): samples alone train a classifier, which real pictures then test."""

from ganexp.data.dataset import Pictures
from ganexp.errors import UserError
from ganexp.evaluators.evaluator import Evaluator
from ganexp.evaluators.fitting import fit
from ganexp.run import Run


def check(run: Run, n: int, evaluator: Evaluator, known: bool, held_out: bool) -> None:
    """UserError if n samples of the run cannot train a classifier.

    known: whether the evaluator has the run's classes. held_out: whether the data has held-out pictures.
    """
    if not run.classes:
        raise UserError(
            f"gan_train=true needs samples of known classes, and {run.path} is not conditional; leave gan_train out"
        )
    if not known:
        raise UserError("gan_train=true needs an evaluator of the data's classes: train one, or leave gan_train out")
    if not held_out:
        raise UserError("gan_train=true needs held-out pictures, and this data has none: leave gan_train out")
    batch_size = evaluator.fitting.batch_size
    if n < batch_size:
        raise UserError(f"gan_train=true learns from batches of {batch_size} samples, and n={n}: type n=10000")


def accuracy(evaluator: Evaluator, samples: Pictures, held_out: Pictures, flip: bool) -> float:
    """Share of held-out pictures that a classifier gets right if samples alone have trained it.

    The labels of both are numbers of the evaluator's classes. The classifier and its fitting are the evaluator's.
    flip: whether a picture may be mirrored.
    """
    trained = fit(evaluator.architecture, evaluator.fitting, samples, flip, evaluator.device)
    return Evaluator("gan_train", trained, evaluator.card).accuracy(held_out)
