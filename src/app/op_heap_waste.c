/* gospect heap waste: what memory could be saved. */
#include <stdlib.h>

#include "analysis/heap_expression.h"
#include "analysis/heap_slack.h"
#include "analysis/heap_waste.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

enum {
	MAX_PREVIEW = 60, /* bytes */
	MAX_WAYS = 1000,  /* rows that tell the way to one of them */
};

typedef enum kind { DUPLICATES, SLACK, PINNED, MAPS, N_KINDS } kind;

static const char *const kind_names[N_KINDS] = { "duplicates", "slack", "pinned", "maps" };

static const gs_arg args[] = {
	{ "kind", GS_ARG_ENUM, .def = "all", .values = "all duplicates slack pinned maps", .help = "which" },
	{ "limit", GS_ARG_INT, .def = "20", .unit = "rows", .short_name = 'n', .help = "how many rows to show; 0: all" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

/* A line of the table: equal contents, or one place of all the others. */
typedef struct line {
	kind kind;
	uint32_t count, object;
	uint64_t wasted_bytes, bytes, used_bytes, addr;
	const gs_heap_twin *twin;
	const gs_heap_slack_row *row;
} line;

typedef struct answer {
	const gs_heap *h;
	gs_dominators d;
	gs_heap_names *names;
	gs_heap_look *look;
	gs_packed up;
	gs_heap_twins twins;
	gs_heap_slacks slacks;
	line *lines;
	uint32_t n_all, n; /* lines, rows to show */
	struct {
		uint64_t count, wasted_bytes;
	} sums[N_KINDS];
} answer;

/* Its first bytes, without the zeros at the end of the slot. */
static gs_str preview(const answer *a, const gs_heap_twin *t, char *room)
{
	size_t n = t->size_bytes < MAX_PREVIEW ? (size_t)t->size_bytes : MAX_PREVIEW;

	if (!a->h->read(a->h->read_ctx, t->addr, room, n))
		return (gs_str){ 0 };
	while (n && !room[n - 1])
		n--;
	return (gs_str){ room, n };
}

static gs_str way(gs_op_call *call, const answer *a, uint32_t i)
{
	if (i >= MAX_WAYS)
		return (gs_str){ 0 };
	return gs_heap_expression(call->mem, a->h, &a->d, a->names, a->look, &a->up, a->lines[i].object, true);
}

static void bytes_cell(gs_buf *out, uint64_t n)
{
	gs_unit_label(out, (int64_t)n, GS_S("bytes"), GS_S("auto"));
}

static void what(gs_buf *out, const answer *a, const line *l)
{
	char room[MAX_PREVIEW];

	if (!l->twin) {
		gs_printable(out, l->row->where);
		if (l->row->is_by_string)
			gs_buf_z(out, " (strings)");
	} else if (l->twin->is_zero) {
		gs_buf_z(out, "zeros");
	} else {
		gs_buf_c(out, '"');
		gs_printable(out, preview(a, l->twin, room));
		gs_buf_c(out, '"');
	}
}

static void sums_text(gs_buf *out, const answer *a)
{
	static const char *const said[N_KINDS] = { "copies of equal strings and bytes", "arrays behind slices that are shorter",
						   "objects of which only pieces are in use", "maps that have more room than their entries need" };
	unsigned shown = 0;

	for (unsigned k = 0; k < N_KINDS; k++) {
		if (!a->sums[k].count)
			continue;
		bytes_cell(out, a->sums[k].wasted_bytes);
		gs_buf_f(out, " in %llu %s\n", (unsigned long long)a->sums[k].count, said[k]);
		shown++;
	}
	if (!shown)
		gs_buf_z(out, "nothing that could be saved\n");
	if (a->twins.n_unread)
		gs_buf_f(out, "%llu objects could not be read\n", (unsigned long long)a->twins.n_unread);
	if (a->slacks.n_unknown) {
		bytes_cell(out, a->slacks.unknown_bytes);
		gs_buf_f(out, " in %llu objects were not judged: something without a type leads there as well (a frame, a register, an unsafe pointer)\n",
			 (unsigned long long)a->slacks.n_unknown);
	}
}

static void text(gs_op_call *call, const answer *a)
{
	gs_buf table;

	sums_text(call->out, a);
	if (!a->n)
		return;
	gs_buf_init(&table, (size_t)1 << 32);
	gs_buf_z(&table, "wasted\tof\tcount\tkind\t  where, one is at\n");
	for (uint32_t i = 0; i < a->n; i++) {
		const line *l = &a->lines[i];

		bytes_cell(&table, l->wasted_bytes);
		gs_buf_c(&table, '\t');
		bytes_cell(&table, l->bytes);
		gs_buf_f(&table, "\t%u\t%s\t  ", l->count, kind_names[l->kind]);
		what(&table, a, l);
		gs_buf_f(&table, ", 0x%llx ", (unsigned long long)l->addr);
		gs_printable(&table, way(call, a, i));
		gs_buf_c(&table, '\n');
	}
	gs_tabs_align_right(call->out, gs_buf_view(&table));
	if (a->n < a->n_all)
		gs_buf_f(call->out, "and %u more (-n 0 shows all)\n", a->n_all - a->n);
	gs_buf_release(&table);
}

static void json(gs_op_call *call, const answer *a)
{
	gs_json j = gs_json_to(call->out);
	char room[MAX_PREVIEW];

	gs_json_object(&j);
	gs_json_ku64(&j, "compared_objects", a->twins.n_compared);
	gs_json_ku64(&j, "compared_bytes", a->twins.compared_bytes);
	gs_json_ku64(&j, "unread_objects", a->twins.n_unread);
	gs_json_ku64(&j, "unknown_objects", a->slacks.n_unknown);
	gs_json_ku64(&j, "unknown_bytes", a->slacks.unknown_bytes);
	gs_json_key(&j, "kinds");
	gs_json_object(&j);
	for (unsigned k = 0; k < N_KINDS; k++) {
		gs_json_key(&j, kind_names[k]);
		gs_json_object(&j);
		gs_json_ku64(&j, "count", a->sums[k].count);
		gs_json_ku64(&j, "wasted_bytes", a->sums[k].wasted_bytes);
		gs_json_object_end(&j);
	}
	gs_json_object_end(&j);
	gs_json_ku64(&j, "n_rows", a->n_all);
	gs_json_key(&j, "rows");
	gs_json_array(&j);
	for (uint32_t i = 0; i < a->n; i++) {
		const line *l = &a->lines[i];

		gs_json_object(&j);
		gs_json_kstr(&j, "kind", gs_str_of(kind_names[l->kind]));
		gs_json_ku64(&j, "wasted_bytes", l->wasted_bytes);
		gs_json_ku64(&j, "count", l->count);
		gs_json_ku64(&j, "bytes", l->bytes);
		gs_json_ku64(&j, "used_bytes", l->used_bytes);
		if (l->twin) {
			gs_json_kbool(&j, "is_zero", l->twin->is_zero);
			gs_json_kstr(&j, "contents", preview(a, l->twin, room));
		} else {
			gs_json_kstr(&j, "where", l->row->where);
			gs_json_kbool(&j, "is_by_string", l->row->is_by_string);
		}
		gs_json_kstr(&j, "address", gs_strf(call->mem, "0x%llx", (unsigned long long)l->addr));
		gs_json_kstr(&j, "path", way(call, a, i));
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static int by_waste(const void *a, const void *b)
{
	const line *x = a, *y = b;

	if (x->wasted_bytes != y->wasted_bytes)
		return x->wasted_bytes > y->wasted_bytes ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->object < y->object ? -1 : x->object > y->object;
}

static void add(answer *a, line l)
{
	a->sums[l.kind].count += l.kind == DUPLICATES ? l.count - 1 : l.count;
	a->sums[l.kind].wasted_bytes += l.wasted_bytes;
	a->lines[a->n_all++] = l;
}

static bool rank(gs_op_call *call, answer *a, gs_str only, gs_err *err)
{
	static const kind kind_of[GS_HEAP_N_SLACKS] = { SLACK, PINNED, MAPS };

	a->lines = gs_try_new(call->mem, line, (uint64_t)a->twins.n + a->slacks.n);
	if (!a->lines)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u rows", a->twins.n + a->slacks.n);
	for (uint32_t i = 0; i < a->twins.n; i++) {
		const gs_heap_twin *t = &a->twins.rows[i];

		add(a, (line){ DUPLICATES, t->count, t->object, t->wasted_bytes, t->size_bytes * t->count, t->size_bytes, t->addr, t, NULL });
	}
	for (uint32_t i = 0; i < a->slacks.n; i++) {
		const gs_heap_slack_row *r = &a->slacks.rows[i];
		kind k = kind_of[r->kind];

		if (gs_str_eq(only, GS_S("all")) || gs_str_eq(only, gs_str_of(kind_names[k])))
			add(a, (line){ k, r->count, r->object, r->wasted_bytes, r->bytes, r->used_bytes, gs_heap_addr(a->h, r->object), NULL, r });
	}
	if (a->n_all)
		qsort(a->lines, a->n_all, sizeof(*a->lines), by_waste);
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t top = gs_call_int(call, "limit");
	gs_str only = gs_call_str(call, "kind");
	answer a = { 0 };

	a.h = gs_call_heap(call, &a.d, err);
	a.names = a.h ? gs_heap_names_build(call->mem, a.h, &a.d, err) : NULL;
	if (!a.names || !gs_heap_shortest(call->mem, a.h, &a.d, &a.up, err))
		return false;
	a.look = a.h->look ? a.h->look(a.h, call->mem) : NULL;
	if ((gs_str_eq(only, GS_S("all")) || gs_str_eq(only, GS_S("duplicates"))) && !gs_heap_twins_find(call->mem, a.h, &a.twins, err))
		return false;
	if (!gs_str_eq(only, GS_S("duplicates")) && !gs_heap_slack_find(call->mem, a.h, &a.d, a.names, a.look, &a.up, &a.slacks, err))
		return false;
	if (!rank(call, &a, only, err))
		return false;
	a.n = top && (uint64_t)top < a.n_all ? (uint32_t)top : a.n_all;
	(strcmp(call->format, "json") == 0 ? json : text)(call, &a);
	return true;
}

extern const gs_op gs_op_heap_waste;
const gs_op gs_op_heap_waste = {
	.name = "heap-waste",
	.summary = "memory that a Go program could save: copies, slices and maps with room that they do not need, large objects of which a piece is in use",
	.help = "What would come back, as the allocator rounds it, ranked; with the field or variable that holds it, and the way to one.\n"
		"\n"
		"  duplicates  strings, byte slices and small values without pointers whose bytes are equal: all but one of them. Slots are compared whole. What lies\n"
		"              behind the end of a string is not always cleared, so that there may be more than is told. `zeros` are buffers that nothing was written\n"
		"              to. Strings that repeat go away with `unique.Make` or a table of one's own\n"
		"  slack       the capacity of slices behind their length: `slices.Clip` and `make` with the right size\n"
		"  pinned      objects that only pieces of are in use: a substring or a subslice keeps all of it alive. `strings.Clone`, `slices.Clone`\n"
		"  maps        groups or buckets of maps that had more entries once: maps do not shrink. `maps.Clone` of what is left\n"
		"\n"
		"Only what types prove is claimed: each pointer that leads to the object has a type that says how much of it is in use. What a frame, a register or\n"
		"an unsafe pointer leads to as well is not judged, and its bytes are said. An object may be in more than one row: a buffer of zeros with a short length\n"
		"is a copy and has slack. Without debug information the program's variables have no types: less is found.\n"
		"\n"
		"  gospect heap waste core.4242\n"
		"  gospect heap waste --kind pinned core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
