"""docs/configuration.md names every environment variable and every dbt var, with the defaults of the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from python_runner.project import PROJECT
from python_runner.settings import AnalyticsSettings, ApiSettings, ScheduleSettings, SnowflakeSettings

PAGE = (PROJECT / "docs/configuration.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|", re.MULTILINE)
ENV_VAR = re.compile(r"env_var\('(\w+)'(?:, '([^']*)')?\)")
ENVIRON = re.compile(r"""environ(?:\.\w+\(|\[)"(\w+)"|"(\w+)" in os\.environ""")
VAR = re.compile(r"""\bvar\((['"])(\w+)\1, (['"]?)(.*?)\3\)""")
EXAMPLE = re.compile(r"^(#?)([A-Z_]+)=(.*)$", re.MULTILINE)
INTERNAL = re.compile("STAND_IN_|RUN_LOCK_PID")  # passed by the demo to its own process, and by the runner to dbt

VARIABLES, VARS = (
    {name: default.strip(" `") for name, default in ROW.findall(PAGE.partition(start)[2].partition("\n## ")[0])}
    for start in ("## Environment variables", "## dbt vars")
)


def settings(model: type[BaseSettings]) -> dict[str, str]:
    """The variables of a settings class, with the defaults as the page writes them."""
    prefix = model.model_config.get("env_prefix") or ""
    return {
        (str(field.validation_alias) if field.validation_alias else prefix + name).upper(): _written(field.default)
        for name, field in model.model_fields.items()
    }


def _written(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    return "" if default is None or isinstance(default, SecretStr) else str(default)


def sources(*folders: str, suffixes: Iterable[str]) -> str:
    files = [f for folder in folders for f in sorted(Path(PROJECT, folder).rglob("*")) if f.suffix in suffixes]
    return "\n".join(file.read_text() for file in files)


CLASSES = (AnalyticsSettings, SnowflakeSettings, ScheduleSettings, ApiSettings)
SETTINGS = {name: default for one in CLASSES for name, default in settings(one).items()}
PROFILE = dict(ENV_VAR.findall((PROJECT / "profiles.yml.example").read_text()))


def test_every_environment_variable_is_on_the_page_with_its_default() -> None:
    code = sources("python_runner", suffixes=[".py"]) + (PROJECT / "tests/conftest.py").read_text()
    read = {name for found in ENVIRON.findall(code) for name in found if name and not INTERNAL.match(name)}
    read |= {name for name, _ in ENV_VAR.findall(sources("macros", suffixes=[".sql"])) if not INTERNAL.match(name)}
    assert VARIABLES.keys() == SETTINGS.keys() | PROFILE.keys() | read
    for name, default in SETTINGS.items():
        assert VARIABLES[name] == default, name
    for name in PROFILE.keys() - SETTINGS.keys():
        assert VARIABLES[name] == PROFILE[name], name


def test_the_profile_and_the_settings_agree() -> None:
    assert PROFILE["DBT_PG_SCHEMA"] == SETTINGS["DBT_PG_SCHEMA"]
    assert (PROJECT / ".ci/profiles.yml").read_text() == (PROJECT / "profiles.yml.example").read_text()


def test_the_example_has_every_setting_and_shows_defaults() -> None:
    example = {name: (bool(off), value) for off, name, value in EXAMPLE.findall((PROJECT / ".env.example").read_text())}
    assert SETTINGS.keys() <= example.keys() <= VARIABLES.keys()
    for name, (is_off, value) in example.items():
        if is_off and VARIABLES[name]:
            assert value == VARIABLES[name], name
        if VARIABLES[name] == "required":
            assert not is_off, name


def test_every_dbt_var_is_on_the_page_and_declared_with_the_default_of_each_call() -> None:
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    assert {name: str(default).lower() for name, default in declared.items()} == {
        name: default.lower() for name, default in VARS.items()
    }
    calls = VAR.findall(sources("macros", "models", suffixes=[".sql", ".yml"]))
    assert {name for _, name, _, _ in calls} == VARS.keys()
    for _, name, _, default in calls:
        assert default.lower() == VARS[name].lower(), name


def test_every_call_of_var_has_a_default() -> None:
    """The packages must work in a project that declares none of their vars."""
    assert not re.search(r"""\bvar\((['"])\w+\1\)""", sources("macros", "models", suffixes=[".sql", ".yml"]))
