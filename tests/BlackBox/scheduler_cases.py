#!/usr/bin/env python3
"""Black-box checks of a scheduler with its CAS, numbered by section of protos/README.md. CLIENT=host:port WORKER_API=host:port scheduler_cases.py [-v] [pattern…]"""
import re, sys, time, uuid
import grpc
from rig import Known, case, digest, eventually, expect, key, run_cases
from scheduler_rig import Execution, INSTANCE, SchedulerUnderTest, full_response, write
from protos import pb


# --- 3.2, 3.3 connecting and liveness ---------------------------------------------------------------------------------------------------------------
@case("S3.2.1", "a first message other than connect_worker_request fails the rpc")
def wrong_first(s):
    w = s.worker(hello=False, keep_alive=0)
    w.send(keep_alive_request=pb.KeepAliveRequest())
    eventually(lambda: w.ended, 5, "the rpc fails")
    expect(w.ended[0] == grpc.StatusCode.INTERNAL, str(w.ended))


@case("S3.2.2", "the first reply is connection_result, its id the prefix and a UUID")
def greeting(s):
    w = s.worker(prefix="east-")
    wid = w.id
    expect(w.seen[0][1].WhichOneof("update") == "connection_result" and re.fullmatch(r"east-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", wid), wid)
    return wid


@case("S3.2.3", "a minimum property that is not a number refuses the connection with INVALID_ARGUMENT")
def bad_minimum(s):
    w = s.worker(properties=[("cpu_count", "many")])
    eventually(lambda: w.ended, 5, "refused")
    expect(w.ended[0] == grpc.StatusCode.INVALID_ARGUMENT, str(w.ended))


@case("S3.3.1", "no keep-alive: disconnect and end of stream after worker_timeout_s")
def silent(s):
    w = s.registered(keep_alive=0)
    began = time.monotonic()
    expect(w.evicted(10), "still connected after 10 s")
    took = time.monotonic() - began
    time.sleep(0.5)
    expect(took > 4, f"evicted after {took:.1f} s already")
    return f"{took:.1f} s; disconnect message {bool(w.of('disconnect'))}; stream ended {w.ended}"


@case("S3.3.3", "a worker that sends keep-alives stays")
def stays(s):
    w = s.registered(keep_alive=2.5)
    expect(not w.evicted(9), f"evicted: {w.ended}")
    others = {u.WhichOneof("update") for _, u in w.seen} - {"connection_result"}
    return f"besides connection_result it got {others or 'nothing'}"


# --- 3.5 to 3.7 an operation -------------------------------------------------------------------------------------------------------------------------
@case("S3.5.1", "StartExecute: instance, digest, function, queue time, platform sorted, worker id; own operation id")
def start_execute(s):
    w = s.registered(properties=[("cpu_arch", "k2"), ("cpu_count", "8")])
    e = s.execute(platform={"cpu_count": "2", "cpu_arch": "k2"})
    m = w.start()
    r = m.execute_request
    expect(r.action_digest == e.action and r.digest_function == 1, f"{r}")
    expect(m.worker_id == w.id and m.HasField("queued_timestamp") and abs(m.queued_timestamp.seconds - time.time()) < 60, f"{m}")
    expect([(p.name, p.value) for p in m.platform.properties] == [("cpu_arch", "k2"), ("cpu_count", "2")], f"{m.platform}")
    w.answer(m.operation_id)
    expect(e.done() is not None, "not done")
    name = e.seen[-1][1].name
    expect(m.operation_id not in name, "the client sees the scheduler's operation id")
    return f"skip_cache_lookup {r.skip_cache_lookup}; stages {e.stages}; name {name!r}; instance {r.instance_name!r}"


@case("S3.6.1", "execute_complete of an operation the worker does not have evicts it")
def unknown_complete(s):
    w = s.registered()
    w.complete(str(uuid.uuid4()))
    expect(w.evicted(4), "still connected")


