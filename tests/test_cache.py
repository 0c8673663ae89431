"""What is computed once."""

import torch

from ganexp.cache import cached


def counted(calls: list) -> dict:
    calls.append(1)
    return {"x": torch.arange(3), "names": ["a"]}


def test_it_is_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = []
    for _ in range(2):
        found = cached("some/thing.pt", lambda: counted(calls))
        assert found["x"].tolist() == [0, 1, 2] and found["names"] == ["a"]
    assert len(calls) == 1


def test_a_broken_file_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "ganexp").mkdir()
    (tmp_path / "ganexp" / "thing.pt").write_bytes(b"half")
    calls = []
    assert cached("thing.pt", lambda: counted(calls))["names"] == ["a"]
    assert cached("thing.pt", lambda: counted(calls))["names"] == ["a"] and len(calls) == 1


def test_where_nothing_can_be_kept_it_is_used_all_the_same(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cached("thing.pt", lambda: counted([]))["names"] == ["a"]
    assert "cannot be kept" in caplog.text
