#!/usr/bin/env python3
"""Run the Tcl test suite of Redis or Valkey, unit by unit, and count results.

External mode drives a server that is already there (--port) or one started
afresh for every unit (--start-cmd, where {port} and {dir} are filled in):

    peer_suite.py --suite ~/redis-8.0.6 --start-cmd 'pyredis --port {port}' \\
        --units unit/type/list,unit/expire --reference redis-8.0.6.json

Spawn mode puts an executable in place as src/redis-server (or
src/valkey-server) and lets the suite start its own servers; it also covers
replication, AOF, RDB, cluster ("unit/cluster/*") and the old runners, whose
units are called "cluster/NN-name" and "sentinel/NN-name":

    peer_suite.py --suite ~/redis-8.0.6 --server-bin ./wrapper --units all

The suite runs in a scratch copy; its own tree is never written to.  A server
that dies or stops answering is restarted (external) or killed (spawn), which
fails the test in progress and lets the suite go on with the next one.
"""

import argparse
import collections
import concurrent.futures
import glob
import json
import os
import queue
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ANSI = re.compile(r"\x1b\[[0-9;]*m")
STATUS = re.compile(r"(?!\*\*\* ).*?\[(ok|err|exception|skip|ignore|TIMEOUT)\]: ?(.*)")
OK_TIME = re.compile(r" \(\d+ ms\)$")
ERR_NAME = re.compile(r"(.*) in (?:\S*/)?tests/\S+\.tcl$")
END = re.compile(r" *The End *$|GOOD! No errors|WARNING \d+ test\(s\) failed")
OLD_TEST = re.compile(r"\d\d:\d\d:\d\d> (.*?): ?(.*)")
IN_PROGRESS = re.compile(r"=> \(IN PROGRESS\) (.*)")
OLD_RUNNERS = ("cluster", "sentinel")
TOOLS = ("server", "cli", "benchmark", "check-aof", "check-rdb", "sentinel")

# Not tagged external:skip, but needs the server's pid; when it fails it leaves
# the configuration altered, and half a dozen later tests fail for that.
EXTERNAL_SKIP = ("SRANDMEMBER with a dict containing long chain",)

# CONFIG sanity sets every parameter but those that it knows cannot be set; these came after Redis 7.0.
LATER_FIXED = """server-cpulist bio-cpulist aof-rewrite-cpulist bgsave-cpulist unixsocketgroup mptcp repl-mptcp
rdma-completion-vector rdma-rx-size enable-debug-assert hash-seed lua-enable-deprecated-api cluster-databases"""

# Sourced by the scratch copy's test_helper.tcl.  Output must not sit in a
# buffer when the runner is killed; with --durable an exception outside a test
# should cost one start_server block, not the rest of the file; and after a
# test that killed the external server the next must await the restart.
HOOKS = r"""
fconfigure stdout -buffering line
set ::peer_failed 0
rename test peer_test
proc test {args} {
    if {$::external && $::num_failed != $::peer_failed} {
        set ::peer_failed $::num_failed
        if {![ping_server $::host $::port]} {
            server_is_up $::host $::port 400
            catch reconnect
        }
    }
    uplevel 1 [list peer_test {*}$args]
}
rename start_server peer_start_server
proc start_server {args} {
    set tags $::tags
    set depth [llength $::servers]
    set code [catch {uplevel 1 [list peer_start_server {*}$args]} result opts]
    if {$code != 1 || !$::durable || $::cur_test ne ""
            || [string match "skipped:*" $result]} {
        dict incr opts -level
        return -options $opts $result
    }
    foreach srv [lrange $::servers $depth end] {catch {kill_server $srv}}
    set ::servers [lrange $::servers 0 $depth-1]
    set ::tags $tags
    send_data_packet $::test_server_fd err "start_server block: $result"
    return {}
}
"""

STOP = threading.Event()


