/* A stand-in for NVML: the devices of the text file $STUB_NVML, one a line: uuid total free [pid:bytes ...]; the driver's
   CUDA as $STUB_NVML_CUDA (12080 for 12.8), its version as $STUB_NVML_DRIVER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct { char uuid[96]; unsigned long long total, free_; int count; unsigned pids[16]; unsigned long long used[16]; } Gpu;
static Gpu gpus[64]; static unsigned n;
typedef struct { unsigned pid; unsigned long long used; unsigned gi, ci; } Process;
typedef struct { unsigned long long total, free_, used; } Memory;
typedef struct { unsigned gpu, memory; } Utilization;
int nvmlInitWithFlags(unsigned flags) {
    const char *path = getenv("STUB_NVML"); FILE *f = path ? fopen(path, "r") : NULL; char line[1024];
    if (!f) return 9; /* driver not loaded */
    for (n = 0; n < 64 && fgets(line, sizeof line, f);) {
        Gpu *g = &gpus[n]; char *save, *word = strtok_r(line, " \n", &save);
        if (!word) continue;
        strncpy(g->uuid, word, 95); g->count = 0;
        g->total = strtoull(strtok_r(NULL, " \n", &save), NULL, 10); g->free_ = strtoull(strtok_r(NULL, " \n", &save), NULL, 10);
        while ((word = strtok_r(NULL, " \n", &save)) && g->count < 16)
            sscanf(word, "%u:%llu", &g->pids[g->count], &g->used[g->count]), g->count++;
        n++;
    }
    fclose(f); return 0;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlSystemGetCudaDriverVersion_v2(int *v) { const char *s = getenv("STUB_NVML_CUDA"); *v = s ? atoi(s) : 0; return s ? 0 : 3; }
int nvmlSystemGetCudaDriverVersion(int *v) { return nvmlSystemGetCudaDriverVersion_v2(v); }
int nvmlSystemGetDriverVersion(char *out, unsigned len) { const char *s = getenv("STUB_NVML_DRIVER"); if (!s) return 3; strncpy(out, s, len); return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "Not Supported"; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = n; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { if (i >= n) return 2; *h = &gpus[i]; return 0; }
int nvmlDeviceGetUUID(void *h, char *out, unsigned len) { strncpy(out, ((Gpu *)h)->uuid, len); return 0; }
int nvmlDeviceGetName(void *h, char *out, unsigned len) { const char *name = getenv("STUB_NVML_NAME"); strncpy(out, name ? name : "Stub H200", len); return 0; }
int nvmlDeviceGetMemoryInfo(void *h, Memory *m) { Gpu *g = h; m->total = g->total; m->free_ = g->free_; m->used = g->total - g->free_; return 0; }
int nvmlDeviceGetUtilizationRates(void *h, Utilization *u) { u->gpu = ((Gpu *)h)->count ? 90 : 0; u->memory = 0; return 0; }
int nvmlDeviceGetMigMode(void *h, unsigned *a, unsigned *b) { return 3; /* not supported */ }
int nvmlDeviceGetMaxMigDeviceCount(void *h, unsigned *c) { return 3; }
int nvmlDeviceGetComputeRunningProcesses_v3(void *h, unsigned *count, Process *p) {
    Gpu *g = h; unsigned room = *count; *count = g->count;
    if (room < (unsigned)g->count) return 7; /* insufficient size */
    for (int i = 0; i < g->count; i++) { p[i].pid = g->pids[i]; p[i].used = g->used[i]; p[i].gi = p[i].ci = 0xffffffff; }
    return 0;
}
