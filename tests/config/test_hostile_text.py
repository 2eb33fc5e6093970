"""Text and files made to break a reader: each is refused with a message, soon."""

import os
import random
import threading
import time

import pytest

from mnistnn.config.extends import MAX_BYTES
from mnistnn.config.load import load_experiment, load_text
from mnistnn.config.parse import MAX_DEPTH, MAX_NODES
from mnistnn.errors import ConfigError

LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)
)
TOWER = "a0: &a0 [[[[[[[[[[1]]]]]]]]]]\n" + "".join(f"a{i + 1}: &a{i + 1} [[[*a{i}]]]\n" for i in range(20))

HOSTILE = {
    "deep flow lists": ("[" * 100_000, f"deeper than {MAX_DEPTH}"),
    "deep flow mappings": ("{a: " * 50_000, f"deeper than {MAX_DEPTH}"),
    "deep block lists": ("- " * 50_000, f"deeper than {MAX_DEPTH}"),
    "deep keys": ("? " * 50_000, f"deeper than {MAX_DEPTH}"),
    "a tower of aliases": (TOWER, f"deeper than {MAX_DEPTH}"),
    "a billion laughs": (LAUGHS, f"more than {MAX_NODES} values"),
    "many values": ("[" + "1," * 200_000, f"more than {MAX_NODES} values"),
    "an alias inside its anchor": ("a: &a [*a]", "x.yaml:1:8: the alias '*a' stands inside what it repeats"),
    "an unknown alias": ("a: *b", "x.yaml:1:4: the alias '*b' repeats nothing"),
    "a Python tag": ("a: !!python/object/apply:os.system [ls]", "x.yaml:1:4: tags are not allowed"),
    "a harmless tag": ("a: !!str 5", "x.yaml:1:4: tags are not allowed"),
    "a tag of its own": ("a: ! 5", "x.yaml:1:4: tags are not allowed"),
    "a tag on a key": ("!!str a: 5", "x.yaml:1:1: tags are not allowed"),
    "a merge key": ("a: &a {b: 1}\nc:\n  <<: *a", "x.yaml:3:3: merge keys (<<) are not allowed"),
    "two documents": ("a: 1\n---\na: 2", "x.yaml:2:1: a second document begins here"),
    "a directive": ("%YAML 1.1\n---\na: 2", "x.yaml:1:1: YAML directives"),
    "a number as key": ("1: a", "x.yaml:1:1: a key must be text, got 1"),
    "a null as key": ("~: a", "x.yaml:1:1: a key must be text, got ~"),
    "a list as key": ("? [a]\n: b", "x.yaml:1:3: a key must be one word"),
    "NUL": ("name: a\0b", "x.yaml:1:8: the character U+0000 is not allowed"),
    "a control character": ("name: x\nseed: \x1b[31m", "x.yaml:2:7: the character U+001B is not allowed"),
    "half a surrogate pair": ('name: "\\ud800"', "x.yaml:1:7: half a surrogate pair"),
    "an impossible character": ('name: "\\UFFFFFFFF"', "not valid YAML"),
    "a huge integer": ("seed: " + "9" * 500_000, "x.yaml:1:7: the number is too large"),
    "a tab": ("a:\n\tb: 1", "indent with spaces"),
    "an open quote": ("a: 1\nb: 'x\n", "not valid YAML"),
    "nothing": ("", "x.yaml: this is empty"),
    "comments only": ("# nothing\n", "x.yaml: this is empty"),
    "a list": ("- a\n", "x.yaml:1:1: expected keys with values"),
    "a word": ("mlp", "x.yaml:1:1: expected keys with values"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_soon(toy, text, message):
    start = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x.yaml")
    assert message in str(caught.value)
    assert time.monotonic() - start < 5


def test_error_text_never_carries_control_characters(toy):
    with pytest.raises(ConfigError) as caught:
        load_text('"\\e[31m\\u202e": 1\nname: \u202e\t"', "x\x1b[0m.yaml", ["\x1b=\x07"])
    assert all(c.isprintable() or c == "\n" for c in str(caught.value))


def test_number_of_errors_shown_is_bounded(toy):
    with pytest.raises(ConfigError) as caught:
        load_text("".join(f"key{i}: 1\n" for i in range(500)), "x.yaml")
    assert "and 483 more" in str(caught.value)
    assert len(str(caught.value)) < 20_000


def test_file_of_more_than_the_limit_is_refused(toy, tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than the 1 MiB"):
        load_experiment(path)


def test_largest_allowed_comment_is_read(toy, tmp_path, good):
    path = tmp_path / "large.yaml"
    path.write_text(good + "#" * (MAX_BYTES - len(good)))
    assert load_experiment(path).resolved["name"] == "toy"


def test_bytes_that_are_not_utf8_are_refused_with_their_place(toy, tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: a\nseed: \xe9\n")
    with pytest.raises(ConfigError, match="byte 0xe9 at line 2, column 7; save the file as UTF-8"):
        load_experiment(path)


def test_byte_order_mark_is_not_part_of_the_text(toy, tmp_path, good):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + good.replace("# A toy.\n", "").replace("toy", "7").encode())
    with pytest.raises(ConfigError, match=r"bom\.yaml:1:7: expected text, got 7"):
        load_experiment(path)


@pytest.mark.parametrize("name", ["folder", "/dev/zero", "/dev/null", "missing.yaml", "a\0b"])
def test_anything_but_a_regular_file_is_refused(toy, tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=r"a folder|not a regular file|no such file|not a possible"):
        load_experiment(tmp_path / name)


def test_pipe_is_refused_without_waiting(toy, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    caught = []

    def load():
        try:
            load_experiment(path)
        except ConfigError as error:
            caught.append(str(error))

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(5)
    assert len(caught) == 1
    assert "not a regular file" in caught[0]


def test_no_descriptor_stays_open_after_refusals(toy, tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(ConfigError):
            load_experiment(path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_missing_file_suggests_its_neighbour(toy, good_file):
    with pytest.raises(ConfigError, match=r"no such file\n      did you mean '.*toy\.yaml'"):
        load_experiment(good_file.with_name("tyo.yaml"))


def test_mutated_files_load_or_raise_config_error_only(toy, tmp_path, good):
    draw = random.Random(20240601)
    pieces = [
        b"&a ",
        b"*a",
        b"!!",
        b"<<: ",
        b"null",
        b"010",
        b"\t",
        b"'",
        b'"',
        b"[",
        b"}",
        b": ",
        b"- ",
        b"|\n",
        b"\xff",
    ]
    path = tmp_path / "mutated.yaml"
    refused = 0
    for _ in range(2000):
        content = bytearray(good.encode())
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(content))
            match draw.randrange(4):
                case 0:
                    content[at] = draw.randrange(256)
                case 1:
                    content[at:at] = draw.choice(pieces)
                case 2:
                    del content[at : at + draw.randint(1, 8)]
                case 3:
                    content[at:at] = content[draw.randrange(len(content)) :][:20]
        path.write_bytes(content)
        try:
            load_experiment(path)
        except ConfigError:
            refused += 1
    assert 600 < refused < 2000
