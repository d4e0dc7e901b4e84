#!/usr/bin/env python3
"""Runs Bazel's own integration tests of remote execution against `nativelink-actors local`.

    NLA_BINARY=path/to/nativelink-actors run.py [SCRIPT or FUNCTION…]

The tests are those of Debian's package bazel-bootstrap-source, taken from where it puts them; of ours is what they call a server (remote_utils.sh
here) and what they would download (empty rules). As root: everything runs in a network namespace that has nothing but its loopback, and in a mount
namespace in which the working directory (OWN_WORK, emptied) is at /mnt, because the tests hide /tmp from the programs that they start.

A line for each function; the last line is "N passed, N failed, N skipped". cases.txt says which are not run, and which fail for a known reason."""
import os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = pathlib.Path(os.environ.get("BAZEL_SRC", "/usr/src/bazel-bootstrap"))
REMOTE = "src/test/shell/bazel/remote"
SCRIPTS = ["remote_execution_test", "remote_execution_http_test", "remote_execution_sandboxing_test", "remote_execution_with_xattr_test", "remote_execution_tls_test"]
INSIDE = pathlib.Path("/mnt")
SECONDS_EACH = int(os.environ.get("OWN_LIMIT", "90"))


def enter():
    """Starts this program again in namespaces of its own, with an environment that says nothing of the caller's."""
    kept = {name: os.environ[name] for name in ("HOME", "JAVA_HOME", "DOTNET_ROOT", "BAZEL_SRC", "NLA_BINARY", "OWN_LIMIT") if name in os.environ}
    work = pathlib.Path(os.environ.get("OWN_WORK") or tempfile.mkdtemp(prefix="nla-bazel-own-"))
    work.mkdir(parents=True, exist_ok=True)
    environment = {**kept, "OWN_WORK": str(work), "OWN_INSIDE": "1", "USER": "root", "SHELL": "/bin/bash", "PATH": os.environ["PATH"]}
    os.execvpe("unshare", ["unshare", "--net", "--mount", "--propagation", "private", "--", sys.executable, __file__, *sys.argv[1:]], environment)


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def link_tree(source, target):
    """Every file below source as a link at the same place below target."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-rs", str(source), str(target)], check=True)


def runfiles(top):
    """What a test of Bazel's finds beside itself when Bazel runs it."""
    bazel = top / "io_bazel"
    for part in ("src/test/shell", "src/test/testdata", "tools"):
        link_tree(SOURCES / part, bazel / part)
    link_tree(SOURCES / "tools/bash/runfiles", top / "bazel_tools/tools/bash/runfiles")
    (bazel / "src/main/tools").mkdir(parents=True)
    for helper in ("linux-sandbox", "process-wrapper"):
        (bazel / "src/main/tools" / helper).symlink_to(f"/usr/share/bazel/{helper}")
    server = bazel / REMOTE / "remote_utils.sh"
    server.unlink(missing_ok=True)
    server.symlink_to(HERE / "remote_utils.sh")
    for empty in ("third_party/java/jdk/langtools/BUILD", "third_party/java/jdk/langtools/javac-9+181-r4173-1.jar", "src/test/shell/bazel/langtools.jar", "WORKSPACE"):
        write(bazel / empty, "") if not (bazel / empty).exists() else None
    write(bazel / "src/bazel", '#!/bin/bash\nexec /usr/bin/bazel-4 --nosystem_rc --nohome_rc --install_base=/usr/share/bazel --trust_install_base "$@"\n', 0o755)
    wrapper = bazel / "src/test/shell/bin/bazel"
    wrapper.unlink()
    write(wrapper, f'#!/bin/bash\nexec bash {SOURCES}/src/test/shell/bin/bazel "$@"\n', 0o755)


def rules(top):
    """The repositories that the tests would fetch: each rule is the one that is built in."""
    native = lambda names: "".join(f"{name} = native.{name}\n" for name in names.split())
    cc = "cc_binary cc_import cc_library cc_proto_library cc_test cc_toolchain cc_toolchain_suite fdo_prefetch_hints fdo_profile objc_library"
    java = "java_binary java_import java_library java_test java_toolchain java_runtime java_plugin java_proto_library"
    merge = ('#!/bin/bash\n# Instead of Bazel\'s merger, which is a Java program: all that was collected, one after the other.\n'
             'for word; do case $word in --coverage_dir=*) from=${word#*=} ;; --output_file=*) to=${word#*=} ;; esac; done\n'
             '[ -z "${to:-}" ] || find "${from:-/nonexistent}" -type f ! -path "$to" -exec cat {} + >"$to"\n')
    tools = ('package(default_visibility = ["//visibility:public"])\n'
             '[sh_binary(name = name, srcs = ["merge.sh"]) for name in ["lcov_merger", "coverage_report_generator"]]\n')
    for path, text in {"rules_cc/cc/defs.bzl": native(cc), "rules_cc/cc/BUILD": "", "rules_java/java/defs.bzl": native(java), "rules_java/java/BUILD": "",
                       "rules_proto/proto/BUILD": "", "rules_pkg/BUILD": "", "remote_coverage_tools_for_testing/BUILD": tools}.items():
        write(top / path, text)
        write(top / path.split("/")[0] / "WORKSPACE", "")
    write(top / "remote_coverage_tools_for_testing/merge.sh", merge, 0o755)


