"""The fences of a page of documentation, and what they promise to whoever writes pages.

A fence is a block between lines of three backticks. Its first line names its language:

console  commands and what they print. A line that begins with `$ ` is a command; if it ends with a backslash, it goes
         on in the next line. The lines up to the next command are its output, stdout and stderr as they come, compared
         by the rules of `agreement.py`: above all, `…` alone on a line stands for any number of lines, and inside of a
         line for any text. Where no output is written, none is compared. A last line `[exit 2]` says that the command
         ends with that code; without one it must end with 0.
yaml     an experiment. One that has `model` or `extends` is checked as it stands; any other is a part, and is laid over
         the experiment `mlp`. Files in `experiments` can be extended: `extends: experiments/mlp.yaml`.
python   statements, executed; one that fails fails the test. If there is a `>>>`, only the lines of prompts are
         executed, and what they print is compared like the output of commands.
text, sh, json, toml, html, and directives of MyST, such as `{math}`
         shown only. Other languages, and none, are refused.

All fences of a page share one folder, in which they run from the top of the page to its end. At first there is nothing
in it but the folder `experiments`. All Python of a page has one namespace. Each command has a POSIX shell of its own,
so `cd` and variables end with it; `mnistnn` and `python` are those that run the tests, the terminal is 120 columns wide
and has no colours. Data sets lie in a cache of the page, which has MNIST from the start.

Comments directly above a fence, one a line, change what is done with it; readers do not see them:

<!-- slow -->             runs only under `pytest -m slow`, and then all fences of its page do
<!-- not run: REASON -->  is not run, for a reason: no network, no GPU, hours
<!-- file: NAME -->       its text is kept as a file of that name, for the fences below. An experiment is checked, too;
                          Python is not executed: a command runs it
<!-- over: NAME -->       of yaml: a part, whatever it has, that is laid over this experiment instead of `mlp`
<!-- wrong: TEXT -->      of yaml: a mistake. Its check must fail with a message that has this text
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sybil import Document
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

RUN = ("console", "yaml", "python")
SHOWN = ("text", "sh", "json", "toml", "html")
DIRECTIVES = (
    "admonition",
    "figure",
    "image",
    "include",
    "list-table",
    "literalinclude",
    "math",
    "note",
    "tip",
    "toctree",
    "warning",
)

_LEXER = RawFencedCodeBlockLexer(re.compile(r"(?P<info>[^\n]*)\n"))
_COMMENT = re.compile(r"<!--\s*(?P<word>[^:]*?)\s*(?P<colon>:\s*(?P<text>.*?))?\s*-->")
_ALONE = ("slow",)
_WITH_TEXT = {"not run": (*RUN, *SHOWN), "file": (*RUN[1:], *SHOWN), "over": ("yaml",), "wrong": ("yaml",)}
_COMMAND = re.compile(r"\$ ((?:.*\\\n)*.*)\n?")
_EXIT = re.compile(r"\[exit (\d+)\]")


@dataclass(frozen=True)
class Fence:
    """A fence of a page.

    line      of the page, in which the fence begins
    notes     the comments above it: what is written before the colon, and after it
    mistakes  what no page may have
    """

    language: str
    text: str
    line: int
    notes: dict[str, str] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command of a fence; `output` is None where nothing is said of it."""

    line: str
    output: str | None
    exit_code: int


def fences(page: Path) -> list[Fence]:
    """Return the fences of a page in their order."""
    document = Document.parse(str(page), _LEXER)
    lines = document.text.splitlines()
    found = []
    for example in document:
        language = example.region.lexemes["info"].strip()
        comments = _comments_above(lines, example.line)
        notes = {word: text or "" for word, text in comments}
        text = str(example.region.lexemes["source"])
        mistakes = [*_mistakes_of_language(language), *_mistakes_of_notes(language, comments)]
        if language == "console" and not text.startswith("$ "):
            mistakes.append("a fence of console begins with a line `$ COMMAND`")
        found.append(Fence(language, text, example.line, notes, tuple(mistakes)))
    return found


def commands(fence: Fence) -> list[Command]:
    """Return the commands of a console fence."""
    return [_command(part) for part in re.split(r"^(?=\$ )", fence.text, flags=re.MULTILINE) if part.startswith("$ ")]


def _command(part: str) -> Command:
    said = _COMMAND.match(part)
    assert said is not None
    *lines, last = [*part[said.end() :].rstrip().splitlines(), ""]
    if lines and (code := _EXIT.fullmatch(lines[-1].strip())):
        return Command(said[1], "\n".join(lines[:-1]) or None, int(code[1]))
    return Command(said[1], "\n".join([*lines, last]).rstrip("\n") or None, 0)


def _comments_above(lines: list[str], line: int) -> list[tuple[str, str | None]]:
    """Return the comments that stand directly above a line (the first is 1), from the top."""
    found: list[tuple[str, str | None]] = []
    for above in reversed(lines[: line - 1]):
        comment = _COMMENT.fullmatch(above.strip())
        if comment is None:
            break
        found.insert(0, (comment["word"], comment["text"] if comment["colon"] else None))
    return found


def _mistakes_of_language(language: str) -> Iterable[str]:
    """Yield what is wrong with the first line of a fence."""
    directive = re.match(r"\{([\w-]+)\}", language)
    if not language:
        yield f"a fence without a language; there are {', '.join((*RUN, *SHOWN))}"
    elif (directive[1] not in DIRECTIVES) if directive else (language not in (*RUN, *SHOWN)):
        known = (*RUN, *SHOWN, *(f"{{{name}}}" for name in DIRECTIVES))
        yield f"the language {language!r} is not known here; there are {', '.join(known)}"


def _mistakes_of_notes(language: str, comments: list[tuple[str, str | None]]) -> Iterable[str]:
    """Yield what is wrong with the comments above a fence."""
    for word, text in comments:
        if word not in (*_ALONE, *_WITH_TEXT):
            yield f"the comment {word!r} is not known here; there are {', '.join((*_ALONE, *_WITH_TEXT))}"
        elif word in _ALONE and text is not None:
            yield f"the comment {word!r} says nothing more"
        elif word in _WITH_TEXT and not text:
            yield f"the comment {word!r} says nothing: <!-- {word}: … -->"
        elif language not in _WITH_TEXT.get(word, RUN):
            yield f"the comment {word!r} is not for a fence of {language}"
