namespace NativeLink.Actors.Differential.Transparency;

/// <summary>
/// What is run: shells, archivers, build tools, compilers,
/// interpreters, and small looks at what the kernel says of files.
/// </summary>
internal static partial class Programs
{
    public static IReadOnlyList<SmallProgram> All { get; } = [.. Shells, .. Tools, .. Builds, .. Files,
        .. Surroundings];

    private static SmallProgram[] Shells =>
    [
        new("shell: reading and writing",
            "cat hello.txt d/inner.txt link d/up; wc -l < lines.txt; sort -r lines.txt | head -3; ./run.sh a 'b c'; " +
            "cat dangling; echo $?"),
        new("shell: stdout opened by name",
            "echo a; echo b > /dev/stdout; echo c >> /dev/stdout; echo d | tee /dev/stdout; echo e > /proc/self/fd/1"),
        new("shell: stderr opened by name",
            "exec 3>&1; { echo a >&2; echo b > /dev/stderr; echo c | tee /dev/stderr > /dev/null; " +
            "echo d >> /dev/stderr; } 2>&1 | cat"),
        new("shell: both streams into one", "exec 2>&1; for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done"),
        new("shell: background writers", "for i in 1 2 3; do (sleep 0.0$i; echo $i) & done | sort; wait; echo end"),
        new("shell: exit code and trap", "trap 'echo trapped; exit 7' TERM; kill -TERM $$; sleep 1"),
        new("shell: a signal ends it", "echo before; kill -KILL $$"),
        new("shell: a closed pipe",
            "yes | head -2; (yes; echo $? >&2) 2>&1 >/dev/full | head -1 | cut -d: -f1; exit 3"),
        new("bash: process substitution", "bash -c 'cat <(cat hello.txt) <(echo two); paste -d, <(seq 3) <(seq 4 6)'")
        {
            Needs = ["bash"],
        },
        new("here-documents and temporary files",
            "cat <<E\nhere $((1+1))\nE\nt=$(mktemp); echo t > $t; cat $t; rm $t; t=$(mktemp -p .); echo u > $t; " +
            "cat $t; rm $t"),
    ];

    private static SmallProgram[] Tools =>
    [
        new("tar: as it lists and packs",
            "tar --sort=name --owner=0 --group=0 --numeric-owner -cf out/a.tar d c py moved hello.txt same.txt " +
            "link; tar -tvf out/a.tar | tr -s ' ' | cut -d' ' -f1,3-; " +
            "tar -cf - same.txt hello.txt | tar -tvf - | grep -c 'link to'") { Needs = ["tar"] },
        new("tar: unpacked elsewhere",
            "tar -cf - d c | tar -C out -xpf -; cmp out/d/inner.txt d/inner.txt; " +
            "stat -c '%a %Y' out/d/inner.txt out/d") { Needs = ["tar"] },
        new("cp -a",
            "cp -a d c link out/; find out | sort; stat -c '%n %a %h %Y' out/d/inner.txt out/d out/c; " +
            "cp -a hello.txt out/h; ls out/h"),
        new("cp --reflink=auto and --sparse",
            "cp --reflink=auto lines.txt out/r; cp --sparse=always lines.txt out/s; cmp out/r out/s && echo same"),
        new("cp -l",
            "cp -l lines.txt out/hard && test lines.txt -ef out/hard && echo linked; cp -rl d out/hd; " +
            "cat out/hd/inner.txt"),
        new("mv of files",
            "mv d/inner.txt out/inner; mv out/inner d/inner2; ls d; cat d/inner2; mv -T d/e out/e; ls out/e d"),
        new("install and ln",
            "install -m 750 -D hello.txt out/x/y/hello; ln -s x/y/hello out/l; ln lines.txt out/lines; " +
            "stat -c '%a %h' out/x/y/hello; readlink -f out/l | grep -o 'out/.*'"),
        new("rm -r and mkdir again",
            "rm -rf d; mkdir d; ls -A d; echo new > d/inner.txt; cat d/inner.txt; rmdir moved 2>/dev/null; echo $?; " +
            "rm -r moved; ls -d moved 2>/dev/null; echo $?"),
        new("find by kind, size and age",
            "find . -type f -size 0 | sort; find . -type l | sort; find . -newer hello.txt -type f -path './d/*'; " +
            "find . -name '*.h' -perm -u+r | sort; find . -empty -type f; find d -mount | sort; find . " +
            "-maxdepth 1 -samefile same.txt"),
        new("du and ls",
            "du -a --apparent-size -b hello.txt lines.txt empty; ls -1 d; " +
            "ls -lL --time-style=+%s hello.txt link | awk '{print $1,$5,$6,$7}'; " +
            "du -b --apparent-size -c hello.txt same.txt | tail -1 | cut -f1"),
        new("sed -i, truncate and dd",
            "sed -i s/line/LINE/ lines.txt; head -2 lines.txt; truncate -s 3 hello.txt; cat hello.txt; echo; " +
            "dd if=lines.txt of=out/dd bs=7 count=9 skip=2 status=none; cat out/dd; cat same.txt")
            {
                ChangesInputs = true,
            },
        new("patch by rename",
            "printf 'x\\n' > new; chmod 640 new; mv -f new hello.txt; cat hello.txt link; stat -c %a hello.txt; " +
            "cat same.txt"),
        new("rsync",
            "rsync -a --itemize-changes d c out/ | sort; rsync -a --itemize-changes d c out/; " +
            "rsync -ac --itemize-changes d out/") { Needs = ["rsync"] },
        new("git",
            "export HOME=$PWD GIT_AUTHOR_DATE='2001-01-01T00:00:00Z' GIT_COMMITTER_DATE='2001-01-01T00:00:00Z'; " +
            "git init -q -b main . && git config user.email a@b && git config user.name n && git add c d hello.txt " +
            "run.sh link && git commit -qm one && git rev-parse HEAD && git status --short | sort && echo more > " +
            "extra && git add extra && git diff --cached --stat && git stash -q && git status --short | sort && git " +
            "clone -q . out/clone && cat out/clone/hello.txt && rm -rf out/clone/.git") { Needs = ["git"] },
        new("zip by Python", "python3 -m zipfile -c out.zip hello.txt d && python3 -m zipfile -l out.zip")
        {
            Needs = ["python3"],
        },
        new("gzip and xz",
            "gzip -nc lines.txt > out/l.gz; gunzip -c out/l.gz | cmp - lines.txt; " +
            "cp --no-preserve=mode lines.txt k; gzip -n k; gunzip -f k.gz; cmp k lines.txt; " +
            "xz -k -c lines.txt | xz -dc | cmp - lines.txt; echo $?") { Needs = ["xz"] },
        new("sqlite",
            "sqlite3 out/db 'pragma journal_mode=wal; create table t(a); insert into t values(1),(2); " +
            "select sum(a) from t; pragma integrity_check'; sqlite3 out/db 'pragma journal_mode=delete; vacuum; " +
            "select count(*) from t'; rm out/db; ls -A out") { Needs = ["sqlite3"] },
        new("perl",
            "perl -e 'open F,\"<hello.txt\"; print <F>; print -s \"lines.txt\", \" \", (-x \"run.sh\" ? 1 : 0), " +
            "\" \", (-l \"link\" ? 1 : 0), \"\\n\"; rename \"d/inner.txt\",\"d/p\" or die; print join(\",\", " +
            "sort map { s,.*/,,r } glob(\"d/*\")), \"\\n\"; utime 5,6,\"empty\"; " +
            "print join(\" \",(stat \"empty\")[8,9]), \"\\n\"'") { Needs = ["perl"], ChangesInputs = true },
        new("awk, cmp and diff",
            "awk 'END{print NR}' lines.txt; cmp hello.txt same.txt && echo equal; diff -r d moved | sort; " +
            "md5sum hello.txt same.txt | cut -c1-8"),
    ];

