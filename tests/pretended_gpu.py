"""A pretended GPU: a CUDA driver and an NVRTC that run on the host, made with g++.

See ``crates/mlgenn-cuda/src/testing/pretend_gpu.cpp``.  All but machine code and timing is as
on a real GPU.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "crates" / "mlgenn-cuda" / "src" / "testing"


def install(folder: Path) -> ctypes.CDLL:
    """Put the pretended driver and compiler in the place of NVIDIA's, for this process.

    Returns their library, which has functions for tests besides.
    """
    # Where the package of NVRTC has its library.
    library = folder / "nvidia" / "cuda_nvrtc" / "lib" / "libnvrtc.so.12"
    library.parent.mkdir(parents=True)
    header = (SOURCES / "host.h").read_text()
    (folder / "host_h.inc").write_text(f'R"host_h({header})host_h"\n')
    command = ["g++", "-std=c++17", "-O1", "-shared", "-fPIC", f"-I{folder}"]
    # Once it is loaded, the driver is found under this name.
    command += ["-Wl,-soname,libcuda.so", "-o", str(library), str(SOURCES / "pretend_gpu.cpp")]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    # Before NVIDIA's, which may be installed
    os.environ["MLGENN_NVRTC"] = str(library)
    # What it compiles is gone when the folder is.
    os.environ["MLGENN_CACHE_DIR"] = ""
    os.environ["TMPDIR"] = str(folder)
    return loaded