@case("S3.7.1", "a second result, and a result of an unknown operation, evict the worker")
def second_result(s):
    seen = []
    for unknown in (False, True):
        w = s.registered(properties=[("cpu_arch", "k3")])
        e = s.execute(platform={"cpu_arch": "k3"})
        op = w.start().operation_id
        w.answer(op)
        expect(e.done() is not None, "not done")
        expect(not w.evicted(0.5), "evicted after a good result")
        w.answer(str(uuid.uuid4()) if unknown else op)
        seen.append(w.evicted(4))
        w.close()
    expect(all(seen), f"evicted: second {seen[0]}, unknown {seen[1]}")


@case("S3.7.2", "an incomplete ExecuteResponse: what happens to the operation and the worker, part by part")
def incomplete(s):
    def without(path):
        r = full_response()
        *parents, leaf = path.split(".")
        m = r
        for p in parents:
            m = getattr(m, p)
        m.ClearField(leaf)
        return r
    bad_digest = full_response()
    bad_digest.result.output_files.add(path="f").digest.hash = "xyz"
    no_digest = full_response()
    no_digest.result.output_files.add(path="f")
    variants = {"result": without("result"), "stdout_digest": without("result.stdout_digest"), "stderr_digest": without("result.stderr_digest"),
                "execution_metadata": without("result.execution_metadata"), "queued_timestamp": without("result.execution_metadata.queued_timestamp"),
                "worker_completed_timestamp": without("result.execution_metadata.worker_completed_timestamp"), "output file digest": no_digest, "bad digest": bad_digest}
    out = []
    for name, response in variants.items():
        w = s.registered(properties=[("cpu_arch", "k4")])
        e = s.execute(platform={"cpu_arch": "k4"})
        op = w.start(of=e).operation_id
        w.answer(op, response)
        done = e.done(2)
        out.append(f"{name}: {'done' if done is not None else 'hangs'}{', evicted' if w.evicted(0.1) else ''}")
        w.close()
        e.call.cancel()
        time.sleep(0.2)
    raise Known("; ".join(out))


@case("S3.7.3", "what of an ExecuteResponse reaches the client")
def survives(s):
    w = s.registered(properties=[("cpu_arch", "k5")])
    e = s.execute(platform={"cpu_arch": "k5"})
    op = w.start().operation_id
    r = full_response(3)
    x = r.result
    d = digest(b"content")
    f = x.output_files.add(path="f", digest=d, is_executable=True, contents=b"content")
    f.node_properties.unix_mode.value = 0o640
    x.output_directories.add(path="d", tree_digest=d, is_topologically_sorted=True)
    x.output_file_symlinks.add(path="lf", target="t")
    x.output_directory_symlinks.add(path="ld", target="t")
    x.output_symlinks.add(path="only-new", target="t")
    x.stdout_raw, x.stderr_raw = b"raw out", b"raw err"
    x.stdout_digest.CopyFrom(digest(b"raw out"))
    x.execution_metadata.auxiliary_metadata.add(type_url="type.googleapis.com/x.Y", value=b"aux")
    r.status.code, r.status.message = 9, "status message"
    v = pb.PreconditionFailure()
    v.violations.add(type="MISSING", subject="blobs/x/1")
    r.status.details.add(type_url="type.googleapis.com/google.rpc.PreconditionFailure", value=v.SerializeToString())
    r.server_logs["log"].digest.CopyFrom(d)
    r.server_logs["log"].human_readable = True
    r.message = "a message"
    w.answer(op, r)
    got = e.done()
    expect(got is not None, "not done")
    g = got.result
    kept = {"exit_code": g.exit_code == 3, "output file": len(g.output_files) == 1 and g.output_files[0].is_executable, "contents": bool(g.output_files and g.output_files[0].contents),
            "node_properties": bool(g.output_files and g.output_files[0].HasField("node_properties")), "directory": len(g.output_directories) == 1,
            "is_topologically_sorted": bool(g.output_directories and g.output_directories[0].is_topologically_sorted), "legacy file symlink": len(g.output_file_symlinks) == 1,
            "legacy directory symlink": len(g.output_directory_symlinks) == 1, "output_symlinks": sorted(l.path for l in g.output_symlinks), "stdout_raw": bool(g.stdout_raw),
            "stdout_digest": g.stdout_digest == digest(b"raw out"), "auxiliary": len(g.execution_metadata.auxiliary_metadata), "status": got.status.code,
            "status message": got.status.message, "details": len(got.status.details), "server_logs": dict((k, l.human_readable) for k, l in got.server_logs.items()),
            "message": got.message, "worker": g.execution_metadata.worker, "virtual": g.execution_metadata.virtual_execution_duration.nanos, "cached": got.cached_result}
    raise Known(str(kept))


