/* gospect footprint: what the bytes of an execution trace are made of. */
#include <inttypes.h>
#include <sys/stat.h>

#include "app/op.h"
#include "base/json.h"
#include "load/footprint.h"

#include "base/banned.h"

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_row(const gs_footprint *f, const char *name, uint64_t bytes, uint64_t count, gs_buf *out)
{
	gs_buf_f(out, "%12" PRIu64 " %6.2f%% %12" PRIu64 " %6.2f%% %10.1f  %s\n", bytes, percent(bytes, f->total_bytes), count,
		 percent(count, f->records), count ? (double)bytes / (double)count : 0, name);
}

static void put_text(const gs_footprint *f, gs_buf *out)
{
	gs_buf_f(out, "trace format 1.%u, %" PRIu64 " bytes, %" PRIu64 " records\n", f->format_minor, f->total_bytes, f->records);
	gs_buf_z(out, "       bytes       %        count       %  bytes/one  record\n");
	for (unsigned i = 0; i < f->n_kinds; i++)
		put_row(f, f->kinds[i].name, f->kinds[i].bytes, f->kinds[i].count, out);
	if (f->lost_bytes)
		gs_buf_f(out, "%12" PRIu64 " %6.2f%% unreadable from byte %" PRIu64 " on: %s\n", f->lost_bytes,
			 percent(f->lost_bytes, f->total_bytes), f->total_bytes - f->lost_bytes, f->damage.text);
}

static void put_json(const gs_footprint *f, gs_buf *out)
{
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_object(j);
	gs_json_ku64(j, "format_minor", f->format_minor);
	gs_json_ku64(j, "bytes", f->total_bytes);
	gs_json_ku64(j, "header_bytes", f->header_bytes);
	gs_json_ku64(j, "lost_bytes", f->lost_bytes);
	if (f->lost_bytes)
		gs_json_kstr(j, "damage", gs_str_of(f->damage.text));
	gs_json_ku64(j, "records", f->records);
	gs_json_key(j, "kinds");
	gs_json_array(j);
	for (unsigned i = 0; i < f->n_kinds; i++) {
		gs_json_object(j);
		gs_json_kstr(j, "name", gs_str_of(f->kinds[i].name));
		gs_json_ku64(j, "bytes", f->kinds[i].bytes);
		gs_json_ku64(j, "count", f->kinds[i].count);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}

/* A capture's trace is in its folder. */
static const char *trace_at(gs_op_call *call)
{
	const char *path = gs_str_dup(call->mem, call->paths[0]).p;
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? gs_strf(call->mem, "%s/trace.out", path).p : path;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_footprint f;

	if (call->n_paths != 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "footprint: takes one execution trace, or a capture with one");
	if (!gs_footprint_of_file(trace_at(call), &f, err))
		return false;
	if (f.lost_bytes)
		call->exit_status = 1;
	if (strcmp(call->format, "json") == 0)
		put_json(&f, call->out);
	else
		put_text(&f, call->out);
	return true;
}

const gs_op gs_op_footprint = {
	.name = "footprint",
	.summary = "what the bytes of an execution trace are made of",
	.help = "Bytes and number of the records of each kind, the largest first: why a trace is so large. Names are those of Go's sources. Bytes are\n"
		"what the file holds (unpacked), padding included, so that they add up to it. Exit status 1 when a part cannot be read.\n"
		"\n"
		"  gospect footprint trace.out\n",
	.operands = "TRACE|CAPTURE",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ NULL },
	.formats = "text json",
	.run = run,
};
