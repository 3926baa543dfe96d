"""The native engine; `mlgenn_rs.engine` is its interface for users.

Paths of arrays are strings such as ``neuron.P.vars.V``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__version__: str

BACKENDS: list[str]
"""Names of all backends."""

def default_backend() -> str:
    """Return the name of the backend that is used unless another one is asked for.

    That is the environment variable ``MLGENN_BACKEND``, else ``"cuda"`` if a GPU can be used, else
    ``"cpu"``.  Raises ``ModelError`` if the variable names no backend.
    """

def compile_cuda(text: str, library: str, architecture: int) -> tuple[bytes, str]:
    """Compile CUDA C for ``sm_{architecture}`` with an NVRTC library; for checks, needs no GPU.

    Returns machine code and the report of the compiler.  Raises ``BackendUnavailable`` with its
    messages if it refuses.
    """

def take_stages() -> list[tuple[str, float]]:
    """Return the seconds that stages of building networks took in this process since last asked.

    Names come in the order in which each was first left; none contains another.
    """

def describe_cuda() -> str:
    """Return the GPU that the CUDA backend would use and its compiler, in words.

    Raises ``BackendUnavailable``, which says what was tried and what to install.
    """

def compile(
    description_json: str,
    backend: str = "cpu",
    num_threads: int | None = None,
    options_json: str = "{}",
) -> CompiledModel:
    """Compile a network described in JSON.

    ``backend`` is one of :data:`BACKENDS`.  Options are ``accumulate_per_member``: keep sums over
    the batch once per batch member; ``dynamics_per_synapse``: run the dynamics of every synapse in
    every timestep, even where many timesteps could be done at once; and ``gpu``: the number of the
    GPU, for ``"cuda"``.

    Raises ``ModelError``, ``SnippetError``, ``Unsupported`` or ``BackendUnavailable``.
    """

class CompiledModel:
    """A network made ready to run; immutable, can be simulated any number of times at once."""

    @property
    def name(self) -> str:
        """Name of the network."""
    @property
    def backend(self) -> str:
        """Name of the backend."""
    @property
    def num_threads(self) -> int:
        """Number of threads of the backend."""
    def cuda_text(self) -> str:
        """Return the CUDA C that the network is compiled to for a GPU; needs no GPU."""
    def cuda_launches(self) -> str:
        """Return what is launched in a timestep and in custom updates on a GPU; needs no GPU."""
    def memory_plan(self) -> list[dict[str, Any]]:
        """Return ``path``, ``bytes``, ``dtype`` and ``shape`` of all that loading allocates."""

class SpikeTrains:
    """Spike trains of the examples of a data set: a small copy, made to be read quickly."""

    @staticmethod
    def copy(
        examples: Sequence[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]],
        example_type: type,
        num_threads: int,
    ) -> SpikeTrains | None:
        """Copy examples: indices after the last spike of each neuron, and times of all spikes.

        ``None`` if there are none, or if any of them is not a tuple of the given type with arrays
        of ``int64`` and of ``float64`` or ``float32``, is unsound, or has another number of
        neurons than the first.
        """
    @staticmethod
    def write_examples(
        examples: Sequence[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]],
        example_type: type,
        num_neurons: int,
        starts: npt.NDArray[Any],
        times: npt.NDArray[Any],
        num_threads: int,
    ) -> bool:
        """Write the spike trains of a batch as ``write`` does, of examples as ``copy`` takes them.

        Returns whether that was done.  If not, as there is not enough room or something is not in
        the usual form, the batch has no spikes, or nothing has changed.
        """
    @property
    def num_neurons(self) -> int:
        """Number of neurons of every example."""
    @property
    def num_examples(self) -> int:
        """Number of examples."""
    def count(self, examples: npt.NDArray[np.int64]) -> int:
        """Return the number of spikes of some examples together."""
    def write(
        self,
        examples: npt.NDArray[np.int64],
        starts: npt.NDArray[Any],
        times: npt.NDArray[Any],
    ) -> bool:
        """Write the spike trains of a batch.

        Writes the index of the first spike for each example and neuron, then the number of all
        spikes (``uint32``), and times of all spikes (``float32``).  Returns whether that was done:
        if arrays are of other types or not contiguous, nothing changes.  Raises ``ValueError`` if
        there is not enough room.
        """

class RunPlan:
    """A number of timesteps, custom updates around them, and arrays to record.

    ``begin`` and ``end`` are custom update groups to run before and after every timestep (``None``)
    or only one, counted from the start of the run.
    """

    def __init__(
        self,
        num_timesteps: int,
        begin: Sequence[tuple[str, int | None]] = ...,
        end: Sequence[tuple[str, int | None]] = ...,
        record: Sequence[str] = ...,
    ) -> None: ...

class Simulation:
    """The state of a network that is being simulated.

    ``arrays`` holds initial values and extra global parameters by path, one-dimensional, or how
    many zeros.
    """

    timestep: int
    """Number of timesteps made; settable."""
    @property
    def is_on_device(self) -> bool:
        """Whether arrays are on a device, such as a GPU."""

    def __init__(
        self,
        compiled: CompiledModel,
        arrays: Mapping[str, npt.NDArray[Any] | int],
        num_recording_timesteps: int | None = None,
    ) -> None: ...
    def clear_events(self) -> None:
        """Forget all spikes and spike-like events that are on their way."""
    def step(self) -> None:
        """Make one timestep."""
    def run(self, plan: RunPlan, wait: bool = True) -> None:
        """Run a plan without the GIL; Ctrl-C stops it between timesteps."""
    def custom_update(self, *groups: str, wait: bool = True) -> None:
        """Run a custom update group; raises ``UnknownGroup`` if there is none.

        Without waiting, a device may go on when this returns, and faults are raised later.
        """
    def recorded(self, path: str) -> npt.NDArray[Any]:
        """Return what the last run recorded of an array: timesteps, copies, elements."""
    def view(self, path: str, mode: str = "r+") -> npt.NDArray[Any]:
        """Return a live view: copies and delay slots, if more than one, and elements.

        The mode is ``"r+"`` to read and write, ``"r"`` to read only, or ``"w"`` to write all of it
        without reading.
        """
    def num_slots(self, path: str) -> int:
        """Return the number of delay slots of an array."""
    def current_slot(self, path: str) -> int:
        """Return the delay slot of an array that was written last."""
    def set_dynamic_param(self, path: str, value: float) -> None:
        """Change a dynamic parameter."""
    def progress(self) -> tuple[int, int, int, int, list[int]]:
        """Return all state that is not in arrays.

        Seed, timestep, number of timesteps made, number of runs of connectivity updates, and the
        current slot of every ring of delay slots.
        """
    def resume(self, progress: tuple[int, int, int, int, list[int]]) -> None:
        """Go on from the state that ``progress`` returned; the arrays were written before."""
    def spikes(
        self, population: str
    ) -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]]:
        """Return recorded spikes per batch member: times in ms and ids of neurons."""
    def pre_events(self, group: str) -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]]:
        """Return recorded presynaptic events per batch member: times in ms and ids."""
    def post_events(
        self, group: str
    ) -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]]:
        """Return recorded postsynaptic events per batch member: times in ms and ids."""
    def row_length(self, group: str) -> npt.NDArray[np.uint32]:
        """Return the number of synapses of every row of a sparse synapse group."""
    def indices(self, group: str) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        """Return pre- and postsynaptic index of every synapse, in row order."""
    def times(self) -> dict[str, float]:
        """Return the seconds spent in each part since loading."""
