# Stands where Bazel's scripts look for the functions that start and stop a remote execution server: ours, with a data directory for each test.
# They source it after testenv.sh, and call start_worker with switches for Bazel's own server, which mean nothing here.

worker_port= own_data=

start_worker() {
  local log=$OWN_LOGS/$TEST_name.server.log try server
  own_data=$(mktemp -d "$TEST_TMPDIR/own.XXXXXX")
  "$NLA_BINARY" local --listen 127.0.0.1:0 --worker-api-listen 127.0.0.1:0 --workers 2 --max-inflight 4 --data "$own_data" >"$log" 2>&1 </dev/null &
  server=$!; echo "$server" >"$TEST_TMPDIR/server.pid"
  for ((try = 0; try < 300; try++)); do
    if grep -q '^ready:' "$log"; then
      worker_port=$(grep -m1 -oE 'remote_executor=grpc://[0-9.]+:[0-9]+' "$log" | grep -oE '[0-9]+$')
      return 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  fail "the server did not start: $(tail -n 5 "$log")"
}

stop_worker() {
  local server try
  server=$(cat "$TEST_TMPDIR/server.pid" 2>/dev/null) || return 0
  kill -TERM "$server" 2>/dev/null
  for ((try = 0; try < 100; try++)); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
  if kill -0 "$server" 2>/dev/null; then
    echo "the server was still there 10 s after SIGTERM"
    kill -KILL "$server"
  fi
  rm -f "$TEST_TMPDIR/server.pid"
  chmod -R u+w "$own_data" 2>/dev/null; rm -rf "$own_data" || true
}

# Called first in the shell of each test: what the last one left is ended, and this one is given so long and no longer.
testenv_set_up() {
  rm -f "$TEST_TMPDIR/__fail"
  [ ! -s "$TEST_TMPDIR/server.pid" ] || kill -KILL "$(cat "$TEST_TMPDIR/server.pid")" 2>/dev/null
  rm -f "$TEST_TMPDIR/server.pid"
  local test_shell=$BASHPID
  (
    trap - ERR; set +eE
    watcher=$BASHPID
    for ((second = 0; second < OWN_LIMIT; second++)); do sleep 1; [ -d "/proc/$test_shell" ] || exit 0; done
    below() { local child; for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do [ "$child" = "$watcher" ] || { below "$child"; echo "$child"; }; done; }
    kill -KILL "$test_shell" $(below "$test_shell") $(cat "$TEST_TMPDIR"/root/*/server/server.pid.txt 2>/dev/null)
  ) >/dev/null 2>&1 </dev/null &
  return 0
}
