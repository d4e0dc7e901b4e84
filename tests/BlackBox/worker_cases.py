#!/usr/bin/env python3
"""Black-box checks of a worker, numbered by section of protos/README.md. WORKER="program" worker_cases.py [-v] [number or name pattern…]"""
import hashlib, os, signal, sys, threading, time
import psutil_lite as ps
from rig import case, digest, eventually, expect, key, run_cases, sh
from worker_rig import MARK, STAMPS, TimedLink, WorkerUnderTest, complete, stamps
from protos import pb
from google.protobuf import empty_pb2
import grpc

ENV = {"PATH": "/usr/bin:/bin", "KIT_MARK": MARK.split("=")[1]}
marked = lambda: ps.with_environment(MARK)
running = lambda *argv: set(ps.running(*argv)) & set(marked())  # of this run: another may go on beside it


# --- 3 the session ---------------------------------------------------------------------------------------------------------------------------------
@case("3.2.1", "the first message is connect_worker_request with prefix, properties and max_inflight_tasks")
def hello(w):
    s = w.worker(name="east-", max_inflight_tasks=7, platform_properties={"OSFamily": {"values": ["linux"]}, "tool": {"values": ["a", "b"]}, "n": {"query_cmd": "printf 'x\\ny\\n'"}})
    h = s.hello
    expect(h is not None, "first message was not connect_worker_request")
    expect(h.worker_id_prefix == "east-" and h.max_inflight_tasks == 7, f"prefix {h.worker_id_prefix!r}, max_inflight {h.max_inflight_tasks}")
    got = sorted((p.name, p.value) for p in h.properties)
    expect(got == [("OSFamily", "linux"), ("n", "x"), ("n", "y"), ("tool", "a"), ("tool", "b")], f"properties {got}")


@case("3.2.2", "no connection_result: the worker does not take an action as the first reply")
def no_greeting(w):
    w.sched.greet = False
    s = w.worker()
    s.start(w.action(["/bin/true"]))
    again = w.sched.accept(20)
    expect(again is not s, "no reconnect")
    expect(not s.of("execute_result"), "a result on a stream that never greeted")


@case("3.3.1", "keep-alives every timeout/2, also while actions hash and upload")
def keep_alive_period(w):
    with TimedLink(w.sched.port) as link:
        s = w.worker(worker_api_endpoint={"uri": f"http://127.0.0.1:{link.port}", "timeout": 1})
        began = time.monotonic()
        for round in range(12):
            script = f"head -c 200000000 /dev/zero | tr '\\0' {'abcdefghijkl'[round]} > big"
            ops = [s.start(w.action(sh(script), output_paths=["big"], env=ENV)) for _ in range(4)]
            for o in ops:
                w.ok(s.wait("execute_result", o, 120))
            for blob in [k for k, v in w.cas.blobs.items() if len(v) == 200_000_000]:
                del w.cas.blobs[blob]
            # Ten periods say something; a machine that is done sooner does it again.
            if time.monotonic() - began > 5:
                break
        ended = time.monotonic()
        times = link.times("keep_alive_request")
    gaps = [b - a for a, b in zip([began, *times], [*times, ended])]
    expect(max(gaps) < 1.0, f"a gap of {max(gaps):.2f} s with a period of 0.5 s; {len(times)} keep-alives in {ended - began:.1f} s")
    return f"{len(times)} keep-alives in {ended - began:.1f} s, {round + 1} rounds of 800 MB, gaps {min(gaps[:-1]):.2f}–{max(gaps):.2f} s"


@case("3.4.1", "an empty update and an unknown kill leave the session alive")
def tolerant(w):
    s = w.worker()
    s.kill("no-such-operation")
    s.send(keep_alive=empty_pb2.Empty())
    s.send()
    time.sleep(0.3)
    w.ok(w.run(["/bin/true"]))
    expect(not s.of("execute_result", "no-such-operation"), "answered an operation it never had: evicts the worker")


@case("3.4.2", "start_action with a digest function the worker lacks: this operation alone is refused")
def unknown_digest_function(w):
    s = w.worker()
    op = s.start(w.action(["/bin/true"]), digest_function=3)
    r = s.wait("execute_result", op, 10)
    expect(r.internal_error.code or r.execute_response.status.code, "ignored the digest function and succeeded")
    expect(not s.closed.is_set(), "the session was dropped")
    w.ok(w.run(["/bin/true"]))
    return f"{r.WhichOneof('result')}"


@case("3.4.3", "disconnect: the worker comes back on a new stream")
def disconnect(w):
    s = w.worker()
    s.send(disconnect=empty_pb2.Empty())
    s.end()
    t = w.sched.accept(15)
    expect(t.hello is not None, "no connect_worker_request on the new stream")
    w.ok(w.run(["/bin/true"], session=t))


