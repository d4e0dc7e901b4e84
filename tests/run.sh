#!/usr/bin/env bash
# The one test command: installs what is missing, builds, checks the format, runs every suite.
#   tests/run.sh              everything; the last line is "N passed, N failed, N skipped"
#   tests/run.sh unit bazel   only these suites (see SUITES below)
# Exit status: 0 when nothing failed, 1 when something did, 3 when something is missing that cannot be installed here.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 3
ROOT=$PWD
SUITES=(format unit blackbox-worker blackbox-worker-user blackbox-scheduler endtoend bazel-own crash chaos faults micro bazel coverage)
WANTED=("$@"); [ ${#WANTED[@]} -gt 0 ] || WANTED=("${SUITES[@]}")
for s in "${WANTED[@]}"; do
  case " ${SUITES[*]} " in *" $s "*) ;; *) echo "there is no suite '$s'; there are ${SUITES[*]}" >&2; exit 3 ;; esac
done
PASSED=0 FAILED=0 SKIPPED=0
FAILURES=() SKIPS=()
OUT=$(mktemp -d "${TMPDIR:-/tmp}/nla-tests.XXXXXX"); chmod 755 "$OUT"
PIDS=()
cleanup() { for p in "${PIDS[@]}"; do kill "$p" 2>/dev/null; done; wait 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$OUT"; }
trap cleanup EXIT; trap 'exit 130' INT TERM
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
PYTHON=/usr/bin/python3

wanted() { local s; for s in "${WANTED[@]}"; do [ "$s" = "$1" ] && return 0; done; return 1; }
title() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }
missing() { echo "missing: $1" >&2; echo "0 passed, 1 failed, 0 skipped"; exit 3; }

