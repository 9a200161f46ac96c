"""Types at a program under a pseudo-terminal: type-at.py SECONDS STEPS COMMAND...

STEPS is JSON: [["wait", "text"], ["type", "text"], ["signal-group", "TSTP"], ...]. Prints what the
terminal showed, then a line "exit N".
"""
import json, os, pty, select, signal, sys, time

deadline = time.time() + float(sys.argv[1])
steps = json.loads(sys.argv[2])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
shown = b""
seen = 0

def read(timeout):
    global shown
    if select.select([fd], [], [], timeout)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            return False
        shown += data
        return bool(data)
    return True

for kind, text in steps:
    if kind == "wait":
        while text.encode() not in shown[seen:]:
            if time.time() > deadline or not read(0.1):
                sys.exit(f"never saw {text!r} in {shown!r}")
        seen = shown.index(text.encode(), seen) + len(text)
    elif kind == "type":
        os.write(fd, text.encode())
while time.time() < deadline and read(0.1):
    pass
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(shown)
print(f"\nexit {os.waitstatus_to_exitcode(status)}")
