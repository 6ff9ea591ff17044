"""The reproducer: from a tracking URI and a run id to a program that can be run again.

It knows nothing but what the store says and what the addresses written there give.  Each
step goes into a journal of effort.  Rules, in this order:

1. a run launched as an MLflow Project: its address, commit and parameters, ``mlflow run``;
2. a Git address: clone, check out the commit (the head where none is recorded), run the
   recorded script;
3. recorded code (artifacts under ``code/``): fetch, run;
4. else there is nothing to run.

Options: the recorded command when there is one; otherwise every recorded parameter whose
name the program accepts (``--help``).  A recorded data file replaces a path that is gone.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlflow_study.nursery import clean_environment
from mlflow_study.reproducibility.record import Record, download, local_source, read_record

Kind = Literal["projet", "dépôt", "code enregistré", "rien"]
Effort = Literal["commande", "décision", "ligne", "fait extérieur"]

COMMIT = "mlflow.source.git.commit"
ADDRESS = "mlflow.source.git.repoURL"
SOURCE = "mlflow.source.name"
TYPE = "mlflow.source.type"


@dataclass(frozen=True)
class Helping:
    """What a person found outside the store and gave to the reproducer; nothing by default."""

    address: str | None = None
    commit: str | None = None
    options: tuple[str, ...] | None = None
    data: str | None = None


@dataclass
class Plan:
    """What will be run, and what it took to get there.

    ``folder`` holds the program; ``stage`` is where the reproducer stopped (``prêt`` when it
    did not); ``missing`` says in French what the store lacks.
    """

    run_id: str
    kind: Kind = "rien"
    stage: str = "code"
    folder: str = ""
    script: str = ""
    options: list[str] = field(default_factory=list)
    address: str = ""
    commit: str = ""
    missing: list[str] = field(default_factory=list)
    journal: list[dict[str, Any]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """Recorded requirements: distribution -> version, empty when none is recorded."""
    metrics: dict[str, float] = field(default_factory=dict)
    setup_s: float = 0.0

    def note(self, effort: Effort, text: str) -> None:
        self.journal.append({"effort": effort, "texte": text})

    def lack(self, text: str) -> None:
        if text not in self.missing:
            self.missing.append(text)


def prepare(
    uri: str,
    run_id: str,
    folder: str,
    without: tuple[str, ...] = (),
    helping: Helping | None = None,
) -> dict[str, Any]:
    """Read the store and make the program ready under ``folder``; the plan as plain values.

    ``without`` removes items from the record (ablation).  Raises MlflowException when the
    run cannot be read at all.
    """
    started = time.perf_counter()
    record = read_record(uri, run_id)
    for item in without:
        record = record.without(item)
    plan = Plan(run_id, metrics=dict(record.metrics))
    work = Path(folder)
    work.mkdir(parents=True, exist_ok=True)
    follow(plan, record, work, uri, helping or Helping())
    plan.setup_s = time.perf_counter() - started
    return asdict(plan)


def follow(plan: Plan, record: Record, work: Path, uri: str, helping: Helping) -> None:
    """Apply the rules to a record; ``plan`` receives the outcome."""
    _code(plan, record, work, uri, helping)
    if plan.stage == "commande":
        _options(plan, record, work, uri, helping)
    _environment(plan, record, work, uri)


def _code(plan: Plan, record: Record, work: Path, uri: str, helping: Helping) -> None:
    address = record.tag(ADDRESS) or record.tag("git.url") or helping.address
    commit = record.tag(COMMIT) or helping.commit
    source = record.tag(SOURCE) or ""
    if record.tag(TYPE) == "PROJECT":
        address = source if "://" in source else address
    written = record.tag(ADDRESS) or record.tag("git.url")
    if written is None and record.tag(TYPE) != "PROJECT" and helping.address is not None:
        plan.note("fait extérieur", "adresse du dépôt Git")
    if record.tag(COMMIT) is None and helping.commit is not None:
        plan.note("fait extérieur", "commit qui a produit le résultat")
    plan.address, plan.commit = address or "", commit or ""
    if record.tag(TYPE) == "PROJECT" and address and commit:
        plan.kind, plan.stage, plan.script = "projet", "commande", "train.py"
        plan.folder = str(work)
        return
    if address:
        clone = work / "depot"
        commands = [["git", "clone", "--quiet", address, str(clone)]]
        if commit:
            commands.append(["git", "-C", str(clone), "checkout", "--quiet", commit])
        else:
            plan.lack("le commit")
            plan.note("décision", "prendre la tête du dépôt, faute de commit")
        for command in commands:
            plan.note("commande", "git clone" if command[1] == "clone" else "git checkout")
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                plan.lack("le commit, que le dépôt ne rend pas" if commit else "le dépôt lui-même")
                break
        else:
            found = sorted(clone.rglob(Path(source).name)) if source.endswith(".py") else []
            if len(found) == 1:
                plan.kind, plan.stage = "dépôt", "commande"
                plan.folder, plan.script = str(found[0].parent), found[0].name
                return
            plan.lack("le nom du programme lancé")
    else:
        plan.lack("l’adresse du dépôt" if commit else "le commit et l’adresse du dépôt")
    _recorded_code(plan, record, work, uri, Path(source).name)


def _recorded_code(plan: Plan, record: Record, work: Path, uri: str, script: str) -> None:
    files = {name: place for name, place in record.files("code").items() if name.endswith(".py")}
    if script not in files:
        plan.lack("le code lui-même")
        return
    code = work / "code"
    for place in files.values():
        download(place, code, uri)
    plan.note("commande", "mlflow artifacts download")
    plan.kind, plan.stage, plan.folder, plan.script = (
        "code enregistré",
        "commande",
        str(code),
        script,
    )


def accepted_options(script: Path) -> set[str]:
    """Names of the options that a program accepts, asked of ``--help`` or read in its source."""
    text = script.read_text(encoding="utf-8")
    return set(re.findall(r"add_argument\(\s*[\"']--([A-Za-z0-9_-]+)", text))


def _options(plan: Plan, record: Record, work: Path, uri: str, helping: Helping) -> None:
    """Choose the command line; ``plan.stage`` becomes ``prêt`` or ``données``."""
    folder = Path(plan.folder)
    command = record.tag("command")
    if plan.kind == "projet":
        options = [f"--{name}={value}" for name, value in sorted(record.parameters.items())]
    elif command is not None:
        options = shlex.split(command)[1:]
    else:
        names = accepted_options(folder / plan.script)
        known = {name: value for name, value in record.parameters.items() if name in names}
        options = [f"--{name}={value}" for name, value in sorted(known.items())]
        unknown = sorted(names - set(known) - {"data"})
        if unknown:
            plan.lack(f"la valeur des options {', '.join(unknown)}")
            if helping.options is None:
                plan.note("décision", "garder la valeur par défaut du programme")
    if helping.options is not None:
        given = {option.split("=")[0] for option in options}
        added = [o for o in helping.options if o.split("=")[0] not in given | {"--data"}]
        for option in added:
            plan.note("fait extérieur", f"valeur de {option.split('=')[0]}")
        options += added
    plan.options = options
    plan.stage = "prêt"
    _data(plan, record, work, uri, helping)


def _data(plan: Plan, record: Record, work: Path, uri: str, helping: Helping) -> None:
    """See that the data file exists; put a recorded or given one in its place."""
    folder = Path(plan.folder)
    wanted = next((o.partition("=")[2] for o in plan.options if o.startswith("--data=")), None)
    program = folder / plan.script
    if plan.kind != "projet" and "data" not in accepted_options(program):
        return
    if plan.kind == "projet" and wanted is None:
        return
    path = folder / (wanted or "data.csv")
    if path.exists():
        return
    recorded = record.files("data")
    found = recorded.get(path.name)
    place = str(download(found, work / "data", uri)) if found else None
    if place is None:
        sources = [local_source(entry) for entry in record.datasets]
        place = next((s for s in sources if s and Path(s).exists()), None)
    if place is None and helping.data is not None:
        plan.lack("les données")
        plan.note("fait extérieur", "fichier de données")
        place = helping.data
    if place is None:
        plan.lack("les données")
        plan.stage = "données"
        return
    plan.options = [o for o in plan.options if not o.startswith("--data=")] + [f"--data={place}"]


def _environment(plan: Plan, record: Record, work: Path, uri: str) -> None:
    """Recorded versions, from whichever requirements file the record holds."""
    files = {**record.models, **record.artifacts}
    place = next((u for p, u in files.items() if p.endswith("requirements.txt")), None)
    if place is None:
        plan.lack("les versions des bibliothèques")
        return
    text = download(place, work / "environnement", uri).read_text(encoding="utf-8")
    for line in text.splitlines():
        name, separator, version = line.partition("==")
        if separator:
            plan.environment[name.split("[")[0].strip().lower()] = version.split(";")[0].strip()


def launch_command(plan: Mapping[str, Any]) -> list[str]:
    """The command that runs the plan, for a person to paste."""
    if plan["kind"] == "projet":
        options = [part for o in plan["options"] for part in ("-P", o.removeprefix("--"))]
        return ["mlflow", "run", plan["address"], "-v", plan["commit"], *options]
    return [sys.executable, plan["script"], *plan["options"]]


def launch(plan: Mapping[str, Any], tracking_uri: str, timeout_s: float) -> tuple[bool, str]:
    """Run the plan in a new process, recording into ``tracking_uri``; (success, end of output)."""
    env = clean_environment({"MLFLOW_TRACKING_URI": tracking_uri})
    command = launch_command(plan)
    if plan["kind"] == "projet":
        command = [sys.executable, "-m", *command, "--env-manager", "local"]
    done = subprocess.run(
        command, cwd=plan["folder"], env=env, capture_output=True, text=True, timeout=timeout_s
    )
    return done.returncode == 0, (done.stdout + done.stderr)[-2000:]
