# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands for a VM that runs guest-init, over the second serial port."""
import contextlib
import re
import time


class Shell:
    """line: a connected socket. Whoever derives from it has a report() for a test that failed."""

    def __init__(self, label, line):
        self.label = label
        self._line = line
        self._heard = b""
        self._count = 0
        self._answers = {}

    def __repr__(self):
        return self.label

    def report(self):
        return f"second line:\n{self._heard.decode(errors='replace')[-4000:]}"

    def close(self):
        self._line.close()

    def wait_ready(self, timeout=60):
        """Until guest-init takes commands."""
        self._answer(0, timeout)
        return self

    def start(self, command):
        """Says a line of shell; the machine does one after the other. For finish()."""
        self._count += 1
        self._line.settimeout(10)
        self._line.sendall(f"{self._count} {command}\n".encode())
        return self._count

    def finish(self, number, timeout=60, check=True):
        """The output of a line that was said."""
        status, output = self._answer(number, timeout)
        assert not check or not status, f"{self}: line {number}: exit {status}\n{output}"
        return output

    def run(self, command, timeout=60, check=True):
        """A line of shell inside: its output."""
        return self.finish(self.start(command), timeout, check)

    def succeeds(self, command, timeout=60):
        return self._answer(self.start(command), timeout)[0] == 0

    def _answer(self, number, timeout):
        end = time.monotonic() + timeout
        while number not in self._answers:
            left = end - time.monotonic()
            assert left > 0, f"{self}: no answer within {timeout} s to line {number}"
            self._line.settimeout(left)
            with contextlib.suppress(TimeoutError):
                more = self._line.recv(65536)
                assert more, f"{self} has ended: {self.report()}"
                self._heard += more
                self._sort()
        return self._answers.pop(number)

    def _sort(self):
        """What was heard, into answers."""
        while match := re.search(rb"(?:^|\n)END (\d+) (\d+)\r?\n", self._heard):
            output = self._heard[:match.start()].decode(errors="replace").replace("\r", "")
            self._answers[int(match[1])] = (int(match[2]), output.strip("\n"))
            self._heard = self._heard[match.end():]

    # What guests do.

    def lease(self, interface="eth0", timeout=60):
        """Asks for an address by DHCP and keeps a client that renews it: what it was told."""
        self.run(f"udhcpc -i {interface} -s /run/lease -p /run/udhcpc.pid -t 20 -T 1 "
                 ">/dev/ttyS0 2>&1", timeout)
        return self.leases()[-1]

    def leases(self):
        """What the client was told so far: each a dictionary, "event" being bound or renew."""
        lines = self.run("cat /run/leases").splitlines()
        return [{"event": line.split()[0], **dict(re.findall(r"(\w+)=(\S*)", line))}
                for line in lines]
