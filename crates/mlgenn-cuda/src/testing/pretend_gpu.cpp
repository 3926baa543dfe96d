// A pretended GPU: the functions of the CUDA driver and of NVRTC that this project calls, on the host.
//
// Texts are "compiled" by g++ together with host.h into a library, which is the machine code of this
// GPU. Launches run at once, one thread after another. What a driver would refuse is refused:
// addresses that were not allocated, copies while launches are captured, calls without a context,
// handles that do not exist. So everything but the machine code and the timing of a real GPU is
// tested with it. MLGENN_HOST_H is the text of host.h.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <dlfcn.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

typedef int Result;
typedef unsigned long long Address;
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, INVALID_IMAGE = 200,
       INVALID_HANDLE = 400, NOT_FOUND = 500, CAPTURE_UNSUPPORTED = 900, CAPTURE_UNMATCHED = 903 };

static const char HOST_H[] =
#include "host_h.inc"
    ;

typedef void (*Function)(const void *);
typedef void (*LaunchFunction)(Function, unsigned, unsigned, unsigned, const void *);
typedef unsigned long long (*Mathematics)(
    unsigned, bool, unsigned long long, unsigned long long);

// Whether launches do nothing, so that what is left is the time of the host.
static bool idle = false;

struct Module {
    void *library;
    LaunchFunction launch;
};
struct Kernel {
    Function function;
    LaunchFunction launch;
    void run(const unsigned *grid, Address table) const {
        if (idle) return;
#if defined(__SSE__)
        // Denormal numbers are flushed to zero, as with --ftz=true.
        const unsigned mode = _mm_getcsr();
        _mm_setcsr(mode | 0x8040);
#endif
        launch(function, grid[0], grid[1], grid[2], (const void *)table);
#if defined(__SSE__)
        _mm_setcsr(mode);
#endif
    }
};
struct Launched {
    const Kernel *kernel;
    unsigned grid[3];
    Address table;
};
struct Stream {
    bool capturing = false;
    std::vector<Launched> captured;
};
struct Event {
    std::chrono::steady_clock::time_point time;
};
typedef std::vector<Launched> Graph;

static std::recursive_mutex mutex;
static std::map<Address, size_t> allocations;
static std::set<const void *> handles;
static thread_local void *current = nullptr;
static char context;
static Mathematics mathematics = nullptr;
// Launches alone, launches of graphs, graphs launched, texts compiled; copies to and from the GPU,
// and bytes of them.
static long counts[8];
// See MLGENN_WARPS in host.h.
static int turns = 0;
// Calls by name of those functions of the driver that need a context.
static std::map<std::string, long> calls;

#define ENTER std::lock_guard<std::recursive_mutex> guard(mutex)
#define IN_CONTEXT ENTER; ++calls[__func__]; if (current != &context) return INVALID_CONTEXT
#define EXISTS(handle) if (!handles.count(handle)) return INVALID_HANDLE

static bool allocated(Address address, size_t bytes) {
    auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) return false;
    auto found = --after;
    return address + bytes <= found->first + found->second;
}

template <typename T>
static T *made(T *thing) {
    handles.insert(thing);
    return thing;
}

