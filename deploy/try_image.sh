#!/usr/bin/env bash
# Build the image with Docker or Podman, and run it with the limits of compose.yaml: three minutes.
#
#   deploy/try_image.sh [docker|podman]
#
# PYTHON_IMAGE names another base. If no registry of images answers, root gets a base made of this
# machine's Debian and Python 3.11 by mmdebstrap. It ends with 77 if nothing can be built or run here.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    "" | docker | podman) ;;
    *) echo "usage: deploy/try_image.sh [docker|podman]" >&2; exit 2 ;;
esac

name="commonplace-try-$$"
base="${PYTHON_IMAGE:-python:3.11-slim}"
question="Why were early AI systems closed?"
scratch="$(mktemp -d)"
# Deadline of a start or an answer on a busy machine.
patience=300
# Whether this machine can run containers. A failure before that is no fault of the image.
ready=""
chmod 755 "$scratch"

clean() {
    code=$?
    "${engine[@]}" rm --force --volumes "$name-bot" || true
    "${engine[@]}" rm --force --volumes "$name-discord" || true
    "${engine[@]}" volume rm "$name" || true
    "${engine[@]}" rmi --force "$name" || true
    [ "$base" != "localhost/$name-base" ] || "${engine[@]}" rmi --force "$base" || true
    rm -rf "$scratch"
    [ -n "$ready" ] || [ "$code" = 0 ] || exit 77
} >/dev/null 2>&1
trap clean EXIT
trap 'exit 130' INT TERM

say() { echo "$(date +%T) $*"; }
skip() { say "The image can't be tried here: $*" >&2; exit 77; }
fail() {
    say "The image does not work: $*" >&2
    "${engine[@]}" logs "$name-bot" 2>&1 | tail -n 20 >&2 || true
    "${engine[@]}" logs "$name-discord" 2>&1 | tail -n 5 >&2 || true
    exit 1
}

# An engine

engine=("${1:-}")
if [ -z "${engine[0]}" ]; then
    if docker info >/dev/null 2>&1; then engine=(docker); else engine=(podman); fi
fi
command -v "${engine[0]}" >/dev/null || skip "there is neither Docker nor Podman"
if [ "${engine[0]}" = podman ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    # crun refuses both versions of control groups side by side.
    export PODMAN_IGNORE_CGROUPSV1_WARNING=1
    if command -v runc >/dev/null; then engine+=(--runtime runc); fi
fi
# As compose.yaml has it.
limits=(--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --memory 2g
    --pids-limit 256 --ulimit nofile=4096:4096 --ulimit core=0:0 --init)
run() { "${engine[@]}" run "${limits[@]}" "$@"; }

# A base

make_base() {
    local python root library stdlib
    python="${PYTHON:-python3}"
    root="$scratch/root"
    [ "$(id -u)" = 0 ] && command -v mmdebstrap >/dev/null ||
        skip "no registry of images answers, and a base needs root and mmdebstrap"
    stdlib="$("$python" -c 'import os, sys; print(os.path.dirname(os.__file__) * (sys.version_info[:2] == (3, 11)))')"
    [ -n "$stdlib" ] || skip "no registry of images answers, and $python is not Python 3.11"
    library="$(find "$stdlib/lib-dynload" -name '*.so' ! -name '_tkinter*' -exec ldd {} + | awk '$3 ~ /^\// {print $3}' | sort -u |
        grep --invert-match libpython | xargs realpath |
        xargs dpkg-query --search 2>/dev/null | sed 's/:.*//' | sort -u | paste --serial --delimiters=,)"
    . /etc/os-release
    mmdebstrap --quiet --variant=essential --dpkgopt=force-unsafe-io --include="passwd,libstdc++6,$library" "$VERSION_CODENAME" "$root" ||
        skip "mmdebstrap gets no packages"
    mkdir -p "$root/usr/local/lib/python3.11/site-packages"
    tar -C "$stdlib" --exclude=./test --exclude=./idlelib --exclude='./config-*' --exclude=__pycache__ \
        --exclude='./*-packages' --exclude='_tkinter*' -c . | tar -C "$root/usr/local/lib/python3.11" -x
    cp -r "$("$python" -c 'import pip; print(pip.__path__[0])')" "$root/usr/local/lib/python3.11/site-packages"
    cp "$("$python" -c 'import sys; print(sys.base_prefix)')/bin/python3.11" "$root/usr/local/bin/python"
    cp "$stdlib"/../libpython3.11.so* "$root/usr/local/lib/" 2>/dev/null || true
    printf '#!/bin/sh\nexec /usr/local/bin/python -m pip "$@"\n' > "$root/usr/local/bin/pip"
    chmod 755 "$root/usr/local/bin/pip"
    chroot "$root" ldconfig
    # pip's index, and its certificate.
    mkdir -p "$root/etc/ssl/certs"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    {
        printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ntimeout = 60\n'
        if index="${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null)}"; then
            echo "index-url = $index"
        fi
    } > "$root/etc/pip.conf"
    base="localhost/$name-base"
    tar -C "$root" -c . | "${engine[@]}" import - "$base" >/dev/null || skip "${engine[0]} takes no image"
    rm -rf "$root"
}

if ! "${engine[@]}" image inspect "$base" >/dev/null 2>&1 && ! "${engine[@]}" pull --quiet "$base" >/dev/null 2>&1
then
    say "No registry of images answers. Making a base of this machine's Debian and Python."
    make_base
