/* gospect heap summary: what is in the memory of a stopped Go program, by type. */
#include "analysis/heap_summary.h"
#include "analysis/units.h"
#include "app/heap_by_allocation.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "limit", GS_ARG_INT, .def = "40", .unit = "rows", .short_name = 'n', .help = "how many rows to show; 0: all" },
	{ "by", GS_ARG_ENUM, .def = "type", .values = "type allocation", .help = "what rows are: types, or the lines that allocated what is alive" },
	{ "sort", GS_ARG_ENUM, .def = "retained", .values = "retained shallow count", .help = "what comes first" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

typedef struct answer {
	const gs_heap *h;
	gs_heap_summary sum;
	uint32_t n_rows;
} answer;

static gs_str type_name(gs_arena *mem, const gs_heap *h, uint32_t type)
{
	const gs_heap_type *t = &h->types[type];
	gs_str name = gs_strtab_get(&h->strings, t->name);

	/* The text behind strings is many bytes, but nobody calls it an array. */
	if (!t->is_array || t->size_bytes == 0)
		return name;
	return gs_strf(mem, "[]%.*s", GS_FMT(name));
}

static const char *source_name(uint8_t source)
{
	static const char *const names[] = { "exact", "interface", "field", "shape" };

	return names[source];
}

static void text(gs_op_call *call, const answer *a)
{
	const gs_heap *h = a->h;
	int64_t total = (int64_t)h->totals.live_bytes;
	gs_buf table;

	gs_buf_init(&table, (size_t)1 << 30);
	gs_buf_f(call->out, "%.*s %.*s, %.*s\n", GS_FMT(h->go_version), GS_FMT(h->arch), GS_FMT(h->executable));
	gs_buf_f(call->out, "%u live objects of %u types, ", h->n_objects, a->sum.n_rows);
	gs_unit_label(call->out, total, GS_S("bytes"), GS_S("auto"));
	gs_buf_z(call->out, "; not freed yet ");
	gs_unit_label(call->out, (int64_t)h->totals.slots_in_use_bytes - total, GS_S("bytes"), GS_S("auto"));
	gs_buf_f(call->out, "; %u goroutines\n", h->n_goroutines);
	for (uint32_t i = 0; i < h->n_warnings; i++) {
		gs_buf_z(call->out, "note: ");
		gs_printable(call->out, h->warnings[i]);
		gs_buf_c(call->out, '\n');
	}
	gs_buf_z(&table, "retained\t\tshallow\tcount\t  type\n");
	for (uint32_t i = 0; i < a->n_rows; i++) {
		const gs_heap_type_row *r = &a->sum.rows[i];

		gs_unit_label(&table, (int64_t)r->retained_bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_c(&table, '\t');
		gs_share(&table, (int64_t)r->retained_bytes, total);
		gs_buf_c(&table, '\t');
		gs_unit_label(&table, (int64_t)r->shallow_bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_f(&table, "\t%llu\t  ", (unsigned long long)r->count);
		gs_printable(&table, type_name(call->mem, h, r->type));
		gs_buf_c(&table, '\n');
	}
	gs_tabs_align_right(call->out, gs_buf_view(&table));
	if (a->n_rows < a->sum.n_rows)
		gs_buf_f(call->out, "and %u more types (-n 0 shows all)\n", a->sum.n_rows - a->n_rows);
	gs_buf_release(&table);
}

static void json(gs_op_call *call, const answer *a)
{
	const gs_heap *h = a->h;
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_kstr(&j, "go_version", h->go_version);
	gs_json_kstr(&j, "arch", h->arch);
	gs_json_kstr(&j, "executable", h->executable);
	gs_json_ku64(&j, "objects", h->n_objects);
	gs_json_ku64(&j, "live_bytes", h->totals.live_bytes);
	gs_json_ku64(&j, "in_use_objects", h->totals.slots_in_use);
	gs_json_ku64(&j, "in_use_bytes", h->totals.slots_in_use_bytes);
	gs_json_ku64(&j, "span_bytes", h->totals.spans_bytes);
	gs_json_ku64(&j, "stack_bytes", h->totals.stacks_bytes);
	gs_json_ku64(&j, "goroutines", h->n_goroutines);
	gs_json_ku64(&j, "roots", h->n_roots);
	gs_json_ku64(&j, "edges", h->n_edges);
	gs_json_key(&j, "warnings");
	gs_json_array(&j);
	for (uint32_t i = 0; i < h->n_warnings; i++)
		gs_json_str(&j, h->warnings[i]);
	gs_json_array_end(&j);
	gs_json_ku64(&j, "n_types", a->sum.n_rows);
	gs_json_key(&j, "types");
	gs_json_array(&j);
	for (uint32_t i = 0; i < a->n_rows; i++) {
		const gs_heap_type_row *r = &a->sum.rows[i];
		const gs_heap_type *t = &h->types[r->type];

		gs_json_object(&j);
		gs_json_kstr(&j, "type", type_name(call->mem, h, r->type));
		gs_json_kstr(&j, "package", gs_strtab_get(&h->strings, t->package));
		gs_json_kstr(&j, "known_by", gs_str_of(source_name(t->source)));
		gs_json_ku64(&j, "size_bytes", t->size_bytes);
		gs_json_ku64(&j, "count", r->count);
		gs_json_ku64(&j, "shallow_bytes", r->shallow_bytes);
		gs_json_ku64(&j, "retained_bytes", r->retained_bytes);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static int by_shallow(const void *a, const void *b)
{
	const gs_heap_type_row *x = a, *y = b;

	if (x->shallow_bytes != y->shallow_bytes)
		return x->shallow_bytes > y->shallow_bytes ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

static int by_count(const void *a, const void *b)
{
	const gs_heap_type_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_str sort = gs_call_str(call, "sort");
	int64_t top = gs_call_int(call, "limit");
	const gs_heap *h;
	gs_dominators d;
	answer a;

	h = gs_call_heap(call, &d, err);
	if (h && gs_str_eq(gs_call_str(call, "by"), GS_S("allocation")))
		return gs_call_heap_is_sampled(call, h, err) &&
		       gs_heap_by_allocation(call, h, &d, gs_str_eq(sort, GS_S("count")), top < UINT32_MAX ? (uint32_t)top : 0, err);
	if (!h || !gs_heap_summarize(call->mem, h, &d, &a.sum, err))
		return false;
	if (a.sum.n_rows && !gs_str_eq(sort, GS_S("retained")))
		qsort(a.sum.rows, a.sum.n_rows, sizeof(*a.sum.rows), gs_str_eq(sort, GS_S("count")) ? by_count : by_shallow);
	a.h = h;
	a.n_rows = top && (uint64_t)top < a.sum.n_rows ? (uint32_t)top : a.sum.n_rows;
	if (strcmp(call->format, "json") == 0)
		json(call, &a);
	else
		text(call, &a);
	return true;
}

extern const gs_op gs_op_heap_summary;
const gs_op gs_op_heap_summary = {
	.name = "heap-summary",
	.summary = "a Go program's live heap by type, from a core",
	.help = "Reads the core of a Go program (gospect snapshot, gcore, the kernel's, dlv dump) and finds every object that the collector would keep. Each type: how\n"
		"many objects, their own bytes, and what they retain: the bytes that would be freed if they went. Go 1.19 and later, amd64 and arm64,\n"
		"stripped programs too. Types of objects beyond 512 bytes are the allocator's word (Go 1.22 and later); the others follow from what points to them.\n"
		"\n"
		"--by allocation: the lines of the program that allocated what is alive, and who keeps it. Counts and bytes are estimates from the objects that the program itself sampled for\n"
		"its heap profile, one in 512 kB; `gospect heap refs --allocated-by FUNCTION` has the ways to them.\n"
		"\n"
		"  gospect heap-summary core.4242\n"
		"  gospect heap-summary --by allocation core.4242\n"
		"  gospect heap-summary --binary ./server --sort count core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
