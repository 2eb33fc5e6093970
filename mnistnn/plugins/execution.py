"""Executing a file of code: the one place where that is done.

What is executed are the very bytes whose digest is trusted: they were read once, are hashed here again and compiled
from memory. No module is imported for it, nothing is read from the disk again, and no compiled file is written.
"""

import ast
import hashlib
import linecache
import sys
import threading
import traceback
from functools import lru_cache
from types import CodeType, ModuleType

from mnistnn.component import FIELD_DOCS, field_docs
from mnistnn.errors import ConfigError
from mnistnn.plugins.checks import ComponentError
from mnistnn.plugins.code import CodeFile
from mnistnn.plugins.decorators import check_keys, kind_of
from mnistnn.plugins.trust import trusted_among

_MOST_KEPT = 32  # files of code whose classes are kept for experiments that were given the same

_LINE = "__mnistnn_line__"  # the attribute of a class that says where it begins

# One file at a time: two threads that load the same one get the same classes.
_executing = threading.RLock()


def classes_of(file: CodeFile) -> tuple[type, ...]:
    """Return the components that a file of code declares, in their order: its classes that have a decorator.

    Equal files have the same classes. Raises ConfigError, with file and line, for code that cannot be executed or
    declares none, and for a component that cannot be one; AssertionError if the code is not trusted.
    """
    digest = hashlib.sha256(file.content).hexdigest()
    if digest not in trusted_among([digest]):
        raise AssertionError(f"{file.name} (sha256 {digest}) is not trusted, and was about to be executed")
    with _executing:
        return _declared_by(file.name, file.content)


def line_of(cls: type) -> int | None:
    """Return the line of its file at which a component begins; None if it comes from no file of code."""
    return vars(cls).get(_LINE)


@lru_cache(maxsize=_MOST_KEPT)
def _declared_by(name: str, content: bytes) -> tuple[type, ...]:
    text = _decoded(name, content)
    tree, code = _compiled(name, content, text)
    module = _executed(name, content, text, tree, code)
    own = (each for each in vars(module).values() if kind_of(each) and each.__module__ == module.__name__)
    found = tuple(dict.fromkeys(own))
    if not found:
        raise ConfigError(
            f"{name}: declares no component: none of its classes has @layer, @optimizer, @loss, @transform, @policy or "
            "@fitted_model of mnistnn.plugins above it"
        )
    for cls in found:
        written = _class_in(tree, cls.__name__)
        setattr(cls, FIELD_DOCS, {} if written is None else field_docs(written))
        setattr(cls, _LINE, line_in(tree, cls.__name__))
        try:
            check_keys(cls)
        except ComponentError as error:
            raise _error_of(name, tree, error) from error
    return found


def _decoded(name: str, content: bytes) -> str:
    """Return the text as UTF-8, whatever encoding it asks for: a reader must see what is executed."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8: byte 0x{content[error.start]:02x}; save the file as UTF-8") from error


def _compiled(name: str, content: bytes, text: str) -> tuple[ast.Module, CodeType]:
    try:
        tree = ast.parse(text, name)
        return tree, compile(text, _shown(name, content), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ConfigError(f"{name}:{error.lineno or 1}: {error.msg}{_excerpt(error.text)}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # a byte 0, or nested too deeply
        raise ConfigError(f"{name}: is no Python: {error}") from error


def _executed(name: str, content: bytes, text: str, tree: ast.Module, code: CodeType) -> ModuleType:
    """Return a module that holds what the code defines. It can be found by its name while the code is executed only,
    by those who look up the types of fields.
    """
    shown = code.co_filename
    linecache.cache[shown] = (len(content), None, text.splitlines(keepends=True), shown)  # so tracebacks show lines
    module = ModuleType(f"mnistnn_code_{hashlib.sha256(content).hexdigest()}")
    module.__package__ = ""  # it has no neighbours
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 # this is what the file is for
    except ComponentError as error:
        raise _error_of(name, tree, error) from error
    except SystemExit as error:
        raise ConfigError(f"{name}:{_line_of(error, shown)}: ends the program, and it is to be loaded") from error
    except Exception as error:
        what = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
        raise ConfigError(f"{name}:{_line_of(error, shown)}: {what}") from error
    finally:
        del sys.modules[module.__name__]
    return module


def _shown(name: str, content: bytes) -> str:
    """Return what tracebacks call the file: no path, at which something else might lie."""
    return f"<{name} {hashlib.sha256(content).hexdigest()[:12]}>"


def _line_of(error: BaseException, shown: str) -> int:
    """Return the last line of the file that the error passed."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == shown), 0)


def _excerpt(text: str | None) -> str:
    return f": {text.strip()[:80]}" if text and text.strip() else ""


def _error_of(name: str, tree: ast.Module, error: ComponentError) -> ConfigError:
    """Return the error at the line of the field, the method or the class that is at fault."""
    return ConfigError(f"{name}:{line_in(tree, error.name, error.part)}: {error.name}: {error}")


def line_in(tree: ast.Module, class_name: str, part: str = "") -> int:
    """Return the line of a class, or of a field or method of it; 1 if there is no such class."""
    cls = _class_in(tree, class_name)
    if cls is None:
        return 1
    for node in cls.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {each.id for each in targets if isinstance(each, ast.Name)} | {getattr(node, "name", None)}
        if part and part in names:
            return node.lineno
    return cls.lineno


def _class_in(tree: ast.Module, name: str) -> ast.ClassDef | None:
    """Return the last class of a name: it is the one that counts."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name]
    return found[-1] if found else None