extern "C" {

// For tests.
void pretend_set_mathematics(Mathematics function) { mathematics = function; }
void pretend_take_turns(int order) { turns = order; }
void pretend_idle(bool yes) { idle = yes; }
long pretend_count(int which) { return counts[which]; }
long pretend_calls(const char *function) { ENTER; return calls[function]; }
long pretend_allocations() { ENTER; return (long)allocations.size(); }

Result cuInit(unsigned flags) { return flags == 0 ? SUCCESS : INVALID_VALUE; }
Result cuDriverGetVersion(int *version) { *version = 12080; return SUCCESS; }
Result cuGetErrorName(Result, const char **name) { *name = "PRETENDED_ERROR"; return SUCCESS; }
Result cuGetErrorString(Result error, const char **text) {
    switch (error) {
        case OUT_OF_MEMORY: *text = "out of memory"; break;
        case INVALID_CONTEXT: *text = "no context is current"; break;
        case INVALID_IMAGE: *text = "no machine code"; break;
        case INVALID_HANDLE: *text = "no such handle"; break;
        case NOT_FOUND: *text = "no such function"; break;
        case CAPTURE_UNSUPPORTED: *text = "not while launches are captured"; break;
        default: *text = "invalid value";
    }
    return SUCCESS;
}
Result cuDeviceGetCount(int *count) { *count = 1; return SUCCESS; }
Result cuDeviceGet(int *device, int number) {
    *device = number;
    return number == 0 ? SUCCESS : INVALID_VALUE;
}
Result cuDeviceGetName(char *name, int length, int) {
    snprintf(name, (size_t)length, "Pretended GPU");
    return SUCCESS;
}
Result cuDeviceGetAttribute(int *value, int attribute, int) {
    *value = attribute == 75 ? 8 : 0;  // compute capability 8.0
    return SUCCESS;
}
Result cuDevicePrimaryCtxRetain(void **out, int) { *out = &context; return SUCCESS; }
Result cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
Result cuCtxGetCurrent(void **out) { *out = current; return SUCCESS; }
Result cuCtxSetCurrent(void *to) {
    current = to;
    return to == &context ? SUCCESS : INVALID_CONTEXT;
}
Result cuCtxSynchronize() { IN_CONTEXT; return SUCCESS; }

Result cuMemGetInfo_v2(size_t *free, size_t *total) {
    IN_CONTEXT;
    *free = *total = (size_t)1 << 32;
    return SUCCESS;
}
Result cuMemAlloc_v2(Address *address, size_t bytes) {
    IN_CONTEXT;
    if (bytes == 0) return INVALID_VALUE;
    void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!memory) return OUT_OF_MEMORY;
    // A GPU does not clear what it gives.
    std::memset(memory, 0xa5, bytes);
    *address = (Address)memory;
    allocations[*address] = bytes;
    return SUCCESS;
}
Result cuMemFree_v2(Address address) {
    IN_CONTEXT;
    if (allocations.erase(address) == 0) return INVALID_VALUE;
    std::free((void *)address);
    return SUCCESS;
}
Result cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
    IN_CONTEXT;
    *memory = std::malloc(bytes);
    return *memory ? SUCCESS : OUT_OF_MEMORY;
}
Result cuMemFreeHost(void *memory) { IN_CONTEXT; std::free(memory); return SUCCESS; }
Result cuMemsetD8Async(Address address, unsigned char value, size_t bytes, Stream *stream) {
    IN_CONTEXT;
    EXISTS(stream);
    if (stream->capturing) return CAPTURE_UNSUPPORTED;
    if (!allocated(address, bytes)) return INVALID_VALUE;
    std::memset((void *)address, value, bytes);
    return SUCCESS;
}
Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, Stream *stream) {
    IN_CONTEXT;
    EXISTS(stream);
    if (stream->capturing) return CAPTURE_UNSUPPORTED;
    if (!allocated(to, bytes)) return INVALID_VALUE;
    std::memcpy((void *)to, from, bytes);
    ++counts[4];
    counts[6] += (long)bytes;
    return SUCCESS;
}
Result cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, Stream *stream) {
    IN_CONTEXT;
    EXISTS(stream);
    if (stream->capturing) return CAPTURE_UNSUPPORTED;
    if (!allocated(from, bytes)) return INVALID_VALUE;
    std::memcpy(to, (const void *)from, bytes);
    ++counts[5];
    counts[7] += (long)bytes;
    return SUCCESS;
}

