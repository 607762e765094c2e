/*
 * Writing perf.data, so that perf and every tool that reads its files can open a recording.
 * Format: tools/perf/Documentation/perf.data-file-format.txt of the kernel; docs/formats/perfdata.md.
 */
#ifndef GS_CAPTURE_PERF_FILE_H
#define GS_CAPTURE_PERF_FILE_H

#include <linux/perf_event.h>

#include "base/buf.h"
#include "base/err.h"

typedef struct gs_perf_build_id {
	gs_str id;   /* raw bytes */
	gs_str path; /* as the target sees it; "[kernel.kallsyms]" for the kernel */
	int32_t pid; /* -1 for the kernel */
	bool is_kernel;
} gs_perf_build_id;

typedef struct gs_perf_file {
	int fd;
	struct perf_event_attr attr;
	const char *event_name; /* "cpu-clock" */
	uint64_t data_at, data_bytes;
	bool is_full; /* no space was left; data ends at the last whole record */
} gs_perf_file;

/* Header with an open end: a file without gs_perf_file_finish still reads as far as it goes. */
bool gs_perf_file_begin(gs_perf_file *f, int fd, const struct perf_event_attr *attr, const char *event_name, gs_err *err);
/* Whole records. Without space the file is cut back to whole records, is_full is set and false returned. */
bool gs_perf_file_add(gs_perf_file *f, gs_str records, gs_err *err);

typedef struct gs_perf_file_facts {
	const gs_str *command; /* of the recorder */
	unsigned n_command;
	gs_str version;
	const gs_perf_build_id *build_ids;
	unsigned n_build_ids;
	int64_t wall_ns, clock_ns; /* read together */
	int32_t clockid;
	uint64_t first_ns, last_ns;
} gs_perf_file_facts;

/* Features and the final header. Without space for the features the file stays good without them. */
bool gs_perf_file_finish(gs_perf_file *f, const gs_perf_file_facts *facts, gs_err *err);

#endif
