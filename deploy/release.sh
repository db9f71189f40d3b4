#!/bin/sh
# Builds the daemon twice: with counters, which learn from the bench what is called often, and once more with what they
# learned. It takes about three times as long as `cargo build --release`, and saves about a sixth of the engine's CPU time
# (docs/measurements.md).
set -eu
cd "$(dirname "$0")/.."
cargo="${CARGO:-cargo}"
host="$(rustc -vV | sed -n 's/^host: //p')"
[ -n "$host" ] || { echo "rustc does not say for which machine it builds: is it installed?"; exit 1; }
merge="$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata"
# Absolute: the daemon is started elsewhere.
work="$(pwd)/target/guided"
built="$work/$host/release/frontdesk"

if [ ! -x "$merge" ]; then
    echo "== llvm-profdata is missing: installing the component llvm-tools of this tool chain"
    rustup component add llvm-tools || true
    [ -x "$merge" ] || { echo "install it by hand: rustup component add llvm-tools"; exit 1; }
fi
# What was built with other counts is of no use.
rm -rf "$work"
mkdir -p "$work/counts"

# $1: one more flag for the compiler. With --target it does not reach build scripts and macros, which would leave counts of
# their own. Encoded, so that it may hold spaces.
build() {
    unit="$(printf '\037')"
    given="${CARGO_ENCODED_RUSTFLAGS:-$(printf '%s' "${RUSTFLAGS:-}" | tr -s ' ' "$unit")}"
    CARGO_ENCODED_RUSTFLAGS="${given:+$given$unit}$1" \
        $cargo build --release --bin frontdesk --target "$host" --target-dir "$work"
}

echo "== 1 of 3: building with counters"
build "-Cprofile-generate=$work/counts"

echo "== 2 of 3: counting what the bench calls"
BENCH_DAEMON="$built" BENCH_ONLY="redis everysec,embedded" BENCH_SECONDS="${BENCH_SECONDS:-5}" $cargo test --bench process
"$merge" merge -o "$work/counts.profdata" "$work/counts"

echo "== 3 of 3: building with what was counted"
build "-Cprofile-use=$work/counts.profdata"
echo "== $built"
