"""Programs that ask for much and read nothing: slow-readers.py HOST PORT COUNT BYTES

Opens COUNT connections with the smallest buffers there are, so that little hides in the kernel, reads
one byte of each, and holds them until it is killed. A line of JSON each 200 ms.
"""
import json, socket, sys, threading, time

host, port, count, wanted = sys.argv[1], *map(int, sys.argv[2:])
sockets, failed, numbers, lock = [], [], iter(range(count)), threading.Lock()

def open_some():
    while True:
        with lock:
            if next(numbers, None) is None:
                return
        try:
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect((host, port))
            one.sendall(b"send %d 0\n" % wanted)
            one.recv(1)
            sockets.append(one)
        except OSError as error:
            failed.append(str(error))

for _ in range(32):
    threading.Thread(target=open_some, daemon=True).start()
while True:
    print(json.dumps({"open": len(sockets), "failed": failed}), flush=True)
    time.sleep(0.2)
