"""Parameters: every bad input is refused with a French sentence, before anything starts."""

from typing import ClassVar, Literal, get_args

import pytest
from pydantic import Field

from mlflow_study.chapters import CHAPTERS
from mlflow_study.errors import ParameterError
from mlflow_study.parameters import ChapterParameters, parameters_cell, validate
from mlflow_study.pipeline import settings as s


class Essai(ChapterParameters):
    notebook: ClassVar[str] = "99_essai"
    points_max: int = Field(default=100, ge=1, le=1000, description="nombre de points")
    rapide: bool = Field(default=True, description="aller vite")
    backends: list[Literal["file", "sqlite"]] = Field(default=["file"], description="magasins")


def test_what_names_its_chapter_wins_over_what_names_them_all():
    given = {"stockage.graine": 5, "graine": 6}
    chosen = s.resolve_parameters(s.resolve_chapters([]), {}, given)
    assert chosen["01_stockage"]["graine"] == 5
    assert chosen["02_suivi"]["graine"] == 6


def refusal(**given):
    with pytest.raises(ParameterError) as caught:
        validate(Essai, given)
    return str(caught.value)


def test_a_typo_names_the_nearest_parameter():
    message = refusal(point_max=3)
    assert "« point_max » n’existe pas" in message
    assert "Vouliez-vous dire « points_max »" in message


@pytest.mark.parametrize("value", ["beaucoup", 0, 1001, 2.5, None])
def test_a_bad_value_says_what_came_and_what_is_accepted(value):
    message = refusal(points_max=value)
    assert "« points_max »" in message
    assert repr(value) in message
    assert "un entier de 1 à 1000" in message


def test_false_as_text_is_false_and_other_text_is_refused():
    assert validate(Essai, {"rapide": "false"}).rapide is False
    assert "true ou false" in refusal(rapide="peut-être")


def test_an_unknown_backend_lists_the_known_ones():
    assert "file ou sqlite" in refusal(backends=["oracle"])


def test_all_faults_are_told_at_once():
    message = refusal(points_max="x", inconnu=1)
    assert "points_max" in message
    assert "inconnu" in message


def test_the_parameters_cell_runs_and_gives_the_defaults():
    namespace = {}
    exec(parameters_cell(Essai), namespace)
    values = {k: v for k, v in namespace.items() if not k.startswith("__")}
    assert validate(Essai, values) == Essai()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
@pytest.mark.parametrize("profile", s.profiles())
def test_every_profile_is_valid_for_every_chapter(chapter, profile):
    chosen = s.resolve_parameters([chapter], s.read_profile(profile), {})
    assert chosen[chapter.name]["graine"] == 20240417


@pytest.mark.parametrize("profile", s.profiles())
def test_a_profile_names_only_chapters_that_exist(profile):
    assert set(s.read_profile(profile)) <= {chapter.name for chapter in CHAPTERS}


def test_an_unknown_profile_names_the_nearest():
    with pytest.raises(ParameterError, match="standard"):
        s.read_profile("standart")


def test_an_unknown_chapter_lists_the_chapters():
    with pytest.raises(ParameterError, match="Le stockage"):
        s.resolve_chapters(["42"])


def test_the_synthesis_comes_with_any_chapter():
    assert [c.name for c in s.resolve_chapters(["1"])] == ["01_stockage", "06_synthese"]
    assert [c.name for c in s.resolve_chapters(["01_stockage"])] == ["01_stockage", "06_synthese"]


def test_values_are_read_as_yaml():
    assert s.parse_assignments(["a=3", "b=false", "c=[x, y]", "d=1.5"]) == {
        "a": 3,
        "b": False,
        "c": ["x", "y"],
        "d": 1.5,
    }


@pytest.mark.parametrize("word", ["graine", "=3", ""])
def test_an_assignment_needs_a_name_and_a_value(word):
    with pytest.raises(ParameterError, match="nom=valeur"):
        s.parse_assignments([word])


def test_a_value_can_be_set_in_one_chapter_only():
    chosen = s.resolve_parameters(s.resolve_chapters([]), {}, {"stockage.graine": 5})
    assert chosen["01_stockage"]["graine"] == 5
    assert chosen["06_synthese"]["graine"] == 20240417


def test_a_value_without_chapter_goes_to_all_that_have_it():
    chosen = s.resolve_parameters(s.resolve_chapters([]), {}, {"graine": 6})
    assert {values["graine"] for values in chosen.values()} == {6}


def test_an_unknown_prefix_lists_the_chapters():
    with pytest.raises(ParameterError, match="stokage"):
        s.resolve_parameters(s.resolve_chapters([]), {}, {"stokage.graine": 5})


@pytest.mark.parametrize("value", [True, "7", "010", 2024.0])
def test_nothing_is_converted_to_an_integer(value):
    assert repr(value) in refusal(points_max=value)


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("2024-13-45", "2024-13-45"),
        ("2024-12-25", "2024-12-25"),
        ("010", "010"),
        ("[010]", ["010"]),
        ("1:30", "1:30"),
        ("true", True),
        ("1e2", 100.0),
        ("1_000", 1000),
        ("-3", -3),
        ("0", 0),
        ("'7'", "7"),
        ("2.22.1", "2.22.1"),
        ("[a", "[a"),
    ],
)
def test_a_value_is_what_was_written(text, came):
    assert s.parse_assignments([f"x={text}"]) == {"x": came}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("duree_ecriture_s=0", "un nombre, plus de 0, au plus 60"),
        ("duree_ecriture_s=.nan", "un nombre, plus de 0, au plus 60"),
        ("backends=[]", "une liste non vide, sans répétition (file ou"),
        ("ancienne_version=abc", "un texte : aucune ou N.N.N (N entier)"),
    ],
)
def test_a_refusal_does_not_contradict_itself(word, expected):
    with pytest.raises(ParameterError) as caught:
        s.resolve_parameters(s.resolve_chapters(["1"]), {}, s.parse_assignments([word]))
    assert expected in str(caught.value)


def test_a_whole_number_is_a_number():
    given = s.parse_assignments(["duree_ecriture_s=1", "plafond_s=1e2"])
    chosen = s.resolve_parameters(s.resolve_chapters(["1"]), {}, given)["01_stockage"]
    assert (chosen["duree_ecriture_s"], chosen["plafond_s"]) == (1.0, 100.0)


@pytest.mark.parametrize(
    ("chapter", "word", "expected"),
    [
        ("1", "ecrivains=[2,2]", "sans répétition"),
        ("1", "ecrivains=[50000]", "un entier de 1 à 64"),
        ("3", "ablation=[foo]", "wine-foret ou"),
        ("3", "versions_rejouees=['9.9.9']", "2.3.2 ou"),
    ],
)
def test_the_items_of_a_list_are_checked_too(chapter, word, expected):
    with pytest.raises(ParameterError, match=expected):
        s.resolve_parameters(s.resolve_chapters([chapter]), {}, s.parse_assignments([word]))


def test_the_names_that_chapter_3_accepts_are_those_that_exist():
    from mlflow_study.programs import SUBJECTS
    from mlflow_study.reproducibility.parameters import Release, SubjectName
    from mlflow_study.reproducibility.releases import RELEASES

    assert list(get_args(SubjectName)) == [subject.name for subject in SUBJECTS]
    assert list(get_args(Release)) == list(RELEASES)