@case("S3.7.4", "an ExecuteResult above 4 MiB")
def too_big(s):
    w = s.registered(properties=[("cpu_arch", "k6")])
    e = s.execute(platform={"cpu_arch": "k6"})
    op = w.start().operation_id
    r = full_response()
    for i in range(40000):
        r.result.output_files.add(path=f"a/rather/long/path/of/an/output/file/{i:06}", digest=digest(b"%d" % i))
    w.answer(op, r)
    done = e.done(4)
    raise Known(f"{r.ByteSize()} bytes: {'done' if done is not None else 'not done'}; stream {w.ended or 'open'}; stages {e.stages}")


@case("S3.7.5", "execute_complete frees minimum properties before the result")
def complete_frees(s):
    w = s.registered(properties=[("cpu_count", "2"), ("cpu_arch", "k7")])
    a, b = (s.execute(platform={"cpu_arch": "k7", "cpu_count": "2"}) for _ in range(2))
    first = w.start()
    time.sleep(1)
    expect(len(w.of("start_action")) == 1, "two actions on resources for one")
    w.complete(first.operation_id)
    second = w.start(5, 2)
    w.answer(first.operation_id)
    w.answer(second.operation_id)
    expect(a.done() is not None and b.done() is not None, "not done")


# --- 3.8 attempts ------------------------------------------------------------------------------------------------------------------------------------
@case("S3.8.1", "internal_error: requeued, the fourth time final")
def attempts(s):
    w = s.registered(properties=[("cpu_arch", "k8")])
    e = s.execute(platform={"cpu_arch": "k8"})
    n = 0
    while e.done(0.1) is None and n < 8:
        try:
            op = w.start(5, n + 1).operation_id
        except AssertionError:
            break
        n += 1
        w.answer(op, error=13)
    got = e.done(5)
    expect(got is not None and n == 4, f"{n} attempts, {'done' if got is not None else 'not done'}")
    return f"{n} attempts, then status {got.status.code} {got.status.message[:80]!r}, exit code {got.result.exit_code}, stdout {key(got.result.stdout_digest)[:12]}, message {got.message[:100]!r}"


@case("S3.8.2", "RESOURCE_EXHAUSTED: requeued without an attempt; how often an idle worker gets it again in 3 s")
def backpressure(s):
    w = s.registered(properties=[("cpu_arch", "k9")])
    e = s.execute(platform={"cpu_arch": "k9"})
    end, n = time.monotonic() + 3, 0
    while time.monotonic() < end:
        try:
            op = w.start(max(0.1, end - time.monotonic()), n + 1).operation_id
        except AssertionError:
            break
        n += 1
        w.answer(op, error=8)
    expect(e.done(0.1) is None, "became final")
    try:
        w.answer(w.start(8, n + 1).operation_id)
    except AssertionError:
        raise Known(f"sent {n} times in 3 s, then not for 8 s")
    expect(e.done() is not None, "not done")
    return f"sent {n} times in 3 s"