@case("3.5.1", "instance name, operation id, worker id and queued timestamp are echoed")
def echoes(w):
    s = w.worker()
    op = s.start(w.action(["/bin/true"]), instance="a/b")
    r = s.wait("execute_result", op, 30)
    m = w.ok(r).execution_metadata
    expect(r.instance_name == "a/b" and r.operation_id == op, f"{r.instance_name!r} {r.operation_id}")
    expect(m.worker == s.worker_id, f"worker {m.worker!r}, not {s.worker_id!r}")
    expect(abs(stamps(w.ok(r))[0] - time.time()) < 60, "queued_timestamp not echoed")


@case("3.5.2", "the same operation id again while it runs (NativeLink's scheduler does so): adopted, run once, answered once")
def duplicate(w):
    s = w.worker()
    a = w.action(["/bin/sleep", "2.718"], env=ENV)
    op = s.start(a)
    eventually(lambda: running("/bin/sleep", "2.718"), 5, "the action runs")
    s.start(a, operation_id=op)
    time.sleep(0.7)
    expect(len(running("/bin/sleep", "2.718")) == 1, "runs twice at once")
    early = s.of("execute_result", op)
    w.ok(s.wait("execute_result", op, 10, count=1 + len(early)))
    time.sleep(1)
    expect(not running("/bin/sleep", "2.718"), "runs again")
    expect(not early, f"the second start was answered with internal_error {early[0][1].internal_error.code if early else 0}: costs the operation an attempt")
    expect(len(s.of("execute_result", op)) == 1, "answered too often")


@case("3.6.1", "one execute_complete, after the process has ended and before the result")
def execute_complete(w):
    s = w.worker()
    op = s.start(w.action(sh("sleep 0.3; echo x > o"), output_paths=["o"]))
    w.ok(s.wait("execute_result", op, 30))
    kinds = [u.WhichOneof("update") for _, u in s.seen if u.WhichOneof("update") != "keep_alive_request"]
    expect(kinds == ["connect_worker_request", "execute_complete", "execute_result"], f"{kinds}")


@case("3.7.1", "a result is complete: nine ascending timestamps, both digests; blobs are in the CAS before it is sent")
def complete_result(w):
    s = w.worker()
    w.cas.faults["FindMissingBlobs"] = lambda r, c: time.sleep(0.3)
    op = s.start(w.action(sh("echo out; echo err >&2; echo data > f; mkdir d; echo inner > d/g"), output_paths=["f", "d"]))
    result = s.wait("execute_result", op, 30)
    at = s.of("execute_result", op)[0][0]
    r = w.ok(result)
    expect(w.text(r.stdout_digest) == "out\n" and w.text(r.stderr_digest) == "err\n", "stdout or stderr wrong")
    t = stamps(r)
    expect(t == sorted(t) and t[-1] - t[0] < 60, lambda: "timestamps out of order: " + ", ".join(f"{n} {v - t[0]:.3f}" for n, v in zip(STAMPS, t)))
    written = dict((k, at_) for at_, k in w.cas.written)
    for d in [r.stdout_digest, r.stderr_digest, r.output_files[0].digest, r.output_directories[0].tree_digest]:
        expect(key(d) in written and written[key(d)] <= at, f"blob {key(d)} was not in the CAS when the result came")


@case("3.7.2", "one result per operation, never a second")
def one_result(w):
    s = w.worker()
    ops = [s.start(w.action(sh(f"exit {i % 3}"))) for i in range(50)]
    for o in ops:
        s.wait("execute_result", o, 60)
    time.sleep(1)
    expect(all(len(s.of("execute_result", o)) == 1 for o in ops), "an operation was answered more than once")


@case("3.8.1", "SIGTERM: new work is refused with RESOURCE_EXHAUSTED, running work is finished, then going_away, then exit")
def drain(w):
    s = w.worker()
    op = s.start(w.action(sh("sleep 3; echo done > o"), output_paths=["o"], env=ENV))
    eventually(marked, 10, "the action runs")
    w.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    late = s.start(w.action(["/bin/true"]))
    w.error(s.wait("execute_result", late, 5), 8)
    w.ok(s.wait("execute_result", op, 15))
    s.wait("going_away_request", seconds=10)
    order = [u.WhichOneof("update") for _, u in s.seen if u.WhichOneof("update") in ("execute_result", "going_away_request")]
    expect(order[-1] == "going_away_request", f"{order}")
    code = w.process.wait(15)
    return f"exit code {code}"


