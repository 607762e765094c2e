/* gospect heap cycles: objects that lead back to themselves. */
#include "analysis/heap_cycles.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "limit", GS_ARG_INT, .def = "40", .unit = "rows", .short_name = 'n', .help = "how many to show; 0: all" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

/* Who alone holds an object. */
static gs_str holder_of(const gs_heap_names *names, const gs_dominators *d, uint32_t node)
{
	while (node < d->n_objects)
		node = gs_dominators_above(d, node);
	return gs_strtab_get(&names->strings, node == gs_dominators_root(d) ? names->shared : names->of_holder[node - d->n_objects]);
}

static void text(gs_op_call *call, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, const gs_heap_cycles *list, uint32_t n)
{
	gs_buf table;

	if (!list->n) {
		gs_buf_z(call->out, "No live object leads back to itself.\n");
		return;
	}
	gs_buf_init(&table, (size_t)1 << 30);
	gs_buf_z(&table, "bytes\tobjects\tcycles\tlargest\tat\t  types, held by\n");
	for (uint32_t i = 0; i < n; i++) {
		const gs_heap_cycle_row *r = &list->rows[i];

		gs_unit_label(&table, (int64_t)r->bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_f(&table, "\t%llu\t%u\t%llu\t0x%llx\t  ", (unsigned long long)r->count, r->n_cycles, (unsigned long long)r->largest_count,
			 (unsigned long long)gs_heap_addr(h, r->largest));
		gs_printable(&table, gs_strtab_get(&names->strings, r->name));
		gs_buf_z(&table, ", ");
		gs_printable(&table, holder_of(names, d, r->largest));
		gs_buf_c(&table, '\n');
	}
	gs_tabs_align_right(call->out, gs_buf_view(&table));
	if (n < list->n)
		gs_buf_f(call->out, "and %u more (-n 0 shows all)\n", list->n - n);
	gs_buf_release(&table);
}

static void json(gs_op_call *call, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, const gs_heap_cycles *list, uint32_t n)
{
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_ku64(&j, "n_rows", list->n);
	gs_json_key(&j, "cycles");
	gs_json_array(&j);
	for (uint32_t i = 0; i < n; i++) {
		const gs_heap_cycle_row *r = &list->rows[i];

		gs_json_object(&j);
		gs_json_kstr(&j, "types", gs_strtab_get(&names->strings, r->name));
		gs_json_ku64(&j, "cycles", r->n_cycles);
		gs_json_ku64(&j, "objects", r->count);
		gs_json_ku64(&j, "bytes", r->bytes);
		gs_json_ku64(&j, "largest_objects", r->largest_count);
		gs_json_kstr(&j, "largest_address", gs_strf(call->mem, "0x%llx", (unsigned long long)gs_heap_addr(h, r->largest)));
		gs_json_kstr(&j, "largest_held_by", holder_of(names, d, r->largest));
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t top = gs_call_int(call, "limit");
	const gs_heap *h;
	gs_dominators d;
	gs_heap_names *names;
	gs_heap_cycles list;
	uint32_t n;

	h = gs_call_heap(call, &d, err);
	names = h ? gs_heap_names_build(call->mem, h, &d, err) : NULL;
	if (!names || !gs_heap_cycles_find(call->mem, h, &d, names, &list, err))
		return false;
	n = top && (uint64_t)top < list.n ? (uint32_t)top : list.n;
	(strcmp(call->format, "json") == 0 ? json : text)(call, h, &d, names, &list, n);
	return true;
}

extern const gs_op gs_op_heap_cycles;
const gs_op gs_op_heap_cycles = {
	.name = "heap-cycles",
	.summary = "objects of a Go program that lead back to themselves, by type, with who holds them",
	.help = "Parts of the heap in which every object reaches every other: rings, doubly linked lists, parents and children that know each other. Go's collector frees them as anything else,\n"
		"unless one has a finalizer; but a single way from outside into one keeps all of it. Parts of the same types are one row, with the address of an object in the\n"
		"largest and who alone holds that: `gospect heap refs --address` tells the way.\n"
		"\n"
		"  gospect heap cycles core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