class Unit:
    """What one unit's run printed, sorted by outcome."""

    def __init__(self, name):
        self.name = name
        self.passed, self.skipped = [], []
        self.failed = {}        # test name -> first line of the reason
        self.ignored = 0        # tests or whole blocks refused by their tags
        self.blocks = []        # start_server blocks cut short by an error
        self.hung = []          # tests in progress when the runner gave up
        self.aborted = ""       # why the unit did not reach its end
        self.restarts = 0       # times the server died or was killed for silence
        self.seconds = 0
        self.last_output = time.monotonic()
        self._awaiting_reason = ""
        self.ended = False

    def feed(self, line):
        self.last_output = time.monotonic()
        line = ANSI.sub("", line.rstrip("\n"))
        if END.match(line):
            self.ended = True
        if self.ended:
            return
        if hung := IN_PROGRESS.search(line):
            self.hung.append(hung[1])
            self.failed[hung[1]] = "no progress"
        elif self.name.startswith(OLD_RUNNERS):
            self._feed_old(line)
        elif found := STATUS.match(line):
            self._awaiting_reason = ""
            getattr(self, "_on_" + found[1].lower())(found[2])
        elif self._awaiting_reason:
            # --durable cuts ten characters off what is no assertion; such a
            # message comes again, in full, as the first line of a trace.
            first = self.failed[self._awaiting_reason]
            if not first or line.endswith(first):
                self.failed[self._awaiting_reason] = reason(line)
            if first:
                self._awaiting_reason = ""

    def _on_ok(self, text):
        self.passed.append(OK_TIME.sub("", text))

    def _on_err(self, text):
        if test := ERR_NAME.match(text):
            name = test[1]
            for n in range(2, 10000):
                if name not in self.failed:
                    break
                name = f"{test[1]} #{n}"
            self.failed[name] = ""
            self._awaiting_reason = name
        else:
            self.blocks.append(reason(text))

    def _on_skip(self, text):
        self.skipped.append(text)

    def _on_ignore(self, text):
        self.ignored += 1

    def _on_exception(self, text):
        self.aborted = reason(text)

    def _on_timeout(self, text):
        self.aborted = "no progress"

    def _feed_old(self, line):
        """The old runners print "TIME> name: ", maybe more, then OK or FAILED."""
        if test := OLD_TEST.match(line):
            self._awaiting_reason, line = test[1], test[2]
        if line.startswith("FAILED: caught an error"):
            self.aborted = reason(line)
        elif self._awaiting_reason and "FAILED: " in line:
            self.failed[self._awaiting_reason] = reason(line.partition("FAILED: ")[2])
            self.aborted = "rest of the unit not run"
        elif self._awaiting_reason and line.endswith("OK"):
            self.passed.append(self._awaiting_reason)
        else:
            return
        self._awaiting_reason = ""

    def as_json(self):
        return {key: value for key, value in vars(self).items()
                if key not in ("name", "last_output", "ended") and key[0] != "_"}


def reason(text):
    """Keep the message, not the piece of test code the suite adds to it."""
    return re.sub(r" ?\((?:context|detail):.*", "", text)[:200]


class Server:
    """An external server: ours to start and restart, or just a port."""

    def __init__(self, command, port, folder):
        self.command, self.port, self.folder = command, port, folder
        self.log = folder + ".log"
        self.process = None

    def start(self):
        if not self.command:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        words = [word.replace("{port}", str(self.port)).replace("{dir}", self.folder)
                 for word in shlex.split(self.command)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        deadline = time.monotonic() + 30
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"server did not start, see {self.log}")
            time.sleep(0.1)

    def stop(self):
        if self.process:
            kill_session(self.process.pid)
            self.process.wait()
            self.process = None

    def died(self):
        return self.command and (self.process is None or self.process.poll() is not None)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(1) in (b"+", b"-")
    except OSError:
        return False


def kill_session(leader, spare=()):
    """SIGKILL the processes of a session we started, by pid."""
    for entry in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(entry, encoding="utf-8", errors="replace") as file:
                pid, rest = file.read().split(" (", 1)
            name, fields = rest.rsplit(") ", 1)
            if int(fields.split()[3]) == leader and not name.startswith(tuple(spare)):
                os.kill(int(pid), signal.SIGKILL)
        except (OSError, ValueError):
            pass