@case("3.8.2", "SIGINT ends at once and leaves no process of the action behind")
def interrupt(w):
    s = w.worker()
    s.start(w.action(sh("sleep 60 & sleep 60; :"), env=ENV))
    eventually(lambda: len(marked()) >= 2, 10, "the action runs")
    w.process.send_signal(signal.SIGINT)
    code = w.process.wait(10)
    eventually(lambda: not marked(), 3, f"action's processes end: {len(marked())} left")
    return f"exit code {code}"


@case("3.10.1", "kill while running: acknowledged within 5 s, whole process tree gone, also what left its session")
def kill_running(w):
    s = w.worker()
    op = s.start(w.action(sh("setsid sleep 61 & (sleep 62 &) ; sleep 63"), env=ENV))
    eventually(lambda: all(running("sleep", n) for n in ("61", "62", "63")), 10, "the action runs")
    time.sleep(0.3)
    began = time.monotonic()
    s.kill(op)
    r = s.wait("execute_result", op, 20)
    took = time.monotonic() - began
    w.done(r, 10)
    time.sleep(0.5)
    expect(took < 5, f"acknowledged after {took:.1f} s")
    expect(not marked(), f"{len(marked())} processes of the killed action still run")
    return f"{took:.2f} s"


@case("3.10.2", "kill while inputs are fetched: acknowledged within 5 s")
def kill_fetching(w):
    s = w.worker()
    hold = threading.Event()
    a = w.action(["/bin/true"], inputs={"big": b"x" * 5_000_000})
    w.cas.faults["Read"] = w.cas.faults["BatchReadBlobs"] = lambda r, c: hold.wait(25)
    op = s.start(a)
    time.sleep(1.5)
    began = time.monotonic()
    s.kill(op)
    try:
        s.wait("execute_result", op, 20)
        took = time.monotonic() - began
    finally:
        hold.set()
    expect(took < 5, f"acknowledged after {took:.1f} s")
    return f"{took:.2f} s"


@case("3.11.1", "stream lost: running actions end with their processes, the worker reconnects, nothing of the old stream is reported on the new")
def stream_lost(w):
    s = w.worker()
    op = s.start(w.action(sh("sleep 60"), env=ENV))
    eventually(marked, 10, "the action runs")
    began = time.monotonic()
    s.context.cancel()
    t = w.sched.accept(20)
    took = time.monotonic() - began
    eventually(lambda: not marked(), 5, "the old action's processes end")
    w.ok(w.run(["/bin/true"], session=t))
    expect(not t.of("execute_result", op), "reported an operation of the old stream: evicts the worker")
    return f"reconnected after {took:.2f} s"


@case("3.11.2", "scheduler gone for 8 s: the worker keeps trying and registers again")
def scheduler_restart(w):
    from fake_scheduler import FakeScheduler
    w.worker()
    port = w.sched.port
    w.sched.close()
    time.sleep(8)
    expect(w.process.poll() is None, "the worker exited")
    w.sched = FakeScheduler(port)
    s = w.sched.accept(30)
    w.ok(w.run(["/bin/true"], session=s))


@case("3.14.1", "a missing input file: execute_response FAILED_PRECONDITION naming every missing blob")
def missing_file(w):
    w.worker()
    a = w.action(["/bin/true"], inputs={"a": b"one" * 9, "d/b": b"two" * 9, "c": b"three"})
    gone = [digest(b"one" * 9), digest(b"two" * 9)]
    for d in gone:
        del w.cas.blobs[key(d)]
    r = w.session.run(a)
    response = w.done(r, 9)
    named = [v.subject for x in response.status.details for v in unpack(x).violations]
    expect(all(any(d.hash in n for n in named) for d in gone), f"violations {named}, message {response.status.message[:200]!r}")


def unpack(any_):
    p = pb.PreconditionFailure()
    p.ParseFromString(any_.value)
    return p


@case("3.14.2", "a missing Directory, Command or Action: execute_response FAILED_PRECONDITION")
def missing_parts(w):
    w.worker()
    for what in ("directory", "command", "action"):
        a = w.action(sh(f": {what}"), inputs={"d/x": what.encode()})
        if what == "action":
            del w.cas.blobs[key(a)]
        elif what == "command":
            del w.cas.blobs[key(pb.Action.FromString(w.cas.blobs[key(a)]).command_digest)]
        else:
            del w.cas.blobs[key(w.cas.blobs.tree({"x": b"directory"}))]
        w.done(w.session.run(a), 9)


# --- 4.2, 4.3 inputs -------------------------------------------------------------------------------------------------------------------------------
@case("4.2.1", "precondition script: exit 1 gives RESOURCE_EXHAUSTED with its output, no execute_complete")
def precondition(w):
    script = f"{w.dir}/pre.sh"
    open(script, "w").write("#!/bin/sh\necho not today\nexit 1\n")
    os.chmod(script, 0o755)
    s = w.worker(experimental_precondition_script=script)
    op = s.start(w.action(["/bin/true"]))
    e = w.error(s.wait("execute_result", op, 15), 8)
    expect("not today" in e.message, f"message {e.message!r}")
    expect(not s.of("execute_complete", op), "execute_complete for an action that never ran")


