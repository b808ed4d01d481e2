# SPDX-License-Identifier: BSD-2-Clause
"""The hidden prompt, on a pseudo-terminal: what is typed is not shown, and the
echo is back however it ends."""
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time

build = os.environ["builddir"]
program = os.path.join(build, ".libs", "mortise")
if not os.path.exists(program):
    program = os.path.join(build, "mortise")
work = tempfile.TemporaryDirectory()
environment = dict(os.environ, LD_LIBRARY_PATH=os.path.join(build, "core", ".libs"),
                   MORTISE_CONFIG=os.path.join(work.name, "mortise.yaml"))
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)


def run(*words):
    return subprocess.run([program, *words], env=environment, capture_output=True, timeout=60)


class Session:
    """The program with stdin and stderr on a terminal of its own."""

    def __init__(self, *words):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            # A shell's background job, as a build may be, ignores these.
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            out = os.open(os.path.join(work.name, "out"),
                          os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(out, 1)
            os.execve(program, [program, *words], environment)
        self.shown = b""

    def read_until(self, text, times=1, seconds=60):
        end = time.monotonic() + seconds
        while self.shown.count(text) < times and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    piece = os.read(self.terminal, 4096)
                except OSError:     # the other side is gone
                    break
                if not piece:
                    break
                self.shown += piece
        return text in self.shown

    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.terminal, text)

    def wait(self):
        self.read_until(b"\0never")
        pid, status = 0, 0
        for _ in range(100):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                break
            time.sleep(0.1)
        else:                   # it hangs, and shall not do so for ever
            os.kill(self.pid, signal.SIGKILL)
            status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(status)


try:
    for fd in pty.openpty():
        os.close(fd)
except OSError:
    required = os.environ.get("MORTISE_TEST_REQUIRE") == "all"
    print("1..1")
    print("not ok 1 - a pseudo-terminal" if required else
          "ok 1 # SKIP no pseudo-terminals to be had here")
    sys.exit(required)
os.mkdir(os.path.join(work.name, "mortise.d"))
with open(os.path.join(work.name, "mortise.d", "build.yaml"), "w") as file:
    file.write(f"plugin-path: [{build}/plugins/.libs]\n")
if run("init", "--dir", work.name).returncode != 0:
    print("Bail out! no installation")
    sys.exit(1)

session = Session("put", "app/typed")
ok(session.read_until(b"type the value of app/typed (hidden), then Enter: "),
   "it says what is asked for")
ok(not session.echoes(), "the echo is off")
session.type(b"canary of mine\n")
ok(session.wait() == 0, "a line is a value")
ok(b"canary" not in session.shown, "what was typed is not shown")
ok(run("get", "app/typed").stdout == b"canary of mine", "the value is the line without its end")

session = Session("put", "app/empty")
session.read_until(b"Enter: ")
session.type(b"\n")
ok(session.wait() == 2, "an empty line is refused")
ok(b"nothing was typed" in session.shown, "and the message says why")
ok(run("get", "app/empty").returncode == 3, "and nothing was written")

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    session = Session("put", "app/killed")
    session.read_until(b"Enter: ")
    session.type(b"half a can")
    os.kill(session.pid, number)
    # The line's end must be read before the terminal takes another setting.
    session.read_until(b"\n")
    end = time.monotonic() + 20
    while not session.echoes() and time.monotonic() < end:
        time.sleep(0.01)
    echoes = session.echoes()
    ok(session.wait() == -number, f"{number.name} ends it as it ends any program")
    ok(echoes, f"{number.name} leaves the echo on")
ok(run("get", "app/killed").returncode == 3, "and nothing was written")

session = Session("put", "app/stopped")
session.read_until(b"Enter: ")
os.kill(session.pid, signal.SIGTSTP)
# A process group that nobody could continue is not stopped by SIGTSTP: there
# the prompt just comes back.
ok(session.read_until(b"then Enter: ", times=2), "after a stop it asks again")
os.kill(session.pid, signal.SIGCONT)
ok(not session.echoes(), "with the echo off")
session.type(b"after the stop\n")
ok(session.wait() == 0, "and goes on")
ok(run("get", "app/stopped").stdout == b"after the stop", "with what is typed then")

session = Session("token", "store", "meta_ads", "act_1")
ok(session.read_until(b"type the token answer as JSON (hidden)"), "token store asks too")
session.type(b'{"access_token":"canary"}\n')
ok(session.wait() == 0, "and takes it")
session = Session("put", "app/file", "--file", "-")
session.type(b"shown\n\x04")
ok(session.wait() == 0 and run("get", "app/file").stdout == b"shown\n",
   "--file - reads a terminal as it is")
print(f"1..{count}")
sys.exit(failed != 0)
