"""`extends: other.yaml`: a configuration that says only what differs from another one.

The name is relative to the file that says it, or that of an experiment of mnistnn (`extends: mlp`). Chains are followed
up to a depth; a circle is an error.
"""

import os
from difflib import SequenceMatcher
from pathlib import Path

from mnistnn.config.examples import example_names, example_path, named_in_file
from mnistnn.config.merge import merge
from mnistnn.config.messages import Problem, ProblemError, shorten
from mnistnn.config.nodes import MappingNode, Node, Scalar
from mnistnn.config.parse import parse
from mnistnn.config.source import Place, Source, decode
from mnistnn.errors import did_you_mean, nearest
from mnistnn.storage.reading import TooLargeError, read_file
from mnistnn.storage.writing import is_text

KEY = "extends"
MAX_FILES = 8
MAX_BYTES = 1 << 20
"""No configuration file may be larger than this."""


def read_source(path: Path, name: str, asked_at: Place | None = None) -> Source:
    """Return the text of a regular file of at most MAX_BYTES in UTF-8.

    Raises ProblemError, at the place that asked for it, for anything else; it never waits.
    """

    def problem(reason: str, hint: str = "") -> ProblemError:
        what = reason if asked_at is None else f"cannot read {shorten(name, 200)}: {reason}"
        return ProblemError(Problem(asked_at or Place(Source(name, ""), 0), what, hint=hint))

    def refused(path: Path, error: OSError) -> ProblemError:
        match error:
            case FileNotFoundError():
                return problem("no such file", _meant(path, asked_at is None))
            case IsADirectoryError():
                has_run = (path / "run.json").exists()
                return problem("this is a folder", "to go on with a run: mnistnn resume" if has_run else "")
            case TooLargeError():
                return problem(f"larger than the {MAX_BYTES >> 20} MiB that a configuration may have")
        return problem(error.strerror or str(error))

    if not is_text(path.name):
        raise problem("the name of this file is not UTF-8, so no run could keep it", "give it another name")
    content = read_file(path, MAX_BYTES, refused)
    try:
        return decode(content, name, path)
    except ValueError as error:
        raise problem(str(error)) from error


def _meant(path: Path, with_folder: bool) -> str:
    """Return a hint at the file that may be meant: one of that name among the experiments, or of one like it.

    with_folder  whether a file beside it is named with its folder, as on a command line
    """
    names = [path.name] if path.suffix in (".yaml", ".yml") else [f"{path.name}.yaml"]
    for folder in (path.parent, path.parent / "experiments", Path("experiments")):
        for name in names:
            if (folder / name).is_file():
                return f"did you mean '{folder / name}'?"
    there = Path("experiments")
    known = {name: path.parent / name if with_folder else Path(name) for name in _siblings(path)}
    known |= {name: there / name for name in _siblings(there / "any") if name not in known}
    near = nearest(names[0], known)
    examples = example_names()
    for parts in (path.parts, path.parts[-2:], path.parts[-1:]):  # a name, perhaps with a group, in some folder
        said = "/".join(parts).removesuffix(".yaml")
        example = nearest(said, examples)  # unless a file is called more like it
        if example is not None and (near is None or _likeness(said, example) >= _likeness(path.stem, Path(near).stem)):
            return f"did you mean '{example}'?"
    return "" if near is None else f"did you mean '{known[near]}'?"


def _likeness(said: str, known: str) -> float:
    return SequenceMatcher(None, said, known).ratio()


def _siblings(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(path.parent) if entry.name.endswith((".yaml", ".yml")))
    except (OSError, ValueError):
        return []


def read_tree(source: Source, sources: list[Source], problems: list[Problem]) -> MappingNode | None:
    """Return the merged tree of `source` and of everything it extends; add each text read to `sources`.

    None when the structure of one of the texts cannot be read; the reasons are in `problems`.
    """
    sources.append(source)
    root = read_mapping(source, problems)
    if root is None or KEY not in root.entries:
        return root
    entry = root.entries[KEY]
    own = MappingNode({key: value for key, value in root.entries.items() if key != KEY}, root.place)
    if isinstance(entry.value, Scalar) and entry.value.valid and entry.value.value is None:
        return own
    try:
        base_source = _base(entry.value, source, sources)
    except ProblemError as error:
        problems.append(error.problem)
        return None
    base = read_tree(base_source, sources, problems)
    if base is None:
        return None
    merged = merge(base, own)
    assert isinstance(merged, MappingNode)
    # What the whole experiment lacks is the matter of the file that was asked for.
    return MappingNode(merged.entries, own.place)


def read_mapping(source: Source, problems: list[Problem]) -> MappingNode | None:
    """Return the tree of one text, which must be a mapping of keys; None, with a problem added, otherwise."""
    reported = len(problems)
    root = parse(source, problems)
    if isinstance(root, MappingNode):
        return root
    if len(problems) == reported:
        what = "this is empty" if root is None else "expected keys with values, such as 'name: mlp'"
        problems.append(Problem(root.place if root else Place(source, 0), what))
    return None


def _base(node: Node, source: Source, sources: list[Source]) -> Source:
    """Return the text that `extends` names; `sources` holds the chain of files so far."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise ProblemError(Problem(node.place, "expected the name of one file", hint="such as 'extends: base.yaml'"))
    if source.path is not None:
        path, name = named_in_file(node.value, source.path.parent, os.path.dirname(source.name))
    elif (example := example_path(node.value)) is not None:
        path, name = example, str(example)
    else:
        what = "only a file can extend another: nothing here to be relative to"
        hint = did_you_mean(node.value, example_names()) or "a text can extend an experiment of mnistnn, such as mlp"
        raise ProblemError(Problem(node.place, what, hint=hint))
    if any(_same(path, earlier.path) for earlier in sources):
        chain = " → ".join([*(earlier.name for earlier in sources), name])
        raise ProblemError(Problem(node.place, f"files extend each other in a circle: {chain}"))
    if len(sources) >= MAX_FILES:
        raise ProblemError(Problem(node.place, f"a chain of more than {MAX_FILES} files"))
    return read_source(path, name, node.place)


def _same(path: Path, other: Path | None) -> bool:
    return other is not None and os.path.realpath(path) == os.path.realpath(other)