    private static SmallProgram[] Builds =>
    [
        new("make: what is up to date stays so",
            "cd c; cp --no-preserve=mode ../hello.txt copy; touch -r ../hello.txt copy; make -s copy; make -q copy; " +
            "echo $?; touch -d 1999-01-01 copy; make -q copy; echo $?") { Needs = ["make"] },
        new("make and gcc",
            "cd c; make -s CC=gcc main && ./main; make -q CC=gcc main; echo $?; sleep 0.01; touch util.h; " +
            "make -n CC=gcc main | wc -l; cp util.o ../out/") { Needs = ["make", "gcc"], ChangesInputs = true },
        new("ninja", "cd c; ninja -v | grep -c cat; ninja | tail -1; wc -l < all.txt") { Needs = ["ninja"] },
        new("gcc: depends and includes",
            "cd c; gcc -MM main.c util.c; gcc -E main.c | grep -c twin.h; " +
            "gcc -g0 -O1 -c util.c -o ../out/util.o && nm ../out/util.o | cut -c18-") { Needs = ["gcc"] },
        new("clang: headers of equal content", "cd c; clang -E main.c | grep -c '^# 1 .*part.h'; clang -MM main.c")
        {
            Needs = ["clang"],
        },
        new("clang: compiles",
            "cd c; clang -O1 -c util.c -o util.o && clang -c main.c -o main.o && clang util.o main.o -o " +
            "main && ./main") { Needs = ["clang"] },
        new("ld and ar",
            "cd c; gcc -c util.c && ar crD ../out/libutil.a util.o && gcc main.c -L../out -lutil -o main && ./main; " +
            "ld -r -o ../out/r.o util.o && nm ../out/r.o | wc -l") { Needs = ["gcc", "ar", "ld"] },
        new("a shared library, loaded",
            "cd c; gcc -shared -fPIC -o libutil.so util.c && gcc main.c -L. " +
            "-lutil -Wl,-rpath,'$ORIGIN' -o main && ./main; ldd main | grep -o 'libutil.so =>' ") { Needs = ["gcc"] },
        new("python: with bytecode",
            "cd py; python3 main.py; ls __pycache__ | sed 's/cpython-[0-9]*/V/'; python3 main.py; " +
            "cp --no-preserve=mode mod.py m2; sed -i s/42/43/ m2; mv -f m2 mod.py; python3 main.py")
            {
                Needs = ["python3"],
            },
        new("python: without bytecode",
            "cd py; PYTHONDONTWRITEBYTECODE=1 python3 main.py; ls -A; python3 -c 'import os; " +
            "print(sorted(os.listdir(\"..\")))'") { Needs = ["python3"] },
        new("python: compileall by hash",
            "python3 -m compileall -q --invalidation-mode checked-hash py; ls py | sort; python3 py/main.py; " +
            "rm -r py/__pycache__") { Needs = ["python3"] },
        new("cmake",
            "mkdir b; printf 'cmake_minimum_required(VERSION 3.10)\\nproject(p C)\\nadd_executable(main c/main.c " +
            "c/util.c)\\n' > CMakeLists.txt; cmake -S . -B b > /dev/null && cmake --build b > /dev/null && b/main")
            {
                Needs = ["cmake", "gcc", "make"],
            },
        new("a 32-bit program", "gcc -m32 c/main.c c/util.c -o m && ./m && file -b m | cut -d, -f1")
        {
            Needs = ["gcc", "file"],
            Trial = "printf 'int main(){return 0;}' > t.c && gcc -m32 t.c -o t && ./t",
        },
    ];
}
