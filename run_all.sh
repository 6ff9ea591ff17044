#!/usr/bin/env bash
# MLflow à l'épreuve : la seule porte d'entrée.
#   ./run_all.sh         installe, mène l'étude, bâtit le rapport
#   ./run_all.sh test    installe, puis lint, types et tests
#   ./run_all.sh --aide  tout le reste
# Ce script ne fait que l'environnement ; la suite est en Python (src/mlflow_study).
set -euo pipefail
export MLFLOW_STUDY_APPEL="$PWD" # là d'où partent les adresses relatives de --uri et --suivi
cd "$(dirname "$0")"
export PYTHONUTF8=1
unset PYTHONDONTWRITEBYTECODE

# Un compte sans nom ou sans dossier à lui (dans un conteneur) : uv, Snakemake et MLflow en veulent un.
if [ ! -w "${HOME:-/}" ]; then
  export HOME="$PWD/build/maison"
  mkdir -p "$HOME"
fi
id -un >/dev/null 2>&1 || export LOGNAME="${LOGNAME:-uid-$(id -u)}"

trouver_python() {
  for candidat in python3.11 python3.12 python3 python; do
    if command -v "$candidat" >/dev/null 2>&1 &&
      "$candidat" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
      command -v "$candidat"
      return
    fi
  done
  echo "Erreur : il faut Python 3.11 ou 3.12, et aucun n'est sur le PATH." >&2
  exit 1
}

installe() { [ -x .venv/bin/python ] && [ -f .venv/.empreinte ]; }

# rate JOURNAL PHRASE : dit ce qui a manqué, montre la fin du journal, s'arrête.
rate() {
  echo "Erreur : $2 Fin du journal :" >&2
  tail -n 5 "$1" >&2
  exit 1
}

installer() {
  local empreinte journal python
  empreinte=$({ cksum requirements.lock pyproject.toml; pwd; } | cksum)
  installe && [ "$(cat .venv/.empreinte)" = "$empreinte" ] && return
  python=$(trouver_python)
  echo "Installation de l'environnement (une fois, une minute environ)…"
  journal=$(mktemp)
  "$python" -m venv --clear .venv >"$journal" 2>&1 ||
    rate "$journal" "Python n'a pas pu créer l'environnement (sous Debian ou Ubuntu : apt install python3-venv)."
  rm -f "$journal"
  if .venv/bin/python -m pip install --quiet --disable-pip-version-check uv 2>.venv/uv.log; then
    .venv/bin/uv pip install --quiet --python .venv/bin/python --compile-bytecode \
      --require-hashes --requirements requirements.lock
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
  else
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
      --require-hashes --requirement requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
  fi
  .venv/bin/python -m mlflow_study preparer
  echo "$empreinte" >.venv/.empreinte
}

# « nettoyer » n'installe rien ; sans environnement entier, ce script efface lui-même.
nettoyer_seul() {
  local cibles=(build)
  case "$*" in
    nettoyer) ;;
    "nettoyer --tout" | "--tout nettoyer") cibles+=(.venv) ;;
    *)
      echo "Erreur : sans environnement installé, seuls « nettoyer » et « nettoyer --tout » sont possibles." >&2
      exit 2
      ;;
  esac
  rm -rf "${cibles[@]}" 2>/dev/null || {
    echo "Erreur : tout n'a pas pu être effacé (${cibles[*]}) ; voyez les droits de ces dossiers." >&2
    exit 1
  }
  echo "Effacé : ${cibles[*]}"
}

if [[ " $* " != *" nettoyer "* ]]; then
  installer
elif ! installe; then
  nettoyer_seul "$@"
  exit
fi

if [ "${1:-}" = test ]; then
  shift
  .venv/bin/ruff format --check .
  .venv/bin/ruff check .
  .venv/bin/mypy
  .venv/bin/lint-imports
  .venv/bin/python -m mlflow_study cellules --verifier
  exec .venv/bin/python -m pytest -n 2 "$@"
fi
exec .venv/bin/python -m mlflow_study "$@"
