"""The house keeps its order: docs/design.md says how."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import ganexp

PACKAGE = Path(ganexp.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports when it is imported itself, also those that are imported for their names."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{name.name}" for name in node.names))
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_no_module_imports_itself_through_others():
    graph = {name: {other for other in imported(path) if other in MODULES} for name, path in MODULES.items()}
    graph = {name: others - {"ganexp", name} for name, others in graph.items()}
    assert len([*TopologicalSorter(graph).static_order()]) >= len(MODULES) - 1


def test_the_method_knows_neither_lightning_nor_hydra():
    method = ["objectives", "losses", "regularizers", "augment", "optimizers", "seeds"]
    method += [f"networks.{path.stem}" for path in (PACKAGE / "networks").glob("*.py") if path.stem != "__init__"]
    refused = "{'pytorch_lightning', 'lightning', 'hydra', 'omegaconf'}"
    code = f"import sys, {', '.join(f'ganexp.{name}' for name in method)}; print(*{refused} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_starts_a_command_or_reads_a_run_s_files_needs_no_torch():
    quick = ["train", "sample", "evaluate", "evaluator", "export", "report", "__main__", "sweeps", "page.render"]
    code = f"import sys, {', '.join(f'ganexp.{name}' for name in quick)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_tree_of_the_design_names_every_module():
    text = (Path(__file__).parents[1] / "docs" / "design.md").read_text()
    tree = text.partition("```")[2].partition("```")[0]
    named = set(re.findall(r"(\w+)\.py", tree)) | set(re.findall(r"(\w+)/", tree))
    there = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert there - {"__init__", "__main__", "__pycache__"} - named == set()
    assert {name for name in re.findall(r"(\w+)\.py", tree) if not [*PACKAGE.rglob(f"{name}.py")]} == set()