@case("4.2.2", "timeout above max_action_timeout: final INVALID_ARGUMENT, nothing left in the work directory")
def over_long(w):
    w.worker(max_action_timeout=10)
    r = w.run(["/bin/true"], timeout=60)
    w.done(r, 3)
    eventually(lambda: not w.work_left(), 3, f"work directory is empty: {w.work_left()}")


@case("4.2.3", "parents of output_files, output_directories and output_paths exist before the command runs")
def output_parents(w):
    for kw in ({"output_files": ["a/b/f"]}, {"output_directories": ["a/b/d"]}, {"output_paths": ["a/b/p"]}):
        expect("a/b" in w.out(sh("find a -type d"), **kw), f"no parent for {kw}")
    expect("wd/a/b" in w.out(sh("cd .. && find wd -type d"), inputs={"wd/in": b"1"}, cwd="wd", output_paths=["a/b/p"]), "no parent below working_directory")


@case("4.2.4", "names that would leave the input root are refused, and nothing is written outside")
def evil_names(w):
    s = w.worker()
    outside = f"{w.dir}/evil"
    codes = []
    for name in ("..", ".", "", "a/b", "../evil", "../../evil", "../../../evil", outside, "a\0b"):
        for kind in ("files", "directories", "symlinks"):
            d = pb.Directory()
            e = getattr(d, kind).add(name=name)
            if kind == "symlinks":
                e.target = "/etc"
            else:
                e.digest.CopyFrom(w.cas.blobs.put(b"evil" if kind == "files" else pb.Directory(files=[pb.FileNode(name="evil", digest=w.cas.blobs.put(b"evil"))])))
            r = s.run(w.action(["/bin/true"], root=w.cas.blobs.put(d)), 20)
            code = r.internal_error.code if r.WhichOneof("result") == "internal_error" else r.execute_response.status.code
            codes.append(code)
            expect(code != 0, f"a {kind[:-1]} named {name!r} was accepted")
    left = [p for p, ds, fs in os.walk(w.dir) if "evil" in fs + ds]
    expect(not left, f"written: {left}")
    w.ok(w.run(["/bin/true"]))


@case("4.3.1", "modes: plain files read-only, executables executable, same digest both ways, unix_mode and mtime honoured")
def modes(w):
    b = w.cas.blobs
    special = pb.FileNode(name="special", digest=b.put(b"special"))
    special.node_properties.unix_mode.value = 0o640
    special.node_properties.mtime.seconds = 42
    out = w.out(sh("stat -c '%n %a %Y %h' plain exec twin special empty; cat plain"), inputs={"plain": b"same", "exec": (b"same", "x"), "twin": b"same", "special": special, "empty": b""})
    got = {l.split()[0]: l.split()[1:] for l in out.splitlines() if " " in l}
    expect(int(got["plain"][0], 8) & 0o111 == 0 and int(got["twin"][0], 8) & 0o111 == 0, f"a plain file is executable: {got}")
    expect(int(got["exec"][0], 8) & 0o111, f"executable bit lost: {got}")
    expect(got["special"][0] == "640" and got["special"][1] == "42", f"node properties ignored: {got['special']}")
    expect("same" in out, "content")
    return " ".join(f"{k}={v[0]}" for k, v in got.items())


@case("4.3.2", "symlinks verbatim, dangling ones too; empty directories; deep paths; odd names")
def shapes(w):
    odd = "a b\n\t'\"$(x)\\ä😀"
    out = w.out(sh("readlink l; readlink dangling; readlink abs; ls -d e; cat " + "d/" * 60 + "f; ls | wc -l"),
                inputs={"l": ("link", "x"), "x": b"1", "dangling": ("link", "no/where"), "abs": ("link", "/etc/passwd"), "e": None, "d/" * 60 + "f": b"deep\n", odd: b""})
    expect(out.split("\n")[:5] == ["x", "no/where", "/etc/passwd", "e", "deep"], out)
    expect(w.out(["cat", "./" + odd], inputs={odd: b"odd name"}) == "odd name", "odd name")


