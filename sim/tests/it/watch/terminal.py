r"""Runs a program in a pseudo-terminal of 24 rows and 80 columns, and does steps with it.

    terminal.py STEP... -- PROGRAM ARGUMENT...

    expect TEXT           reads the program's output until the text is on the screen
    send KEYS             presses keys, such as q; \x1b is the key Escape
    resize ROWS COLUMNS   changes the size of the terminal
    signal NAME           sends a signal to the program, such as TERM
    run COMMAND           runs a shell command to its end
    close                 closes the terminal and waits for the end of the program; must be the last step

After the last step, the program must end by itself. Then this script prints everything that the program wrote, and exits with the
program's exit code. The script fails if the program leaves the terminal in another mode than before, for example in one that does not
show typed keys. After `close`, nothing is printed and the mode is not checked.
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

# How long to wait for a text, or for the end of the program. If all is well, it never takes so long.
PATIENCE_S = 60
# Matches the next element of the output: a move to a row (group 1) and a column (group 2), a clearing of the screen (group 3), another
# control sequence, or a byte of text (group 4).
ELEMENTS = re.compile(rb"\x1b\[(\d+);(\d+)H|(\x1b\[2?J)|\x1b\[[?\d;]*[A-Za-z]|([^\x1b])", re.DOTALL)


class Screen:
    """The characters on the screen, by row and column. Some programs write only the characters that change. So a text that is on the
    screen is not always in the program's output in one piece."""

    def __init__(self):
        # `rows` has a dictionary for each row, from the column's number to the character there. `row` and `column` are the cursor's
        # position.
        self.rows, self.row, self.column = {}, 1, 1

    def write(self, output):
        for row, column, clear, byte in ELEMENTS.findall(output):
            if row:
                self.row, self.column = int(row), int(column)
            elif clear:
                self.rows = {}
            # A character in UTF-8 can have several bytes, but it takes one column. So only its first byte is kept. The other bytes, 0x80
            # to 0xBF, are left out.
            elif byte and (byte[0] & 0xC0) != 0x80:
                self.rows.setdefault(self.row, {})[self.column] = chr(byte[0])
                self.column += 1

    def text(self):
        # Each line ends with the largest column that has a character.
        lines = ("".join(row.get(column, " ") for column in range(1, 1 + max(row))) for row in self.rows.values())
        return "\n".join(lines)


def main(words):
    steps, program = words[: words.index("--")], words[words.index("--") + 1 :]
    # What is written to `master` arrives as keys at `slave`, the program's terminal. What the program writes can be read from `master`.
    master, slave = pty.openpty()
    set_size(slave, 24, 80)
    mode_before = termios.tcgetattr(slave)

    # Makes the pseudo-terminal the terminal of the program. Then the program gets signals: SIGINT for the keys Ctrl-C, and SIGHUP when the
    # pseudo-terminal is closed.
    def take_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(program, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal)
    output, screen = b"", Screen()

    def read():
        nonlocal output, screen
        output += os.read(master, 65536)
        # A read may end in the middle of a control sequence. So the screen is made again from all output so far.
        screen = Screen()
        screen.write(output)

    def expect(text):
        deadline = time.monotonic() + PATIENCE_S
        while text not in screen.text():
            if select.select([master], [], [], 0.05)[0]:
                read()
            elif child.poll() is not None or time.monotonic() > deadline:
                child.kill()
                sys.exit(f"{text!r} does not appear; this does:\n{screen.text()}\n{output!r}")

    for step in steps:
        kind, _, argument = step.partition(" ")
        if kind == "expect":
            expect(argument)
        elif kind == "send":
            # The step has `\x1b` as four characters. They become one byte.
            os.write(master, argument.encode().decode("unicode_escape").encode())
        elif kind == "resize":
            set_size(slave, *map(int, argument.split()))
        elif kind == "signal":
            child.send_signal(getattr(signal, "SIG" + argument))
        elif kind == "close":
            os.close(slave)
            os.close(master)
            sys.exit(child.wait(PATIENCE_S))
        elif kind == "run":
            subprocess.run(argument, shell=True, check=True, stdout=subprocess.DEVNULL)
        else:
            sys.exit(f"unknown step {step!r}")
    # If nobody read the output, the terminal's buffer could become full, and the program would wait at its next write. So the output is
    # read until the program has ended.
    deadline = time.monotonic() + PATIENCE_S
    while child.poll() is None:
        if time.monotonic() > deadline:
            child.kill()
            sys.exit(f"the program does not end; it shows:\n{screen.text()}")
        if select.select([master], [], [], 0.05)[0]:
            read()
    while select.select([master], [], [], 0)[0]:
        read()
    if termios.tcgetattr(slave) != mode_before:
        sys.exit("the terminal is left in another mode")
    sys.stdout.buffer.write(output)
    sys.stdout.flush()
    sys.exit(child.returncode)


def set_size(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


main(sys.argv[1:])
