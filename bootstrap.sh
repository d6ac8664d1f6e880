#!/usr/bin/env bash
# From a fresh Debian 12 or 13 to a result or to the verdict of the tests; see usage below.
set -eu

usage() {
  cat <<END
usage: ./bootstrap.sh run [psac_dist arguments...]
       ./bootstrap.sh test
       ./bootstrap.sh build

  run     install what is missing, build, fetch MNIST, train with configs/quick.yaml on this machine's cores (at most 8)
          and write runs/TIME.h5 with a report beside it; the arguments, any but --out, go to psac_dist
  test    install what is missing, fetch MNIST if possible, build and run all tests; \
then those of GPUs once more on emulated
          ones, optimised and with sanitizers; the exit code is 0 if all pass, 1 if not. \
\`ctest -C long\` in build-emulated
          runs more of them
  build   install what is missing, build into build/

Installing takes root, or sudo without a password; nothing is asked. Where every package is there, apt is not called.
Without root, install the libraries under a prefix of your own (with Spack, with conda, or from source) and build with
CMake, which names what is missing:

  cmake -B build -DCMAKE_PREFIX_PATH=PREFIX && cmake --build build -j
END
}

packages=(
  build-essential cmake pkg-config git ca-certificates curl
  openmpi-bin libopenmpi-dev libhdf5-openmpi-dev hdf5-tools zlib1g-dev libfyaml-dev librandom123-dev libcmocka-dev
  python3 python3-numpy python3-h5py python3-matplotlib
)

# Beside them for the tests of slurm/, which are skipped where these are not to be had.
slurm_packages=(slurm-wlm munge shellcheck)

root=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=$root/data/mnist

without_root='Without root: cmake -B build -DCMAKE_PREFIX_PATH=PREFIX && cmake --build build -j, '
without_root+='with the libraries installed under PREFIX'

say() { printf 'bootstrap: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

install_packages() {
  local packages=("$@") installed missing=() package
  command -v dpkg-query >/dev/null ||
    die "no dpkg-query here; this script is for Debian and its relatives. $without_root"
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
  for package in "${packages[@]}"; do
    grep -qx "$package installed" <<<"$installed" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  { apt_get update && apt_get install --no-install-recommends "${missing[@]}"; } || {
    say "could not install ${missing[*]}; as root: apt-get install ${missing[*]}. $without_root"
    return 1
  }
}

# build PRESET: see CMakePresets.json
build() {
  say "building $1"
  (cd "$root" && cmake --preset "$1" "${@:2}" && cmake --build --preset "$1" -j "$(nproc)") >&2 ||
    die "the build of $1 failed"
}

run_ctest() { (cd "$root" && ctest --preset "$1" -j "$(nproc)"); }

fetch_data() { "$root/tools/get_mnist" --install "$data"; }

run() {
  local ranks result
  install_packages "${packages[@]}" || exit 1
  build release
  fetch_data || die "there is no data to train on"
  ranks=$(nproc)
  [ "$ranks" -le 8 ] || ranks=8
  result=$root/runs/$(date -u +%Y%m%dT%H%M%SZ).h5
  mkdir -p "$root/runs"
  say "training on $ranks ranks into $result"
  mpirun -np "$ranks" "$root/build/psac_dist" --config "$root/configs/quick.yaml" --data "$data" --out "$result" "$@" ||
    die "the training run failed"
  /usr/bin/python3 "$root/tools/psac_report" "$result" || die "no report could be made of $result"
  say "this was the quick configuration; the full training, in $root:"
  say "  mpirun $mpirun_options -np $ranks build/psac_dist --data data/mnist --out runs/full.h5"
}

run_tests() {
  install_packages "${packages[@]}" || exit 1
  install_packages "${slurm_packages[@]}" || say "no Slurm: the tests that need it will be skipped"
  fetch_data || say "no MNIST: the tests that need it will be skipped"
  export OMPI_MCA_mpi_yield_when_idle=1  # there are tests with more ranks than cores
  local preset failed=()
  build release -DPSAC_WERROR=ON  # with the CUDA backend where there is a toolkit
  for preset in emulated emulated-debug; do build "$preset"; done
  for preset in release emulated emulated-debug; do run_ctest "$preset" || failed+=("$preset"); done
  [ ${#failed[@]} -eq 0 ] || die "tests failed in ${failed[*]}"
}

# What every mpirun below learns from these variables, the command that `run` suggests says with options.
# It counts cores, nproc counts hardware threads; Open MPI 4 reads the first, 5 the second.
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
mpirun_options=--oversubscribe
if [ "$(id -u)" = 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  mpirun_options+=' --allow-run-as-root'
fi

case ${1:-} in
  run) shift; run "$@" ;;
  test) run_tests ;;
  build) install_packages "${packages[@]}" || exit 1; build release ;;
  --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