@case("4.3.3", "what an action does to its inputs is never seen by the next one or in the store")
def inputs_protected(w):
    tree = {"f": b"original\n", "x": (b"#!/bin/sh\necho original\n", "x"), "d/g": b"inner\n"}
    w.ok(w.run(sh("for f in f x d/g; do chmod u+w $f 2>/dev/null; echo spoiled > $f 2>/dev/null; done; chmod 777 f; rm -f d/g; touch -d @1 x; mv f f2; :"), inputs=tree))
    out = w.out(sh("cat f; ./x; cat d/g; stat -c %a f"), inputs=tree)
    expect(out.startswith("original\noriginal\ninner\n"), f"the next action saw {out!r}")
    for name, data in (("f", b"original\n"), ("g", b"inner\n")):
        h = digest(data).hash
        for p, _, fs in os.walk(f"{w.dir}/store"):
            for f in fs:
                if f.startswith(h):
                    expect(hashlib.sha256(open(f"{p}/{f}", "rb").read()).hexdigest() == h, f"the store's copy of {name} was changed")


@case("4.3.4", "inputs may be deleted, replaced and renamed; new files may be made beside them")
def inputs_replaceable(w):
    out = w.out(sh("rm d/a && echo new > d/a && mv d/b d/c && rm -r e && mkdir e && touch e/x && cat d/a d/c"), inputs={"d/a": b"1", "d/b": b"2\n", "e/f": b""})
    expect(out == "new\n2\n", out)


@case("4.3.5", "the same input is fetched from the CAS once, whatever the number of actions at once")
def fetched_once(w):
    s = w.worker()
    data = os.urandom(3_000_000)
    tree = w.cas.blobs.tree({"big": data, **{f"s{i}": b"%d" % i for i in range(200)}})
    w.cas.faults["Read"] = lambda r, c: time.sleep(0.3)
    ops = [s.start(w.action(sh(f"wc -c < big; : {i}"), root=tree)) for i in range(8)]
    for o in ops:
        w.ok(s.wait("execute_result", o, 60))
    n = w.cas.read[key(digest(data))]
    small = max(w.cas.read[key(digest(b"%d" % i))] for i in range(200))
    expect(n == 1 and small == 1, f"big blob read {n} times, a small one {small} times by 8 actions")
    w.cas.calls.clear()
    w.ok(w.run(["/bin/true"], root=tree))
    return f"warm action afterwards: {dict(w.cas.calls)}"


@case("4.3.7", "a read broken in the middle and rpcs answered UNAVAILABLE are retried when the configuration says so")
def retries(w):
    w.worker(**{"retry": {"max_retries": 5, "delay": 0.05}})
    broken = []

    def break_once(r, c):
        if len(broken) < 2:
            broken.append(1)
            c.abort(grpc.StatusCode.UNAVAILABLE, "try again")
    for rpcs, script, inputs in ((["ReadChunk"], "sha256sum f", {"f": os.urandom(5_000_000)}), (["Read", "BatchReadBlobs", "FindMissingBlobs"], "cat f > o", {"f": os.urandom(300_000)}),
                                 (["Write", "BatchUpdateBlobs"], "head -c 300000 /dev/urandom > o", {})):
        w.cas.faults = {r: break_once for r in rpcs}
        broken.clear()
        r = w.run(sh(script), inputs=inputs, output_paths=["o"])
        expect(r.WhichOneof("result") == "execute_response", f"{rpcs}: internal_error {r.internal_error.code} {r.internal_error.message[:120]}")
        w.ok(r)
        expect(len(broken) == 2 or rpcs == ["ReadChunk"] and broken, f"{rpcs}: the fault was not met")


# --- 4.4, 4.5 the process --------------------------------------------------------------------------------------------------------------------------
@case("4.4.1", "the environment is exactly the action's, stdin is empty, cwd is the working directory")
def environment(w):
    w.worker(env={"LEAK": "secret"})
    out = w.out(["/usr/bin/env"], env={"A": "1", "B": "two words"})
    expect(sorted(l for l in out.splitlines() if not l.startswith(("PWD=", "SHLVL=", "_="))) == ["A=1", "B=two words"], out)
    out = w.out(sh("cat; basename $(pwd); umask"), inputs={"some/dir/f": b""}, cwd="some/dir")
    expect(out.splitlines()[0] == "dir", out)


@case("4.4.2", "program lookup: relative path, name in the action's PATH, argv[0] as given")
def lookup(w):
    script = (b"#!/bin/sh\necho tool $0\n", "x")
    expect(w.out(["./t"], inputs={"t": script}) .startswith("tool"), "./t")
    expect(w.out(["sub/t"], inputs={"wd/sub/t": script}, cwd="wd").startswith("tool"), "relative to the working directory")
    expect(w.out(["cat", "f"], inputs={"f": b"found"}, env={"PATH": "/usr/bin:/bin"}) == "found", "name in PATH")


