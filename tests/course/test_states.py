"""The file that keeps what somebody did with the exercises."""

import json

import pytest

from mnistnn.course.states import State, note, read_states, state_of
from mnistnn.errors import RunError


def test_what_is_noted_is_read_again(states_of_its_own):
    assert read_states() == {}
    note("derive-dz", folder="/a", begun="2026-01-01T00:00:00+00:00")
    note("derive-dw", hints=1)
    note("derive-dz", passed="2026-01-02T00:00:00+00:00")
    assert read_states() == {
        "derive-dz": State("derive-dz", "/a", "2026-01-01T00:00:00+00:00", passed="2026-01-02T00:00:00+00:00"),
        "derive-dw": State("derive-dw", hints=1),
    }
    assert state_of("last-epoch") == State("last-epoch")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("derive-dz", "derive-dw"), "altered or damaged"),
        (lambda text: text[:40], "not readable as states of exercises"),
        (lambda text: json.dumps({"schema_version": 1, "exercises": [{"name": "a", "hints": 3}]}), "hints"),
        (lambda text: json.dumps({"schema_version": 1, "exercises": [{"name": "a", "more": 3}]}), "more"),
        (lambda text: json.dumps({"schema_version": 2, "exercises": []}), "format 2"),
    ],
)
def test_damaged_file_is_refused_with_a_way_out(states_of_its_own, change, said):
    note("derive-dz", hints=1)
    states_of_its_own.write_text(change(states_of_its_own.read_text()))
    with pytest.raises(RunError) as caught:
        read_states()
    assert said in str(caught.value)
    assert "remove that file" in str(caught.value)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State("a"), ""),
        (State("a", begun="2026-01-01"), "begun"),
        (State("a", begun="2026-01-01", hints=1), "begun, one hint shown"),
        (State("a", hints=2), "two hints shown"),
        (State("a", hints=2, solution="2026-01-01"), "solution shown"),
        (State("a", passed="2026-01-02T10:00:00"), "passed 2026-01-02"),
        (State("a", passed="2026-01-02", solution="2026-01-01"), "passed 2026-01-02, after its solution was shown"),
        (State("a", passed="2026-01-02", solution="2026-01-03"), "passed 2026-01-02"),
    ],
)
def test_state_in_words(state, words):
    assert state.words == words
