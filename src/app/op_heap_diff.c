/* gospect heap diff: what grew between cores of one program. */
#include "analysis/heap_diff.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "limit", GS_ARG_INT, .def = "20", .unit = "rows", .short_name = 'n', .help = "how many holders, types and references to show; 0: all" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static uint64_t bytes_of(const gs_heap_diff_row *r, unsigned side)
{
	return r->kind == GS_HEAP_DIFF_HOLDER ? r->at[side].retained_bytes : r->at[side].own_bytes;
}

static const char *const one[] = { "holder", "type", "who -> what" }, *const none[] = { "holder", "type", "reference" };

static bool has_changed(const gs_heap_diff *diff, const gs_heap_diff_row *r)
{
	for (unsigned k = 1; k < diff->n_sides; k++)
		if (bytes_of(r, k) != bytes_of(r, 0) || r->at[k].count != r->at[0].count)
			return true;
	return false;
}

static void signed_label(gs_buf *out, int64_t bytes)
{
	if (bytes > 0)
		gs_buf_c(out, '+');
	gs_unit_label(out, bytes, GS_S("bytes"), GS_S("auto"));
}

static void table(gs_op_call *call, const gs_heap_diff *diff, gs_heap_diff_kind kind, int64_t top)
{
	unsigned last = diff->n_sides - 1;
	int64_t n = 0, left = 0;
	gs_buf t;

	gs_buf_init(&t, (size_t)1 << 30);
	gs_buf_z(&t, diff->n_sides > 2 ? "each step\t" : "growth\t");
	for (unsigned k = 0; k <= last; k++)
		gs_buf_f(&t, "%s %c\t", kind == GS_HEAP_DIFF_HOLDER ? "retained" : kind == GS_HEAP_DIFF_TYPE ? "own" : "points to", 'A' + (char)k);
	gs_buf_f(&t, "count\t  %s\n", one[kind]);
	for (uint32_t i = 0; i < diff->n; i++) {
		const gs_heap_diff_row *r = &diff->rows[i];

		if (r->kind != kind || !has_changed(diff, r))
			continue;
		if (top && n == top) {
			left++;
			continue;
		}
		n++;
		signed_label(&t, r->growth_bytes);
		gs_buf_c(&t, '\t');
		for (unsigned k = 0; k <= last; k++) {
			gs_unit_label(&t, (int64_t)bytes_of(r, k), GS_S("bytes"), GS_S("auto"));
			gs_buf_c(&t, '\t');
		}
		gs_buf_f(&t, "%+lld\t  ", (long long)(r->at[last].count - r->at[0].count));
		gs_printable(&t, gs_strtab_get(&diff->strings, r->name));
		gs_buf_c(&t, '\n');
	}
	gs_buf_c(call->out, '\n');
	if (n)
		gs_tabs_align_right(call->out, gs_buf_view(&t));
	else
		gs_buf_f(call->out, "No %s changed.\n", none[kind]);
	if (left)
		gs_buf_f(call->out, "and %lld more (-n 0 shows all)\n", (long long)left);
	gs_buf_release(&t);
}

static void text(gs_op_call *call, const gs_heap_diff *diff, int64_t top)
{
	for (unsigned k = 0; k < diff->n_sides; k++) {
		const gs_heap_diff_side *s = &diff->sides[k];

		gs_buf_f(call->out, "%c ", 'A' + (char)k);
		gs_printable(call->out, gs_call_heap_name(call, k));
		gs_buf_z(call->out, ": ");
		gs_unit_label(call->out, (int64_t)s->live_bytes, GS_S("bytes"), GS_S("auto"));
		if (k) {
			gs_buf_z(call->out, " (");
			signed_label(call->out, (int64_t)(s->live_bytes - diff->sides[k - 1].live_bytes));
			gs_buf_c(call->out, ')');
		}
		gs_buf_f(call->out, " live in %u objects, %u goroutines\n", s->n_objects, s->n_goroutines);
	}
	for (gs_heap_diff_kind kind = GS_HEAP_DIFF_HOLDER; kind <= GS_HEAP_DIFF_EDGE; kind++)
		table(call, diff, kind, top);
}

