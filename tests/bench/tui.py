"""The terminal interface through a pseudo-terminal, on a database of 10,000 runs and 10^7 values:

    tui.py DRIVER

DRIVER is tests/tui/driver. The database is made once, in the user's cache. Milliseconds from exec to
the first screen (goal: 50), and from a key to the last byte that it sends to the screen (goal: 16 at
the 99th percentile). Wall time: meaningful on an idle machine only.
"""
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

RUNS, VALUES, STARTS, KEYS, QUIET = 10000, 10000000, 11, 200, 0.02
LISTS = b"jjjjjjjjkkkkk\x06\x06\x06\x02\x04\x15Gg"
TABS = b"lllllllhhhhhhhjk"


def database(driver):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(cache, "assay", "bench-%d-%d.db" % (RUNS, VALUES))
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        new = path + ".new%d" % os.getpid()
        subprocess.run([driver, "many", new, str(RUNS), str(VALUES)], check=True)
        os.rename(new, path)
    return path


def start(driver, path):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(driver, [driver, "tui", path])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    return pid, terminal


def ready(terminal, seconds):
    return bool(select.select([terminal], [], [], seconds)[0])


def first_paint(driver, path):
    """Until the status bar, which is drawn last, is there."""
    began, seen = time.monotonic(), b""
    pid, terminal = start(driver, path)
    while b"?:help" not in seen:
        if not ready(terminal, 10):
            sys.exit("tui.py: no first screen after ten seconds")
        seen += os.read(terminal, 65536)
    return 1e3 * (time.monotonic() - began), pid, terminal


def leave(pid, terminal):
    time.sleep(0.3)
    os.write(terminal, b"Q")
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # the other end is closed
        pass
    os.waitpid(pid, 0)
    os.close(terminal)


def drain(terminal, quiet):
    last = None
    while ready(terminal, quiet):
        os.read(terminal, 65536)
        last = time.monotonic()
    return last


def latencies(terminal, keys):
    out = []
    for n in range(KEYS):
        at = n % len(keys)
        began = time.monotonic()
        os.write(terminal, keys[at:at + 1])
        if not ready(terminal, 1):
            continue  # a key that changes nothing
        last = drain(terminal, QUIET)
        out.append(1e3 * (last - began))
    return sorted(out)


def report(what, values, goal):
    print("%-44s median %7.2f ms   p99 %7.2f ms   goal %s" % (
        what, values[len(values) // 2], values[int(0.99 * len(values))], goal))


def main():
    driver = os.path.abspath(sys.argv[1])
    path = database(driver)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(TERM="xterm-256color", XDG_CONFIG_HOME=home, XDG_STATE_HOME=home)
        paints = []
        for i in range(STARTS):
            milliseconds, pid, terminal = first_paint(driver, path)
            paints.append(milliseconds)
            if i + 1 < STARTS:
                leave(pid, terminal)
        report("tui: exec to first screen", sorted(paints), "50 ms")
        for view, open_key, keys in (("runs", b"r", LISTS), ("a run's tabs", b"\r", TABS)):
            os.write(terminal, open_key)
            time.sleep(1.5)
            drain(terminal, 0.2)
            report("tui: key to screen, " + view, latencies(terminal, keys), "p99 16 ms")
        leave(pid, terminal)


main()
