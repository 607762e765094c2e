/* gospect heap waste: what memory could be saved. */
#include "analysis/heap_expression.h"
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

static const gs_arg args[] = {
	{ "top", GS_ARG_INT, .def = "20", .unit = "rows", .short_name = 'n', .help = "how many contents to show; 0: all" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

typedef struct answer {
	const gs_heap *h;
	gs_dominators d;
	gs_heap_names *names;
	gs_heap_look *look;
	uint32_t *up;
	gs_heap_twins twins;
	uint32_t n; /* rows to show */
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

static gs_str way(gs_op_call *call, const answer *a, uint32_t row)
{
	if (row >= MAX_WAYS)
		return (gs_str){ 0 };
	return gs_heap_expression(call->mem, a->h, &a->d, a->names, a->look, a->up, a->twins.rows[row].object, true);
}

static void text(gs_op_call *call, const answer *a)
{
	const gs_heap_twins *l = &a->twins;
	char room[MAX_PREVIEW];
	gs_buf table;

	gs_unit_label(call->out, (int64_t)l->wasted_bytes, GS_S("bytes"), GS_S("auto"));
	gs_buf_f(call->out, " in %llu objects are copies, of ", (unsigned long long)l->count);
	gs_unit_label(call->out, (int64_t)l->compared_bytes, GS_S("bytes"), GS_S("auto"));
	gs_buf_f(call->out, " in %llu that hold strings and bytes", (unsigned long long)l->n_compared);
	if (l->n_unread)
		gs_buf_f(call->out, "; %llu could not be read", (unsigned long long)l->n_unread);
	gs_buf_c(call->out, '\n');
	if (!a->n)
		return;
	gs_buf_init(&table, (size_t)1 << 32);
	gs_buf_z(&table, "wasted\tcount\tsize\t  contents, one is at\n");
	for (uint32_t i = 0; i < a->n; i++) {
		const gs_heap_twin *t = &l->rows[i];

		gs_unit_label(&table, (int64_t)t->wasted_bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_f(&table, "\t%u\t", t->count);
		gs_unit_label(&table, (int64_t)t->size_bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_z(&table, t->is_zero ? "\t  zeros" : "\t  \"");
		if (!t->is_zero) {
			gs_printable(&table, preview(a, t, room));
			gs_buf_c(&table, '"');
		}
		gs_buf_f(&table, ", 0x%llx ", (unsigned long long)t->addr);
		gs_printable(&table, way(call, a, i));
		gs_buf_c(&table, '\n');
	}
	gs_tabs_align_right(call->out, gs_buf_view(&table));
	if (a->n < l->n)
		gs_buf_f(call->out, "and %u more (--top 0 shows all)\n", l->n - a->n);
	gs_buf_release(&table);
}

static void json(gs_op_call *call, const answer *a)
{
	const gs_heap_twins *l = &a->twins;
	gs_json j = gs_json_to(call->out);
	char room[MAX_PREVIEW];

	gs_json_object(&j);
	gs_json_ku64(&j, "compared_objects", l->n_compared);
	gs_json_ku64(&j, "compared_bytes", l->compared_bytes);
	gs_json_ku64(&j, "unread_objects", l->n_unread);
	gs_json_ku64(&j, "copies", l->count);
	gs_json_ku64(&j, "wasted_bytes", l->wasted_bytes);
	gs_json_ku64(&j, "n_rows", l->n);
	gs_json_key(&j, "duplicates");
	gs_json_array(&j);
	for (uint32_t i = 0; i < a->n; i++) {
		const gs_heap_twin *t = &l->rows[i];

		gs_json_object(&j);
		gs_json_ku64(&j, "wasted_bytes", t->wasted_bytes);
		gs_json_ku64(&j, "count", t->count);
		gs_json_ku64(&j, "size_bytes", t->size_bytes);
		gs_json_kbool(&j, "is_zero", t->is_zero);
		gs_json_kstr(&j, "contents", preview(a, t, room));
		gs_json_kstr(&j, "address", gs_strf(call->mem, "0x%llx", (unsigned long long)t->addr));
		gs_json_kstr(&j, "path", way(call, a, i));
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t top = gs_call_int(call, "top");
	answer a = { 0 };

	a.h = gs_call_heap(call, &a.d, err);
	a.names = a.h ? gs_heap_names_build(call->mem, a.h, &a.d, err) : NULL;
	if (!a.names || !gs_heap_twins_find(call->mem, a.h, &a.twins, err))
		return false;
	a.up = gs_heap_shortest(call->mem, a.h, &a.d, err);
	if (!a.up)
		return false;
	a.look = a.h->look ? a.h->look(a.h, call->mem) : NULL;
	a.n = top && (uint64_t)top < a.twins.n ? (uint32_t)top : a.twins.n;
	(strcmp(call->format, "json") == 0 ? json : text)(call, &a);
	return true;
}

extern const gs_op gs_op_heap_waste;
const gs_op gs_op_heap_waste = {
	.name = "heap-waste",
	.summary = "memory that a Go program could save: equal strings and byte slices that it holds many times",
	.help = "Strings, byte slices and small values without pointers whose bytes are equal, those first that waste most: all but one of them. With the way to one.\n"
		"Slots are compared whole. What lies behind the end of a string is not always cleared, so that there may be more than is told, never fewer.\n"
		"`zeros` are buffers that nothing has been written to. Strings that repeat go away with `unique.Make` or a table of one's own.\n"
		"\n"
		"  gospect heap waste core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
