"""Loading rules by their entry points, and the digests of their code."""

import pytest

from workflow_src.common.digests import digest_code, digest_entry, entry_sources
from workflow_src.common.errors import InputError
from workflow_src.methods.entries import load_entry
from workflow_src.methods.kalman import Kalman

RULE = """\
from .parts import HALF
from workflow_src.methods.fixed_weight import FixedWeight


class Mine(FixedWeight):
    alpha = HALF
"""


@pytest.fixture
def package(tmp_path):
    """A package of its own name, so that no other test has imported it."""
    folder = tmp_path / "lab"
    name = f"lab_of_{tmp_path.name.replace('-', '_')}"
    (folder / name).mkdir(parents=True)
    files = {"__init__": "", "rules": RULE, "parts": "HALF = 0.5\n", "others": "FULL = 1.0\n"}
    for file, content in files.items():
        (folder / name / f"{file}.py").write_text(content)
    return folder, name


def test_a_rule_of_this_package_is_loaded():
    assert load_entry("workflow_src.methods.kalman:Kalman") is Kalman


def test_a_rule_of_a_folder_is_loaded(package):
    folder, name = package
    kind = load_entry(f"{name}.rules:Mine", str(folder))
    assert (kind.__name__, kind.alpha) == ("Mine", 0.5)


@pytest.mark.parametrize(
    ("content", "entry", "said"),
    [
        ("", "rules:Mine", "rules has no class Mine that is an update rule"),
        ("Mine = 3", "rules:Mine", "has no class Mine that is an update rule"),
        ("1 / 0", "rules:Mine", r"importing it fails in .*rules\.py, line 1 \(ZeroDivisionError"),
        ("import nobody_has_this", "rules:Mine", "no module 'nobody_has_this' is installed"),
        ("", "rules", "is no entry point"),
        ("", "elsewhere:Mine", "no module '.*elsewhere' is installed, nor in "),
    ],
)
def test_what_cannot_be_loaded_is_told(content, entry, said, package):
    folder, name = package
    (folder / name / "rules.py").write_text(content)
    with pytest.raises(InputError, match=said) as error:
        load_entry(f"{name}.{entry}", str(folder))
    assert "\n" not in str(error.value)


def test_a_rule_of_this_package_has_the_digest_of_its_module():
    assert digest_entry("workflow_src.methods.kalman:Kalman") == digest_code(
        "workflow_src.methods.kalman"
    )
    assert entry_sources("workflow_src.methods.kalman:Kalman") == {}


def test_the_digest_of_a_rule_counts_what_it_reaches(package):
    folder, name = package
    entry = f"{name}.rules:Mine"

    def digest():
        return digest_entry(entry, str(folder))

    assert list(entry_sources(entry, str(folder))) == [name, f"{name}.parts", f"{name}.rules"]
    first = digest()
    (folder / name / "others.py").write_text("FULL = 2.0\n")
    (folder / name / "rules.py").write_text(RULE + "# a comment\n")
    assert digest() == first
    (folder / name / "parts.py").write_text("HALF = 0.25\n")
    assert digest() != first
    (folder / name / "parts.py").write_text("HALF = 0.5\n")
    (folder / name / "rules.py").write_text(RULE.replace("fixed_weight", "soft"))
    assert digest() != first


def test_no_module_is_imported_to_be_digested(package):
    folder, name = package
    (folder / name / "__init__.py").write_text("raise RuntimeError('imported')\n")
    digest_entry(f"{name}.rules:Mine", str(folder))


def test_what_cannot_be_digested_is_told(package):
    folder, name = package
    with pytest.raises(InputError, match="there is no module 'nowhere' among the installed"):
        digest_entry("nowhere:Rule")
    with pytest.raises(InputError, match=f"there is no module '{name}.none' in {folder}"):
        digest_entry(f"{name}.none:Rule", str(folder))
    (folder / name / "rules.py").write_text("class :\n")
    with pytest.raises(InputError, match=r"rules\.py: is no Python"):
        digest_entry(f"{name}.rules:Mine", str(folder))