@case("S3.8.4", "the stream ends, or going_away comes, while an operation runs: it goes to another worker")
def leaves(s):
    out = []
    for going in (False, True):
        w = s.registered(properties=[("cpu_arch", "kb")])
        e = s.execute(platform={"cpu_arch": "kb"})
        op = w.start().operation_id
        if going:
            w.send(going_away_request=pb.GoingAwayRequest())
            time.sleep(0.5)
            out.append(f"going_away: disconnect {bool(w.of('disconnect'))}, stream {w.ended}")
        else:
            w.close()
        v = s.registered(properties=[("cpu_arch", "kb")])
        again = v.start(10)
        expect(again.operation_id == op, "another operation id")
        v.answer(again.operation_id)
        expect(e.done() is not None, "not done")
        v.close()
    return "; ".join(out)


@case("S3.8.5", "a late result on the old stream's successor evicts")
def late_on_new_stream(s):
    w = s.registered(properties=[("cpu_arch", "kc")])
    e = s.execute(platform={"cpu_arch": "kc"})
    op = w.start().operation_id
    w.close()
    v = s.registered()
    v.answer(op)
    expect(v.evicted(4), "accepted")
    x = s.registered(properties=[("cpu_arch", "kc")])
    x.answer(x.start(10).operation_id)
    expect(e.done() is not None, "not done")


# --- 3.9 matching --------------------------------------------------------------------------------------------------------------------------------------
def took(w, e, seconds):
    """Whether this worker is given this operation within that time; answers it, and whatever an earlier case left over."""
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        starts = w.of("start_action")
        for _, m in starts[n:]:
            w.answer(m.operation_id)
            if m.execute_request.action_digest == e.action:
                return True
        n = len(starts)
        time.sleep(0.02)
    return False


@case("S3.9.1", "matching by type: minimum, exact, priority, unknown")
def matching(s):
    table = [  # worker's properties, action's platform, runs?
        ([("cpu_count", "4")], {"cpu_count": "4"}, True), ([("cpu_count", "4")], {"cpu_count": "5"}, False),
        ([("cpu_arch", "x")], {"cpu_arch": "x"}, True), ([("cpu_arch", "x")], {"cpu_arch": "y"}, False), ([], {"cpu_arch": "x"}, False),
        ([("OSFamily", "a")], {"OSFamily": "b"}, True), ([], {"OSFamily": "b"}, False),
        ([], {"not-listed": "v"}, True), ([("not-listed", "v")], {"not-listed": "v"}, True), ([("not-listed", "w")], {"not-listed": "v"}, False),
        ([], {"lane": "v"}, True), ([("lane", "w")], {"lane": "v"}, True),
        ([("cpu_arch", "x"), ("cpu_arch", "y")], {"cpu_arch": "x"}, False), ([("cpu_arch", "x"), ("cpu_arch", "y")], {"cpu_arch": "y"}, True)]
    wrong = []
    for properties, platform, runs in table:
        w = s.registered(properties=properties)
        e = s.execute(platform=platform)
        got = took(w, e, 1.0 if not runs else 5)
        if got != runs:
            wrong.append(f"{properties} with {platform}: {'runs' if got else 'waits'}{f', {e.ended[:2]}' if e.ended else ''}")
        e.call.cancel()
        w.close()
        time.sleep(0.1)
    expect(not wrong, "; ".join(wrong))


# --- 3.10, 3.13 kills ----------------------------------------------------------------------------------------------------------------------------------
@case("S3.10.1", "client gone: kill_operation_request; any result acknowledges; the worker stays")
def client_gone(s):
    w = s.registered(properties=[("cpu_arch", "ke")])
    e = s.execute(platform={"cpu_arch": "ke"})
    op = w.start().operation_id
    e.call.cancel()
    began = time.monotonic()
    k = w.wait("kill_operation_request", 90)
    took = time.monotonic() - began
    expect(k.operation_id == op, "another operation")
    expect(took > 5, f"killed {took:.1f} s after the client's stream ended: it must outlive it (client_action_timeout_s 12)")
    w.answer(op, error=10)
    expect(not w.evicted(3), "evicted after the acknowledgement")
    f = s.execute(platform={"cpu_arch": "ke"})
    w.answer(w.start(10, 2).operation_id)
    expect(f.done() is not None, "not done")
    return f"kill after {took:.1f} s"