def scratch_copy(suite, target, base, args):
    """A tree the suite can run in: tests/ copied, the rest symlinked."""
    os.makedirs(os.path.join(target, "src"))
    for name in os.listdir(suite):
        if name not in ("tests", "src"):
            os.symlink(os.path.join(suite, name), os.path.join(target, name))
    shutil.copytree(os.path.join(suite, "tests"), os.path.join(target, "tests"), symlinks=True)
    for name in os.listdir(os.path.join(suite, "src")):
        os.symlink(os.path.join(suite, "src", name), os.path.join(target, "src", name))
    for brand in ("redis", "valkey"):
        for tool in TOOLS:
            link = os.path.join(target, "src", f"{brand}-{tool}")
            if args.server_bin and tool in ("server", "sentinel") and os.path.lexists(link):
                os.remove(link)     # a server that was built there
            if not os.path.lexists(link):
                os.symlink(tool_path(brand, tool, args), link)
    tests = os.path.join(target, "tests")
    with open(os.path.join(tests, "peer_hooks.tcl"), "w", encoding="utf-8") as file:
        file.write(HOOKS)
    edit(os.path.join(tests, "test_helper.tcl"), "source tests/support/util.tcl\n",
         "source tests/support/util.tcl\nsource tests/peer_hooks.tcl\n")
    # Two of the suites look for free ports on every address but loopback's.
    edit(os.path.join(tests, "support", "util.tcl"), "socket -server 127.0.0.1 ",
         "socket -server 127.0.0.1 -myaddr 127.0.0.1 ")
    # A server that does not log its start is waited for, every time.
    edit(os.path.join(tests, "support", "server.tcl"), "120*1000/$checkperiod",
         "30*1000/$checkperiod")
    # A server that cannot do FUNCTION FLUSH yet has no functions to flush: run its blocks all the same.
    edit(os.path.join(tests, "support", "server.tcl"), "\n    r function flush\n",
         "\n    catch {r function flush}\n")
    edit(os.path.join(tests, "unit", "introspection.tcl"), " server_cpulist\n",
         f" server_cpulist {LATER_FIXED}\n")
    old_runner = os.path.join(tests, "instances.tcl")
    edit(old_runner, "set ::verbose 0\n", "set ::verbose 0\nfconfigure stdout -buffering line\n")
    edit(old_runner, "set ::global_config {}", "set ::global_config {bind 127.0.0.1}")
    edit(old_runner, "_base_port 20000\n", f"_base_port {base + 20}\n")
    edit(old_runner, "_base_port 30000\n", f"_base_port {base}\n")


