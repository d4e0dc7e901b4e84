namespace NativeLink.Actors.Differential.Transparency;

/// <content>What the kernel says of files, and what surrounds a program.</content>
internal static partial class Programs
{
    private static SmallProgram[] Files =>
    [
        Python(
            "flock between processes",
            "import fcntl,os\nf=open('out/l','w'); fcntl.flock(f,fcntl.LOCK_EX)\npid=os.fork()\nif pid==0:\n  " +
            "g=open('out/l')\n  try: fcntl.flock(g,fcntl.LOCK_EX|fcntl.LOCK_NB); " +
            "print('got')\n  except OSError as e: print(e.errno,flush=True)\n  os._exit(0)\nos.wait(); " +
            "os.remove('out/l')"),
        Python(
            "locks on an input",
            "import fcntl,os\nr=open('hello.txt'); fcntl.flock(r,fcntl.LOCK_EX)\ns=open('hello.txt')\ntry: " +
            "fcntl.flock(s,fcntl.LOCK_EX|fcntl.LOCK_NB); print('second holder')\nexcept OSError: " +
            "print('excluded')\nw=open('d/inner.txt'); fcntl.lockf(w,fcntl.LOCK_SH); print('shared')"),
        Python(
            "inotify", Inotify
                + "w(b'out')\nopen('out/a','w').write('x'); os.rename('out/a','out/b'); os.remove('out/b')\nshow()"),
        Python("a change seen by who reads already", "import os\nos.chmod('hello.txt',0o644)\nr=open('hello.txt'); " +
            "w=open('hello.txt','a'); w.write('more\\n'); w.flush()\nprint(repr(r.read()), " +
            "os.fstat(r.fileno()).st_size, os.fstat(r.fileno()).st_ino==os.stat('hello.txt').st_ino)") with
            {
                ChangesInputs = true,
            },
        Python("a first change seen by who reads already",
            "import os\nr=open('hello.txt'); i=os.fstat(r.fileno()).st_ino; os.chmod('hello.txt',0o644); " +
            "w=open('hello.txt','a'); w.write('more\\n'); w.flush()\nprint(repr(r.read()), " +
            "os.fstat(r.fileno()).st_size, i==os.stat('hello.txt').st_ino)") with { ChangesInputs = true },
        Python("inotify on an input that is changed",
            Inotify + "w(b'hello.txt')\nos.chmod('hello.txt',0o644); open('hello.txt','a').write('x')\nshow()") with
            {
                ChangesInputs = true,
            },
        Python(
            "unix sockets",
            "import socket,os\ns=socket.socket(socket.AF_UNIX); s.bind('out/s'); " +
            "s.listen(1)\nc=socket.socket(socket.AF_UNIX); c.connect('out/s'); a,_=s.accept(); a.send(b'hi'); " +
            "print(c.recv(9)); os.remove('out/s')\ns=socket.socket(socket.AF_UNIX); s.bind(os.path.abspath('s')); " +
            "print('absolute'); s=socket.socket(socket.AF_UNIX); s.bind('\\0abstract'+os.urandom(4).hex()); " +
            "print('abstract'); os.remove('s')"),
        Python(
            "mmap, private and shared",
            "import mmap\nf=open('lines.txt','rb'); m=mmap.mmap(f.fileno(),0,prot=mmap.PROT_READ); print(m[:6], " +
            "len(m))\nf=open('lines.txt','rb'); " +
            "m=mmap.mmap(f.fileno(),0,flags=mmap.MAP_PRIVATE,prot=mmap.PROT_READ|mmap.PROT_WRITE); m[0:4]=b'LINE'; " +
            "print(open('lines.txt').readline())\nf=open('out/m','w+b'); f.truncate(8192); " +
            "m=mmap.mmap(f.fileno(),8192); m[4096:4099]=b'abc'; m.flush(); m.close(); f.seek(4096); print(f.read(3))"),
        Python(
            "mmap of an input that is written",
            "import mmap,os\nos.chmod('lines.txt',0o644)\nf=open('lines.txt','r+b'); m=mmap.mmap(f.fileno(),0); " +
            "m[0:4]=b'LINE'; m.flush(); print(open('lines.txt').readline())") with { ChangesInputs = true },
        Python(
            "fallocate, holes and sparse files",
            "import os\nf=os.open('out/f',os.O_RDWR|os.O_CREAT,0o644); os.posix_fallocate(f,0,100000); " +
            "print(os.fstat(f).st_size); os.truncate('out/f',10000000); print(os.lseek(f,0,os.SEEK_END)); " +
            "os.pwrite(f,b'end',9000000)\nd=os.lseek(f,5000000,os.SEEK_DATA); print(d<=9000000, " +
            "os.fstat(f).st_blocks*512<1000000); os.close(f); os.remove('out/f')"),
        new("fallocate: punched and collapsed",
            "head -c 1000000 /dev/urandom > p; fallocate -p -o 0 -l 500000 p && stat -c %s p; " +
            "head -c 4 p | od -An -tx1; fallocate -l 4096 q && stat -c '%s %b' q | cut -d' ' -f1")
            {
                Needs = ["fallocate"],
                Trial = "fallocate -l 4096 q && fallocate -p -o 0 -l 4096 q",
            },
        Python(
            "rename over a file that is open",
            "import os\nf=open('hello.txt'); open('n','w').write('new\\n'); os.rename('n','hello.txt'); " +
            "print(f.read(), open('hello.txt').read())"),
        Python(
            "rename of an input directory",
            "import os\nos.rename('moved','elsewhere'); print(sorted(os.listdir('elsewhere')), " +
            "open('elsewhere/one').read(), os.path.exists('moved'))"),
        Python(
            "rename of an own directory",
            "import os\nos.makedirs('a/b'); open('a/b/f','w').write('x'); os.rename('a','out/z'); " +
            "print(open('out/z/b/f').read())"),
        Python("RENAME_EXCHANGE of files", Exchange
            + "exchange(b'hello.txt',b'lines.txt'); print(open('hello.txt').readline(), open('lines.txt').read())"),
        Python(
            "RENAME_EXCHANGE of own directories", Exchange
                + "import os\nos.mkdir('x'); os.mkdir('y'); open('x/f','w'); exchange(b'x',b'y'); " +
                "print(os.listdir('x'), os.listdir('y'))"),
        Python("RENAME_NOREPLACE", Exchange
            + "noreplace(b'hello.txt',b'lines.txt'); noreplace(b'hello.txt',b'fresh'); print(open('fresh').read())"),
        Python(
            "hard links",
            "import os\nos.link('hello.txt','h2'); a,b=os.stat('hello.txt'),os.stat('h2'); " +
            "print(a.st_ino==b.st_ino)\nopen('o','w').write('x'); os.link('o','p'); open('p','a').write('y'); " +
            "print(open('o').read(), os.stat('o').st_nlink)"),
        Python(
            "each input is an inode of its own",
            "import os\nall=[os.path.join(d,f) for d,_,fs in os.walk('.') for f in fs if not " +
            "os.path.islink(os.path.join(d,f))]\nprint(len(all)==len({os.stat(f).st_ino for f in all}))"),
        new("absolute links as outputs",
            "echo x > out/f; ln -s \"$PWD/out/f\" out/l; ln -s /nonexistent/x out/n; ls out"),
        new("link counts of inputs", "stat -c %h hello.txt run.sh d/e/deep.txt; find . -links +1 -type f | wc -l"),
        Python(
            "device numbers",
            "import os\nd=os.stat('.').st_dev; print({os.stat(p).st_dev==d for p in ('d','d/e','out')}, " +
            "{os.stat(p).st_dev==d for p in ('hello.txt','d/inner.txt')})\nopen('n','w'); " +
            "print(os.stat('n').st_dev==d, os.path.ismount('d'))"),
        Python("inode numbers stay", "import os\ni=os.stat('hello.txt').st_ino; os.chmod('hello.txt',0o600); " +
            "print(i==os.stat('hello.txt').st_ino); e=[x.inode() for x in os.scandir('.') if x.name=='hello.txt']; " +
            "print(e==[i]); j=os.stat('d').st_ino; open('d/n','w'); print(j==os.stat('d').st_ino)") with
            {
                ChangesInputs = true,
            },
        new("chmod and chown",
            "chmod 700 d; chmod u+s run.sh; chmod 000 empty; stat -c '%n %a' d run.sh empty; " +
            "chown $(id -u):$(id -g) hello.txt; echo $?; stat -c %u hello.txt | sed \"s/^$(id -u)$/me/\"; " +
            "mkdir -m 1777 t; mkdir -m 2755 s; stat -c %a t s") { ChangesInputs = true },
        new("closed directories",
            "mkdir a; echo x > a/f; chmod 000 a; cat a/f 2>/dev/null; echo $?; chmod 700 a; cat a/f"),
        Python("extended attributes", "import os\nopen('o','w'); os.setxattr('o','user.k',b'v'); " +
            "print(os.listxattr('o'), os.getxattr('o','user.k')); os.removexattr('o','user.k'); " +
            "print(os.listxattr('o'), os.listxattr('hello.txt'), os.listxattr('d'))") with
            {
                Trial = "python3 -c \"import os; open('x','w'); os.setxattr('x','user.k',b'v')\"",
            },
        Python("O_TMPFILE", "import os\nf=os.open('out',os.O_TMPFILE|os.O_RDWR,0o644); os.write(f,b'tmp'); " +
            "print(os.listdir('out')); os.link(f'/proc/self/fd/{f}','out/named',follow_symlinks=True); " +
            "print(open('out/named').read())") with
            {
                Trial = "python3 -c \"import os; os.open('.',os.O_TMPFILE|os.O_RDWR)\"",
            },
        new("times: set, kept and seen",
            "touch -d 2010-01-02 out/t; stat -c %Y out/t; cp -p out/t out/u; stat -c %Y out/u; touch new; " +
            "test new -nt hello.txt && echo newer; stat -c %Y hello.txt d link; touch -d 2011-01-01 d; stat -c %Y d")
            {
                ChangesInputs = true,
            },
        new("times of inputs, as a person's",
            "test $(stat -c %Y hello.txt) -gt 1000000000 && echo recent; " +
            "test $(stat -c %Y d) -gt 1000000000 && echo recent") { AsAPersonHasThem = true },
        new("modes of inputs, as a person's", "stat -c '%n %a' hello.txt run.sh d; cp hello.txt k; stat -c %a k")
        {
            AsAPersonHasThem = true,
        },
        new("names of all kinds",
            "for n in 'a b' '-x' 'ünï' 'q\"q' 'b\\b' \"$(printf 't\\tt')\" \"$(printf '%0200d' 0)\"; " +
            "do printf x > \"out/$n\"; done; ls out | wc -l; rm out/-x"),
        new("deep paths",
            "p=out; for i in $(seq 40); do p=$p/directory$i; done; mkdir -p $p && echo deep > $p/f && cat $p/f; " +
            "rm -r out/directory1"),
        new("fifos and special files",
            "mkfifo f; (echo through > f &); cat f; stat -c %F f; cat /dev/null; head -c 3 /dev/zero | od -An -tx1; " +
            "test -c /dev/urandom && echo yes; rm f"),
        new("sync and direct",
            "dd if=lines.txt of=out/s conv=fsync status=none; sync out/s; cmp out/s lines.txt && echo same; " +
            "sync -d lines.txt; echo $?"),
    ];

