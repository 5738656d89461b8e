"""A version that nobody judged answers by default only where it is said, or where it is alone."""

import pytest

from export.errors import ExportError
from export.registry.default_version import answering
from model_repository import serving
from model_repository.manifest import read_versions
from model_repository.measured import Unjudged

UNJUDGED = Unjudged(texts=40, same_answers=40)


@pytest.fixture
def unjudged(registry):
    """A fourth version, whose quality nobody judged."""
    return registry.add(4, unjudged=UNJUDGED)


def test_a_version_that_nobody_judged_is_promoted_only_where_it_is_said(registry, unjudged, capsys):
    assert registry("promote", "weather/4") == 1
    assert "quality was not judged: weather/4 was exported without an evaluation set" in (error := capsys.readouterr().err)
    assert error.endswith("add --unjudged\n")
    assert registry("promote", "weather/4", "--unjudged") == 0
    assert serving.default_version(registry.settings()) == 4


def test_a_rollback_to_a_version_that_nobody_judged_needs_it_said(registry, unjudged, capsys):
    assert registry("rollback", "weather") == 1
    assert "weather/4 was exported without an evaluation set" in capsys.readouterr().err
    assert registry("rollback", "weather", "--unjudged") == 0


def test_a_version_that_nobody_judged_is_not_the_default_by_being_the_newest(registry, unjudged):
    assert serving.default_version(registry.settings()) == 3
    registry.add(1, model="alone", unjudged=UNJUDGED)
    assert serving.default_version(registry.settings("alone")) is None


def default_of(registry):
    """The version that answers by default."""
    return answering(registry.settings(), read_versions(registry.repository / "weather")).version


def test_the_promotion_that_keeps_the_default_is_said(registry):
    assert registry.added(4, unjudged=UNJUDGED) == (
        "NOT JUDGED: weather/4 is the newest version, and not the default: version 3, which answered before, was promoted for that. "
        "`promote weather/4 --unjudged` makes the new one the default."
    )
    assert default_of(registry) == 3
    assert registry.added(5, unjudged=UNJUDGED) == ("NOT JUDGED: weather/5 is not the default; `promote weather/5 --unjudged` makes it so.")
    assert registry.added(6) is None
    assert default_of(registry) == 3, "the promotion stays"


@pytest.mark.parametrize("promoted", [None, 2])
def test_a_judged_version_that_answers_is_not_replaced_by_one_that_nobody_judged(registry, promoted):
    if promoted:
        registry("promote", f"weather/{promoted}")
    before, answers = registry.files(), default_of(registry)
    with pytest.raises(ExportError, match=f"weather/{answers} answers by default, and nobody judges what would replace it"):
        registry.add(answers, unjudged=UNJUDGED, labels=("one", "two", "three"))
    assert registry.files() == before
    assert registry.added(answers, said=True, unjudged=UNJUDGED).endswith("answers by default, as --unjudged says.")
    assert default_of(registry) == answers
    registry.add(1, unjudged=UNJUDGED)


def test_the_only_version_answers_judged_or_not_and_so_does_its_next_export(registry):
    said = registry.added(1, model="alone", unjudged=UNJUDGED)
    assert said == "NOT JUDGED: alone/1 answers by default, as no other version did."
    said = registry.added(1, model="alone", unjudged=UNJUDGED, labels=("one", "two", "three"))
    assert said == "NOT JUDGED: alone/1 answers by default, as the version did that it replaces."
    assert registry.added(2, model="alone", unjudged=UNJUDGED).startswith("NOT JUDGED: alone/2 is the newest version, and not the default")
    assert registry.added(3, model="alone", said=True, unjudged=UNJUDGED).endswith(
        "is not the default; `promote alone/3 --unjudged` makes it so."
    )


def test_loading_and_unloading_let_no_unjudged_version_answer_without_a_word(registry, capsys):
    registry.add(1, unjudged=UNJUDGED)
    registry("unload", "weather/2", "--drain-s", "0")
    assert registry("unload", "weather/3", "--drain-s", "0") == 1
    assert "weather/1 would answer by default then, and quality was not judged" in capsys.readouterr().err
    assert registry("unload", "weather/3", "--drain-s", "0", "--unjudged") == 0
    assert default_of(registry) == 1
    registry("unload", "weather", "--drain-s", "0")
    assert registry("load", "weather/1") == 1
    assert registry("load", "weather/1", "--unjudged") == 0


def test_a_pull_does_not_put_an_unjudged_version_in_the_place_of_the_default(registry, tmp_path, capsys):
    other = type(registry)(tmp_path / "other", b"another graph", b"{}")
    other.add(3, unjudged=UNJUDGED)
    other("push", "weather/3", tmp_path / "store")
    before = registry.files()
    capsys.readouterr()
    assert registry("pull", tmp_path / "store", "--force") == 1
    assert "weather/3 answers by default, and nobody judges what would replace it" in capsys.readouterr().err
    assert registry.files() == before
    assert registry("pull", tmp_path / "store", "--force", "--unjudged") == 0
    assert "NOT JUDGED: weather/3 answers by default, as --unjudged says." in capsys.readouterr().out