@case("4.4.3", "a program that does not exist or may not run: a final result, not an internal error that is retried four times")
def not_found(w):
    w.worker()
    for args, inputs in ((["./missing"], {}), (["no-such-program-at-all"], {}), (["./plain"], {"plain": b"#!/bin/sh\n"})):
        r = w.run(args, inputs=inputs)
        expect(r.WhichOneof("result") == "execute_response", f"{args}: internal_error {r.internal_error.code} {r.internal_error.message[:120]!r}")
        complete(r.execute_response)
        expect(r.execute_response.status.code or r.execute_response.result.exit_code in (126, 127), f"{args}: exit code {r.execute_response.result.exit_code}")


@case("4.4.4", "a Command without arguments: final INVALID_ARGUMENT")
def no_arguments(w):
    w.done(w.run([]), 3)


@case("4.4.5", "exit codes 0, 1, 255; death by a signal is not success")
def exit_codes(w):
    for n in (0, 1, 255):
        expect(w.done(w.run(sh(f"exit {n}"))).result.exit_code == n, f"exit {n}")
    codes = [w.done(w.run(sh(f"kill -{n} $$"))).result.exit_code for n in (9, 11, 15)]
    expect(codes == [137, 139, 143], f"signals 9, 11, 15 gave {codes}, not 128 + n")


@case("4.4.11", "signals are at their defaults in the action: a broken pipe ends its writer quietly")
def broken_pipe(w):
    r = w.ok(w.run(sh("yes | head -n 1; trap"), env={"PATH": "/usr/bin:/bin"}))
    expect(w.text(r.stdout_digest) == "y\n" and not w.text(r.stderr_digest), f"stderr {w.text(r.stderr_digest)!r}")


@case("4.4.6", "stdout of 300 MB: complete, and the worker's memory stays flat")
def big_stdout(w):
    w.worker()
    w.ok(w.run(["/bin/true"]))
    before, peak, stop = w.rss_mb(), [0], threading.Event()

    def watch():
        while not stop.wait(0.05):
            peak[0] = max(peak[0], w.rss_mb())
    threading.Thread(target=watch, daemon=True).start()
    r = w.run(["/usr/bin/head", "-c", "300000000", "/dev/zero"], seconds=120)
    stop.set()
    expect(len(w.blob(w.ok(r).stdout_digest)) == 300_000_000, "incomplete")
    grown = peak[0] - before
    expect(grown < 64, f"grew by {grown:.0f} MB, from {before:.0f}")
    return f"grew by {grown:.0f} MB, from {before:.0f}"


@case("4.4.8", "additional_environment: all six sources; the action's own variables win")
def additional_environment(w):
    w.worker(env={"FROM": "worker"}, additional_environment={"P": {"property": "prop"}, "V": {"value": "fixed"}, "FROM": "from_environment", "T": "timeout_millis",
                                                             "S": "side_channel_file", "D": "action_directory", "WIN": {"value": "no"}})
    out = w.out(sh("env"), env={"WIN": "yes", "PATH": "/usr/bin:/bin"}, timeout=12, platform={"prop": "pv"}, start={"platform": {"prop": "pv"}})
    e = dict(l.split("=", 1) for l in out.splitlines() if "=" in l)
    got = (e["P"], e["V"], e["FROM"], e["T"], e["WIN"])
    expect(got == ("pv", "fixed", "worker", "12000", "yes"), str(got))
    expect(os.path.dirname(e["S"]) and e["D"] and not e["S"].startswith(e["D"] + "/work"), str(e))


@case("4.4.9", "entrypoint wraps every command; the side channel turns the result into DEADLINE_EXCEEDED")
def entrypoint(w):
    wrapper = f"{w.dir}/wrap.sh"
    open(wrapper, "w").write('#!/bin/sh\necho wrapped >&2\n[ "$1" = fail ] && { echo \'{"failure": "timeout"}\' > "$SIDE"; exit 3; }\nexec "$@"\n')
    os.chmod(wrapper, 0o755)
    w.worker(entrypoint=wrapper, additional_environment={"SIDE": "side_channel_file"})
    r = w.ok(w.run(["/bin/echo", "hi"]))
    expect(w.text(r.stdout_digest) == "hi\n" and w.text(r.stderr_digest) == "wrapped\n", "wrapper did not run")
    expect(w.done(w.run(["fail"]), 4).result.exit_code == 3, "exit code of a side-channel timeout")


@case("4.4.10", "max_inflight_tasks actions run at the same time")
def parallel(w):
    s = w.worker(max_inflight_tasks=8)
    w.ok(w.run(["/bin/true"]))
    began = time.monotonic()
    ops = [s.start(w.action(["/bin/sleep", "1"])) for _ in range(8)]
    for o in ops:
        w.ok(s.wait("execute_result", o, 30))
    took = time.monotonic() - began
    expect(took < 3, f"8 sleeps of 1 s took {took:.1f} s")
    return f"{took:.2f} s"


