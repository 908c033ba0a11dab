"""Runs a slow command: a line of progress on screen, the noise in a log, a cause on failure."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

CAUSES = (
    ("disk", r"no space left on device|errno 28\b|errno 122\b|disk quota exceeded|winerror 112\b"),
    (
        "network",
        r"newconnectionerror|connecttimeout|readtimeout|timed out|incompleteread|protocolerror"
        r"|connection (reset|aborted|broken|refused|error)|connectionerror|remote end closed"
        r"|name resolution|name or service not known|getaddrinfo failed|network is unreachable"
        r"|max retries exceeded|sslerror|proxyerror|do not match the hashes|too many requests"
        r"|\b50[234] (server error|bad gateway|service|gateway)",
    ),
    ("missing", r"no matching distribution found|could not find a version that satisfies"),
    ("permission", r"permission denied|errno 13\b|read-only file system|winerror 5\b"),
)
RETRY_AFTER_S = (5, 20)
QUIET_S = 20  # without a terminal: a sign of life this often


def diagnose(output: str) -> str:
    """Name the cause of a failed run of pip: disk, network, missing, permission or other.

    The order matters: without a network pip ends by saying that there is no matching distribution.
    """
    lowered = output.lower()
    return next((cause for cause, words in CAUSES if re.search(words, lowered)), "other")


def describe(line: str) -> str | None:
    """Shorten a line of pip's output to what a person wants to know; None for the rest of it."""
    text = line.strip()
    if match := re.match(r"Downloading (?:\S*/)?([^-\s/]+)-([^-\s]+)\S* \((.+?)\)", text):
        return f"downloading {match[1]} {match[2]} ({match[3]})"
    if match := re.match(r"Collecting ([A-Za-z0-9._-]+)", text):
        return f"looking for {match[1]}"
    if match := re.match(r"Building (?:wheel|editable) for ([A-Za-z0-9._-]+)", text):
        return f"building {match[1]}"
    if text.startswith("Installing collected packages:"):
        return f"unpacking {text.count(',') + 1} packages"
    return None


class Screen:
    """A line that is rewritten on a terminal, and written now and then where there is none."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to ``stream``, by default the standard output."""
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self._width = 0
        self._last_s = 0.0

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self.stream.write(("\r" + text.ljust(self._width) if self.live else text) + "\n")
        self.stream.flush()
        self._width, self._last_s = 0, time.monotonic()

    def show(self, text: str) -> None:
        """Show what is going on; the next ``show`` or ``say`` replaces it."""
        if self.live:
            text = text[:78]
            self.stream.write("\r" + text.ljust(self._width))
            self.stream.flush()
            self._width = len(text)
        elif time.monotonic() - self._last_s >= QUIET_S:
            self.say(text)


@dataclass(frozen=True)
class Runner:
    """Runner of commands: their environment, the log, the screen and the watched folder."""

    environ: Mapping[str, str]
    log: Path
    screen: Screen
    cwd: Path
    downloads: Path
    """Folder whose growth tells how much has come in."""
    keep_open: tuple[int, ...] = ()
    """File descriptors that the commands inherit, such as the lock's."""

    def run(
        self, title: str, command: Sequence[str], extra: Mapping[str, str] | None = None
    ) -> str:
        """Run a command to its end.

        Args:
            title: line on the screen meanwhile.
            command: program and arguments.
            extra: environment variables only for this command.

        Returns:
            An empty string if the command succeeded, else all it wrote.
        """
        began_s = time.monotonic()
        with self.log.open("a", encoding="utf-8", errors="replace") as sink:
            sink.write(f"\n==== {title}: {' '.join(command)}\n")
            sink.flush()
            start = self.log.stat().st_size
            # Into the file, not through a pipe: if this process is killed, pip still ends cleanly.
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env={**self.environ, **(extra or {})},
                pass_fds=self.keep_open,
            )
            try:
                self._follow(process, title, start, began_s)
            finally:
                _stop(process)
        if process.returncode == 0:
            self.screen.say(f"{title}: done in {time.monotonic() - began_s:.0f} s")
            return ""
        written = self._written(start).decode(errors="replace").strip()
        return written or f"exit code {process.returncode}"

    def run_with_retries(
        self,
        title: str,
        command: Sequence[str],
        extra: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> str:
        """Like ``run``; if the network fails, again after each pause of ``RETRY_AFTER_S``."""
        output = self.run(title, command, extra)
        for pause_s in RETRY_AFTER_S:
            if not output or diagnose(output) != "network":
                break
            self.screen.say(f"{title}: the connection failed; trying again in {pause_s} s")
            sleep(pause_s)
            output = self.run(title, command, extra)
        return output

    def _follow(self, process: subprocess.Popen, title: str, start: int, began_s: float) -> None:
        doing, seen = "", start
        while process.poll() is None:
            lines = self._written(seen).rpartition(b"\n")[0]
            seen += len(lines)
            for line in lines.decode(errors="replace").splitlines():
                doing = describe(line) or doing
            loading = doing.startswith("downloading")
            came_in = f"{_size_mb(self.downloads):.0f} MB, " if loading else ""
            self.screen.show(f"{title}: {time.monotonic() - began_s:.0f} s {came_in}{doing}")
            try:
                process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                continue

    def _written(self, start: int) -> bytes:
        with self.log.open("rb") as source:
            source.seek(start)
            return source.read()


def _stop(process: subprocess.Popen) -> None:
    """Give an interrupted command a moment to tidy up, then end it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _size_mb(folder: Path) -> float:
    total = 0
    # Wheels alone: for its cache, pip keeps a second copy in files without a name.
    for path in folder.rglob("*.whl"):
        try:
            total += path.stat().st_size
        except OSError:  # pip renames and removes its files while we look
            continue
    return total / 1e6
