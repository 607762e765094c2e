#include "present/trace_diff.h"

#include <inttypes.h>

#include "base/json.h"
#include "present/printable.h"
#include "present/trace.h"

static uint32_t rows(uint32_t n, uint32_t limit)
{
	return limit && limit < n ? limit : n;
}

/* After, and the change with its sign. */
static void put_change(gs_buf *out, const int64_t v[2])
{
	GS_AUTO(buf) text = { .max = 64 };

	gs_trace_put_ns(out, v[1], 10);
	gs_buf_c(&text, v[1] < v[0] ? '-' : '+');
	gs_trace_put_ns(&text, v[1] < v[0] ? v[0] - v[1] : v[1] - v[0], 0);
	gs_buf_fill(out, ' ', text.n < 11 ? 11 - text.n : 1);
	gs_buf_str(out, v[0] == v[1] ? GS_S("=") : gs_buf_view(&text));
}

static void group_text(const gs_diff_group *g, gs_buf *out)
{
	gs_buf_f(out, "%8" PRIu32 " %+7" PRId64, g->n[1], (int64_t)g->n[1] - (int64_t)g->n[0]);
	put_change(out, g->running);
	put_change(out, g->runnable);
	put_change(out, g->waiting);
	put_change(out, g->syscall);
	gs_buf_z(out, "  ");
	gs_printable(out, g->name.n ? g->name : GS_S("?"));
	gs_buf_z(out, !g->n[0] ? "  (new)\n" : !g->n[1] ? "  (gone)\n" : "\n");
}

static void put_percent(gs_buf *out, int64_t before, int64_t after)
{
	if (before > 0)
		gs_buf_f(out, " %+7.1f%%", 100.0 * (double)(after - before) / (double)before);
	else
		gs_buf_z(out, "         ");
}

static void latency_text(const gs_trace_diff *d, const gs_diff_latency *l, gs_buf *out)
{
	static const double shares[] = { 0.5, 0.99 };

	for (int side = 0; side < 2; side++)
		gs_buf_f(out, "%10.1f", l->latency[side] && d->duration_ns[side] > 0 ?
						(double)l->latency[side]->count * 1e9 / (double)d->duration_ns[side] :
						0.0);
	for (int i = 0; i < 2; i++) {
		int64_t v[2];

		for (int side = 0; side < 2; side++)
			v[side] = l->latency[side] ? gs_latency_percentile(l->latency[side], shares[i]) : 0;
		gs_trace_put_ns(out, v[0], 11);
		gs_trace_put_ns(out, v[1], 11);
		put_percent(out, l->latency[1] ? v[0] : 0, v[1]);
	}
	gs_buf_z(out, "  ");
	gs_printable(out, l->name);
	gs_buf_z(out, !l->latency[0] ? "  (new)\n" : !l->latency[1] ? "  (gone)\n" : "\n");
}

static void more(gs_buf *out, uint32_t n, uint32_t all)
{
	if (n < all)
		gs_buf_f(out, "  %" PRIu32 " more (-n 0 shows all)\n", all - n);
}

void gs_trace_diff_text(const gs_trace_diff *d, uint32_t limit, gs_buf *out)
{
	uint32_t n = rows(d->n_groups, limit), n_latencies = rows(d->n_latencies, limit);

	gs_buf_z(out, "before ");
	gs_trace_put_ns(out, d->duration_ns[0], 0);
	gs_buf_z(out, ", after ");
	gs_trace_put_ns(out, d->duration_ns[1], 0);
	gs_buf_z(out, "; times of goroutines are for each second of trace, after and by how much it changed\n\n"
		      "goroutines          running              runnable             waiting              syscall               start function\n");
	for (uint32_t i = 0; i < n; i++)
		group_text(&d->groups[i], out);
	more(out, n, d->n_groups);
	gs_diff_group all = d->all;
	all.name = GS_S("all");
	group_text(&all, out);
	if (!n_latencies)
		return;
	gs_buf_f(out, "\n%ss in a second       p50                             p99\n    before     after     before      after   change     before      after   change\n",
		 gs_instance_kind_name(d->kind));
	for (uint32_t i = 0; i < n_latencies; i++)
		latency_text(d, &d->latencies[i], out);
	more(out, n_latencies, d->n_latencies);
}

static void group_json(gs_json *j, const gs_diff_group *g)
{
	static const char *const sides[] = { "before", "after" };

	gs_json_object(j);
	gs_json_kstr(j, "name", g->name);
	for (int side = 0; side < 2; side++) {
		gs_json_key(j, sides[side]);
		gs_json_object(j);
		gs_json_ku64(j, "goroutines", g->n[side]);
		gs_json_ki64(j, "running_ns", g->running[side]);
		gs_json_ki64(j, "runnable_ns", g->runnable[side]);
		gs_json_ki64(j, "waiting_ns", g->waiting[side]);
		gs_json_ki64(j, "syscall_ns", g->syscall[side]);
		gs_json_object_end(j);
	}
	gs_json_object_end(j);
}

void gs_trace_diff_json(const gs_trace_diff *d, uint32_t limit, gs_buf *out)
{
	static const char *const sides[] = { "before", "after" };
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_object(j);
	gs_json_ki64(j, "before_duration_ns", d->duration_ns[0]);
	gs_json_ki64(j, "after_duration_ns", d->duration_ns[1]);
	gs_json_key(j, "all");
	group_json(j, &d->all);
	gs_json_key(j, "groups");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(d->n_groups, limit); i++)
		group_json(j, &d->groups[i]);
	gs_json_array_end(j);
	gs_json_kstr(j, "kind", gs_str_of(gs_instance_kind_name(d->kind)));
	gs_json_key(j, "latencies");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(d->n_latencies, limit); i++) {
		const gs_diff_latency *l = &d->latencies[i];

		gs_json_object(j);
		gs_json_kstr(j, "name", l->name);
		for (int side = 0; side < 2; side++) {
			gs_json_key(j, sides[side]);
			if (l->latency[side])
				gs_trace_latency_json(j, l->latency[side]);
			else
				gs_json_null(j);
		}
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}
