"""Launch contexts: the truth is prepared, the grades follow, forks stand for interpreters."""

from __future__ import annotations

import pandas as pd
import pytest

from mlflow_study.traceability.contexts import QUESTIONS, observe_contexts
from mlflow_study.traceability.kpis import wrong_commits
from mlflow_study.traceability.repositories import Repository
from mlflow_study.traceability.situations import CONTEXTS, HOOKED

SAMPLE = ("propre", "modifie", "change-dossier", "python-c", "session-longue", "genai-non-suivi")


@pytest.fixture(scope="module")
def forked() -> pd.DataFrame:
    return observe_contexts(["sqlite"], contexts=SAMPLE)


def notes(table: pd.DataFrame, question: str) -> dict[str, str]:
    rows = table[table["question"] == question]
    return dict(zip(rows["contexte"], rows["note"], strict=True))


def test_every_context_answers_every_question(forked: pd.DataFrame) -> None:
    assert len(forked) == len(SAMPLE) * len(QUESTIONS)
    assert set(forked["erreur"]) == {""}


def test_a_commit_is_right_only_if_it_gives_the_code_back(forked: pd.DataFrame) -> None:
    assert notes(forked, "code") == {
        "propre": "juste",
        "modifie": "fausse",
        "change-dossier": "fausse",
        "python-c": "absente",
        "session-longue": "fausse",
        "genai-non-suivi": "fausse",
    }
    assert notes(forked, "valide")["genai-non-suivi"] == "fausse"
    assert notes(forked, "valide")["propre"] == "absente"


def test_a_wrong_commit_that_is_said_modified_warns() -> None:
    rows = [
        ("a", "code", "un commit qui ne contient pas ce code", "fausse"),
        ("a", "valide", "non validé", "juste"),
        ("b", "code", "un commit qui ne contient pas ce code", "fausse"),
        ("b", "valide", "validé", "fausse"),
        ("c", "code", "un commit qui contient ce code", "juste"),
        ("c", "valide", "", "absente"),
    ]
    table = pd.DataFrame(rows, columns=["contexte", "question", "reponse", "note"])
    assert list(wrong_commits(table.assign(backend="sqlite"))["contexte"]) == ["b"]


@pytest.mark.lent
def test_a_forked_process_gives_the_answers_of_a_new_interpreter(forked: pd.DataFrame) -> None:
    real = observe_contexts(["sqlite"], real=True, contexts=SAMPLE)
    columns = ["contexte", "question", "reponse", "note"]
    pd.testing.assert_frame_equal(real[columns], forked[columns])


@pytest.mark.lent
def test_a_jupyter_server_and_a_bare_kernel_name_the_notebook_differently() -> None:
    tried = ("noyau", "jupyter")
    forked = observe_contexts(["sqlite"], contexts=("noyau",))
    real = observe_contexts(["sqlite"], real=True, contexts=tried)
    assert notes(forked, "fichier") == {"noyau": "fausse"}
    assert notes(real, "fichier") == {"noyau": "fausse", "jupyter": "partielle"}
    assert notes(real, "code") == {"noyau": "absente", "jupyter": "absente"}


def test_clock_user_and_resumed_run() -> None:
    table = observe_contexts(["sqlite"], contexts=("horloge", "utilisateur", "reprise"))
    assert notes(table, "date")["horloge"] == "fausse"
    assert notes(table, "utilisateur") == {
        "reprise": "juste",
        "horloge": "juste",
        "utilisateur": "fausse",
    }
    assert notes(table, "code")["reprise"] == "fausse"
    assert notes(table, "machine") == dict.fromkeys(
        ("reprise", "horloge", "utilisateur"), "absente"
    )


def test_the_hook_finds_the_code_and_says_what_it_lacks() -> None:
    tried = ("propre", "modifie", "non-suivi", "ignore", "module-importe", "tete-bouge", "noeud")
    table = observe_contexts(["sqlite"], contexts=tried, hook=True)
    assert notes(table, "code") == {
        "propre": "juste",
        "modifie": "juste",
        "non-suivi": "juste",
        "ignore": "partielle",
        "module-importe": "juste",
        "tete-bouge": "partielle",
        "noeud": "absente",
    }
    assert set(notes(table, "machine").values()) == {"juste"}
    assert set(notes(table, "arguments").values()) == {"juste"}


def test_the_hook_leaves_the_work_tree_as_it_was(tmp_path) -> None:
    import importlib.util

    from mlflow_study.traceability.contexts import HOOK

    spec = importlib.util.spec_from_file_location("hook_under_test", HOOK)
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    repository = Repository.create(tmp_path / "r", {"a.txt": "un\n"})
    repository.write({"a.txt": "deux\n", "b.txt": "neuf\n"})
    before = repository.git("status", "--porcelain"), repository.head()
    commit = hook.snapshot(str(repository.path))
    assert (repository.git("status", "--porcelain"), repository.head()) == before
    assert repository.holds(commit, {"a.txt": "deux\n", "b.txt": "neuf\n"})
    assert hook.snapshot(str(repository.path)) == commit  # same state, same commit
    repository.git("checkout", "-q", ".")
    (repository.path / "b.txt").unlink()
    assert hook.snapshot(str(repository.path)) == repository.head()


def test_a_repository_tells_held_from_not_held(tmp_path) -> None:
    repository = Repository.create(tmp_path / "r", {"a.txt": "un\n"})
    first = repository.head()
    repository.write({"a.txt": "deux\n"})
    patch = repository.git("diff")
    assert repository.holds(first, {"a.txt": "un\n"})
    assert not repository.holds(first, {"a.txt": "deux\n"})
    assert not repository.holds("0" * 40, {})
    assert repository.holds_with_patch(first, patch, {"a.txt": "deux\n"})
    assert not repository.holds_with_patch(first, patch.rstrip("\n"), {"a.txt": "deux\n"})


def test_ids_are_unique_and_hooked_ones_exist() -> None:
    ids = [context.id for context in CONTEXTS]
    assert len(ids) == len(set(ids))
    assert set(HOOKED) <= set(ids)
