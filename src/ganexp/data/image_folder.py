"""A folder of the user's own pictures."""

import hashlib
import logging
from pathlib import Path
from typing import Any, Literal

import PIL
import torch
from pydantic.dataclasses import dataclass

from ganexp.data import picture_files
from ganexp.data.dataset import Dataset, Pictures, Split, printable
from ganexp.data.picture_files import list_files, looks_like_picture, read_files
from ganexp.errors import UserError
from ganexp.fields import STRICT, Positive
from ganexp.files.cache import cached

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ImageFolder(Dataset):
    """All pictures below `root`, of any format that Pillow reads. No pictures are held out.

    root: a folder. Its subfolders, if there are any, are the classes; then no picture may lie beside them.
    image_size: the side of the square to which the middle of each picture is resized.
    channels: 3 for colour, 1 for grey.
    """

    root: str
    image_size: Positive = 32
    channels: Literal[1, 3] = 3

    def read(self, split: Split) -> Pictures:
        """Pictures are decoded once and kept in the user's cache until a file changes. A warning names every file that
        is not taken, with the reason; such a file is tried again at the next call."""
        root = self._folder()
        files, skipped = list_files(root)
        if root in skipped:
            raise UserError(f"data.root={self.root}: {skipped[root]}; name a folder that can be read")
        depth = len(root.parts)
        beside = [file for file in files if len(file.parts) == depth + 1]
        in_classes = [file for file in files if len(file.parts) > depth + 1]
        pictures_beside = [file for file in beside if looks_like_picture(file)]
        if in_classes and pictures_beside:
            raise UserError(
                f"data.root={self.root}: {printable(pictures_beside[0].name)} lies beside the class folder "
                f"{printable(in_classes[0].parts[depth])} ({len(pictures_beside)} such pictures); move them into a "
                "folder of their own"
            )
        images, names, unreadable = self._decoded(root, in_classes or beside)
        self._tell({path.relative_to(root).as_posix(): why for path, why in skipped.items()} | unreadable)
        if not names:
            raise UserError(f"data.root={self.root}: no picture there that could be read; name another folder")
        if not in_classes:
            return Pictures(images, None, ())
        folders = [Path(name).parts[0] for name in names]
        classes = sorted(set(folders))  # A folder in which nothing could be read is no class.
        label = {name: number for number, name in enumerate(classes)}
        return Pictures(images, torch.tensor([label[folder] for folder in folders]), tuple(classes))

    def _folder(self) -> Path:
        try:
            root = Path(self.root).expanduser().resolve()
            found = root.is_dir()
        except (OSError, RuntimeError) as error:
            raise UserError(f"data.root={self.root}: {error}; name a folder that can be read") from None
        if not found:
            raise UserError(f"data.root={self.root}: no such folder; name one that holds pictures")
        return root

    def _decoded(self, root: Path, files: list[Path]) -> tuple[torch.Tensor, list[str], dict[str, str]]:
        """uint8 [N, C, H, W], the N files' names below `root`, and the other files' names with the reasons.

        Failures are not kept: the reason may be gone next time.
        """
        named = {file.relative_to(root).as_posix(): file for file in files}
        key = f"image_folder/{self._key(root, named)}.pt"
        kept = cached(key, lambda: self._decode(named)[0])
        read = set(kept["names"])
        missing = {name: file for name, file in named.items() if name not in read}
        again, unreadable = self._decode(missing)
        if again["names"]:
            kept = cached(key, lambda: self._decode(named)[0], anew=True)
        return kept["images"], kept["names"], unreadable

    def _decode(self, named: dict[str, Path]) -> tuple[dict[str, Any], dict[str, str]]:
        """The pictures, `images` with their `names`, and the names of the other files with the reasons."""
        images = torch.empty(len(named), self.channels, self.image_size, self.image_size, dtype=torch.uint8)
        reasons = dict(zip(named, read_files(list(named.values()), images, resize=True), strict=True))
        names = [name for name, reason in reasons.items() if reason is None]
        read = torch.tensor([reason is None for reason in reasons.values()], dtype=torch.bool)
        return (
            {"images": images[read], "names": names},
            {name: reason for name, reason in reasons.items() if reason is not None},
        )

    def _key(self, root: Path, named: dict[str, Path]) -> str:
        """A hash of everything that the decoded pictures depend on."""
        statuses = {name: file.stat() for name, file in named.items()}
        states = [(name, status.st_size, status.st_mtime_ns) for name, status in statuses.items()]
        reader = (PIL.__version__, Path(picture_files.__file__).read_bytes())
        key = repr((str(root), self.image_size, self.channels, states, reader))
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    def _tell(self, skipped: dict[str, str]) -> None:
        if skipped:
            told = [f"{printable(name)} ({reason})" for name, reason in sorted(skipped.items())[:10]]
            more = f", and {len(skipped) - 10} more" if len(skipped) > 10 else ""
            log.warning(
                "data.root=%s: skipped %d files or folders: %s%s", self.root, len(skipped), ", ".join(told), more
            )