fi
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
publish=(--publish "127.0.0.1:$port:$port")
run --rm "${publish[@]}" "$base" true 2>"$scratch/refusal" ||
    skip "${engine[0]} runs no container: $(tail -n 1 "$scratch/refusal")"

ready=1

# The image

say "Building."
build=(build --quiet --network host --build-arg "PYTHON_IMAGE=$base" --tag "$name")
# Only Docker's format has a health check; limits of root can't be raised in every machine.
[ "${engine[0]}" = docker ] ||
    build+=(--format docker --layers=false --ulimit "nofile=$(ulimit -n):$(ulimit -Hn)" --ulimit "nproc=$(ulimit -u):$(ulimit -Hu)")
"${engine[@]}" "${build[@]}" . >/dev/null || fail "the build failed"
bytes() { "${engine[@]}" image inspect --format '{{.Size}}' "$1"; }
say "The image has $((($(bytes "$name") - $(bytes "$base")) / 1000000)) MB above its base."
[ $(($(bytes "$name") - $(bytes "$base"))) -le 500000000 ] || fail "more than 500 MB"

# The bot against the tests' Discord, which runs in a container without a network

install -m 444 /dev/null "$scratch/token"
grep -oP '^TOKEN: Final = "\K[^"]+' tests/bot/wire/state.py > "$scratch/token"
"${engine[@]}" run --detach --name "$name-discord" --stop-timeout 1 --network none --volume "$PWD/tests:/try/tests:ro" \
    --env PYTHONPATH=/try --entrypoint python "$name" -m tests.bot.image_discord "$question" >/dev/null
# The arguments of `run` for a bot in that network: its data, its token, and more.
bot() {
    run --detach --name "$name-bot" --network "container:$name-discord" --volume "$1:/data" \
        --volume "$2:/run/secrets/token:ro" --env DISCORD_TOKEN_FILE=/run/secrets/token \
        --volume "$PWD/tests/bot/image_address.py:/try/sitecustomize.py:ro" \
        --env PYTHONPATH=/try --env DISCORD_ADDRESS=http://127.0.0.1:8931 "$name" >/dev/null
}
state() { "${engine[@]}" inspect --format "{{.State.$1}}" "$name-bot"; }
healthy() {
    if [ "${engine[0]}" = podman ]; then
        "${engine[@]}" healthcheck run "$name-bot" >/dev/null 2>&1
    else
        [ "$(state Health.Status)" = healthy ]
    fi
}
answers() { "${engine[@]}" logs "$name-discord" 2>/dev/null | grep -c '^answer: .*The early, closed days of AI' || true; }
# Repeat a command until it succeeds.
await() {
    SECONDS=0
    until "$@"; do
        [ "$(state Running)" = true ] || fail "it ended with $(state ExitCode) before: $*"
        [ "$SECONDS" -lt "$patience" ] || fail "after $patience s still not: $*"
        sleep 0.5
    done
}
has_answered() { [ "$(answers)" -ge "$1" ]; }
ends_with_2() {
    [ "$(timeout "$patience" "${engine[@]}" wait "$name-bot")" = 2 ] || fail "it did not end with 2: $1"
    "${engine[@]}" logs "$name-bot" 2>&1 | tail -n 1
    "${engine[@]}" rm "$name-bot" >/dev/null
}

for start in 1 2; do
    bot "$name" "$scratch/token"
    await healthy
    say "Start $start: healthy after $SECONDS s."
    await has_answered "$start"
    if [ "$start" = 1 ]; then
        "${engine[@]}" exec "$name-bot" commonplace ask "$question" > "$scratch/answer" || fail "ask failed"
        grep -q "The early, closed days of AI" "$scratch/answer" || fail "ask said: $(cat "$scratch/answer")"
        "${engine[@]}" exec "$name-bot" python -c '
import os
from pathlib import Path
assert os.getuid() == os.getgid() == 10001, (os.getuid(), os.getgid())
for folder in ("/", "/etc/commonplace", "/opt/commonplace", "/home"):
    try:
        (Path(folder) / "written").touch()
    except OSError:
        continue
    raise SystemExit(f"{folder} can be written")
status = Path("/proc/1/status").read_text()
assert "CapEff:\t0000000000000000" in status, status
' || fail "it has more rights than it needs"
    fi
    SECONDS=0
    "${engine[@]}" stop --time 60 "$name-bot" >/dev/null
    say "Start $start: answered over Discord, and stopped within $SECONDS s."
    [ "$(state ExitCode)" = 0 ] && [ "$SECONDS" -le 30 ] || fail "it stopped with $(state ExitCode)"
    "${engine[@]}" rm "$name-bot" >/dev/null
done

say "With a token that it can't read:"
install -m 400 "$scratch/token" "$scratch/unreadable"
bot "$name" "$scratch/unreadable"
ends_with_2 "an unreadable token"
say "With a volume of somebody else:"
mkdir "$scratch/foreign"
bot "$scratch/foreign" "$scratch/token"
ends_with_2 "a foreign volume"

# The preview

run --detach --name "$name-bot" "${publish[@]}" "$name" \
    preview --data /data --host 0.0.0.0 --port "$port" >/dev/null || fail "the preview does not start"
await curl --silent --fail --output /dev/null "http://127.0.0.1:$port/"
say "The preview's page answered after $SECONDS s."
say "The image works."
