"""hnorm's attention kernels alone on one NVIDIA GPU: right against PyTorch in float32, and timed beside its SDPA.

    python scripts/cuda/attention.py                      # the shapes of the presets
    python scripts/cuda/attention.py --shape 2,4096,16,4,96 --sweep

Needs PyTorch with CUDA and nvcc (or --nvcc PATH). A shape is batch, tokens, query heads, key heads, head size. The
tilings are those of src/backends/cuda/lower/attention-tiles.ts, on Hopper by warps and by warpgroups ("wgmma");
`--sweep` times all that have a chance beside them.
Rounds of hnorm and PyTorch alternate, the median counts. Rates count what causal attention needs, 2 B H T^2 D FLOPs
forward and 5 B H T^2 D backward, whatever a kernel computes beyond. One line of JSON for each shape.
"""

import argparse
import ctypes
import itertools
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import typing

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

KERNELS = pathlib.Path(__file__).parents[2] / "src/backends/cuda/kernels"
SHAPES = [
    *("8,4096,16,4,48", "8,4096,32,8,64", "8,4096,16,4,96", "8,4096,16,16,128"),
    *("2,1021,8,2,128", "64,256,8,8,64"),
]
PARTS = {
    "forward": ("attention-forward", "attentionForward"),
    "kv": ("attention-grad-kv", "attentionGradKv"),
    "q": ("attention-grad-q", "attentionGradQ"),
}
WGMMA_SIZES = (64, 96, 128)
STREAMED_BYTES = 16 << 20  # as in src/backends/cuda/lower/attention.ts


class Tiling(typing.NamedTuple):
    warps: int
    tiles: int  # of 16 rows, for each warp
    block: int  # streamed rows
    wgmma: bool = False


def chosen(part, size, wgmma):
    if wgmma:
        groups = {"forward": (2, 2, 2), "kv": (3, 2, 2), "q": (2, 3, 3)}[part][WGMMA_SIZES.index(size)]
        return Tiling(4 * groups, 1, 128 if part == "forward" and size == 128 else 64, True)
    if part == "kv":
        return Tiling(4, 2, 32) if size <= 64 else Tiling(8, 1, 64)
    return Tiling(4, 2, 64) if part == "forward" else Tiling(4, 2, 32)


def tilings(size, hopper):
    """All that have a chance."""
    by_warps = itertools.product((4, 8), (1, 2), (32, 48, 64, 128))
    by_groups = itertools.product((8, 12), (1,), (64, 128)) if hopper and size in WGMMA_SIZES else []
    return [*(Tiling(*t) for t in by_warps), *(Tiling(*t, True) for t in by_groups)]


def shared_bytes(part, size, tiling):
    width, own = -(-size // 16) * 16, 16 * tiling.warps * tiling.tiles
    row, before = (2 * width, 1024) if tiling.wgmma else (2 * (width + 8), 0)
    if part == "forward":
        return before + (own + (4 if tiling.wgmma else 2) * tiling.block) * row
    return before + (2 * own + 4 * tiling.block) * row + (16 * tiling.block if part == "kv" else 0)


def cell(a):
    if torch.is_tensor(a):
        return ctypes.c_void_p(a.data_ptr())
    return ctypes.c_float(a) if isinstance(a, float) else ctypes.c_int(a)


class Driver:
    """The few driver calls that PyTorch does not offer, in the context it has made."""

    def __init__(self, nvcc):
        self.cuda, self.nvcc = ctypes.CDLL("libcuda.so.1"), nvcc
        major, minor = torch.cuda.get_device_capability()
        self.hopper = (major, minor) == (9, 0)
        arch = f"{major}{minor}" + ("a" if self.hopper else "")
        self.arch = f"arch=compute_{arch},code=sm_{arch}"
        self.shared = torch.cuda.get_device_properties(0).shared_memory_per_block_optin

    def check(self, code, call):
        if code != 0:
            text = ctypes.c_char_p()
            self.cuda.cuGetErrorString(code, ctypes.byref(text))
            sys.exit(f"{call}: {text.value.decode() if text.value else code}")

    def kernel(self, file, name, define, shared=0):
        """The kernel's handle and how many bytes it spills."""
        options = [f"-D{k}={v}" for k, v in define.items()]
        with tempfile.TemporaryDirectory() as folder:
            cubin = pathlib.Path(folder) / "cubin"
            command = [self.nvcc, "-cubin", "-gencode", self.arch, "-std=c++17", "-Xptxas", "-v", *options]
            run = subprocess.run([*command, "-o", cubin, KERNELS / f"{file}.cu"], capture_output=True, text=True)
            if run.returncode != 0:
                sys.exit(run.stderr)
            image = cubin.read_bytes()
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.cuda.cuModuleLoadData(ctypes.byref(module), image), "cuModuleLoadData")
        self.check(self.cuda.cuModuleGetFunction(ctypes.byref(function), module, name.encode()), name)
        self.check(self.cuda.cuFuncSetAttribute(function, 8, shared), "cuFuncSetAttribute")
        spills = int(run.stderr.split(" bytes spill stores")[0].split()[-1])
        return function, spills

    def launch(self, function, grid, block, shared, args):
        """Tensors as addresses, ints as int, floats as float."""
        cells = [cell(a) for a in args]
        table = (ctypes.c_void_p * len(cells))(*(ctypes.addressof(c) for c in cells))
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        code = self.cuda.cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, stream, table, None)
        self.check(code, "cuLaunchKernel")


