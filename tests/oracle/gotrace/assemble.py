"""The text form of a trace (`Trace Go1.22`, then `Name arg=value ...`) into its bytes. Event names and codes are those of gotrace.h."""
import codecs
import pathlib
import re

HEADER = pathlib.Path(__file__).resolve().parents[3] / "src/format/gotrace/gotrace.h"
# name: code, has data, has frames
TABLES = {"EventBatch": (1, False, False), "Stacks": (2, False, False), "Stack": (3, False, True), "Strings": (4, False, False),
          "String": (5, True, False), "CPUSamples": (6, False, False), "CPUSample": (7, False, False), "Frequency": (8, False, False),
          "ExperimentalBatch": (49, True, False), "Sync": (50, False, False), "ClockSnapshot": (51, False, False),
          "EndOfGeneration": (52, False, False)}


def codes():
    out = dict(TABLES)
    for code, name in re.findall(r'^\tX\((\d+), \w+, "(\w+)"', HEADER.read_text(), re.M):
        out[name] = (int(code), False, False)
    return out


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def unquote(text):
    """A Go string literal in double quotes: bytes."""
    points = re.sub(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})", lambda m: chr(int(m[1] or m[2], 16)), text[1:-1])
    return codecs.escape_decode(points.encode())[0]


def assemble(text):
    """`size=?` of a batch is worked out; any other is taken as it stands."""
    known = codes()
    lines = (line.split("#")[0].rstrip() if not line.lstrip().startswith("data=") else line for line in text.splitlines())
    lines = (line for line in lines if line.strip())
    minor = int(re.fullmatch(r"Trace Go1\.(\d+)", next(lines)).group(1))
    out = bytearray(f"go 1.{minor} trace".encode().ljust(16, b"\0"))
    open_at = None  # where the size of an open batch belongs

    def close():
        if open_at is not None:
            out[open_at:open_at] = varint(len(out) - open_at)

    for line in lines:
        name, *args = line.split()
        code, has_data, has_frames = known[name]
        if name in ("EventBatch", "ExperimentalBatch", "EndOfGeneration"):
            close()
            open_at = None
        out.append(code)
        values = [a.split("=")[1] for a in args]
        for v in values:
            if v == "?":
                open_at = len(out)
            else:
                out += varint(int(v))
        for _ in range(int(values[1]) if has_frames else 0):
            for a in next(lines).split():
                out += varint(int(a.split("=")[1]))
        if has_data:
            data = unquote(next(lines).strip()[len("data="):])
            out += varint(len(data)) + data
    close()
    return bytes(out)
