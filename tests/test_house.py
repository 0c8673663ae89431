"""The house keeps its order: docs/design.md says how."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ganexp

PACKAGE = Path(ganexp.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


MAY_KNOW = {
    "files": set(),
    "console": {"config", "errors"},
    "processes": {"config", "console", "errors"},
    "run_folder": {"__version__", "console", "errors", "files"},
    "pictures": {"console", "files", "networks", "seeds"},
    "networks": {"fields", "processes"},
    "metrics": set(),
    "data": {"errors", "fields", "files", "processes", "seeds"},
}
"""The packages that others stand on, and what each of them may import of ganexp."""
LISTED = ["files", "console", "processes", "run_folder", "pictures", "sweeps", "interactive"]
"""The packages of which the design names every module."""


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The modules that import statements name, also those that are imported for their names."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{name.name}" for name in node.names))
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_no_module_imports_itself_through_others():
    trees = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}
    graph = {name: {*imported(tree.body)} & {*MODULES} - {"ganexp", name} for name, tree in trees.items()}
    assert len([*TopologicalSorter(graph).static_order()]) >= len(MODULES) - 1


@pytest.mark.parametrize("package", MAY_KNOW)
def test_a_package_that_others_stand_on_does_not_know_them(package):
    for path in (PACKAGE / package).glob("*.py"):
        names = [name.split(".") for name in imported(ast.walk(ast.parse(path.read_text())))]
        known = {name[1] for name in names if name[0] == "ganexp" and len(name) > 1}
        assert known - {package} <= MAY_KNOW[package], path


def test_the_method_knows_neither_lightning_nor_hydra():
    method = ["objectives", "losses", "regularizers", "augment", "optimizers", "seeds"]
    method += [f"networks.{path.stem}" for path in (PACKAGE / "networks").glob("*.py") if path.stem != "__init__"]
    refused = "{'pytorch_lightning', 'lightning', 'hydra', 'omegaconf'}"
    code = f"import sys, {', '.join(f'ganexp.{name}' for name in method)}; print(*{refused} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_starts_a_command_or_reads_a_run_s_files_needs_no_torch():
    quick = [
        "train",
        "sample",
        "evaluate",
        "evaluator",
        "export",
        "report",
        "__main__",
        "sweeps.running",
        "page.render",
    ]
    code = f"import sys, {', '.join(f'ganexp.{name}' for name in quick)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_tree_of_the_design_names_every_module():
    text = (Path(__file__).parents[1] / "docs" / "design.md").read_text()
    tree = text.partition("```")[2].partition("```")[0]
    named = set(re.findall(r"(\w+)\.py", tree)) | set(re.findall(r"(\w+)/", tree))
    there = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    there |= {path.stem for name in LISTED for path in (PACKAGE / name).glob("*.py")}
    assert there - {"__init__", "__main__", "__pycache__"} - named == set()
    assert {name for name in re.findall(r"(\w+)\.py", tree) if not [*PACKAGE.rglob(f"{name}.py")]} == set()
