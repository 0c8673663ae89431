"""Names and parts of the classes, which every source of pictures has, a user's own too."""

import pytest
import torch
from pydantic.dataclasses import dataclass

from ganexp import build
from ganexp.data.cifar10 import CIFAR10
from ganexp.data.dataset import Dataset, Pictures, Split, printable
from ganexp.data.fake import Fake
from ganexp.data.image_folder import ImageFolder
from ganexp.data.mnist import MNIST
from ganexp.data.mnist_colour import MNISTColour
from ganexp.errors import UserError
from ganexp.fields import STRICT


@dataclass(frozen=True, config=STRICT)
class Zoo(Dataset):
    """Picture k is filled with k; its class is k modulo 3."""

    labelled: bool = True
    animals: tuple[str, ...] = ("cat", "dog", "ship")

    def read(self, split: Split) -> Pictures:
        k = torch.arange(9)
        images = k.to(torch.uint8).view(9, 1, 1, 1).expand(9, 1, 2, 2).contiguous()
        return Pictures(images, k % 3, self.animals) if self.labelled else Pictures(images, None, ())


def zoo(**options) -> Pictures:
    return Zoo(batch_size=1, **options).load()


def seen(pictures: Pictures) -> list[tuple[int, str]]:
    return [
        (int(image.max()), pictures.classes[label])
        for image, label in zip(pictures.images, pictures.labels, strict=True)
    ]


def test_without_a_choice_the_data_is_as_it_was_read():
    for options in ({}, {"classes": None}, {"classes": []}, {"classes": ["cat", "dog", "ship"]}):
        pictures = zoo(**options)
        assert seen(pictures) == [(k, ("cat", "dog", "ship")[k % 3]) for k in range(9)]
        assert pictures.sha256() == zoo().sha256()


@pytest.mark.parametrize("chosen", [["ship", "cat"], [2, 0], ["2", "cat"]])
def test_a_part_has_the_named_classes_in_the_order_that_was_asked_for(chosen):
    pictures = zoo(classes=chosen)
    assert pictures.classes == ("ship", "cat") and pictures.labels.dtype == torch.int64
    assert seen(pictures) == [(0, "cat"), (2, "ship"), (3, "cat"), (5, "ship"), (6, "cat"), (8, "ship")]


def test_the_hash_is_that_of_the_part():
    hashes = {zoo(**o).sha256() for o in ({}, {"classes": ["cat", "ship"]}, {"classes": ["ship", "cat"]})}
    assert len(hashes) == 3


def test_classes_get_other_names_and_are_chosen_by_them():
    pictures = zoo(class_names=["Katze", "Hund", "Schiff"], classes=["Schiff", "Katze"])
    assert pictures.classes == ("Schiff", "Katze") and pictures.images[:, 0, 0, 0].tolist() == [0, 2, 3, 5, 6, 8]
    assert zoo(class_names=["a", "b", "c"]).sha256() == zoo().sha256()


def test_a_name_may_look_like_a_number_or_a_truth_value():
    assert zoo(class_names=[1, 1.5, True]).classes == ("1", "1.5", "true")
    assert zoo(class_names=[2, 1, 0], classes=[0]).images[:, 0, 0, 0].tolist() == [2, 5, 8], "a name comes first"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": ["kat"]}, r"data\.classes=\[kat\]: no class kat; did you mean cat\?"),
        ({"classes": ["cat", 3]}, r"no class 3; .*Known: cat, dog, ship; or type a number from 0 to 2"),
        ({"classes": ["cat", 0]}, "cat comes twice"),
        ({"labelled": False, "classes": ["cat"]}, r"has no labels; leave data\.classes out"),
        ({"labelled": False, "class_names": ["cat"]}, r"has no labels; leave data\.class_names out"),
        ({"class_names": ["a", "b"]}, r"2 names, and the data has 3 classes \(cat, dog, ship\)"),
        ({"class_names": ["a", "b", "a"]}, "a comes twice"),
        ({"animals": ["cat", "dog", "ship", "frog"], "classes": ["frog"]}, "no pictures of frog"),
    ],
)
def test_a_mistake_gets_a_sentence(options, words):
    with pytest.raises(UserError, match=words) as refused:
        zoo(**options)
    assert "\n" not in str(refused.value)


def test_one_name_where_a_list_belongs_is_told_how_to_type_it():
    with pytest.raises(UserError, match=r"data\.classes=cat: must be a list: type data\.classes=\[cat\]"):
        build.dataset({"_target_": f"{__name__}.Zoo", "batch_size": 1, "classes": "cat"})


def test_names_are_shown_whatever_bytes_they_were():
    assert printable("caf\udce9 au lait\n") == "caf\\xe9 au lait\\n"
    assert printable("Größe 猫 👩‍🚀") == "Größe 猫 👩‍🚀"
    assert zoo(animals=["caf\udce9", "b", "c"]).classes == ("caf\\xe9", "b", "c")


def test_every_source_leaves_names_and_parts_to_the_base_class():
    for source in (CIFAR10, Fake, ImageFolder, MNIST, MNISTColour):
        assert source.load is Dataset.load


def test_made_up_pictures_have_as_many_classes_as_asked_or_those_named():
    assert Fake(batch_size=8, n=16, classes=3).load().classes == ("0", "1", "2")
    assert len(Fake(batch_size=8, n=16).load().classes) == 10
    named = Fake(batch_size=8, n=16, classes=["cat", "ship"]).load()
    assert named.classes == ("cat", "ship") and len(named.images) == 16
    assert Fake(batch_size=8, n=16, classes=0).load().labels is None
    with pytest.raises(UserError, match=r"data\.classes=-1: should be a number of classes, 0 or more"):
        build.dataset({"_target_": "ganexp.data.fake.Fake", "batch_size": 8, "classes": -1})