    private static SmallProgram[] Surroundings =>
    [
        new("limits", "bash -c '(ulimit -Sa; ulimit -Ha) | grep -v \"open files\"'") { Needs = ["bash"] },
        new("soft limit of open files below the hard one",
            "test $(ulimit -Sn) -le $(ulimit -Hn) && echo yes; ulimit -Sn $(ulimit -Hn) && echo raised; " +
            "ulimit -Sn 64; echo $(ulimit -Sn)"),
        // SHLVL is counted by the shell that runs the plain one.
        new("umask, directory and environment",
            "umask; env | cut -d= -f1 | grep -vE '^(_|SHLVL)$' | sort; test \"$PWD\" = \"$(pwd -P)\" && echo here"),
        new("signals", "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; yes | head -1; sh -c 'kill -PIPE $$'; echo $?"),
        new("descriptors",
            "ls /proc/self/fd | wc -l; readlink /proc/self/fd/0; test -t 1; echo $?; " +
            "test -p /dev/stdout && echo pipe; test -p /dev/stderr && echo pipe"),
        new("session and group",
            "cut -d' ' -f5,6 /proc/$$/stat | awk -v p=$$ '{print $1==p, $2==p}'; ps -o tty= -p $$ | tr -d ' '")
            {
                Needs = ["ps"],
            },
        new("user, nice and scheduling",
            "id -u; id -g; nice; grep -E '^(NoNewPrivs|Seccomp|CapInh|CapAmb):' /proc/self/status; " +
            "cat /proc/self/coredump_filter; cat /proc/self/timerslack_ns"),
        new("who is ended when memory ends", "cat /proc/self/oom_score_adj"),
        Python(
            "threads and processes",
            "import threading,subprocess,multiprocessing as m\nts=[threading.Thread(target=lambda: " +
            "None) for _ in range(20)]; [t.start() for t in ts]; " +
            "[t.join() for t in ts]\nprint(subprocess.run(['./run.sh','x'],capture_output=True,text=True).stdout, " +
            "m.get_context('fork').Pool(2).map(abs,[-1,-2]))"),
        Python(
            "network on the loopback",
            "import socket\ns=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(); " +
            "c=socket.create_connection(s.getsockname()); a,_=s.accept(); a.send(b'x'); print(c.recv(1))"),
        Python(
            "shared memory and semaphores",
            "from multiprocessing import shared_memory as s\nimport multiprocessing as " +
            "m\nx=s.SharedMemory(create=True,size=100); x.buf[0]=7; y=s.SharedMemory(x.name); print(y.buf[0]); " +
            "y.close(); x.close(); x.unlink(); l=m.Lock(); print(l.acquire())"),
        Python(
            "much output",
            "import sys\nfor i in range(20000): sys.stdout.write(f'line {i}\\n')\nsys.stdout.flush(); " +
            "sys.stderr.write('e'*300000)"),
        new("a busy program",
            "cp --no-preserve=mode run.sh r; chmod +x r; ./r 1; printf '#!/bin/sh\\necho two\\n' > r; ./r; " +
            "cp /bin/true t; ./t; echo $?"),
    ];

    private const string Inotify =
        "import os,ctypes,struct,select\nlibc=ctypes.CDLL(None,use_errno=True); i=libc.inotify_init1(0o4000)\n"
        + "def w(p): libc.inotify_add_watch(i,p,0x2|0x100|0x200|0x40|0x80)\n"
        + "def show():\n  b=os.read(i,9999) if select.select([i],[],[],0.5)[0] else b''\n  while b:\n    " +
        "_,m,_,n=struct.unpack('iIII',b[:16]); print(hex(m), b[16:16+n].rstrip(b'\\0')); b=b[16+n:]\n";

    private const string Exchange =
        "import ctypes\nlibc=ctypes.CDLL(None,use_errno=True)\n"
        + "def rename2(a,b,f): print(libc.renameat2(-100,a,-100,b,f), ctypes.get_errno())\n"
        + "def exchange(a,b): rename2(a,b,2)\ndef noreplace(a,b): rename2(a,b,1)\n";

    private static SmallProgram Python(string name, string text) =>
        new(name, $"python3 - <<'PYTHON'\n{text}\nPYTHON\n") { Needs = ["python3"] };
}