@case("4.5.1", "timeout: DEADLINE_EXCEEDED, what was printed and written is kept, the whole process tree is gone")
def timed_out(w):
    s = w.worker()
    began = time.monotonic()
    op = s.start(w.action(sh("echo printed; echo half > o; setsid sleep 30 & (sleep 31 &); sleep 32"), output_paths=["o"], env=ENV, timeout=1))
    eventually(marked, 5, "the action's processes can be seen")
    r = s.wait("execute_result", op, 60)
    took = time.monotonic() - began
    response = w.done(r, 4)
    time.sleep(0.5)
    left = len(marked())
    problems = [f"{left} processes survive"] * (left > 0) + [f"took {took:.1f} s"] * (took > 8)
    problems += ["stdout lost"] * (w.text(response.result.stdout_digest) != "printed\n") + ["output lost"] * (not response.result.output_files)
    expect(not problems, ", ".join(problems))
    return f"exit code {response.result.exit_code}"


# --- 4.6 outputs -----------------------------------------------------------------------------------------------------------------------------------
@case("4.6.1", "files, executables, empty files, missing outputs, outputs of a failed action")
def output_files(w):
    r = w.run(sh("echo a > a; echo b > b; chmod +x b; : > c; mkdir -p d; echo e > d/e; exit 7"), output_paths=["a", "b", "c", "d/e", "missing"])
    res = w.done(r).result
    got = {f.path: (f.digest.size_bytes, f.is_executable) for f in res.output_files}
    expect(res.exit_code == 7 and got == {"a": (2, False), "b": (2, True), "c": (0, False), "d/e": (2, False)}, f"{res.exit_code} {got}")
    expect([f.path for f in res.output_files] == sorted(got), "not sorted by path")


@case("4.6.2", "an output directory becomes a Tree: sorted, root only in root, deterministic, equal directories once")
def output_tree(w):
    script = sh("mkdir -p d/z d/a/deep d/b/deep d/empty; echo 1 > d/z/f; echo 2 > d/a/deep/g; echo 2 > d/b/deep/g; ln -s ../z/f d/a/l; echo 3 > d/x; chmod +x d/x")
    results = [w.ok(w.run(script, output_paths=["d"])) for _ in range(4)]
    tree = w.tree(results[0].output_directories[0])
    expect([f.name for f in tree.root.files] == ["x"] and tree.root.files[0].is_executable, "root files")
    expect([d.name for d in tree.root.directories] == ["a", "b", "empty", "z"], "root directories")
    encoded = [c.SerializeToString(deterministic=True) for c in tree.children]
    for d in tree.root.directories:
        expect(any(digest(e).hash == d.digest.hash for e in encoded), f"child {d.name} is not among children")
    problems = ["root repeated among children"] * (tree.root.SerializeToString(deterministic=True) in encoded)
    problems += ["equal directories repeated"] * (len(set(encoded)) != len(encoded))
    problems += ["digest differs from run to run"] * (len({key(r.output_directories[0].tree_digest) for r in results}) > 1)
    expect(not problems, ", ".join(problems))


@case("4.6.3", "symlinks as outputs: relative to file, to directory, dangling, absolute; in the legacy lists and in output_symlinks")
def output_symlinks(w):
    r = w.ok(w.run(sh("echo x > f; mkdir d; echo y > d/g; ln -s f lf; ln -s d ld; ln -s nowhere ln; ln -s /dev/null la"), output_paths=["lf", "ld", "ln", "la"]))
    legacy = {s.path: s.target for s in list(r.output_file_symlinks) + list(r.output_directory_symlinks)}
    new = {s.path: s.target for s in r.output_symlinks}
    expect(legacy.get("lf") == "f" and legacy.get("ld") == "d" and legacy.get("ln") == "nowhere", f"legacy lists {legacy}")
    expect([s.path for s in r.output_directory_symlinks] == ["ld"], "directory symlink list")
    expect(all(new.get(k) == v for k, v in legacy.items()), f"output_symlinks {new} against {legacy}")
    return "absolute → " + ("file" if any(f.path == "la" for f in r.output_files) else "symlink" if "la" in legacy else "left out")


@case("4.6.5", "fifo and socket as outputs: one answer, worker alive")
def odd_outputs(w):
    r = w.run(sh("mkfifo p; mkdir d; mkfifo d/q; echo x > d/f"), output_paths=["p", "d"], seconds=20)
    w.ok(w.run(["/bin/true"]))
    return f"{r.WhichOneof('result')}, code {r.internal_error.code if r.WhichOneof('result') == 'internal_error' else r.execute_response.status.code}"


@case("4.6.6", "outputs below working_directory and beside it (..)")
def output_cwd(w):
    r = w.ok(w.run(sh("echo 1 > in; echo 2 > ../out"), inputs={"wd/x": b""}, cwd="wd", output_paths=["in", "../out"]))
    expect(sorted(f.path for f in r.output_files) == ["../out", "in"], str([f.path for f in r.output_files]))