class Cases:
    """cases.txt: "not-run SCRIPT FUNCTION reason" and "known SCRIPT FUNCTION reason"; a FUNCTION may be "*"."""
    def __init__(self):
        lines = [line.split(None, 3) for line in (HERE / "cases.txt").read_text().splitlines() if line and not line.startswith("#")]
        self._reasons = {(kind, script, function): reason for kind, script, function, reason in lines}

    def reason(self, kind, script, function):
        return self._reasons.get((kind, script, function)) or self._reasons.get((kind, script, "*"))


class Run:
    def __init__(self, wanted):
        self.wanted, self.cases, self.passed, self.failed, self.skipped = wanted, Cases(), 0, 0, 0
        self.logs, self.runfiles, self.repositories = INSIDE / "logs", INSIDE / "runfiles", INSIDE / "repositories"

    def prepare(self):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["mount", "--bind", os.environ["OWN_WORK"], str(INSIDE)], check=True)
        for old in INSIDE.iterdir():
            self.remove(old)
        for directory in (self.logs, INSIDE / "tmp", INSIDE / "bin"):
            directory.mkdir()
        (INSIDE / "bin/python").symlink_to("/usr/bin/python3")
        runfiles(self.runfiles)
        rules(self.repositories)

    @staticmethod
    def remove(path):
        subprocess.run(["chmod", "-R", "u+w", str(path)], stderr=subprocess.DEVNULL)
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)

    def script(self, name):
        text = (SOURCES / REMOTE / f"{name}.sh").read_text()
        functions = [f for f in re.findall(r"^function (test_\w+)", text, re.M) if not self.wanted or f in self.wanted or name in self.wanted]
        left = []
        for function in functions:
            if why := self.cases.reason("not-run", name, function):
                self.skip(function, why)
            else:
                left.append(function)
        while left:
            heard = self.go(name, left)
            for function in [f for f in left if f in heard]:
                # What fails among others is tried once more alone, with a Bazel of its own.
                good = heard[function] or (len(left) > 1 and self.go(name, [function]).get(function, False))
                self.tell(name, function, good)
            if not heard:
                for function in left:
                    self.tell(name, function, False)
                return
            left = [f for f in left if f not in heard]

    def go(self, name, functions):
        """{function: whether it passed} of those whose turn came: Bazel's script ends with the first one that fails."""
        temporary = pathlib.Path(tempfile.mkdtemp(prefix="t.", dir=INSIDE))
        output = self.logs / f"{name}.{functions[0]}.{len(functions)}.log"
        environment = {**os.environ, "RUNFILES_DIR": str(self.runfiles), "TEST_SRCDIR": str(self.runfiles), "TMPDIR": str(INSIDE / "tmp"), "TEST_TMPDIR": str(temporary),
                       "XML_OUTPUT_FILE": str(temporary / "test.xml"), "TEST_REPOSITORY_HOME": str(self.repositories), "BAZEL_SRC": str(SOURCES), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
                       "EXTRA_BAZELRC": "build --host_javabase=@local_jdk//:jdk\nbuild --javabase=@local_jdk//:jdk", "OWN_LOGS": str(self.logs), "OWN_LIMIT": str(SECONDS_EACH),
                       # With "." as Bazel's own set-up has it: one of the tests needs it.
                       "PATH": f".:{INSIDE}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        with open(output, "w") as log:
            process = subprocess.Popen(["bash", str(self.runfiles / "io_bazel" / REMOTE / f"{name}.sh"), *functions], cwd=INSIDE, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True)
            try:
                process.wait((SECONDS_EACH + 30) * len(functions) + 60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.end_what_is_left(temporary)
        self.remove(temporary)
        text = re.sub(r"\x1b\[[0-9;]*m", "", output.read_text(errors="replace"))
        return {f: re.findall(rf"^(PASSED|FAILED): {f}$", text, re.M)[-1:] == ["PASSED"] for f in functions if f"** {f} *" in text}

    @staticmethod
    def end_what_is_left(temporary):
        for file in [temporary / "server.pid", *temporary.glob("root/*/server/server.pid.txt")]:
            try:
                os.kill(int(file.read_text()), signal.SIGKILL)
            except (OSError, ValueError):
                pass

    def tell(self, name, function, good):
        if good:
            self.passed += 1
            print(f"PASS {function}", flush=True)
        elif why := self.cases.reason("known", name, function):
            self.skip(function, f"fails as known: {why}")
        else:
            self.failed += 1
            print(f"FAIL {function}: {os.environ['OWN_WORK']}/logs/{name}.{function}.1.log", flush=True)

    def skip(self, function, why):
        self.skipped += 1
        print(f"SKIP {function}: {why}", flush=True)


def main():
    if os.geteuid() != 0:
        print("SKIP all of Bazel's own tests: they need root, for namespaces\n0 passed, 0 failed, 1 skipped")
        return 0
    if not (SOURCES / REMOTE).is_dir():
        print(f"FAIL {SOURCES}/{REMOTE} is missing: apt-get install bazel-bootstrap-source\n0 passed, 1 failed, 0 skipped")
        return 1
    if "OWN_INSIDE" not in os.environ:
        enter()
    began, run = time.monotonic(), Run(sys.argv[1:])
    run.prepare()
    for name in SCRIPTS:
        run.script(name)
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{run.passed} passed, {run.failed} failed, {run.skipped} skipped")
    return 1 if run.failed else 0


sys.exit(main())