def edit(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


def tool_path(brand, tool, args):
    if tool in ("server", "sentinel") and args.server_bin:
        return os.path.abspath(args.server_bin)
    for name in (f"{brand}-{tool}", f"redis-{tool}", f"valkey-{tool}"):
        if args.tools and os.path.exists(os.path.join(args.tools, name)):
            return os.path.abspath(os.path.join(args.tools, name))
    return next(filter(None, map(shutil.which, (f"{brand}-{tool}", f"redis-{tool}",
                                                f"valkey-{tool}"))), "/bin/false")


def ports_per_job(args):
    return (args.port_count - 32 - args.jobs) // args.jobs


def all_units(suite, spawn):
    folders = ["unit", "unit/type", "unit/cluster", "integration"]
    units = [f"{folder}/{os.path.basename(path)[:-4]}" for folder in folders
             for path in sorted(glob.glob(f"{suite}/tests/{folder}/*.tcl"))]
    for runner in OLD_RUNNERS if spawn else ():
        units += [f"{runner}/{os.path.basename(path)[:-4]}"
                  for path in sorted(glob.glob(f"{suite}/tests/{runner}/tests/*.tcl"))]
    return units


class Worker:
    """One scratch tree and one range of ports; runs one unit at a time."""

    def __init__(self, index, root, args):
        self.args = args
        self.tree = os.path.join(root, f"tree{index}")
        # The suite's own controller listens in the 32 ports below --baseport.
        self.span = ports_per_job(args)
        self.base = args.base_port + 32 + index * self.span
        scratch_copy(args.suite, self.tree, self.base, args)
        port = args.port or args.base_port + args.port_count - 1 - index
        self.server = None if args.server_bin else Server(
            args.start_cmd, port, os.path.join(root, f"server{index}"))

    def command(self, unit, skip):
        runner, _, name = unit.partition("/")
        if runner in OLD_RUNNERS:
            return ["tclsh", f"tests/{runner}/run.tcl", "--single", f"*/{name}.tcl"]
        words = ["tclsh", "tests/test_helper.tcl", "--single", unit, "--durable", "--clients", "1",
                 "--baseport", str(self.base), "--portcount", str(self.span),
                 "--timeout", str(2 * self.args.stall + 5), *shlex.split(self.args.extra)]
        if self.args.tags:
            words += ["--tags", self.args.tags]
        if self.server:
            words += ["--host", "127.0.0.1", "--port", str(self.server.port)]
        for test in (*skip, *(EXTERNAL_SKIP if self.server else ())):
            words += ["--skiptest", test]
        return words

    def run(self, unit):
        """Run a unit; if a test blocks the runner for good, again without it."""
        hung, started = [], time.monotonic()
        while True:
            result = self.attempt(unit, hung)
            fresh = [test for test in result.hung if test not in hung]
            hung += fresh
            spent = time.monotonic() - started
            if not fresh or len(hung) > self.args.retries or spent > self.args.timeout:
                break
        result.skipped = [test for test in result.skipped if test not in hung]
        result.failed.update(dict.fromkeys(hung, "no progress"))
        result.hung = hung
        result.seconds = round(time.monotonic() - started, 1)
        return result

    def attempt(self, unit, skip):
        args, result = self.args, Unit(unit)
        log_path = os.path.join(args.logs or self.tree, unit.replace("/", "_"))
        try:
            if self.server:
                self.server.log = log_path + ".server.log"
                self.server.start()
        except (RuntimeError, OSError) as error:
            result.aborted = str(error)
            return result
        process = subprocess.Popen(
            self.command(unit, skip), cwd=self.tree, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True, env=dict(os.environ, TERM="dumb"))
        reader = threading.Thread(target=self.read, daemon=True,
                                  args=(process, result, log_path + ".log"))
        reader.start()
        try:
            self.watch(process, result)
        finally:
            kill_session(process.pid)
            process.wait()
            reader.join(10)
            if not result.ended and not result.aborted:
                result.aborted = f"runner ended early with {process.returncode}"
            if self.server:
                self.server.stop()
            for leftover in glob.glob(os.path.join(self.tree, "tests/tmp/*")):
                shutil.rmtree(leftover, ignore_errors=True)
        return result

    @staticmethod
    def read(process, result, log_path):
        with open(log_path, "w", encoding="utf-8", buffering=1) as log:
            for line in process.stdout:
                result.feed(line)
                log.write(line)

    def watch(self, process, result):
        deadline = time.monotonic() + self.args.timeout
        nudged = 0.0
        while process.poll() is None:
            time.sleep(0.2)
            now = time.monotonic()
            if now > deadline or STOP.is_set():
                result.aborted = f"over {self.args.timeout} s"
                return
            last = result.last_output
            silent = now - last > self.args.stall and last != nudged
            if self.server and (self.server.died() or (silent and self.server.command)):
                result.restarts += 1
                self.server.stop()
                try:
                    self.server.start()
                except RuntimeError:
                    pass    # a test may have brought it down at once: try again
            elif silent and not self.server:
                result.restarts += 1
                kill_session(process.pid, spare=("tclsh",))
            if silent:
                nudged = last


def of_reference(result, reference):
    """How many of the tests that the reference passes were passed, of how many."""
    wanted = collections.Counter(reference.get(result.name, {}).get("passed", ()))
    return (wanted & collections.Counter(result.passed)).total(), wanted.total()


def print_table(results, reference):
    heads = ("passed", "failed", "skipped", "ignored", "blocks", "restarts", "secs")
    print(f"{'unit':42}" + "".join(f"{head:>9}" for head in heads) + "  of reference  remarks")
    totals, score = [0] * len(heads), [0, 0]
    for result in results:
        row = [len(result.passed), len(result.failed), len(result.skipped), result.ignored,
               len(result.blocks), result.restarts, round(result.seconds)]
        totals = [a + b for a, b in zip(totals, row, strict=True)]
        share = of_reference(result, reference)
        score = [a + b for a, b in zip(score, share, strict=True)]
        remark = "ABORTED: " + result.aborted if result.aborted else ""
        print_row(result.name, row, share if reference else None, remark)
    print_row("total", totals, score if reference else None,
              f"{sum(bool(result.aborted) for result in results)} aborted")


def print_row(name, row, share, remark):
    share = f"{share[0]}/{share[1]}" if share else "-"
    print(f"{name:42}" + "".join(f"{number:9}" for number in row) + f"{share:>14}  {remark}")


def load_units(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["units"]


def save(path, args, results):
    """Add the results to the file, which may hold other units from before."""
    if path:
        document = {"suite": os.path.basename(args.suite), "tags": args.tags,
                    "mode": "spawn" if args.server_bin else "external",
                    "units": load_units(path) if os.path.exists(path) else {}}
        document["units"].update((result.name, result.as_json()) for result in results)
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1, sort_keys=True)
        os.replace(path + ".part", path)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", required=True, help="unpacked source tree of Redis or Valkey")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--start-cmd", help="starts a server; {port} and {dir} are filled in")
    target.add_argument("--port", type=int, help="use the server on this port of 127.0.0.1")
    target.add_argument("--server-bin", help="spawn mode: executable for src/*-server")
    target.add_argument("--list", action="store_true", help="list the units and stop")
    parser.add_argument("--tools", help="folder with redis-cli, redis-benchmark and so on")
    parser.add_argument("--units", default="all", help="comma-separated units, globs, or 'all'")
    parser.add_argument("--skip-units", default="", help="comma-separated units or globs")
    parser.add_argument("--timeout", type=int, default=240, help="seconds per unit")
    parser.add_argument("--stall", type=int, default=60, help="silent seconds before a server is "
                        "held to be hung")
    parser.add_argument("--retries", type=int, default=2, help="reruns without tests that block")
    parser.add_argument("--tags", default="", help="passed on, e.g. '-slow -needs:debug'")
    parser.add_argument("--extra", default="", help="more arguments for the suite's runner")
    parser.add_argument("--jobs", type=int, default=1, help="units at a time (not with --port)")
    parser.add_argument("--base-port", type=int, default=7200)
    parser.add_argument("--port-count", type=int, default=100)
    parser.add_argument("--logs", help="folder for the output of runners and servers")
    parser.add_argument("--json", help="add the results to this file, after every unit")
    parser.add_argument("--reference", help="a file written by --json to compare with")
    args = parser.parse_args()
    args.suite = os.path.abspath(args.suite)
    args.logs = args.logs and os.path.abspath(args.logs)
    args.jobs = 1 if args.port else args.jobs
    if ports_per_job(args) < 4:
        parser.error("needs 32 ports and then some for each job (unit/cluster 10, cluster/* 25)")
    return args


