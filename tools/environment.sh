# Sourced by ./demo, ./test and .ci/run: makes the virtual environment they run in.
#
#   prepare EXTRA     sets $python to an interpreter that has pgmask and its extra installed
#
# It is made once in .venv (or in the cache folder when the checkout cannot be written) and made
# current again when pyproject.toml changes.

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

find_python() {
  for candidate in "${PGMASK_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

make_venv() { # PYTHON FOLDER
  if "$1" -c 'import ensurepip, venv' 2>/dev/null; then
    "$1" -m venv "$2"
  elif "$1" -m virtualenv --version >/dev/null 2>&1; then
    "$1" -m virtualenv -q "$2"
  elif "$1" -c 'import venv' 2>/dev/null && "$1" -m pip --version >/dev/null 2>&1; then
    "$1" -m venv --without-pip "$2" && "$1" -m pip --python "$2/bin/python" install -q pip
  else
    die "Python's venv module is not complete here." \
      "On Debian and Ubuntu: apt-get install python3-venv; then run this command again."
  fi
}

prepare() { # EXTRA
  base=$(find_python) || die "Python 3.11 or newer is needed; PGMASK_PYTHON may name it."
  venv="$root/.venv"
  stamp=$(cat "$root/pyproject.toml" | cksum | tr ' ' -)
  # The development extra holds the demo's.
  for have in "$1" dev; do
    if [ "$(cat "$venv/stamp-$have" 2>/dev/null)" = "$stamp" ] && [ -x "$venv/bin/python" ]; then
      python="$venv/bin/python"
      return 0
    fi
  done
  if [ ! -w "$root" ] || { [ -e "$venv" ] && [ ! -w "$venv" ]; }; then
    # Somebody else's checkout: read it, and keep our own environment elsewhere.
    venv="${XDG_CACHE_HOME:-$HOME/.cache}/pgmask/venv-$(printf '%s' "$root" | cksum | tr ' ' -)"
    if [ "$(cat "$venv/stamp-$1" 2>/dev/null)" = "$stamp" ] && [ -x "$venv/bin/python" ]; then
      python="$venv/bin/python"
      return 0
    fi
    mkdir -p "$(dirname "$venv")" || die "No place for a virtual environment: set XDG_CACHE_HOME."
  fi
  say "Preparing the Python environment in $venv (once; about a minute) ..."
  [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 ||
    { rm -rf "$venv" && make_venv "$base" "$venv"; } || die "The environment could not be made."
  if [ -w "$root" ]; then
    "$venv/bin/python" -m pip install -q --disable-pip-version-check -e "$root[$1]" </dev/null ||
      die "The Python packages could not be installed; see above."
  else
    "$venv/bin/python" -m pip install -q --disable-pip-version-check "$root[$1]" </dev/null ||
      die "The Python packages could not be installed; see above."
  fi
  printf '%s\n' "$stamp" >"$venv/stamp-$1"
  python="$venv/bin/python"
}