Result cuStreamCreate(Stream **out, unsigned) { IN_CONTEXT; *out = made(new Stream); return SUCCESS; }
Result cuStreamDestroy_v2(Stream *stream) {
    IN_CONTEXT;
    EXISTS(stream);
    handles.erase(stream);
    delete stream;
    return SUCCESS;
}
Result cuStreamSynchronize(Stream *stream) {
    IN_CONTEXT;
    EXISTS(stream);
    return stream->capturing ? CAPTURE_UNSUPPORTED : SUCCESS;
}
Result cuStreamWaitEvent(Stream *stream, Event *event, unsigned) {
    IN_CONTEXT;
    EXISTS(stream);
    EXISTS(event);
    return SUCCESS;
}
Result cuStreamBeginCapture_v2(Stream *stream, int) {
    IN_CONTEXT;
    EXISTS(stream);
    if (stream->capturing) return CAPTURE_UNMATCHED;
    stream->capturing = true;
    stream->captured.clear();
    return SUCCESS;
}
Result cuStreamEndCapture(Stream *stream, Graph **graph) {
    IN_CONTEXT;
    EXISTS(stream);
    if (!stream->capturing) return CAPTURE_UNMATCHED;
    stream->capturing = false;
    *graph = made(new Graph(stream->captured));
    return SUCCESS;
}

Result cuEventCreate(Event **out, unsigned) { IN_CONTEXT; *out = made(new Event); return SUCCESS; }
Result cuEventDestroy_v2(Event *event) {
    IN_CONTEXT;
    EXISTS(event);
    handles.erase(event);
    delete event;
    return SUCCESS;
}
Result cuEventRecord(Event *event, Stream *stream) {
    IN_CONTEXT;
    EXISTS(event);
    EXISTS(stream);
    if (stream->capturing) return CAPTURE_UNSUPPORTED;
    event->time = std::chrono::steady_clock::now();
    return SUCCESS;
}
Result cuEventQuery(Event *event) { IN_CONTEXT; EXISTS(event); return SUCCESS; }
Result cuEventSynchronize(Event *event) { IN_CONTEXT; EXISTS(event); return SUCCESS; }
Result cuEventElapsedTime(float *ms, Event *start, Event *end) {
    IN_CONTEXT;
    EXISTS(start);
    EXISTS(end);
    *ms = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return SUCCESS;
}

Result cuModuleLoadData(Module **out, const char *image) {
    IN_CONTEXT;
    // The machine code of this GPU: the path of a library.
    static const char MAGIC[] = "pretended machine code: ";
    if (std::strncmp(image, MAGIC, sizeof MAGIC - 1) != 0) return INVALID_IMAGE;
    void *library = dlopen(image + sizeof MAGIC - 1, RTLD_NOW | RTLD_LOCAL);
    if (!library) return INVALID_IMAGE;
    auto place = (Mathematics *)dlsym(library, "mlgenn_mathematics");
    auto launch = (LaunchFunction)dlsym(library, "mlgenn_launch");
    if (!place || !launch) return INVALID_IMAGE;
    if (mathematics) *place = mathematics;
    *out = made(new Module{library, launch});
    return SUCCESS;
}
Result cuModuleUnload(Module *module) {
    IN_CONTEXT;
    EXISTS(module);
    handles.erase(module);
    return SUCCESS;  // The library stays, as do kernels.
}
Result cuModuleGetFunction(Kernel **out, Module *module, const char *name) {
    IN_CONTEXT;
    EXISTS(module);
    auto function = (Function)dlsym(module->library, name);
    if (!function) return NOT_FOUND;
    *out = made(new Kernel{function, module->launch});
    return SUCCESS;
}
Result cuLaunchKernel(
    const Kernel *kernel, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned y_threads,
    unsigned z_threads, unsigned shared, Stream *stream, void **parameters, void **extra) {
    IN_CONTEXT;
    EXISTS(kernel);
    EXISTS(stream);
    const bool sizes = x > 0 && y > 0 && z == 1 && y_threads == 1 && z_threads == 1 && threads > 0;
    if (!sizes || y > 65535 || threads > 1024 || shared != 0 || extra) return INVALID_VALUE;
    const Launched launched = {kernel, {x, y, threads}, *(const Address *)parameters[0]};
    if (!allocated(launched.table, 8)) return INVALID_VALUE;
    if (stream->capturing) {
        stream->captured.push_back(launched);
    } else {
        counts[0]++;
        kernel->run(launched.grid, launched.table);
    }
    return SUCCESS;
}
Result cuGraphInstantiateWithFlags(Graph **out, Graph *graph, unsigned long long) {
    IN_CONTEXT;
    EXISTS(graph);
    *out = made(new Graph(*graph));
    return SUCCESS;
}
Result cuGraphLaunch(Graph *graph, Stream *stream) {
    IN_CONTEXT;
    EXISTS(graph);
    EXISTS(stream);
    counts[2]++;
    for (const Launched &launched : *graph) {
        counts[1]++;
        launched.kernel->run(launched.grid, launched.table);
    }
    return SUCCESS;
}
Result cuGraphDestroy(Graph *graph) {
    IN_CONTEXT;
    EXISTS(graph);
    handles.erase(graph);
    delete graph;
    return SUCCESS;
}
Result cuGraphExecDestroy(Graph *graph) { return cuGraphDestroy(graph); }

