"""Runs a program in a pseudo-terminal of 24 rows and 80 columns, and does steps with it. No step waits for a fixed time.

    terminal.py STEP... -- PROGRAM ARGUMENT...

Steps: `expect TEXT` reads until the text appears, `send KEYS` types, `resize ROWS COLUMNS` changes the size, `signal NAME` sends a
signal, `run COMMAND` runs a shell command to its end, `close` closes the terminal and is the last step. Everything that the program wrote is printed at the end. The exit code is
the program's. It is an error if the program leaves the terminal in another mode.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

# If a text does not appear in this time, it does not come. In a good test this never happens.
HOPELESS_S = 60
# Moves to a row and a column, clears, other control sequences, or a character.
PIECES = re.compile(rb"\x1b\[(\d+);(\d+)H|(\x1b\[2?J)|\x1b\[[?\d;]*[A-Za-z]|([^\x1b])", re.DOTALL)


class Screen:
    """The characters on the screen, by row and column. Programs may write only those that change."""

    def __init__(self):
        self.rows, self.row, self.column = {}, 1, 1

    def write(self, output):
        for row, column, clear, character in PIECES.findall(output):
            if row:
                self.row, self.column = int(row), int(column)
            elif clear:
                self.rows = {}
            elif character and (character[0] & 0xC0) != 0x80:
                # Of a character with several bytes, only the first one counts.
                self.rows.setdefault(self.row, {})[self.column] = chr(character[0])
                self.column += 1

    def text(self):
        lines = ("".join(row.get(column, " ") for column in range(1, 1 + max(row))) for row in self.rows.values())
        return "\n".join(lines)


def main(words):
    steps, program = words[: words.index("--")], words[words.index("--") + 1 :]
    master, slave = pty.openpty()
    set_size(slave, 24, 80)
    mode = termios.tcgetattr(slave)

    def take_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(program, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal)
    output, screen = b"", Screen()

    def read():
        nonlocal output, screen
        output += os.read(master, 65536)
        # Control sequences may be cut in two, so everything is read again.
        screen = Screen()
        screen.write(output)

    def expect(text):
        deadline = time.monotonic() + HOPELESS_S
        while text not in screen.text():
            if select.select([master], [], [], 0.05)[0]:
                read()
            elif child.poll() is not None or time.monotonic() > deadline:
                child.kill()
                sys.exit(f"{text!r} does not appear; this does:\n{screen.text()}\n{output!r}")

    for step in steps:
        kind, _, rest = step.partition(" ")
        if kind == "expect":
            expect(rest)
        elif kind == "send":
            os.write(master, rest.encode().decode("unicode_escape").encode())
        elif kind == "resize":
            set_size(slave, *map(int, rest.split()))
        elif kind == "signal":
            child.send_signal(getattr(signal, "SIG" + rest))
        elif kind == "close":
            os.close(slave)
            os.close(master)
            sys.exit(child.wait(HOPELESS_S))
        elif kind == "run":
            subprocess.run(rest, shell=True, check=True, stdout=subprocess.DEVNULL)
        else:
            sys.exit(f"unknown step {step!r}")
    # The program cannot end while the terminal is full, so what it writes is read until it has ended.
    deadline = time.monotonic() + HOPELESS_S
    while child.poll() is None:
        if time.monotonic() > deadline:
            child.kill()
            sys.exit(f"the program does not end; it shows:\n{screen.text()}")
        if select.select([master], [], [], 0.05)[0]:
            read()
    while select.select([master], [], [], 0)[0]:
        read()
    if termios.tcgetattr(slave) != mode:
        sys.exit("the terminal is left in another mode")
    sys.stdout.buffer.write(output)
    sys.stdout.flush()
    sys.exit(child.returncode)


def set_size(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


main(sys.argv[1:])
