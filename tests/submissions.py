"""What students hand in: right, wrong, broken, and in the way of whoever judges it."""

RIGHT = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def gradients(w, b, x, y):
    a = sigmoid(x @ w + b)
    delta = (a - y) * a * (1 - a)
    return x.T @ delta / len(x), delta.mean(axis=0)
"""
SLOPE_LEFT_OUT = RIGHT.replace("(a - y) * a * (1 - a)", "a - y")
TURNED = RIGHT.replace("(a - y) *", "(y - a) *")
HEAD = "def gradients(w, b, x, y):\n"

JUDGED = {  # what can be judged all the same
    "right.py": (RIGHT, "correct"),
    "wrong.py": (SLOPE_LEFT_OUT, "mistake"),
    "turned.py": (TURNED, "mistake"),
    "main.py": (RIGHT + "\nif __name__ == '__main__':\n    input()\n", "correct"),
    "prints_while_loading.py": ("print('x' * 10_000_000)\n" + RIGHT, "correct"),
    "talks.py": (RIGHT.replace("    a = ", "    print('hello', x)\n    a = "), "correct"),
    "unicode.py": (RIGHT.replace("delta", "δ"), "correct"),
    "latin.py": (RIGHT.replace("import", "# une idée\nimport", 1).encode("latin-1"), "correct"),
    "declared.py": ("# -*- coding: latin-1 -*-\nname = 'é'\n" + RIGHT, "correct"),
    "windows.py": (("\ufeff" + RIGHT.replace("\n", "\r\n")).encode(), "correct"),
    "away.py": ("import os, tempfile\nos.chdir(tempfile.gettempdir())\n" + RIGHT, "correct"),
    "arguments.py": ("import sys\nassert len(sys.argv) == 1\n" + RIGHT, "correct"),
    "closes.py": ("import sys\nsys.stdout.close()\nsys.stdin.close()\n" + RIGHT, "correct"),
    "threads.py": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
        + RIGHT,
        "correct",
    ),
    "leaves.py": ("import atexit, time\natexit.register(time.sleep, 600)\n" + RIGHT, "correct"),
    "old_numpy.py": ("import numpy as np\nnp.float = float\n" + RIGHT, "correct"),
}

FAILED = {  # what cannot, and a word of the reason
    "syntax.py": (RIGHT.replace("(a - y)", "(a - y"), "line 9, `delta = (a - y * a * (1 - a)`"),
    "tabs.py": (HEAD + "    a = 1\n\tb = 2\n", "TabError"),
    "nul.py": ("def gradients(w, b, x, y):\n    \0", "is not Python yet"),
    "deep.py": ("x = " + "(" * 5000 + ")" * 5000, "is not Python yet"),
    "empty.py": ("", "empty.py is empty"),
    "only_blanks.py": ("\n \n\t\n", "is empty"),
    "only_data.py": ("x = 1\n", "only_data.py has no function and no class"),
    "only_forward.py": (
        "def forward(w, b, x): pass\ndef loss(a, y): pass\n", "nothing that looks like back-prop"
    ),
    "name.py": (HEAD + "    return sigmod(x @ w + b)\n", "line 2, `return sigmod("),
    "at_import.py": ("import nowhere_to_be_found\n" + RIGHT, "line 1, `import nowhere"),
    "signature.py": ("def backward(grad):\n    return grad\n", "argument"),
    "crashes.py": ("import ctypes\n" + HEAD + "    ctypes.string_at(0)\n", "line 3"),
    "aborts.py": ("import os\n" + HEAD + "    os.abort()\n", "SIGABRT"),
    "killed.py": ("import os\n" + HEAD + "    os.kill(os.getpid(), 9)\n", "It was killed"),
    "leaves_at_once.py": ("import os\n" + HEAD + "    os._exit(0)\n", "os._exit(0)"),
    "leaves_at_load.py": ("import os\n" + HEAD + "    pass\nos._exit(7)\n", "os._exit(7)"),
    "exits.py": ("import sys\n" + RIGHT + "sys.exit(3)\n", "ends the program: line 12"),
    "exits_later.py": ("import sys\n" + HEAD + "    sys.exit(3)\n", "line 3, `sys.exit(3)`"),
    "quits.py": (RIGHT + "quit()\n", "ends the program"),
    "interrupts.py": (HEAD + "    raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "asks.py": (RIGHT + "n = int(input('n? '))\n", "line 11, `n = int(input('n? '))`"),
    "asks_later.py": (HEAD + "    return input('dw? '), input('db? ')\n", "nobody is there"),
    "recursion.py": (HEAD + "    return gradients(w, b, x, y)\n", "recursion"),
    "hog.py": ("import numpy as np\n" + HEAD + "    return np.ones((10**6, 10**6)), b\n", "Memory"),
    "hoards.py": (
        "kept = []\nwhile True:\n    kept.append('x' * 10**8)\n" + HEAD + "    pass", "Memory"
    ),
    "patches.py": ("import numpy as np\nnp.exp = np.tanh\n" + RIGHT, "replaces numpy.exp"),
    "patches_later.py": (
        RIGHT.replace("    a =", "    np.linalg.norm = abs\n    a ="), "replaces numpy.linalg.norm"
    ),
    "endless.py": (HEAD + "    while True:\n        x = x + 1\n", "in line 3, `x = x + 1`; is"),
    "endless_load.py": (
        RIGHT + "while True:\n    sigmoid(1.0)\n", "while the file was being loaded"
    ),
    "stubborn.py": (
        HEAD + "    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass\n", "did not end within"
    ),
}  # fmt: skip


def write(folder, files):
    """Write submissions into a folder, by their names."""
    for name, (source, _) in files.items():
        if name == "declared.py":
            source = source.encode("latin-1")
        content = source if isinstance(source, bytes) else source.encode()
        (folder / name).write_bytes(content)