// NVRTC.

struct Program {
    std::string text, log, image;
};

Result nvrtcVersion(int *major, int *minor) { *major = 12; *minor = 99; return SUCCESS; }
const char *nvrtcGetErrorString(Result) { return "pretended failure"; }
Result nvrtcGetNumSupportedArchs(int *count) { *count = 2; return SUCCESS; }
Result nvrtcGetSupportedArchs(int *architectures) {
    architectures[0] = 80;
    architectures[1] = 90;
    return SUCCESS;
}
Result nvrtcCreateProgram(
    Program **out, const char *text, const char *, int, const char *const *, const char *const *) {
    *out = new Program{text, "", ""};
    return SUCCESS;
}
Result nvrtcDestroyProgram(Program **program) {
    delete *program;
    *program = nullptr;
    return SUCCESS;
}
Result nvrtcCompileProgram(Program *program, int, const char *const *) {
    ENTER;
    const char *folder = std::getenv("TMPDIR");
    std::string path = std::string(folder && *folder ? folder : "/tmp") + "/pretended-XXXXXX";
    if (!mkdtemp(path.data())) return 6;
    const std::string source = path + "/unit.cpp", library = path + "/unit.so", log = path + "/log";
    FILE *file = std::fopen(source.c_str(), "w");
    if (!file) return 6;
    std::fputs(HOST_H, file);
    std::fputs("\n#line 1 \"mlgenn.cu\"\n", file);
    std::fputs(program->text.c_str(), file);
    std::fclose(file);
    // Such as those of sanitizers.
    const char *flags = std::getenv("MLGENN_PRETEND_FLAGS");
    const std::string command =
        std::string("g++ -std=c++17 ") + (flags ? flags : "") + " " + (turns ? "-DMLGENN_WARPS=" + std::to_string(turns) : "") +
        " -O1 -ffp-contract=off -fwrapv -fno-strict-aliasing -shared -fPIC -o '" +
        library + "' '" + source + "' 2> '" + log + "'";
    const int status = std::system(command.c_str());
    if (FILE *messages = std::fopen(log.c_str(), "r")) {
        char line[1024];
        while (std::fgets(line, sizeof line, messages)) program->log += line;
        std::fclose(messages);
    }
    unlink(source.c_str());
    unlink(log.c_str());
    counts[3]++;
    if (status != 0) {
        rmdir(path.c_str());
        return 6;
    }
    program->image = "pretended machine code: " + library;
    return SUCCESS;
}
Result nvrtcGetProgramLogSize(Program *program, size_t *size) {
    *size = program->log.size() + 1;
    return SUCCESS;
}
Result nvrtcGetProgramLog(Program *program, char *log) {
    std::strcpy(log, program->log.c_str());
    return SUCCESS;
}
Result nvrtcGetCUBINSize(Program *program, size_t *size) {
    *size = program->image.size() + 1;
    return SUCCESS;
}
Result nvrtcGetCUBIN(Program *program, char *image) {
    std::strcpy(image, program->image.c_str());
    return SUCCESS;
}
Result nvrtcGetPTXSize(Program *program, size_t *size) { return nvrtcGetCUBINSize(program, size); }
Result nvrtcGetPTX(Program *program, char *image) { return nvrtcGetCUBIN(program, image); }
}
