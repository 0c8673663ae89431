"""The embeddings of real pictures are computed once, and again only if something would change them."""

import dataclasses

import pytest

from ganexp import metrics
from ganexp.data.fake import Fake
from ganexp.evaluators import cache_key, classifier, evaluator, fitting, reference
from ganexp.evaluators.evaluator import Evaluator


@pytest.fixture
def embedded(monkeypatch):
    """How many pictures evaluators have embedded."""
    counts, embed = [], Evaluator.embed
    code = cache_key.code_of
    monkeypatch.setattr(cache_key, "code_of", lambda thing: code(embed if thing is Evaluator.embed else thing))
    monkeypatch.setattr(Evaluator, "embed", lambda self, images: counts.append(len(images)) or embed(self, images))
    return counts


def test_real_pictures_are_embedded_once(fake_evaluator, embedded, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loaded = evaluator.load(str(fake_evaluator))
    pictures = Fake(batch_size=8, n=50, image_size=28, channels=1, classes=10).load()
    first, second = (reference.reference(loaded, pictures) for _ in range(2))
    assert sum(embedded) == 50 and (first.features == second.features).all()
    other = dataclasses.replace(loaded, card=loaded.card | {"sha256": "0" * 64})
    reference.reference(other, pictures)
    reference.reference(loaded, dataclasses.replace(pictures, images=255 - pictures.images))
    assert sum(embedded) == 150


def test_the_key_depends_on_weights_network_and_code_of_the_features_and_on_nothing_else(fake_evaluator, monkeypatch):
    loaded = evaluator.load(str(fake_evaluator))
    key = cache_key.key_of(loaded, "pictures")
    assert key == cache_key.key_of(loaded, "pictures") != cache_key.key_of(loaded, "others")
    described = dataclasses.replace(loaded, card=loaded.card | {"note": "words", "recipe": {}, "fid": {}})
    assert cache_key.key_of(described, "pictures") == key
    two_views = loaded.card | {"architecture": loaded.card["architecture"] | {"two_views": True}}
    assert cache_key.key_of(dataclasses.replace(loaded, card=two_views), "pictures") != key
    code = cache_key.code_of
    for changed, alike in ((fitting, True), (evaluator, True), (classifier, False), (Evaluator.embed, False)):
        monkeypatch.setattr(cache_key, "code_of", lambda x, it=changed: code(x) + "changed" * (x is it))
        assert (cache_key.key_of(loaded, "pictures") == key) == alike


def test_comments_docstrings_and_lines_are_no_code():
    plain = "def f(a):\n    return a + 1\n"
    told = '"""Words."""\n\n\n# More.\ndef f(\n    a,\n):\n    """Says."""\n    return a + 1  # Why.\n'
    assert cache_key._without_words(plain) == cache_key._without_words(told)
    assert cache_key._without_words(plain) != cache_key._without_words(plain.replace("1", "2"))


def test_the_code_of_metrics_is_that_of_every_module_of_the_room():
    modules = [name for name in dir(metrics) if not name.startswith("_")]
    assert len(cache_key.code_of_metrics()) >= len(modules)
