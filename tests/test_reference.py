"""The written reference says what the settings classes say."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def load():
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_not_stale():
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == load().page(), (
        "docs/reference.md is stale: run python docs/make_reference.py"
    )


def test_every_kind_and_every_setting_of_it_has_its_place():
    make = load()
    page = make.page()
    for _, _, classes in make.SECTIONS:
        for cls in classes:
            assert make.kind_of(cls) in page
            for name in set(cls.model_fields) - {"kind"}:
                assert f"| `{name}` |" in page
