#!/usr/bin/env bash
# MLflow à l'épreuve : la seule porte d'entrée.
#   ./run_all.sh         installe, mène l'étude, bâtit le rapport
#   ./run_all.sh test    installe, puis lint, types et tests
#   ./run_all.sh --aide  tout le reste
# Ce script ne fait que l'environnement ; la suite est en Python (src/mlflow_study).
set -euo pipefail
cd "$(dirname "$0")"
export PYTHONUTF8=1
unset PYTHONDONTWRITEBYTECODE

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

installer() {
  local empreinte python
  empreinte=$(cksum requirements.lock pyproject.toml | cksum)
  [ -f .venv/.empreinte ] && [ "$(cat .venv/.empreinte)" = "$empreinte" ] && return
  python=$(trouver_python)
  echo "Installation de l'environnement (une fois, une minute environ)…"
  "$python" -m venv --clear .venv
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

case "${1:-}" in
  nettoyer) [ -x .venv/bin/python ] || { echo "Rien à effacer : pas d'environnement."; exit 0; } ;;
  *) installer ;;
esac

if [ "${1:-}" = test ]; then
  shift
  .venv/bin/ruff format --check .
  .venv/bin/ruff check .
  .venv/bin/mypy
  .venv/bin/lint-imports
  .venv/bin/python -m mlflow_study cellules --verifier
  exec .venv/bin/python -m pytest "$@"
fi
exec .venv/bin/python -m mlflow_study "$@"
