"""Green threads of greenstd in gdb, in a live process and in a core file.

    (gdb) source tools/gdb/greenstd.py
    (gdb) green list            the green threads: number, state, wait, name, where spawned
    (gdb) green bt NUMBER       the backtrace of one
    (gdb) green all             the backtraces of all, equal ones once

gdb's own `generate-core-file` leaves out the stacks where the kernel guards them by
`MADV_GUARD_INSTALL`, whose pages it cannot read; the kernel's core files hold them.

The program needs its symbol table (not its debug information, which makes the backtraces readable).
Works with gdb 12 and later that has Python. What it reads is described in
runtime/engine/anchor.rs; nothing in the process is changed, and nothing is called in it.
"""

import gdb
import gdb.unwinder

SYMBOL = "GREENSTD_ANCHOR"
MARK = b"GREENSTD"
VERSION = 1
UNKNOWN = 2**64 - 1
X86_64, AARCH64 = 1, 2

# Bits of the life word: runtime/engine/life.rs.
PARKED, KILLED, FINISHED, IN_PLACE, HELD = 1 << 1, 1 << 3, 1 << 4, 1 << 9, 1 << 10


def read(address, count):
    """So many bytes of the process."""
    return bytes(gdb.selected_inferior().read_memory(address, count))


def word(address, size=8):
    """An unsigned number of the process."""
    return int.from_bytes(read(address, size), "little")


def text(address):
    """A Rust `&str` that lies there."""
    start, length = word(address), word(address + 8)
    return read(start, length).decode("utf-8", "replace") if start else ""


class Anchor:
    """The words behind the symbol, by name."""

    NAMES = (
        "mark version architecture id name site parent life since stack_pointer reason "
        "file line unit rosters count"
    ).split()

    def __init__(self):
        try:
            # In a frame of Rust's, gdb speaks Rust by itself, which knows no such cast.
            with gdb.with_parameter("language", "c"):
                address = int(gdb.parse_and_eval(f"(unsigned long)&{SYMBOL}"))
        except gdb.error as error:
            raise gdb.GdbError(f"this program has no symbol {SYMBOL}: {error}")
        if read(address, 8) != MARK:
            raise gdb.GdbError(f"{SYMBOL} is not what it should be")
        for index, name in enumerate(self.NAMES):
            setattr(self, name, word(address + 8 * index))
        if self.version != VERSION:
            raise gdb.GdbError(f"this script knows version {VERSION}, not {self.version}")


class GreenThread:
    """A green thread, by the address of its header."""

    def __init__(self, anchor, address):
        self.anchor, self.address = anchor, address
        self.number = word(address + anchor.id)
        self.life = word(address + anchor.life, 4)

    def field(self, name):
        return self.address + getattr(self.anchor, name)

    @property
    def name(self):
        return text(self.field("name")) or "<unnamed>"

    @property
    def site(self):
        if UNKNOWN in (self.anchor.file, self.anchor.line):
            return "?"
        location = word(self.field("site"))
        file = text(location + self.anchor.file)
        return f"{file}:{word(location + self.anchor.line, 4)}"

    @property
    def parent(self):
        return word(self.field("parent"))

    @property
    def is_resting(self):
        """Whether its registers lie on its stack."""
        return self.life & (PARKED | HELD) and not self.life & IN_PLACE and self.stack_pointer

    @property
    def state(self):
        if not self.stack_pointer and self.life & (PARKED | HELD):
            return "unstarted"
        if self.life & (PARKED | HELD):
            return "parked"
        return "runnable or running"

    @property
    def call(self):
        reason = word(self.field("reason"))
        return text(reason) if reason and self.life & (PARKED | HELD) else ""

    @property
    def stack_pointer(self):
        return 0 if self.anchor.stack_pointer == UNKNOWN else word(self.field("stack_pointer"))

    def registers(self):
        """Program counter, stack pointer and others, as they are once it goes on."""
        top = self.stack_pointer
        if self.anchor.architecture == X86_64:
            pc, rbx, rbp = (word(top + 8 * index) for index in range(3))
            return {"rip": pc, "rsp": top + 24, "rbp": rbp, "rbx": rbx}
        if self.anchor.architecture == AARCH64:
            x19, x29, pc = (word(top + 8 * index) for index in range(3))
            return {"pc": pc, "sp": top + 32, "x29": x29, "x19": x19}
        raise gdb.GdbError("stacks of this architecture are not known")

    def __str__(self):
        wait = f" in {self.call}" if self.call else ""
        killed = ", killed" if self.life & KILLED else ""
        parent = f" by {self.parent}" if self.parent else ""
        return (
            f"{self.number} '{self.name}' {self.state}{wait}{killed}"
            f" (spawned at {self.site}{parent})"
        )


