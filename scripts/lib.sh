# shellcheck shell=bash
#
# What scripts/test and scripts/demo share; sourced by them, never run.
#
# A function that cannot do its work says why on stderr and returns 1. Steps inside one end in `|| return 1`, since bash
# turns `set -e` off in a function whose status the caller tests.

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${SGLAUNCH_VENV:-$ROOT/.venv}
[[ $VENV == /* ]] || VENV=$PWD/$VENV

# dockerd, iptables and busybox may live in folders that a user's PATH leaves out.
PATH=$PATH:/usr/sbin:/sbin

note() { printf '==> %s\n' "$*" >&2; }

is_root() { [[ $(id -u) == 0 ]]; }

# --- Cleanups: run when the script ends, however it ends, the last registered first; the exit status stays.

cleanups=()
at_exit() { cleanups=("$1" "${cleanups[@]}"); }
run_cleanups() {
    local status=$? step
    trap '' INT # a second Ctrl-C must not leave half of it undone
    for step in "${cleanups[@]}"; do "$step" || true; done
    exit "$status"
}
trap run_cleanups EXIT
trap 'exit 130' INT # or a command that survives Ctrl-C would be followed by the next one

# A folder for temporary files, removed at the end.
scratch=
make_scratch() {
    [[ ! $scratch ]] || return 0
    at_exit remove_scratch
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/sglaunch.XXXXXX")
}
remove_scratch() { [[ ! $scratch ]] || rm -rf -- "$scratch"; }

# --- Packages

apt_updated=
apt_install() { # PACKAGE...
    if ! command -v apt-get >/dev/null; then
        note "missing, and there is no apt-get to install it with: $*"
        return 1
    fi
    if ! is_root; then
        note "missing; install it with: sudo apt-get update && sudo apt-get install -y $*"
        return 1
    fi
    note "installing $*"
    # A source that cannot be read need not be the one that has the package: whether the install works decides.
    [[ $apt_updated ]] || apt-get update -qq >&2 || true
    apt_updated=yes
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "$@" </dev/null >&2 || return 1
}

# --- Python

python_is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }
python_makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Prints the name of a Python that is recent enough, one that can make virtual environments if there is any.
find_python() {
    local name recent=
    for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        python_is_recent "$name" || continue
        recent=${recent:-$name}
        if python_makes_venvs "$name"; then
            recent=$name
            break
        fi
    done
    [[ $recent ]] && printf '%s\n' "$recent"
}

make_venv() {
    local python clear=()
    if [[ -f $VENV/pyvenv.cfg ]]; then
        if python_is_recent "$VENV/bin/python"; then return 0; fi
        clear=(--clear) # its Python was removed or is too old
    fi
    if ! python=$(find_python); then
        note "Python 3.10 or newer is needed, and none was found"
        return 1
    fi
    # Debian keeps ensurepip, which fills a new environment with pip, in a package of its own: python3-venv, or
    # python3.12-venv for python3.12.
    if ! python_makes_venvs "$python"; then
        apt_install "$python-venv" || return 1
    fi
    note "creating $VENV with $("$python" --version)"
    "$python" -m venv "${clear[@]}" "$VENV" </dev/null >&2 || return 1
}

# ensure_python dev|run: a virtual environment with sglaunch (editable) in it, and for `dev` the tools of its tests.
# It is installed again only when pyproject.toml or the checkout is another one than last time; `dev` includes `run`.
ensure_python() {
    local kind=$1 what=$ROOT stamp=$VENV/sglaunch-installed sum
    sum=$(printf '%s\n' "$ROOT" | cat - "$ROOT/pyproject.toml" | sha256sum) || return 1
    make_venv || return 1
    case $(cat "$stamp" 2>/dev/null) in
        "dev $sum" | "$kind $sum") return 0 ;;
    esac

    [[ $kind != dev ]] || what="${ROOT}[dev]"
    "$VENV/bin/python" -c 'import pip' 2>/dev/null || "$VENV/bin/python" -m ensurepip >&2 || return 1
    note "installing $what"
    rm -f "$stamp"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -e "$what" </dev/null >&2 || return 1
    printf '%s\n' "$kind $sum" >"$stamp"
}

# --- Docker

docker_answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
docker_complaint() { timeout 20 docker version --format '{{.Server.Version}}' 2>&1 >/dev/null | head -n 1; }

# Prints the path of a busybox that needs no library, which makes it a whole container image.
static_busybox() {
    local path
    path=$(command -v busybox) || return 1
    case $(LC_ALL=C ldd "$path" 2>&1) in
        *'not a dynamic executable'* | *'statically linked'*) printf '%s\n' "$path" ;;
        *) return 1 ;;
    esac
}

dockerd_is_up_or_coming() {
    local pid
    pid=$(cat /var/run/docker.pid 2>/dev/null) && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]]
}

dockerd_pid=
dockerd_log=

start_dockerd() {
    dockerd_log=$(mktemp "${TMPDIR:-/tmp}/sglaunch-dockerd.XXXXXX") || return 1
    note "starting dockerd until this script ends; its log: $dockerd_log"
    # In a session of its own: Ctrl-C must not stop the engine before the cleanups that need it have run.
    setsid dockerd </dev/null >"$dockerd_log" 2>&1 &
    dockerd_pid=$!
    at_exit stop_dockerd
}

stop_dockerd() {
    [[ $dockerd_pid ]] || return 0
    kill "$dockerd_pid" 2>/dev/null || true
    wait "$dockerd_pid" || true
    dockerd_pid=
    rm -f "$dockerd_log"
}

# Waits until the engine answers; a dockerd of ours that ends before, or is too slow, is reported with its last words.
wait_for_docker() {
    local deadline=$((SECONDS + 60))
    until docker_answers; do
        if [[ $dockerd_pid ]] && ! kill -0 "$dockerd_pid" 2>/dev/null; then
            wait "$dockerd_pid" || true
            dockerd_pid=
            note "dockerd ended; the last lines of $dockerd_log:"
            tail -n 20 "$dockerd_log" >&2
            return 1
        fi
        if ((SECONDS >= deadline)); then
            note "the Docker engine does not answer after 60 s: $(docker_complaint)"
            [[ ! $dockerd_pid ]] || tail -n 20 "$dockerd_log" >&2
            return 1
        fi
        sleep 0.5
    done
}

# Makes sure that a Docker engine answers: the one there is, the system's after installing it, or one started here and
# stopped at the end. An engine that runs already is never touched.
ensure_engine() {
    local missing=()
    docker_answers && return 0

    if [[ ${DOCKER_HOST:-}${DOCKER_CONTEXT:-} ]]; then
        note "no Docker engine answers at ${DOCKER_CONTEXT:-$DOCKER_HOST}: $(docker_complaint)"
        note "unset DOCKER_HOST and DOCKER_CONTEXT to use an engine of this machine"
        return 1
    fi
    if ! is_root; then
        if command -v docker >/dev/null; then note "no Docker engine answers: $(docker_complaint)"; fi
        note "a Docker engine is needed that this user may use:" \
            "sudo apt-get update && sudo apt-get install -y docker.io && sudo usermod -aG docker $(id -un), and log in again" \
            "(elsewhere: https://docs.docker.com/engine/install/)"
        return 1
    fi

    command -v dockerd >/dev/null || missing+=(docker.io)
    command -v iptables >/dev/null || missing+=(iptables)
    if ((${#missing[@]})); then apt_install "${missing[@]}" || return 1; fi
    # Newer suites keep the client in a package of its own.
    command -v docker >/dev/null || apt_install docker-cli || return 1

    # Installing may have started the system's service.
    docker_answers && return 0
    dockerd_is_up_or_coming || start_dockerd || return 1
    wait_for_docker
}

ensure_busybox() {
    static_busybox >/dev/null && return 0
    apt_install busybox-static || return 1
    static_busybox >/dev/null && return 0
    note "no static busybox, which the image is made of: $(command -v busybox || echo 'there is none on PATH')"
    return 1
}

ensure_docker() {
    ensure_engine || return 1
    ensure_busybox || return 1
}

# build_image TAG: an image with a shell and the usual small tools, made of this machine's busybox. No registry needed.
build_image() {
    local tag=$1 busybox dir
    busybox=$(static_busybox) || return 1
    make_scratch || return 1
    dir=$(mktemp -d "$scratch/image.XXXXXX") || return 1
    fill_image "$dir" "$busybox" || return 1
    import_image "$dir" "$tag"
}

fill_image() { # DIR BUSYBOX
    local dir=$1 busybox=$2 applet
    mkdir "$dir/bin" "$dir/etc" "$dir/root" "$dir/tmp" || return 1
    chmod 755 "$dir" "$dir/bin" "$dir/etc" || return 1 # mktemp's 0700 would close / to every user of the image
    chmod 700 "$dir/root" || return 1
    chmod 1777 "$dir/tmp" || return 1
    echo 'root:x:0:0:root:/root:/bin/sh' >"$dir/etc/passwd" || return 1
    echo 'root:x:0:' >"$dir/etc/group" || return 1
    chmod 644 "$dir/etc/passwd" "$dir/etc/group" || return 1
    install -m 755 "$busybox" "$dir/bin/busybox" || return 1
    for applet in $("$busybox" --list); do
        [[ $applet == busybox ]] || ln -s busybox "$dir/bin/$applet" || return 1
    done
}

import_image() { # DIR TAG
    tar -C "$1" --numeric-owner --owner=0 --group=0 -cf - . |
        docker import -c 'ENV PATH=/bin' -c 'CMD ["/bin/sh"]' - "$2" >/dev/null
}

# --- The other engines that tests run on; a machine that cannot have them runs the rest.

ensure_podman() {
    command -v podman >/dev/null && return 0
    is_root || return 1
    apt_install podman runc containernetworking-plugins catatonit
}

# Installing it starts a server that logs people in: only on the machines of CI, which are thrown away.
ensure_sshd() {
    command -v sshd >/dev/null && command -v ssh >/dev/null && return 0
    [[ ${CI:-} == true ]] && is_root || return 1
    apt_install openssh-server openssh-client
}

# The package starts a registry of its own: only on the machines of CI, too.
ensure_registry() {
    command -v docker-registry >/dev/null && return 0
    [[ ${CI:-} == true ]] && is_root || return 1
    apt_install docker-registry
}

# nerdctl is in no package of Debian 12: it is built where Go is there, from the module of one release, known by its
# checksum (Go's own service for these does not know every mirror's modules); that release's go.sum vouches for the rest.
NERDCTL_VERSION=v2.0.3
NERDCTL_SUM=h1:hdbDSsFHFNehQEbUortBTXpYUOY13bQmLAvtNHBthc8=
ensure_nerdctl() {
    command -v nerdctl >/dev/null || [[ -x $VENV/bin/nerdctl ]] && return 0
    if ! command -v go >/dev/null; then
        note "nerdctl is not here, nor Go to build it with"
        return 1
    fi
    local told folder
    make_scratch || return 1
    note "building nerdctl $NERDCTL_VERSION"
    mkdir -p "$scratch/nerdctl" || return 1
    (cd "$scratch/nerdctl" && go mod init scratch) >/dev/null 2>&1 || return 1
    told=$(cd "$scratch/nerdctl" && GOSUMDB=off GOFLAGS=-mod=mod timeout 300 \
        go mod download -json "github.com/containerd/nerdctl/v2@$NERDCTL_VERSION") || return 1
    if [[ $told != *"\"Sum\": \"$NERDCTL_SUM\""* ]]; then
        note "the module of nerdctl $NERDCTL_VERSION is not the one that was looked at"
        return 1
    fi
    folder=$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$told")
    cp -r "$folder" "$scratch/nerdctl/source" && chmod -R u+w "$scratch/nerdctl/source" || return 1
    (cd "$scratch/nerdctl/source" && CGO_ENABLED=0 GOSUMDB=off timeout 600 go build -o "$VENV/bin/nerdctl" \
        -ldflags "-X github.com/containerd/nerdctl/v2/pkg/version.Version=$NERDCTL_VERSION" ./cmd/nerdctl) >&2
}
