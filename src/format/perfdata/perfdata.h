/*
 * perf.data, as `perf record` writes it: file and pipe mode, both byte orders, every perf_event_attr layout, zstd-compressed
 * records, recordings that were cut short. Records come out in the order of time, which the file does not have.
 * Format: tools/perf/Documentation/perf.data-file-format.txt, include/uapi/linux/perf_event.h and
 * tools/lib/perf/include/perf/event.h of the kernel. See docs/formats/perfdata.md.
 */
#ifndef GS_FORMAT_PERFDATA_PERFDATA_H
#define GS_FORMAT_PERFDATA_PERFDATA_H

#include "base/arena.h"
#include "base/err.h"

/* perf_event_attr.sample_type */
enum {
	GS_PERF_SAMPLE_IP = 1 << 0,
	GS_PERF_SAMPLE_TID = 1 << 1,
	GS_PERF_SAMPLE_TIME = 1 << 2,
	GS_PERF_SAMPLE_ADDR = 1 << 3,
	GS_PERF_SAMPLE_READ = 1 << 4,
	GS_PERF_SAMPLE_CALLCHAIN = 1 << 5,
	GS_PERF_SAMPLE_ID = 1 << 6,
	GS_PERF_SAMPLE_CPU = 1 << 7,
	GS_PERF_SAMPLE_PERIOD = 1 << 8,
	GS_PERF_SAMPLE_STREAM_ID = 1 << 9,
	GS_PERF_SAMPLE_RAW = 1 << 10,
	GS_PERF_SAMPLE_BRANCH_STACK = 1 << 11,
	GS_PERF_SAMPLE_REGS_USER = 1 << 12,
	GS_PERF_SAMPLE_STACK_USER = 1 << 13,
	GS_PERF_SAMPLE_IDENTIFIER = 1 << 16,
};

typedef struct gs_perfdata_attr {
	uint32_t type;
	uint64_t config, period, sample_type, read_format, branch_sample_type, regs_user;
	gs_str name;  /* "cycles:u"; made from type and config when the file does not tell */
	bool is_freq; /* `period` is a frequency in Hz */
	bool has_sample_id_all;
	bool has_clock; /* times are of `clock` (CLOCK_MONOTONIC...) instead of perf's own */
	int32_t clock;
} gs_perfdata_attr;

typedef struct gs_perfdata_build_id {
	int32_t pid; /* -1: the kernel's */
	uint16_t cpumode;
	gs_str file;
	gs_str id; /* bytes */
} gs_perfdata_build_id;

enum {
	GS_PERFDATA_HOSTNAME = 3,
	GS_PERFDATA_OSRELEASE = 4,
	GS_PERFDATA_VERSION = 5,
	GS_PERFDATA_ARCH = 6,
	GS_PERFDATA_CPUDESC = 8,
	GS_PERFDATA_CMDLINE = 11,
	GS_PERFDATA_MAX_FEATURES = 64,
	GS_PERFDATA_MAX_ATTRS = 4096,
};

typedef struct gs_perfdata {
	gs_str bytes;
	bool is_big, is_pipe;
	bool is_cut; /* perf was killed: there is less than the header says, or it says nothing */
	gs_perfdata_attr *attrs;
	uint32_t n_attrs;
	gs_perfdata_build_id *build_ids;
	uint32_t n_build_ids;
	/* Feature strings by number; the command line's words are joined by blanks. Pipe mode fills them while records are read. */
	gs_str features[GS_PERFDATA_MAX_FEATURES];
	/* Feature 29: wall_clock_ns was the time of day when perf's clock said clock_ns. 0 when absent. */
	uint64_t wall_clock_ns, clock_ns;
	/* Counted while records are read. */
	uint64_t n_lost, n_unknown, n_broken;
	/* Called while records are read, before something comes of them that changes attrs, build_ids or features. */
	void (*before_change)(void *ctx);
	void *before_change_ctx;
	struct perfdata_reader *reader;
} gs_perfdata;

typedef enum gs_perfdata_kind {
	GS_PERFDATA_MMAP,
	GS_PERFDATA_COMM,
	GS_PERFDATA_FORK,
	GS_PERFDATA_EXIT,
	GS_PERFDATA_SAMPLE,
	GS_PERFDATA_KSYMBOL,
} gs_perfdata_kind;

/* Low bits of `misc`: whose code. */
enum {
	GS_PERFDATA_CPUMODE_MASK = 7,
	GS_PERFDATA_KERNEL = 1,
	GS_PERFDATA_USER = 2,
	GS_PERFDATA_HYPERVISOR = 3,
	GS_PERFDATA_GUEST_KERNEL = 4,
	GS_PERFDATA_GUEST_USER = 5,
};

typedef struct gs_perfdata_record {
	gs_perfdata_kind kind;
	uint16_t misc;
	int32_t pid, tid; /* -1 unknown; of FORK: the new ones */
	int32_t cpu;
	uint64_t time_ns; /* perf's clock; 0 unknown */
	uint64_t at;	  /* byte offset in the file, or in what was unpacked from it */
	/* MMAP, KSYMBOL */
	uint64_t start, size, offset;
	gs_str name;	 /* file, comm or kernel symbol */
	gs_str build_id; /* bytes */
	bool is_exec;	 /* MMAP, KSYMBOL: holds code. COMM: the process became another program */
	bool is_unregistered; /* KSYMBOL */
	/* FORK, EXIT */
	int32_t parent_pid, parent_tid;
	/* SAMPLE */
	uint32_t attr;
	uint64_t ip, period;
	gs_str chain; /* u64 words in the file's order: addresses, leaf first, and context markers */
	gs_str stack;	 /* bytes of the user stack from its pointer up (--call-graph dwarf) */
	gs_str regs;	 /* u64 words, those of attr.regs_user */
	gs_str branches; /* 24 bytes each: from, to, flags; latest first */
} gs_perfdata_record;

/* Words of a chain from here up are markers, not addresses. */
#define GS_PERFDATA_CONTEXT_MAX ((uint64_t)-4095)
#define GS_PERFDATA_CONTEXT_KERNEL ((uint64_t)-128)
#define GS_PERFDATA_CONTEXT_USER ((uint64_t)-512)

bool gs_perfdata_is(gs_str head);

/*
 * Headers, attributes, features. What it returns lives in `mem`; slices point into `bytes` or `mem`.
 * GS_ERR_FORMAT, GS_ERR_LIMIT.
 */
bool gs_perfdata_open(gs_arena *mem, gs_str bytes, gs_perfdata *out, gs_err *err);
/*
 * The next record, sorted by time; false at the end, or with err->code set. A file that was cut short ends where it is cut.
 */
bool gs_perfdata_next(gs_perfdata *d, gs_perfdata_record *out, gs_err *err);

/* Word `i` of a chain, or of regs. */
uint64_t gs_perfdata_word(const gs_perfdata *d, gs_str words, size_t i);

#endif