def green_threads():
    """All that have started and not ended, oldest first."""
    anchor = Anchor()
    threads = []
    for index in range(anchor.count):
        roster = word(anchor.rosters + 8 * index)
        data, length = word(roster), word(roster + 8)
        places = read(data, 8 * length) if length else b""
        for start in range(0, len(places), 8):
            place = int.from_bytes(places[start : start + 8], "little")
            if place and not place & 1:
                thread = GreenThread(anchor, place)
                if not thread.life & FINISHED:
                    threads.append(thread)
    return sorted(threads, key=lambda thread: thread.number)


class FrameId:
    """What gdb tells frames apart by."""

    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Unwinder(gdb.unwinder.Unwinder):
    """Says of the innermost frame that a green thread had called it.

    So the rest of the backtrace is the green thread's, though no register is changed, which a core
    file would not allow."""

    def __init__(self):
        super().__init__("greenstd")
        self.registers = None
        self.innermost = None

    def __call__(self, pending_frame):
        if self.registers is None:
            return None
        pc_name, sp_name = ("rip", "rsp") if "rip" in self.registers else ("pc", "sp")
        sp, pc = (int(pending_frame.read_register(name)) for name in (sp_name, pc_name))
        if (sp, pc) != self.innermost:
            return None
        # Below the green thread's frames, wherever it is: gdb would take them for corrupt.
        address = gdb.lookup_type("unsigned long")
        below = gdb.Value(self.registers[sp_name] - 64).cast(address)
        info = pending_frame.create_unwind_info(FrameId(below, gdb.Value(pc).cast(address)))
        for name, value in self.registers.items():
            old = pending_frame.read_register(name)
            info.add_saved_register(name, gdb.Value(value).cast(old.type))
        return info


UNWINDER = Unwinder()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)


def backtrace(thread):
    """The backtrace of a green thread that rests, as gdb prints it, without the real frame 0."""
    UNWINDER.registers = None
    gdb.invalidate_cached_frames()
    registers = thread.registers()
    pc_name, sp_name = ("rip", "rsp") if "rip" in registers else ("pc", "sp")
    frame = gdb.newest_frame()
    UNWINDER.innermost = tuple(int(frame.read_register(name)) for name in (sp_name, pc_name))
    UNWINDER.registers = registers
    gdb.invalidate_cached_frames()
    try:
        printed = gdb.execute("backtrace 100", to_string=True)
    finally:
        UNWINDER.registers = None
        gdb.invalidate_cached_frames()
    frames, skipped = [], True
    for line in printed.splitlines():
        if line.startswith("#1 "):
            skipped = False
        if "stack_init_trampoline" in line or "signal handler called" in line:
            break
        if not skipped:
            frames.append(line)
    return "\n".join(frames)


class Green(gdb.Command):
    """Green threads of greenstd: list, bt NUMBER, all."""

    def __init__(self):
        super().__init__("green", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)


class List(gdb.Command):
    """Lists the green threads."""

    def __init__(self):
        super().__init__("green list", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        threads = green_threads()
        for thread in threads:
            print(thread)
        print(f"{len(threads)} green threads")


class Backtrace(gdb.Command):
    """Shows the backtrace of the green thread with that number."""

    def __init__(self):
        super().__init__("green bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        try:
            number = int(argument)
        except ValueError:
            raise gdb.GdbError("green bt NUMBER, as `green list` shows it")
        for thread in green_threads():
            if thread.number == number:
                print(thread)
                if thread.is_resting:
                    print(backtrace(thread))
                else:
                    print("its registers are a processor's or its worker's: see `thread apply all bt`")
                return
        raise gdb.GdbError(f"no green thread has the number {number}")


class All(gdb.Command):
    """Shows the backtraces of all green threads, equal ones once."""

    def __init__(self):
        super().__init__("green all", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        groups = {}
        for thread in green_threads():
            if thread.is_resting:
                registers = thread.registers()
                # Those whose frames are of the same calls and sizes: the rest is read once.
                trace = backtrace(thread)
            else:
                trace = f"     {thread.state}"
            groups.setdefault(strip_addresses(trace), (trace, []))[1].append(thread)
        for trace, threads in sorted(groups.values(), key=lambda group: -len(group[1])):
            if len(threads) == 1:
                print(threads[0])
            else:
                numbers = " ".join(str(thread.number) for thread in threads[:16])
                more = " ..." if len(threads) > 16 else ""
                print(f"{len(threads)} green threads: {numbers}{more}")
            print(trace)


def strip_addresses(trace):
    """A backtrace without what differs between calls of the same functions."""
    import re

    return re.sub(r"0x[0-9a-f]+", "", trace)


for command in (Green, List, Backtrace, All):
    command()