@case("S3.10.2", "a kill that is never acknowledged evicts the worker")
def unacknowledged(s):
    w = s.registered(properties=[("cpu_arch", "kf")])
    e = s.execute(platform={"cpu_arch": "kf"})
    w.start()
    e.call.cancel()
    w.wait("kill_operation_request", 90)
    began = time.monotonic()
    expect(w.evicted(90), "not evicted in 90 s")
    took = time.monotonic() - began
    expect(took > 5, f"after {took:.1f} s already")
    return f"after {took:.1f} s"


@case("S3.13.1", "Action.timeout passed without a result: requeued and killed at the old worker")
def action_timeout(s):
    w = s.registered(properties=[("cpu_arch", "kg")])
    e = s.execute(platform={"cpu_arch": "kg"}, timeout=2)
    w.start()
    began = time.monotonic()
    got = e.done(40)
    took_s = time.monotonic() - began
    time.sleep(7)
    kinds = [(round(t - began, 1), u.WhichOneof("update")) for t, u in w.seen]
    raise Known(f"worker saw {kinds}; client: {f'status {got.status.code} {got.status.message[:200]!r} after {took_s:.1f} s' if got is not None else 'not done'}; stages {e.stages}")


# --- 3.14, 6 the client's side -------------------------------------------------------------------------------------------------------------------------
@case("S3.14.1", "Execute with a missing Action, Command or input root: FAILED_PRECONDITION with MISSING violations")
def missing(s):
    out = []
    for what in ("action", "command", "root"):
        a = s.blobs.action(["/bin/true", what], inputs={"f": what.encode()})
        m = pb.Action.FromString(s.blobs[key(a)])
        del s.blobs[key({"action": a, "command": m.command_digest, "root": m.input_root_digest}[what])]
        e = s.execute(a)
        eventually(lambda: e.ended or e.done(0.05), 5, f"an answer for a missing {what}")
        code = e.ended[0].name if e.ended and e.ended[2] is not None else f"done {e.done(0.1).status.code}"
        trailing = [k for k, _ in (e.ended[2].trailing_metadata() or [])] if e.ended and e.ended[2] is not None else []
        out.append(f"{what}: {code}, details {'grpc-status-details-bin' in trailing}")
        expect(code == "FAILED_PRECONDITION" and "grpc-status-details-bin" in trailing, "; ".join(out))
    return "; ".join(out)


@case("S6.1", "equal actions are joined, but not when the cache is skipped")
def joined(s):
    w = s.registered(properties=[("cpu_arch", "kh")])
    for skip in (False, True):
        before = len(w.of("start_action"))
        a = s.blobs.action(["/bin/true"], platform={"cpu_arch": "kh"})
        s.upload()
        es = [s.execute(a, skip_cache=skip) for _ in range(3)]
        time.sleep(1.5)
        n = len(w.of("start_action")) - before
        for i in range(n):
            w.answer(w.start(5, before + i + 1).operation_id)
        expect(all(e.done() is not None for e in es), f"not done (skip {skip})")
        expect(n == (3 if skip else 1), f"skip_cache_lookup {skip}: {n} executions of 3 requests")


@case("S6.2", "WaitExecution finds a running and a finished operation, and not an unknown one; Get and Cancel")
def wait_execution(s):
    w = s.registered(properties=[("cpu_arch", "ki")])
    e = s.execute(platform={"cpu_arch": "ki"})
    op = w.start().operation_id
    eventually(lambda: e.seen, 3, "an Operation")
    name = e.seen[0][1].name
    wait = lambda n: Execution(s.rpc("Execution", "WaitExecution")(pb.WaitExecutionRequest(name=n)))
    running = wait(name)
    time.sleep(0.5)
    w.answer(op)
    expect(running.done() is not None, "WaitExecution on a running operation")
    expect(wait(name).done() is not None, "WaitExecution on a finished operation")
    unknown = wait(f"{INSTANCE}/{uuid.uuid4()}")
    eventually(lambda: unknown.ended, 5, "an answer")
    expect(unknown.ended[0] == grpc.StatusCode.NOT_FOUND, str(unknown.ended[:2]))
    out = []
    for method, request in (("GetOperation", pb.GetOperationRequest(name=name)), ("CancelOperation", pb.CancelOperationRequest(name=name)), ("ListOperations", pb.ListOperationsRequest())):
        try:
            s.rpc("Operations", method)(request, timeout=5)
            out.append(f"{method} answers")
        except grpc.RpcError as x:
            out.append(f"{method} {x.code().name}")
    return "; ".join(out)