static void rows_json(gs_json *j, const gs_heap_diff *diff, gs_heap_diff_kind kind, int64_t top)
{
	static const char *const keys[] = { "count", "own_bytes", "retained_bytes" }, *const lists[] = { "holders", "types", "edges" };
	int64_t n = 0;

	gs_json_key(j, lists[kind]);
	gs_json_array(j);
	for (uint32_t i = 0; i < diff->n; i++) {
		const gs_heap_diff_row *r = &diff->rows[i];

		if (r->kind != kind || !has_changed(diff, r) || (top && n++ >= top))
			continue;
		gs_json_object(j);
		gs_json_kstr(j, "name", gs_strtab_get(&diff->strings, r->name));
		gs_json_ki64(j, "growth_bytes", r->growth_bytes);
		for (unsigned what = 0; what < 3; what++) {
			if ((what == 1 && kind == GS_HEAP_DIFF_HOLDER) || (what == 2 && kind == GS_HEAP_DIFF_EDGE))
				continue;
			gs_json_key(j, keys[what]);
			gs_json_array(j);
			for (unsigned k = 0; k < diff->n_sides; k++)
				gs_json_u64(j, what == 0 ? r->at[k].count : what == 1 ? r->at[k].own_bytes : r->at[k].retained_bytes);
			gs_json_array_end(j);
		}
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void json(gs_op_call *call, const gs_heap_diff *diff, int64_t top)
{
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_key(&j, "heaps");
	gs_json_array(&j);
	for (unsigned k = 0; k < diff->n_sides; k++) {
		gs_json_object(&j);
		gs_json_kstr(&j, "core", gs_call_heap_name(call, k));
		gs_json_ku64(&j, "live_bytes", diff->sides[k].live_bytes);
		gs_json_ku64(&j, "objects", diff->sides[k].n_objects);
		gs_json_ku64(&j, "goroutines", diff->sides[k].n_goroutines);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	for (gs_heap_diff_kind kind = GS_HEAP_DIFF_HOLDER; kind <= GS_HEAP_DIFF_EDGE; kind++)
		rows_json(&j, diff, kind, top);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t top = gs_call_int(call, "limit");
	unsigned n = gs_call_n_heaps(call);
	gs_heap_diff *diff;

	if (n < 2 || n > GS_HEAP_DIFF_MAX)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "heap-diff needs two or three cores: gospect heap-diff [--binary PROGRAM] CORE CORE [CORE]");
	diff = gs_heap_diff_create(call->mem, err);
	if (!diff)
		return false;
	for (unsigned i = 0; i < n; i++) {
		GS_AUTO(heap) *opened = NULL;
		const gs_heap *h = gs_call_heap_at(call, i, &opened, err);

		if (!h || !gs_heap_diff_add(diff, h, err))
			return false;
	}
	gs_heap_diff_finish(diff);
	if (strcmp(call->format, "json") == 0)
		json(call, diff, top);
	else
		text(call, diff, top);
	return true;
}

extern const gs_op gs_op_heap_diff;
const gs_op gs_op_heap_diff = {
	.name = "heap-diff",
	.summary = "what grew between two or three cores of one Go program, by holder, by type and by who points to what",
	.help = "Compares cores of one program, the oldest first: what each variable, goroutine function and frame's function retains, how many bytes there are of each type,\n"
		"and how many of them objects of which type point to: where that grows, the first is the container, the second what gathers in it. With three\n"
		"cores the growth is the lesser of the two steps: what grows all the time comes first, what grew once and stopped does not. Only what changed is\n"
		"listed; the count is the last core's less the first one's. One core is in memory at a time.\n"
		"\n"
		"  gospect heap diff core.before core.after\n"
		"  gospect heap diff core.1 core.2 core.3\n",
	.operands = "CORE CORE [CORE]",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
