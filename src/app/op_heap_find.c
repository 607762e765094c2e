/* gospect heap find: the objects of a type. */
#include "analysis/heap_objects.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "type", GS_ARG_REGEX, .unit = "regexp", .short_name = 't', .help = "whose type matches; default: any" },
	{ "allocated-by", GS_ARG_REGEX, .unit = "regexp", .help = "that were sampled when a matching function allocated them, or what it called" },
	{ "limit", GS_ARG_INT, .def = "40", .unit = "rows", .short_name = 'n', .help = "how many objects to show; 0: all" },
	{ "min", GS_ARG_INT, .def = "0", .unit = "bytes", .help = "that retain at least so much" },
	{ "sort", GS_ARG_ENUM, .def = "retained", .values = "retained size address", .help = "what comes first" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static gs_str type_of(const gs_heap *h, const gs_heap_names *names, uint32_t object)
{
	return gs_strtab_get(&names->strings, names->of_type[gs_heap_type_of(h, object)]);
}

static void text(gs_op_call *call, const gs_heap *h, const gs_heap_names *names, const gs_heap_object_rows *list, uint32_t n)
{
	gs_buf table;

	gs_buf_init(&table, (size_t)1 << 32);
	gs_buf_f(call->out, "%u objects, ", list->n);
	gs_unit_label(call->out, (int64_t)list->size_bytes, GS_S("bytes"), GS_S("auto"));
	gs_buf_c(call->out, '\n');
	if (n)
		gs_buf_z(&table, "address\tretained\tsize\t  type\n");
	for (uint32_t i = 0; i < n; i++) {
		const gs_heap_object_row *r = &list->rows[i];

		gs_buf_f(&table, "0x%llx\t", (unsigned long long)r->addr);
		gs_unit_label(&table, (int64_t)r->retained_bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_c(&table, '\t');
		gs_unit_label(&table, (int64_t)r->size_bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_z(&table, "\t  ");
		gs_printable(&table, type_of(h, names, r->object));
		gs_buf_c(&table, '\n');
	}
	gs_tabs_align_right(call->out, gs_buf_view(&table));
	if (n < list->n)
		gs_buf_f(call->out, "and %u more (-n 0 shows all)\n", list->n - n);
	gs_buf_release(&table);
}

static void json(gs_op_call *call, const gs_heap *h, const gs_heap_names *names, const gs_heap_object_rows *list, uint32_t n)
{
	gs_json j = gs_json_to(call->out);
	char addr[24];

	gs_json_object(&j);
	gs_json_ku64(&j, "n_objects", list->n);
	gs_json_ku64(&j, "size_bytes", list->size_bytes);
	gs_json_key(&j, "objects");
	gs_json_array(&j);
	for (uint32_t i = 0; i < n; i++) {
		const gs_heap_object_row *r = &list->rows[i];

		snprintf(addr, sizeof(addr), "0x%llx", (unsigned long long)r->addr);
		gs_json_object(&j);
		gs_json_kstr(&j, "address", gs_str_of(addr));
		gs_json_kstr(&j, "type", type_of(h, names, r->object));
		gs_json_ku64(&j, "size_bytes", r->size_bytes);
		gs_json_ku64(&j, "retained_bytes", r->retained_bytes);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static gs_heap_object_order order_of(gs_str sort)
{
	if (gs_str_eq(sort, GS_S("size")))
		return GS_HEAP_BY_SIZE;
	return gs_str_eq(sort, GS_S("address")) ? GS_HEAP_BY_ADDRESS : GS_HEAP_BY_RETAINED;
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t top = gs_call_int(call, "limit");
	const gs_re *re = gs_call_regex(call, "type");
	const gs_heap *h;
	gs_dominators d;
	gs_heap_names *names;
	gs_heap_object_rows list;
	uint64_t *selected, *sampled = NULL;
	uint32_t n;

	if (!re)
		re = gs_re_compile(call->mem, GS_S("^"), err);
	h = re ? gs_call_heap(call, &d, err) : NULL;
	names = h ? gs_heap_names_build(call->mem, h, &d, err) : NULL;
	selected = names ? gs_heap_objects_of_type(call->mem, h, names, re, err) : NULL;
	if (!selected || (gs_call_regex(call, "allocated-by") && !gs_call_heap_sites(call, h, &sampled, err)))
		return false;
	for (uint32_t i = 0; sampled && i < h->n_objects / 64 + 1; i++)
		selected[i] &= sampled[i];
	if (!gs_heap_objects_list(call->mem, h, &d, selected, (uint64_t)gs_call_int(call, "min"),
					       order_of(gs_call_str(call, "sort")), top < UINT32_MAX ? (uint32_t)top : 0, &list, err))
		return false;
	n = list.n_rows;
	if (strcmp(call->format, "json") == 0)
		json(call, h, names, &list, n);
	else
		text(call, h, names, &list, n);
	return true;
}

extern const gs_op gs_op_heap_find;
const gs_op gs_op_heap_find = {
	.name = "heap-find",
	.summary = "the objects of a Go program's heap by type: address, size, retained size",
	.help = "Lists live objects one by one, those first that retain most.\n"
		"\n"
		"  gospect heap find --type 'main\\.session$' core.4242\n"
		"  gospect heap find --allocated-by 'main\\.newOrder$' core.4242\n"
		"  gospect heap find --min 1000000 --sort size core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