@case("S6.3", "higher priority value first?")
def priority(s):
    order = {}
    es = [s.execute(platform={"cpu_arch": "kj"}, priority=p) for p in (0, 5, 1)]
    w = s.registered(properties=[("cpu_arch", "kj")], max_inflight=1)
    for i in range(3):
        m = w.start(10, i + 1)
        order[m.execute_request.action_digest.hash] = i
        w.answer(m.operation_id)
    for e in es:
        expect(e.done() is not None, "not done")
    raise Known("run in the order " + " ".join(str(p) for _, p in sorted((order[e.action.hash], p) for e, p in zip(es, (0, 5, 1)))))


# --- 2 bytes ---------------------------------------------------------------------------------------------------------------------------------------------
PRE = f"{INSTANCE}/" if INSTANCE else ""


@case("S2.1", "resource names: with and without sha256, leading slash, trailing part")
def names(s):
    for i, form in enumerate(("{p}uploads/{u}/blobs/{h}/{n}", "{p}uploads/{u}/blobs/sha256/{h}/{n}", "/{p}uploads/{u}/blobs/{h}/{n}", "{p}uploads/{u}/blobs/{h}/{n}/tail")):
        data = b"%d" % i * 100_000
        d = digest(data)
        for finish in (True, False):
            expect(write(s, form.format(p=PRE, u=uuid.uuid4(), h=d.hash, n=d.size_bytes), data, finish).committed_size == len(data), form)
        for read in ("{p}blobs/{h}/{n}", "{p}blobs/sha256/{h}/{n}", "/{p}blobs/{h}/{n}"):
            got = b"".join(r.data for r in s.rpc("ByteStream", "Read")(pb.ReadRequest(resource_name=read.format(p=PRE, h=d.hash, n=d.size_bytes)), timeout=20))
            expect(got == data, read)


@case("S2.3", "an interrupted upload goes on under its uuid; QueryWriteStatus tells where")
def resume(s):
    data = uuid.uuid4().bytes * 50_000
    d, u = digest(data), uuid.uuid4()
    name = f"{PRE}uploads/{u}/blobs/{d.hash}/{d.size_bytes}"

    def half():
        yield pb.WriteRequest(resource_name=name, data=data[:400_000])
    try:
        s.rpc("ByteStream", "Write")(half(), timeout=20)
        expect(False, "a stream without finish_write was accepted")
    except grpc.RpcError as e:
        first = e.code().name
    q = s.rpc("ByteStream", "QueryWriteStatus")(pb.QueryWriteStatusRequest(resource_name=name), timeout=5)
    expect(q.committed_size == 400_000 and not q.complete, f"{q}")
    r = write(s, name, data, skip=q.committed_size)
    expect(r.committed_size == len(data), f"{r}")
    q2 = s.rpc("ByteStream", "QueryWriteStatus")(pb.QueryWriteStatusRequest(resource_name=name), timeout=5)
    return f"unfinished: {first}; status {q.committed_size} {q.complete}; afterwards {q2.committed_size} {q2.complete}"


