"""What pyproject.toml and constraints.txt say of the packages that users and developers need."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mnistnn.extras import _EXTRAS

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
INSTALLED_BY_SETUP = ("dev", "docs")


def pinned() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(each.name): each for each in found}


def packages(group: str) -> list[Requirement]:
    found = []
    for each in GROUPS[group]:
        found += packages(each["include-group"]) if isinstance(each, dict) else [Requirement(each)]
    return found


@pytest.mark.parametrize("group", INSTALLED_BY_SETUP)
def test_packages_of_a_group_are_pinned_to_versions_that_it_allows(group):
    pins = pinned()
    for requirement in packages(group):
        (pin,) = pins[canonicalize_name(requirement.name)].specifier
        assert pin.operator == "=="
        assert pin.version in requirement.specifier, requirement


def test_extras_are_for_users_only():
    """Whoever installs mnistnn is not offered what its developers need."""
    assert set(PROJECT["optional-dependencies"]) == {extra for _, extra in _EXTRAS.values()} | {"fast", "cuda"}


def test_module_that_is_asked_for_is_in_the_extra_that_is_named():
    for package, extra in _EXTRAS.values():
        names = {canonicalize_name(Requirement(each).name) for each in PROJECT["optional-dependencies"][extra]}
        assert canonicalize_name({"Jinja": "jinja2"}.get(package, package)) in names