@case("4.6.7", "legacy output_files and output_directories")
def output_legacy(w):
    r = w.ok(w.run(sh("echo 1 > f; mkdir d; echo 2 > d/g"), output_files=["f"], output_directories=["d"]))
    expect([f.path for f in r.output_files] == ["f"] and [d.path for d in r.output_directories] == ["d"], "legacy outputs missing")


@case("4.6.8", "the same content in many outputs is uploaded once; what the CAS has is not uploaded")
def upload_dedup(w):
    w.worker()
    there = os.urandom(200_000)
    w.cas.blobs.put(there)
    data = os.urandom(150_000)
    d = w.cas.blobs.tree({"src": data, "there": there})
    del w.cas.written[:]
    a = w.action(sh("for i in 1 2 3 4 5; do (cat src; echo) > o$i; done; cat there > o6"), root=d, output_paths=[f"o{i}" for i in range(1, 7)])
    w.ok(w.session.run(a))
    written = [k for _, k in w.cas.written]
    times = written.count(key(digest(data + b"\n")))
    expect(times == 1, f"written {times} times")
    expect(key(digest(there)) not in written, "uploaded a blob the CAS already had")
    return f"rpcs {dict(w.cas.calls)}"


# --- 4.7, 4.8 cache --------------------------------------------------------------------------------------------------------------------------------
@case("4.8.1", "the action cache: success is written before the result, failure is not, do_not_cache is respected")
def action_cache(w):
    s = w.worker()
    good, bad, never = w.action(["/bin/true"]), w.action(["/bin/false"]), w.action(["/bin/true"], do_not_cache=True)
    w.ok(s.run(good))
    put = [t for t, rpc, r in w.cas.log if rpc == "UpdateActionResult" and r.action_digest.hash == good.hash]
    expect(put and put[0] <= s.of("execute_result")[0][0], "not in the action cache when the result came")
    w.done(s.run(bad))
    w.done(s.run(never))
    time.sleep(0.5)
    expect(key(bad) not in w.cas.results, "a failed action was cached")
    expect(key(never) not in w.cas.results, "do_not_cache was ignored")


@case("4.8.2", "strategies never, everything and failures_only")
def strategies(w):
    for strategy, expected in (("never", []), ("everything", [0, 1]), ("failures_only", [1])):
        s = w.worker(upload_action_result={"ac_store": "AC", "upload_ac_results_strategy": strategy})
        for code in (0, 1):
            a = w.action(sh(f"exit {code}; : {strategy}"))
            w.done(s.run(a))
            time.sleep(0.2)
            expect((key(a) in w.cas.results) == (code in expected), f"{strategy}: exit {code} {'was' if key(a) in w.cas.results else 'was not'} cached")
        w.process.kill()
        w.process.wait()


# --- faults ----------------------------------------------------------------------------------------------------------------------------------------
@case("5.2", "kill -9 and start again: the store is used again, nothing is left over, actions run")
def crash(w):
    s = w.worker()
    data = os.urandom(500_000)
    tree = w.cas.blobs.tree({"f": data})
    w.ok(w.run(["/bin/true"], root=tree))
    s.start(w.action(sh("sleep 60"), root=tree, env=ENV))
    eventually(marked, 10, "the action runs")
    w.process.kill()
    w.process.wait()
    for p in marked():
        try:
            os.kill(p, signal.SIGKILL)
        except ProcessLookupError:
            pass
    w.cas.read.clear()
    w.worker()
    w.ok(w.run(sh("wc -c < f"), root=tree))
    n = w.cas.read[key(digest(data))]
    expect(n == 0, "the store was fetched anew")
    eventually(lambda: not w.work_left(), 5, f"leftovers {w.work_left()}")


@case("5.3", "1,000 actions started at once: every one is answered once")
def flood(w):
    s = w.worker(max_inflight_tasks=0)
    began = time.monotonic()
    ops = [s.start(w.action(["/bin/true"])) for _ in range(1000)]
    for o in ops:
        s.wait("execute_result", o, 120)
    took = time.monotonic() - began
    kinds = [s.of("execute_result", o)[0][1].WhichOneof("result") for o in ops]
    errors = {(e.code, e.message[:200]) for e in (s.of("execute_result", o)[0][1].internal_error for o in ops) if e.code}
    expect(kinds.count("execute_response") == 1000, f"{kinds.count('internal_error')} internal errors: {errors}")
    return f"{1000 / took:.0f} actions/s with this CAS, {w.rss_mb():.0f} MB"


if __name__ == "__main__":
    sys.exit(run_cases(WorkerUnderTest, [a for a in sys.argv[1:] if a != "-v"]))