def chosen_units(args):
    def matching(patterns):
        expressions = [re.compile(re.escape(p).replace(r"\*", ".*") + "$")
                       for p in patterns.split(",") if p]
        return lambda unit: any(e.match(unit) for e in expressions)
    units = all_units(args.suite, args.server_bin or args.list)
    wanted, unwanted = matching(args.units), matching(args.skip_units)
    return [u for u in units if (args.units == "all" or wanted(u)) and not unwanted(u)]


def stop(*_):
    STOP.set()
    sys.exit("stopped")


def main():
    args = parse_args()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    units = chosen_units(args)
    if args.list:
        print("\n".join(units))
        return
    if args.logs:
        os.makedirs(args.logs, exist_ok=True)
    reference = load_units(args.reference) if args.reference else {}
    results = []
    with tempfile.TemporaryDirectory(prefix="peer_suite.") as root:
        workers = queue.SimpleQueue()
        for index in range(args.jobs):
            workers.put(Worker(index, root, args))

        def run(unit):
            worker = workers.get()
            try:
                return worker.run(unit)
            finally:
                workers.put(worker)

        pool = concurrent.futures.ThreadPoolExecutor(args.jobs)
        try:
            for future in concurrent.futures.as_completed([pool.submit(run, u) for u in units]):
                result = future.result()
                results.append(result)
                save(args.json, args, results)
                print(f"{result.name}: {len(result.passed)} passed, {len(result.failed)} failed, "
                      f"{result.seconds} s {result.aborted}", file=sys.stderr, flush=True)
        finally:
            pool.shutdown(cancel_futures=True)
    results.sort(key=lambda result: units.index(result.name))
    save(args.json, args, results)
    print_table(results, reference)


if __name__ == "__main__":
    main()
