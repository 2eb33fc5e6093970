"""The house rules on imports, read from the syntax tree of every file. Imports inside functions count too.

Each line of the table may import the lines below it, never a line above, never a neighbour on its own line.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

LAYERS = """
    __main__ | sklearn
    api | cli
    course | reproduction | sweep | web
    analysis
    runner
    experiment
    tasks
    run | training
    config | objectives
    plugins
    augment | models
    data | layers | losses | optim | preprocess
    kernels
    backend | extras | stopping | storage
    component | errors | types
"""

# Third-party packages with a home. A file elsewhere that needs one asks the home for what it needs.
HOMES = {
    "click": ("cli",),
    "yaml": ("config",),
    "matplotlib": ("analysis",),
    "cupy": ("backend.arrays", "*_cuda"),
    "numba": ("backend.jit", "backend.handover_loops", "backend.lanes", "backend.block_code"),
    "llvmlite": ("backend.handover_loops", "backend.lanes", "backend.block_code", "backend.registers"),
    "onnx": ("analysis.export",),
    "onnxruntime": ("analysis.export",),
    "tensorboardX": ("analysis.export",),
    "optuna": ("sweep.optuna_seam",),
    "sklearn": ("sklearn",),
    "starlette": ("web",),
    "uvicorn": ("web.serving",),
    "fcntl": ("storage.locking", "storage.forcing"),
    "msvcrt": ("storage.locking",),
    "tqdm": ("cli", "runner.bars", "runner.progress", "data.datasets.download"),
}

# Where operating systems differ, and nobody else asks which one it is.
PLATFORMS = ("storage.locking", "storage.forcing", "storage.names", "runner.signals", "sweep.processes")

# What a file of the command line may import before a command runs, beside click and the standard library.
LIGHT = (
    "mnistnn",
    "mnistnn.cli",
    "mnistnn.errors",
    "mnistnn.storage.writing",
    "mnistnn.backend.machine",
    "mnistnn.runner.bars",
)

ROOT = Path(__file__).parents[1]
PLACES = {name.strip(): depth for depth, line in enumerate(LAYERS.strip().splitlines()) for name in line.split("|")}


class Import(NamedTuple):
    """`module` (its path below mnistnn, dotted) imports `target`, anywhere or before any function runs."""

    module: str
    target: str
    line: int
    at_once: bool

    def __str__(self) -> str:
        return f"mnistnn.{self.module}, line {self.line}, imports {self.target}"


def _modules() -> dict[str, Path]:
    """Return every module's file by its dotted path below mnistnn; a package stands for its __init__."""
    package = ROOT / "mnistnn"
    return {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(package.rglob("*.py"))
        if path != package / "__init__.py"
    }


MODULES = _modules()


def _targets(node: ast.AST) -> list[str]:
    """Return what an import statement imports: `from package import module` names the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "write imports from the root: from mnistnn.… import …"
        source = node.module or ""
        names = [f"{source}.{alias.name}" for alias in node.names]
        return [name if name.removeprefix("mnistnn.") in MODULES else source for name in names]
    return []


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _walk(node: ast.AST, at_once: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node but expressions, which import nothing, and whether it runs when the module is imported."""
    yield node, at_once
    inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(node)
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield from _walk(child, at_once and not inner)


def _all_imports() -> list[Import]:
    return [
        Import(module, target, node.lineno, at_once)
        for module, path in MODULES.items()
        for node, at_once in _walk(ast.parse(path.read_text(encoding="utf-8")), at_once=True)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for target in _targets(node)
    ]


IMPORTS = _all_imports()


def _place(module: str) -> str:
    return module.partition(".")[0]


def _is_at_home(module: str, homes: tuple[str, ...]) -> bool:
    return any(
        module.endswith(home[1:]) if home.startswith("*") else f"{module}.".startswith(f"{home}.") for home in homes
    )


def test_every_module_has_a_place_in_the_table():
    homeless = [module for module in MODULES if _place(module) not in PLACES]
    assert not homeless, (
        f"no place for {', '.join(homeless)}: add the first part of the name to LAYERS in this file, "
        "above all that it imports and below all that import it"
    )


def test_imports_go_downward_only():
    known = [i for i in IMPORTS if i.target.startswith("mnistnn.") and _place(i.module) in PLACES]
    wrong = []
    for found in known:
        source, target = _place(found.module), _place(found.target.removeprefix("mnistnn."))
        if source != target and target in PLACES and PLACES[source] >= PLACES[target]:
            direction = "a neighbour" if PLACES[source] == PLACES[target] else "upward"
            wrong.append(f"{found}: {direction}")
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_way_of_others():
    targets: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in IMPORTS:
        target = found.target.removeprefix("mnistnn.")
        if target != found.target and target in MODULES:  # another package may be called like one of ours
            targets[found.module].add(target)
    try:
        TopologicalSorter(targets).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_house_has_few_places_and_few_levels():
    assert len(list((ROOT / "mnistnn").glob("*.py"))) <= 6
    assert len(PLACES) <= 32
    assert len(LAYERS.strip().splitlines()) <= 15


@pytest.mark.parametrize("library", HOMES)
def test_library_is_imported_only_in_its_home(library):
    strays = [
        str(found)
        for found in IMPORTS
        if _place(found.target) == library and not _is_at_home(found.module, HOMES[library])
    ]
    assert not strays, "\n".join(strays)


def test_cupy_is_not_named_elsewhere_by_a_string():
    strays = [
        f"mnistnn.{module}, line {node.lineno}"
        for module, path in MODULES.items()
        if not _is_at_home(module, HOMES["cupy"])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == "cupy"
    ]
    assert not strays, "\n".join(strays)


def test_platform_is_asked_for_only_where_the_differences_are_hidden():
    asking = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.platform", "os.name", "platform.system")
    }
    assert asking == set(PLATFORMS)


def test_command_line_imports_heavy_things_only_inside_functions():
    heavy = [
        str(found)
        for found in IMPORTS
        if found.at_once
        and _place(found.module) == "cli"
        and found.target not in LIGHT
        and not found.target.startswith("mnistnn.cli.")
        and _place(found.target) != "click"
        and _place(found.target) not in sys.stdlib_module_names
    ]
    assert not heavy, "\n".join(heavy)