@case("S2.6", "FindMissing, BatchUpdate with a wrong size, BatchRead of a missing blob, GetTree")
def cas(s):
    blobs = [uuid.uuid4().bytes for _ in range(3)]
    ds = [digest(b) for b in blobs]
    find = lambda: s.rpc("ContentAddressableStorage", "FindMissingBlobs")(pb.FindMissingBlobsRequest(instance_name=INSTANCE, blob_digests=ds + [digest(b"")]), timeout=5).missing_blob_digests
    expect(len(find()) == 3, "the empty blob counts as missing, or others do not")
    for b in blobs:
        s.blobs.put(b)
    s.upload()
    expect(not find(), "uploaded and still missing")
    try:
        x = s.rpc("ContentAddressableStorage", "BatchUpdateBlobs")(pb.BatchUpdateBlobsRequest(instance_name=INSTANCE, requests=[pb.BatchUpdateBlobsRequest_Request(digest=pb.Digest(hash=ds[0].hash, size_bytes=3), data=blobs[0])]), timeout=5)
        wrong = f"entry status {x.responses[0].status.code}"
    except grpc.RpcError as e:
        wrong = e.code().name
    gone = digest(uuid.uuid4().bytes)
    r = s.rpc("ContentAddressableStorage", "BatchReadBlobs")(pb.BatchReadBlobsRequest(instance_name=INSTANCE, digests=[gone, ds[0]]), timeout=5)
    codes = {x.digest.hash: x.status.code for x in r.responses}
    expect(codes[gone.hash] == 5 and codes[ds[0].hash] == 0, f"{codes}")
    root = s.blobs.tree({f"d{i}/e/f": b"%d" % i for i in range(5)})
    s.upload()
    pages = list(s.rpc("ContentAddressableStorage", "GetTree")(pb.GetTreeRequest(instance_name=INSTANCE, root_digest=root), timeout=5))
    n = sum(len(p.directories) for p in pages)
    expect(n == 11, f"{n} directories of 11")
    small = list(s.rpc("ContentAddressableStorage", "GetTree")(pb.GetTreeRequest(instance_name=INSTANCE, root_digest=root, page_size=2), timeout=5))
    return f"wrong size: {wrong}; tree of 11: {n} directories in {len(pages)} message(s); page_size 2: {[len(p.directories) for p in small]}, token {small[0].next_page_token[:12]!r}…"


@case("S2.7", "action cache: missing is NOT_FOUND, a written result comes back")
def action_cache(s):
    a = digest(uuid.uuid4().bytes)
    get = lambda: s.rpc("ActionCache", "GetActionResult")(pb.GetActionResultRequest(instance_name=INSTANCE, action_digest=a), timeout=5)
    try:
        get()
        expect(False, "found")
    except grpc.RpcError as e:
        expect(e.code() == grpc.StatusCode.NOT_FOUND, str(e.code()))
    r = full_response().result
    r.output_symlinks.add(path="p", target="t")
    r.stdout_raw = b"raw"
    r.execution_metadata.auxiliary_metadata.add(type_url="type.googleapis.com/x.Y", value=b"aux")
    s.rpc("ActionCache", "UpdateActionResult")(pb.UpdateActionResultRequest(instance_name=INSTANCE, action_digest=a, action_result=r), timeout=5)
    expect(get() == r, f"changed: {get()}")
    gone = full_response().result
    gone.output_files.add(path="f", digest=digest(uuid.uuid4().bytes))
    s.rpc("ActionCache", "UpdateActionResult")(pb.UpdateActionResultRequest(instance_name=INSTANCE, action_digest=a, action_result=gone), timeout=5)
    try:
        get()
        return "an entry whose output is not in the CAS is returned"
    except grpc.RpcError as e:
        return f"an entry whose output is not in the CAS: {e.code().name}"


@case("S2.8", "capabilities")
def capabilities(s):
    c = s.rpc("Capabilities", "GetCapabilities")(pb.GetCapabilitiesRequest(instance_name=INSTANCE), timeout=5)
    expect(c.execution_capabilities.exec_enabled and 1 in c.cache_capabilities.digest_functions, str(c))
    raise Known(str(c).replace("\n", " "))


if __name__ == "__main__":
    sys.exit(run_cases(SchedulerUnderTest, [a for a in sys.argv[1:] if a != "-v"]))