install() {
  command -v dotnet >/dev/null || missing "the .NET 10 SDK (dotnet): https://dot.net"
  DOTNET_ROOT=${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}; export DOTNET_ROOT
  local need=() p
  for p in gcc g++ make zip unzip procps util-linux bazel-bootstrap bazel-bootstrap-source iproute2 attr perl linux-perf dpkg-dev python3 python3-grpcio python3-protobuf protobuf-compiler libprotobuf-dev openssl xfsprogs; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || need+=("$p")
  done
  [ ${#need[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || missing "the Debian packages ${need[*]} (there is no apt-get here)"
  local sudo=(); [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || missing "the Debian packages ${need[*]}: run  apt-get install ${need[*]}  as root"
  title "installing ${need[*]}"
  "${sudo[@]}" apt-get update -q >"$OUT/apt.log" 2>&1
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -q --no-install-recommends "${need[@]}" >>"$OUT/apt.log" 2>&1 ||
    { tail -n 20 "$OUT/apt.log" >&2; missing "Debian packages that could not be installed (above)"; }
}

# one check with a name of its own
verdict() { if [ "$2" = 0 ]; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); FAILURES+=("$1"); fi; }

# one check that cannot run here, by its name and the reason
skip() { SKIPPED=$((SKIPPED + 1)); SKIPS+=("$1"); }

# sums up a log whose last matching line is "N passed, N failed[, N skipped]"
tally() {
  local name=$1 log=$2 line
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
  if [ -z "$line" ]; then FAILED=$((FAILED + 1)); FAILURES+=("$name: did not finish"); tail -n 20 "$log"; return; fi
  PASSED=$((PASSED + $(sed -E 's/^([0-9]+) passed.*/\1/' <<<"$line")))
  FAILED=$((FAILED + $(sed -E 's/.* ([0-9]+) failed.*/\1/' <<<"$line")))
  grep -q skipped <<<"$line" && SKIPPED=$((SKIPPED + $(sed -E 's/.* ([0-9]+) skipped.*/\1/' <<<"$line")))
  while read -r l; do FAILURES+=("$name: $l"); done < <(grep -E '^FAIL' "$log" | cut -c1-300)
  while read -r l; do SKIPS+=("$name: $l"); done < <(sed -nE 's/^SKIP //p' "$log" | cut -c1-300)
  echo "$name: $line"
}

# the names of the tests with this outcome, each with its message where there is one
outcomes() {
  $PYTHON - "$1" "$2" <<'END'
import sys, xml.etree.ElementTree as xml
space = "{http://microsoft.com/schemas/VisualStudio/TeamTest/2010}"
for result in xml.parse(sys.argv[1]).iter(space + "UnitTestResult"):
    if result.get("outcome") == sys.argv[2]:
        message = result.findtext(f".//{space}Message") or ""
        print(result.get("testName") + (": " + " ".join(message.split())[:200] if message and sys.argv[2] == "NotExecuted" else ""))
END
}

dotnet_tests() {
  local project=$1 name trx counters began=$SECONDS code total passed failed
  name=$(basename "$project" .csproj) trx=$OUT/$(basename "$1").trx
  dotnet test "$project" -c Release --no-build --nologo --logger "trx;LogFileName=$trx" --blame-hang-timeout 5m >"$trx.log" 2>&1; code=$?
  if [ ! -s "$trx" ]; then verdict "$name: did not run" 1; tail -n 30 "$trx.log"; return; fi
  counters=$(grep -o '<Counters [^>]*>' "$trx")
  n() { sed -E "s/.* $1=\"([0-9]+)\".*/\1/" <<<"$counters"; }
  total=$(n total) passed=$(n passed) failed=$(n failed)
  PASSED=$((PASSED + passed)); FAILED=$((FAILED + failed)); SKIPPED=$((SKIPPED + total - passed - failed))
  echo "$name: $passed passed, $failed failed, $((total - passed - failed)) skipped ($((SECONDS - began)) s)"
  [ "$total" -gt 0 ] || verdict "$name: no test was found" 1
  # A test process that dies or hangs fails no test of those that it has told of.
  if [ "$failed" = 0 ] && [ "$code" != 0 ]; then verdict "$name: did not finish" 1; tail -n 30 "$trx.log"; fi
  while read -r l; do SKIPS+=("$l"); done < <(outcomes "$trx" NotExecuted)
  if [ "$failed" -gt 0 ]; then
    while read -r l; do FAILURES+=("$name: $l"); done < <(outcomes "$trx" Failed)
    grep -E -A 12 '\[FAIL\]|^  Failed ' "$trx.log" | head -n 120
  fi
}

free_port() { $PYTHON -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_local NAME ARGS…: a local cluster of its own; sets CLIENT and API to its addresses
start_local() {
  local name=$1 log=$OUT/$1.server.log; shift
  local client api; client=$(free_port) api=$(free_port)
  CLIENT=127.0.0.1:$client API=127.0.0.1:$api
  "$OUT/bin/nativelink-actors" local --listen "$CLIENT" --worker-api-listen "$API" "$@" >"$log" 2>&1 </dev/null &
  SERVER=$!; PIDS+=("$SERVER")
  local i; for i in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$client") 2>/dev/null && (exec 3<>"/dev/tcp/127.0.0.1/$api") 2>/dev/null && return 0; sleep 0.1; done
  echo "the local cluster for $name did not start:"; tail -n 20 "$log"; return 1
}
stop_local() { kill "$1" 2>/dev/null; wait "$1" 2>/dev/null; }

install

title build
dotnet build NativeLink.Actors.sln -c Release --nologo -v q >"$OUT/build.log" 2>&1
built=$?; verdict build $built
if [ $built != 0 ]; then
  grep -E 'error|warning' "$OUT/build.log" | sort -u | head -n 40
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"; exit 1
fi
dotnet publish src/NativeLink.Actors.Cli -c Release -o "$OUT/bin" --nologo -v q >"$OUT/publish.log" 2>&1; published=$?; verdict publish $published
[ $published = 0 ] || tail -n 20 "$OUT/publish.log"

if wanted blackbox-scheduler; then
  mkdir -p "$OUT/scheduler-data"
  if DATA=$OUT/scheduler-data start_local scheduler --config "$ROOT/tests/BlackBox/scheduler.json5" --workers 0; then
    SCHEDULER_SERVER=$SERVER
    # mostly waiting: beside the unit tests
    CLIENT=$CLIENT WORKER_API=$API PYTHONDONTWRITEBYTECODE=1 $PYTHON tests/BlackBox/scheduler_cases.py >"$OUT/blackbox-scheduler.log" 2>&1 &
    SCHEDULER_CASES=$!; PIDS+=("$SCHEDULER_CASES")
  else
    verdict "blackbox-scheduler: the local cluster did not start" 1
  fi
fi

if wanted unit; then
  title "unit and integration tests"
  for p in tests/NativeLink.Actors.*.Tests/*.csproj tests/NativeLink.Actors.{Simulation,Differential,Fuzz}/*.csproj; do [ -f "$p" ] && dotnet_tests "$p"; done
fi

if wanted blackbox-scheduler && [ -n "${SCHEDULER_CASES:-}" ]; then
  title "black box: scheduler"
  wait "$SCHEDULER_CASES"; tally blackbox-scheduler "$OUT/blackbox-scheduler.log"; stop_local "$SCHEDULER_SERVER"
fi

# Both at once: they wait more than they work, and whoever looks for processes knows its own.
worker_cases() { WORKER="$2" PYTHONDONTWRITEBYTECODE=1 timeout 600 $PYTHON tests/BlackBox/worker_cases.py >"$OUT/$1.log" 2>&1 & PIDS+=("$!"); }
if wanted blackbox-worker; then worker_cases blackbox-worker "$OUT/bin/nativelink-actors"; CASES=$!; fi
if wanted blackbox-worker-user && [ "$(id -u)" = 0 ]; then
  title "black box: worker as an ordinary user"
  worker_cases blackbox-worker-user "setpriv --reuid=1000 --regid=1000 --clear-groups $OUT/bin/nativelink-actors"
  wait "$!"; tally blackbox-worker-user "$OUT/blackbox-worker-user.log"
fi
if wanted blackbox-worker-user && [ "$(id -u)" != 0 ]; then skip "blackbox-worker-user: only root can become an ordinary user; blackbox-worker runs as one here"; fi
if wanted blackbox-worker; then
  title "black box: worker"
  wait "$CASES"; tally blackbox-worker "$OUT/blackbox-worker.log"
fi

if wanted endtoend; then
  title "several processes"
  NLA_BINARY="$OUT/bin/nativelink-actors" dotnet_tests tests/NativeLink.Actors.EndToEnd/NativeLink.Actors.EndToEnd.csproj
fi

# benchmarks ARGS…: the program of the measurements, as the build left it
benchmarks() { dotnet run -c Release --no-build --project tests/NativeLink.Actors.Benchmarks -- "$@"; }

# Beside the crash rounds and the faults, which wait a lot and measure nothing.
if wanted format; then
  dotnet format NativeLink.Actors.sln --verify-no-changes --no-restore >"$OUT/format.log" 2>&1 &
  FORMAT=$!; PIDS+=("$FORMAT")
fi

if wanted crash; then
  title "crash rounds"
  benchmarks crash 2 --binary "$OUT/bin/nativelink-actors" >"$OUT/crash.log" 2>&1
  tally crash "$OUT/crash.log"; grep -E '^(ok|FAIL) ' "$OUT/crash.log"
fi

if wanted chaos; then
  title "chaos"
  benchmarks chaos --quick ${NLA_TEST_SEED:+--seed "$NLA_TEST_SEED"} --binary "$OUT/bin/nativelink-actors" >"$OUT/chaos.log" 2>&1
  tally chaos "$OUT/chaos.log"; grep -E '^(seed|ok|[0-9]+ builds)' "$OUT/chaos.log"
fi

if wanted faults; then
  # A share of all points, drawn by a seed that the log tells.
  SEED=(); [ -z "${NLA_TEST_SEED:-}" ] || SEED=(--seed "$NLA_TEST_SEED")
  for user in "" --user; do
    [ -z "$user" ] || [ "$(id -u)" = 0 ] || { skip "faults as an ordinary user: only root can become one; the faults above ran as one here"; continue; }
    name="faults${user:+ as an ordinary user}"; title "$name"
    benchmarks faults --seconds 12 $user "${SEED[@]}" --binary "$OUT/bin/nativelink-actors" >"$OUT/faults$user.log" 2>&1
    tally "$name" "$OUT/faults$user.log"; grep -E '^seed' "$OUT/faults$user.log"
  done
fi

if wanted micro; then
  title "inner pieces, each once"
  benchmarks micro --once >"$OUT/micro.log" 2>&1; micro=$?; verdict "micro --once" $micro
  [ $micro = 0 ] || tail -n 30 "$OUT/micro.log"
fi

if wanted format; then
  title format
  wait "$FORMAT"; format=$?; verdict format $format
  [ $format = 0 ] || head -n 20 "$OUT/format.log"
fi

if wanted bazel; then
  title "Bazel"
  if start_local bazel --workers 2 --data "$OUT/bazel-data"; then
    # Half of it waits: two Bazel servers at a time, on the same cluster.
    BUILDS=()
    for half in "cc-small cc-real" "genrules tests"; do
      name=bazel-${half%% *}
      WS=$half BZ_WORK=$OUT/$name TMPDIR=$OUT timeout 900 bash tests/NativeLink.Actors.EndToEnd/bazel/run-remote.sh "grpc://$CLIENT" >"$OUT/$name.log" 2>&1 &
      BUILDS+=("$name:$!"); PIDS+=("$!")
    done
    for build in "${BUILDS[@]}"; do
      wait "${build##*:}"; name=${build%%:*}
      tally "$name" "$OUT/$name.log"; grep -E '^INFO' "$OUT/$name.log"
    done
    stop_local "$SERVER"
  else
    verdict "bazel: the local cluster did not start" 1
  fi
fi

if wanted bazel-own; then
  title "Bazel's own tests of remote execution"
  # In a network of its own. Alone: beside other builds its functions come to their time limits.
  NLA_BINARY="$OUT/bin/nativelink-actors" OWN_WORK=$OUT/bazel-own OWN_LIMIT=300 timeout 2400 $PYTHON tests/NativeLink.Actors.EndToEnd/bazel/own/run.py >"$OUT/bazel-own.log" 2>&1
  tally bazel-own "$OUT/bazel-own.log"
fi

if wanted coverage; then
  title "conformance coverage"
  tests/conformance-coverage.sh >"$OUT/coverage.log"; verdict "conformance coverage" $?; cat "$OUT/coverage.log"
fi

if [ ${#SKIPS[@]} -gt 0 ]; then
  title "skipped: not possible on this machine, or for this user"; printf '  %s\n' "${SKIPS[@]}"
fi

if [ ${#FAILURES[@]} -gt 0 ]; then
  title "failed"; printf '  %s\n' "${FAILURES[@]}"
fi
printf '\n%s s\n' "$SECONDS"
echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
[ "$FAILED" = 0 ]
