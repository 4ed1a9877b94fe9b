#!/usr/bin/env bash
# Installs the missing packages that the build needs (Debian 12 and later, Ubuntu 24.04).
#   scripts/install-deps.sh [ci]      ci: also the packages for .ci/run
# Without root it prints the command to run and fails.
set -euo pipefail

packages=(
  xtl-dev libxtensor-dev libopenblas-dev libfmt-dev nlohmann-json3-dev libnanoflann-dev  # library
  libcli11-dev libtomlplusplus-dev libnetcdf-dev gnuplot-nox                             # program
  catch2                                                                                 # tests
)
declare -A tools=([g++]=g++ [cmake]=cmake [ninja]=ninja-build [pkg-config]=pkg-config)
if [[ "${1:-}" == ci ]]; then
  tools[clang-format]=clang-format
  tools[clang-tidy]=clang-tidy
  tools[doxygen]=doxygen
  tools[clang++]=clang
  tools[git]=git
  tools[debootstrap]=debootstrap
  packages+=(libclang-rt-dev)  # sanitizers and libFuzzer
fi

if ! command -v dpkg-query >/dev/null; then
  echo "not a Debian system; please install: ${!tools[*]} ${packages[*]}" >&2
  exit 0
fi

missing=()
for tool in "${!tools[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${tools[$tool]}")
done
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  # Several packages provide gnuplot.
  if [[ $package == gnuplot-nox ]] && command -v gnuplot >/dev/null; then status=installed; fi
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -ne 0 ]]; then
  echo "missing packages; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