class Attention:
    """hnorm's kernels for one shape and the tensors they work on."""

    def __init__(self, driver, shape, wgmma=False):
        self.driver, self.shape, self.wgmma = driver, shape, wgmma
        b, t, h, k, d = shape
        rows = lambda heads: torch.randn(b, t, heads, d, device="cuda", dtype=torch.bfloat16)
        self.q, self.k, self.v, self.dout = rows(h), rows(k), rows(k), rows(h)
        self.out, self.dq, self.dk, self.dv = map(torch.empty_like, (self.q, self.q, self.k, self.v))
        self.lse, self.delta = (torch.empty(b, h, t, device="cuda") for _ in range(2))
        self.delta_kernel, _ = driver.kernel("attention-delta", "attentionDelta", {"HEAD_DIM": d})
        self.parts = {part: self.part(part, chosen(part, d, wgmma)) for part in PARTS}

    def part(self, part, tiling):
        """One kernel with one tiling, ready to be called, or None where it has no room; and what it spills."""
        b, t, h, k, d = self.shape
        warps, tiles, block, wgmma = tiling
        shared = shared_bytes(part, d, tiling)
        if shared > self.driver.shared:
            return None
        define = {"HEAD_DIM": d, "WARPS": warps, "TILES": tiles, "BLOCK": block} | ({"WARPGROUPS": 1} if wgmma else {})
        file, name = PARTS[part]
        if wgmma and part == "forward":
            file, name = f"{file}-warpgroups", f"{name}Warpgroups"
        function, spills = self.driver.kernel(file, name, define, shared)
        heads, streams = {"forward": (h, k / h), "kv": (k, h / k), "q": (h, k / h)}[part]
        chunk = min(b * heads, max(1, int(STREAMED_BYTES / (4 * t * d * streams))))
        inputs = [self.q, self.k, self.v]
        tensors = {
            "forward": [*inputs, self.out, self.lse],
            "kv": [self.dout, *inputs, self.lse, self.delta, self.dk, self.dv],
            "q": [self.dout, *inputs, self.lse, self.delta, self.dq],
        }[part]
        root = 1 / math.sqrt(d)
        numbers = [t, h, k, b * heads, chunk, root * math.log2(math.e), *([] if part == "forward" else [root])]
        grid = -(-t // (16 * warps * tiles)) * b * heads
        return lambda: self.driver.launch(function, grid, 32 * warps, shared, tensors + numbers), spills

    def forward(self):
        self.parts["forward"][0]()

    def backward(self):
        b, t, h, _, _ = self.shape
        rows = b * t * h
        self.driver.launch(self.delta_kernel, -(-rows // 32), 256, 0, [self.dout, self.out, self.delta, rows, t, h])
        self.parts["kv"][0]()
        self.parts["q"][0]()


class Torch:
    """PyTorch's SDPA on the same tensors, for as long as one of its backends takes them."""

    def __init__(self, ours, backend=None, dtype=None):
        convert = lambda x: x.to(dtype or x.dtype).transpose(1, 2).detach().requires_grad_()
        self.inputs = [convert(x) for x in (ours.q, ours.k, ours.v)]
        self.dout = ours.dout.to(dtype or ours.dout.dtype).transpose(1, 2)
        self.backend = backend

    def forward(self):
        q, k, v = self.inputs
        grouped = q.shape[1] != k.shape[1]
        with sdpa_kernel(self.backend):
            self.out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)

    def backward(self):
        self.grads = torch.autograd.grad(self.out, self.inputs, self.dout, retain_graph=True)


def milliseconds(call, times):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(times):
        call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / times


def medians(calls, rounds, times):
    """Of every call, by name, in rounds of one after the other."""
    for call in calls.values():
        call()
    taken = [{name: milliseconds(call, times) for name, call in calls.items()} for _ in range(rounds)]
    return {name: statistics.median(t[name] for t in taken) for name in calls}


def errors(ours):
    """Largest difference from float32, relative to the largest value; and whether a second run gives the same bits."""
    b, t, h, k, d = ours.shape
    small = Attention(ours.driver, (min(b, 2), min(t, 1024) - 3, h, k, d), ours.wgmma)
    names = ("out", "dq", "dk", "dv")
    small.forward()
    small.backward()
    first = [getattr(small, name).clone() for name in names]
    small.forward()
    small.backward()
    same = all(torch.equal(x, getattr(small, name)) for x, name in zip(first, names))
    exact = Torch(small, SDPBackend.MATH, torch.float32)
    exact.forward()
    exact.backward()
    wanted = [x.transpose(1, 2) for x in (exact.out, *exact.grads)]
    worst = {n: ((x.float() - w).abs().max() / w.abs().max()).item() for n, x, w in zip(names, first, wanted)}
    return {**worst, "same bits": same}


def baselines(ours):
    """The backends that take this shape."""
    found = {}
    for name, backend in {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION}.items():
        try:
            candidate = Torch(ours, backend)
            candidate.forward()
            candidate.backward()
            found[name] = candidate
        except RuntimeError:
            pass
    return found


def measure(driver, shape, o):
    b, t, h, _, d = shape
    own = {"hnorm": Attention(driver, shape)}
    if driver.hopper and d in WGMMA_SIZES:
        own["hnorm wgmma"] = Attention(driver, shape, True)
    for one in own.values():
        one.forward()
        one.backward()
    machines = {**own, **baselines(own["hnorm"])}
    calls = {f"{n} {part}": getattr(m, part) for n, m in machines.items() for part in ("forward", "backward")}
    calls |= {f"{n} {part} alone": m.parts[part][0] for n, m in own.items() for part in ("kv", "q")}
    taken = medians(calls, o.rounds, o.times)
    unit = b * h * t * t * d / 1e9  # GFLOP/ms = TFLOP/s
    rate = lambda name, ms: round((2 if "forward" in name else 5) * unit / ms, 1)
    report = {
        **{"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "shape": shape},
        **{"errors": {n: errors(m) for n, m in own.items()}, "ms": {n: round(ms, 4) for n, ms in taken.items()}},
        "tflops": {n: rate(n, ms) for n, ms in taken.items() if "alone" not in n},
    }
    if o.sweep:
        report["sweep_ms"] = {part: sweep(own["hnorm"], part, o) for part in PARTS}
    return report


def sweep(ours, part, o):
    made = {str(tuple(t)): ours.part(part, t) for t in tilings(ours.shape[-1], ours.driver.hopper)}
    runnable = {name: one for name, one in made.items() if one is not None}
    taken = medians({name: call for name, (call, _) in runnable.items()}, o.rounds, o.times)
    fastest_first = sorted(taken.items(), key=lambda item: item[1])
    return {name: {"ms": round(ms, 4), "spills": runnable[name][1]} for name, ms in fastest_first}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", action="append", help="B,T,H,K,D; again for more")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--times", type=int, default=5, help="calls of one timing")
    parser.add_argument("--nvcc", default="nvcc")
    o = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no GPU: PyTorch sees no CUDA device")
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.zeros(1, device="cuda")  # makes the context
    driver = Driver(o.nvcc)
    for text in o.shape or SHAPES:
        print(json.dumps(measure(driver, tuple(int(x) for x in text.split(",")), o)), flush=True)


if __name__ == "__main__":
    main()
