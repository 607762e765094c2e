/* gospect heap holders: what each variable, goroutine and frame retains. */
#include "analysis/heap_holders.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "limit", GS_ARG_INT, .def = "40", .unit = "rows", .short_name = 'n', .help = "how many holders to show; 0: all" },
	{ "kind", GS_ARG_ENUM, .def = "all", .values = "all variable goroutine frame other", .help = "which" },
	{ "name", GS_ARG_REGEX, .unit = "regexp", .help = "whose name matches: of the variable, of a goroutine's first function, of a frame's function" },
	{ "type", GS_ARG_REGEX, .unit = "regexp", .short_name = 't', .help = "all objects of a matching type as one holder, instead of the others or beside those of --name" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

typedef struct answer {
	const gs_heap *h;
	const gs_dominators *d;
	const gs_heap_names *names;
	gs_heap_holders list;
	uint32_t n_rows;
} answer;

static gs_str name_of(const answer *a, uint32_t id)
{
	return gs_strtab_get(&a->names->strings, id);
}

/* " 17 [chan receive]" */
static void goroutine_text(gs_buf *out, const gs_heap *h, const gs_heap_goroutine *g)
{
	gs_str reason = gs_strtab_get(&h->strings, g->wait_reason);

	gs_buf_f(out, " %llu", (unsigned long long)g->id);
	if (reason.n) {
		gs_buf_z(out, " [");
		gs_printable(out, reason);
		gs_buf_c(out, ']');
	}
}

static void text(gs_op_call *call, const answer *a)
{
	const gs_heap *h = a->h;
	gs_buf table;

	if (a->list.is_chosen && !a->list.n) {
		gs_buf_z(call->out, "Nothing that retains something has such a name or type.\n");
		return;
	}
	gs_buf_init(&table, (size_t)1 << 30);
	gs_buf_z(&table, "retained\t\tcount\t  holder\n");
	for (uint32_t i = 0; i < a->n_rows; i++) {
		const gs_heap_holder_row *r = &a->list.rows[i];

		gs_unit_label(&table, (int64_t)r->bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_c(&table, '\t');
		gs_share(&table, (int64_t)r->bytes, (int64_t)h->totals.live_bytes);
		gs_buf_f(&table, "\t%llu\t  ", (unsigned long long)r->count);
		gs_printable(&table, name_of(a, r->name));
		if (r->goroutine != GS_HEAP_NONE)
			goroutine_text(&table, h, &h->goroutines[r->goroutine]);
		if (r->kind == GS_HOLDER_TYPE)
			gs_buf_f(&table, " (%llu of it)", (unsigned long long)r->n_of_type);
		if (r->n_goroutines)
			gs_buf_f(&table, " (in %u goroutine%s)", r->n_goroutines, r->n_goroutines == 1 ? "" : "s");
		if (r->gathers_in != GS_HEAP_NONE && r->n_below > 1) {
			gs_buf_z(&table, ": ");
			gs_printable(&table, name_of(a, a->names->of_type[gs_heap_type_of(h, r->gathers_in)]));
			gs_buf_f(&table, " at 0x%llx with %u below it", (unsigned long long)gs_heap_addr(h, r->gathers_in), r->n_below);
		} else if (r->holds != GS_HEAP_NONE) { /* all that is known of a variable of a stripped program */
			gs_buf_z(&table, ": ");
			gs_printable(&table, name_of(a, a->names->of_type[gs_heap_type_of(h, r->holds)]));
			gs_buf_f(&table, " at 0x%llx", (unsigned long long)gs_heap_addr(h, r->holds));
		}
		gs_buf_c(&table, '\n');
	}
	gs_tabs_align_right(call->out, gs_buf_view(&table));
	if (a->list.is_chosen) {
		if (a->list.n_types_left)
			gs_buf_f(call->out, "and %u types with fewer bytes of their own, in the next line only\n", a->list.n_types_left);
		gs_buf_z(call->out, "if all of these were gone: ");
		gs_unit_label(call->out, (int64_t)a->list.bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_f(call->out, " freed, %llu object%s\n", (unsigned long long)a->list.count, a->list.count == 1 ? "" : "s");
	}
	if (a->n_rows < a->list.n)
		gs_buf_f(call->out, "and %u more (-n 0 shows all)\n", a->list.n - a->n_rows);
	gs_buf_release(&table);
}

static const char *kind_name(unsigned kind)
{
	switch (kind) {
	case GS_HOLDER_VARIABLE:
		return "variable";
	case GS_HOLDER_GOROUTINE:
		return "goroutine";
	case GS_HOLDER_FRAME:
		return "frame";
	case GS_HOLDER_TYPE:
		return "type";
	default:
		return "other";
	}
}

static void goroutine_json(gs_json *j, const gs_heap *h, const gs_heap_goroutine *g)
{
	gs_json_key(j, "goroutine");
	gs_json_object(j);
	gs_json_ku64(j, "id", g->id);
	gs_json_kstr(j, "wait_reason", gs_strtab_get(&h->strings, g->wait_reason));
	gs_json_ki64(j, "wait_ns", g->wait_ns);
	gs_json_ku64(j, "stack_bytes", g->stack_bytes);
	gs_json_object_end(j);
}

static void json(gs_op_call *call, const answer *a)
{
	const gs_heap *h = a->h;
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_ku64(&j, "of_bytes", h->totals.live_bytes);
	gs_json_ku64(&j, "n_holders", a->list.n);
	if (a->list.is_chosen) {
		gs_json_key(&j, "together");
		gs_json_object(&j);
		gs_json_ku64(&j, "retained_count", a->list.count);
		gs_json_ku64(&j, "retained_bytes", a->list.bytes);
		gs_json_ku64(&j, "types_left", a->list.n_types_left);
		gs_json_object_end(&j);
	}
	gs_json_key(&j, "holders");
	gs_json_array(&j);
	for (uint32_t i = 0; i < a->n_rows; i++) {
		const gs_heap_holder_row *r = &a->list.rows[i];

		gs_json_object(&j);
		gs_json_kstr(&j, "kind", gs_str_of(kind_name(r->kind)));
		gs_json_kstr(&j, "name", name_of(a, r->name));
		if (r->goroutine != GS_HEAP_NONE)
			goroutine_json(&j, h, &h->goroutines[r->goroutine]);
		if (r->n_goroutines)
			gs_json_ku64(&j, "goroutines", r->n_goroutines);
		if (r->kind == GS_HOLDER_TYPE)
			gs_json_ku64(&j, "objects", r->n_of_type);
		gs_json_ku64(&j, "retained_count", r->count);
		gs_json_ku64(&j, "retained_bytes", r->bytes);
		if (r->at)
			gs_json_kstr(&j, "address", gs_strf(call->mem, "0x%llx", (unsigned long long)r->at));
		if (r->holds != GS_HEAP_NONE) {
			gs_json_key(&j, "holds");
			gs_json_object(&j);
			gs_json_kstr(&j, "type", name_of(a, a->names->of_type[gs_heap_type_of(h, r->holds)]));
			gs_json_kstr(&j, "address", gs_strf(call->mem, "0x%llx", (unsigned long long)gs_heap_addr(h, r->holds)));
			gs_json_object_end(&j);
		}
		if (r->gathers_in != GS_HEAP_NONE) {
			gs_json_key(&j, "gathers_in");
			gs_json_object(&j);
			gs_json_kstr(&j, "type", name_of(a, a->names->of_type[gs_heap_type_of(h, r->gathers_in)]));
			gs_json_kstr(&j, "address",
				     gs_strf(call->mem, "0x%llx", (unsigned long long)gs_heap_addr(h, r->gathers_in)));
			gs_json_ku64(&j, "retained_bytes", gs_dominators_retained(a->d, r->gathers_in));
			gs_json_ku64(&j, "below", r->n_below);
			gs_json_object_end(&j);
		}
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static unsigned kinds_of(gs_str kind)
{
	static const unsigned all[] = { GS_HOLDER_VARIABLE, GS_HOLDER_GOROUTINE, GS_HOLDER_FRAME, GS_HOLDER_OTHER };

	for (unsigned i = 0; i < 4; i++)
		if (gs_str_eq(kind, gs_str_of(kind_name(all[i]))))
			return all[i];
	return GS_HOLDER_VARIABLE | GS_HOLDER_GOROUTINE | GS_HOLDER_FRAME | GS_HOLDER_OTHER;
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t top = gs_call_int(call, "limit");
	const gs_heap *h;
	gs_dominators d;
	gs_heap_names *names;
	gs_heap_holders_ask ask;
	answer a;

	h = gs_call_heap(call, &d, err);
	names = h ? gs_heap_names_build(call->mem, h, &d, err) : NULL;
	ask = (gs_heap_holders_ask){ kinds_of(gs_call_str(call, "kind")), gs_call_regex(call, "name"), gs_call_regex(call, "type") };
	if (!names || !gs_heap_holders_list(call->mem, h, &d, names, &ask, &a.list, err))
		return false;
	a.h = h;
	a.d = &d;
	a.names = names;
	a.n_rows = top && (uint64_t)top < a.list.n ? (uint32_t)top : a.list.n;
	if (strcmp(call->format, "json") == 0)
		json(call, &a);
	else
		text(call, &a);
	return true;
}

extern const gs_op gs_op_heap_holders;
const gs_op gs_op_heap_holders = {
	.name = "heap-holders",
	.summary = "what each variable, goroutine and frame of a Go program retains, and where it gathers",
	.help = "Everything outside of the heap that keeps objects alive, with what would be freed if it were gone: package-level variables, goroutines one by one with what they wait for,\n"
		"functions by what their frames hold in all goroutines (counted in these too), finalizers. What two of them hold belongs to neither. The object named behind is\n"
		"where it gathers: the last one on the way down that still has half of it.\n"
		"\n"
		"--name chooses some of them, --type takes all objects of a type for a holder. The last line says what would be freed if all that was chosen were gone at once:\n"
		"with what several of them hold together, so it may be more than the sum.\n"
		"\n"
		"  gospect heap holders core.4242\n"
		"  gospect heap holders --kind goroutine -n 10 core.4242\n"
		"  gospect heap holders --name 'main\\.cache$' core.4242\n"
		"  gospect heap holders --type 'main\\.session$' core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
