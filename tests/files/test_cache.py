"""Results that are computed once."""

import pooch
import pytest
import torch

from ganexp.files.cache import cached


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ganexp"


class Counted:
    """A computation that counts its calls."""

    calls = 0

    def __call__(self) -> dict:
        self.calls += 1
        return {"x": torch.arange(1000), "names": ["a"]}


def test_a_result_is_computed_once(folder):
    compute = Counted()
    for mmap in (False, False, True):
        found = cached("some/thing.pt", compute, mmap=mmap)
        assert torch.equal(found["x"], torch.arange(1000)) and found["names"] == ["a"]
    assert compute.calls == 1
    assert [file.name for file in (folder / "some").iterdir()] == ["thing.pt"]


def test_on_request_it_is_computed_anew():
    compute = Counted()
    for _ in range(2):
        cached("thing.pt", compute, anew=True)
    assert compute.calls == 2


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def alter(content: bytes) -> bytes:
    """A byte of the tensor is another one."""
    place = content.index((500).to_bytes(8, "little"))
    return content[:place] + b"\xff" + content[place + 1 :]


def alter_many(content: bytes) -> bytes:
    return bytes(byte ^ 0x40 if i % 97 == 0 else byte for i, byte in enumerate(content))


@pytest.mark.parametrize("damage", [cut, alter, alter_many, lambda content: b"", lambda content: b"half"])
@pytest.mark.parametrize("mmap", [False, True])
def test_a_file_whose_bytes_changed_is_made_anew(folder, damage, mmap):
    compute = Counted()
    cached("thing.pt", compute)
    file = folder / "thing.pt"
    file.write_bytes(damage(file.read_bytes()))
    for _ in range(2):
        assert torch.equal(cached("thing.pt", compute, mmap=mmap)["x"], torch.arange(1000))
    assert compute.calls == 2


@pytest.mark.parametrize("content", [{"a": 1}, [1], {"name": "other.pt", "content": {"x": 1}}])
def test_a_file_that_holds_something_else_is_made_anew(folder, content):
    folder.mkdir()
    torch.save(content, folder / "thing.pt")
    compute = Counted()
    for _ in range(2):
        assert cached("thing.pt", compute)["names"] == ["a"]
    assert compute.calls == 1


def test_where_nothing_can_be_kept_the_result_is_used_all_the_same(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cached("thing.pt", Counted())["names"] == ["a"]
    assert "cannot be kept" in caplog.text


def test_without_a_home_folder_nothing_is_kept_in_the_current_one(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(pooch, "os_cache", lambda name: f"~/.cache/{name}")
    monkeypatch.chdir(tmp_path)
    assert cached("thing.pt", Counted())["names"] == ["a"]
    assert not list(tmp_path.iterdir()) and "set XDG_CACHE_HOME" in caplog.text
