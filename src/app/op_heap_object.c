/* gospect heap object: one object and what is around it. */
#include "analysis/heap_objects.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/heap_stack.h"
#include "present/printable.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "address", GS_ARG_STRING, .unit = "address", .short_name = 'a', .help = "anywhere in the object: 0xc000012340" },
	{ "limit", GS_ARG_INT, .def = "20", .unit = "rows", .short_name = 'n', .help = "how many of each list to show; 0: all" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

enum { MAX_FIELDS = 1 << 20 };

typedef struct answer {
	const gs_heap *h;
	const gs_dominators *d;
	const gs_heap_names *names;
	gs_heap_around around;
	gs_heap_look *look; /* NULL: the memory is gone */
	gs_heap_fields fields;
	gs_heap_function function; /* of a closure */
	bool is_closure;
	uint32_t object, max;
	uint32_t first_sample, n_samples; /* where it was allocated, when it was sampled */
} answer;

static gs_str name_of(const answer *a, uint32_t node)
{
	uint32_t id = node < a->d->n_objects ? a->names->of_type[gs_heap_type_of(a->h, node)] : a->names->of_holder[node - a->d->n_objects];

	return gs_strtab_get(&a->names->strings, id);
}

static void node_text(gs_buf *out, const answer *a, uint32_t node)
{
	gs_buf_z(out, "  ");
	if (node < a->d->n_objects)
		gs_buf_f(out, "0x%llx ", (unsigned long long)gs_heap_addr(a->h, node));
	gs_printable(out, name_of(a, node));
	gs_buf_z(out, ", retains ");
	gs_unit_label(out, (int64_t)gs_dominators_retained(a->d, node), GS_S("bytes"), GS_S("auto"));
	gs_buf_c(out, '\n');
}

/* "0xc000 main.entry .next, retains ..." */
static void edge_text(gs_buf *out, const answer *a, uint32_t node, uint32_t from, uint32_t to)
{
	gs_str field = a->look && from < a->d->n_objects ? a->look->edge(a->look, from, to, true) : (gs_str){ 0 };

	if (field.n) {
		gs_buf_z(out, "  ");
		gs_printable(out, field);
	}
	node_text(out, a, node);
}

static void function_text(gs_buf *out, const answer *a)
{
	const gs_heap_function *f = &a->function;

	if (!a->is_closure)
		return;
	gs_buf_z(out, "closure of ");
	gs_printable(out, f->name);
	gs_heap_line_text(out, f->file, f->line);
	gs_buf_c(out, '\n');
}

static void fields_text(gs_buf *out, const answer *a)
{
	if (!a->fields.n)
		return;
	gs_buf_z(out, "fields:\n");
	for (uint32_t i = 0; i < a->fields.n; i++) {
		const gs_heap_field *f = &a->fields.list[i];

		gs_buf_z(out, "  ");
		gs_printable(out, f->name);
		if (f->name.n)
			gs_buf_c(out, ' ');
		gs_printable(out, f->type);
		gs_buf_z(out, f->type.n ? " = " : "= ");
		gs_printable(out, f->value);
		gs_buf_c(out, '\n');
	}
	if (a->fields.n < a->fields.n_all)
		gs_buf_z(out, "  and more (-n 0 shows all)\n");
}

static void list_text(gs_buf *out, const answer *a, const char *title, const uint32_t *list, uint32_t n, bool is_from)
{
	uint32_t shown = a->max && a->max < n ? a->max : n;

	gs_buf_f(out, "%s %u:\n", title, n);
	for (uint32_t i = 0; i < shown; i++)
		edge_text(out, a, list[i], is_from ? list[i] : a->object, is_from ? a->object : list[i]);
	if (shown < n)
		gs_buf_f(out, "  and %u more (-n 0 shows all)\n", n - shown);
}

static gs_str root_name(const answer *a, const gs_heap_root *r)
{
	if (a->look && r->kind == GS_HEAP_ROOT_GLOBAL)
		return a->look->variable(a->look, r, true);
	return gs_strtab_get(&a->h->strings, r->name);
}

static const char *root_kind(const gs_heap_root *r)
{
	static const char *const names[] = { "var", "frame", "register", "goroutine", "finalizer", "cleanup", "weak handle", "queue" };

	return names[r->kind];
}

static void text(gs_op_call *call, const answer *a)
{
	gs_buf *out = call->out;
	uint32_t root = gs_dominators_root(a->d), n = 0;

	node_text(out, a, a->object);
	gs_buf_z(out, "size ");
	gs_unit_label(out, (int64_t)gs_heap_size(a->h, a->object), GS_S("bytes"), GS_S("auto"));
	gs_buf_c(out, '\n');
	function_text(out, a);
	fields_text(out, a);
	for (uint32_t i = 0; i < a->n_samples; i++) {
		gs_buf_z(out, "allocated by:\n");
		gs_heap_stack_text(out, a->h, a->h->samples[a->first_sample + i].site);
	}
	gs_buf_z(out, "retained by:\n");
	for (uint32_t up = gs_dominators_above(a->d, a->object); up != root && up != GS_HEAP_NONE; up = gs_dominators_above(a->d, up), n++)
		if (!a->max || n < a->max || gs_dominators_above(a->d, up) == root)
			node_text(out, a, up);
		else if (n == a->max)
			gs_buf_z(out, "  ... (-n 0 shows all)\n");
	if (!n)
		gs_buf_f(out, "  several together: gospect heap refs --address 0x%llx shows the shortest way\n", (unsigned long long)gs_heap_addr(a->h, a->object));
	gs_buf_f(out, "roots that point to it %u:\n", a->around.n_roots);
	for (uint32_t i = 0; i < a->around.n_roots && (!a->max || i < a->max); i++) {
		const gs_heap_root *r = &a->h->roots[a->around.roots[i]];

		gs_str name = root_name(a, r);

		gs_buf_f(out, name.n ? "  %s " : "  %s", root_kind(r));
		gs_printable(out, name);
		if (r->goroutine != GS_HEAP_NONE)
			gs_buf_f(out, " of goroutine %llu", (unsigned long long)a->h->goroutines[r->goroutine].id);
		gs_buf_z(out, r->is_guess ? " (a guess)\n" : "\n");
	}
	list_text(out, a, "objects that point to it", a->around.from, a->around.n_from, true);
	list_text(out, a, "points to", a->around.to, a->around.n_to, false);
}

static void members_json(gs_op_call *call, gs_json *j, const answer *a, uint32_t node)
{
	if (node < a->d->n_objects) {
		gs_json_kstr(j, "address", gs_strf(call->mem, "0x%llx", (unsigned long long)gs_heap_addr(a->h, node)));
		gs_json_kstr(j, "type", name_of(a, node));
		gs_json_ku64(j, "size_bytes", gs_heap_size(a->h, node));
	} else {
		gs_json_kstr(j, "holder", name_of(a, node));
	}
	gs_json_ku64(j, "retained_bytes", gs_dominators_retained(a->d, node));
}

static void node_json(gs_op_call *call, gs_json *j, const answer *a, uint32_t node)
{
	gs_json_object(j);
	members_json(call, j, a, node);
	gs_json_object_end(j);
}

static void edge_json(gs_op_call *call, gs_json *j, const answer *a, uint32_t node, uint32_t from, uint32_t to)
{
	gs_json_object(j);
	if (a->look && from < a->d->n_objects)
		gs_json_kstr(j, "field", a->look->edge(a->look, from, to, true));
	members_json(call, j, a, node);
	gs_json_object_end(j);
}

static void function_json(gs_json *j, const answer *a)
{
	if (!a->is_closure)
		return;
	gs_json_key(j, "closure_of");
	gs_json_object(j);
	gs_json_kstr(j, "function", a->function.name);
	if (a->function.file.n) {
		gs_json_kstr(j, "file", a->function.file);
		gs_json_ku64(j, "line", a->function.line);
	}
	gs_json_object_end(j);
}

static void fields_json(gs_op_call *call, gs_json *j, const answer *a)
{
	gs_json_ku64(j, "n_fields", a->fields.n_all);
	gs_json_key(j, "fields");
	gs_json_array(j);
	for (uint32_t i = 0; i < a->fields.n; i++) {
		const gs_heap_field *f = &a->fields.list[i];

		gs_json_object(j);
		gs_json_kstr(j, "name", f->name);
		gs_json_kstr(j, "type", f->type);
		gs_json_kstr(j, "value", f->value);
		if (f->to != GS_HEAP_NONE)
			gs_json_kstr(j, "to", gs_strf(call->mem, "0x%llx", (unsigned long long)gs_heap_addr(a->h, f->to)));
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void list_json(gs_op_call *call, gs_json *j, const answer *a, const char *key, const uint32_t *list, uint32_t n, bool is_from)
{
	gs_json_key(j, key);
	gs_json_array(j);
	for (uint32_t i = 0; i < n && (!a->max || i < a->max); i++)
		edge_json(call, j, a, list[i], is_from ? list[i] : a->object, is_from ? a->object : list[i]);
	gs_json_array_end(j);
}

static void json(gs_op_call *call, const answer *a)
{
	uint32_t root = gs_dominators_root(a->d), n = 0;
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_key(&j, "object");
	node_json(call, &j, a, a->object);
	function_json(&j, a);
	fields_json(call, &j, a);
	gs_json_key(&j, "allocations");
	gs_json_array(&j);
	for (uint32_t i = 0; i < a->n_samples; i++) {
		gs_json_object(&j);
		gs_heap_stack_json(&j, "stack", a->h, a->h->samples[a->first_sample + i].site);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_key(&j, "retained_by");
	gs_json_array(&j);
	for (uint32_t up = gs_dominators_above(a->d, a->object); up != root && up != GS_HEAP_NONE; up = gs_dominators_above(a->d, up), n++)
		if (!a->max || n < a->max || gs_dominators_above(a->d, up) == root)
			node_json(call, &j, a, up);
	gs_json_array_end(&j);
	gs_json_ku64(&j, "n_roots", a->around.n_roots);
	gs_json_key(&j, "roots");
	gs_json_array(&j);
	for (uint32_t i = 0; i < a->around.n_roots && (!a->max || i < a->max); i++) {
		const gs_heap_root *r = &a->h->roots[a->around.roots[i]];

		gs_json_object(&j);
		gs_json_kstr(&j, "kind", gs_str_of(root_kind(r)));
		gs_json_kstr(&j, "name", root_name(a, r));
		if (r->goroutine != GS_HEAP_NONE)
			gs_json_ku64(&j, "goroutine", a->h->goroutines[r->goroutine].id);
		gs_json_kbool(&j, "is_guess", r->is_guess);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_ku64(&j, "n_from", a->around.n_from);
	list_json(call, &j, a, "from", a->around.from, a->around.n_from, true);
	gs_json_ku64(&j, "n_to", a->around.n_to);
	list_json(call, &j, a, "to", a->around.to, a->around.n_to, false);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static bool run(gs_op_call *call, gs_err *err)
{
	const gs_heap *h;
	gs_dominators d;
	answer a = { .max = (uint32_t)gs_call_int(call, "limit") };

	if (!gs_call_is_set(call, "address"))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-object needs --address: which object?");
	h = gs_call_heap(call, &d, err);
	if (!h || !gs_call_heap_object(call, h, &a.object, err))
		return false;
	a.names = gs_heap_names_build(call->mem, h, &d, err);
	if (!a.names || !gs_heap_object_around(call->mem, h, &d, a.object, &a.around, err))
		return false;
	a.h = h;
	a.d = &d;
	a.n_samples = gs_heap_samples_of(h, a.object, &a.first_sample);
	a.look = h->look ? h->look(h, call->mem) : NULL;
	if (a.look && !a.look->fields(a.look, a.object, a.max ? a.max : MAX_FIELDS, &a.fields))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for an object's fields");
	a.is_closure = a.look && a.look->function(a.look, a.object, &a.function);
	if (strcmp(call->format, "json") == 0)
		json(call, &a);
	else
		text(call, &a);
	return true;
}

extern const gs_op gs_op_heap_object;
const gs_op gs_op_heap_object = {
	.name = "heap-object",
	.summary = "one object of a Go program's heap: what it retains, what retains it, who points to it, where it points",
	.help = "The object that an address lies in: its type and size, its fields with their values (entries of a map, elements of a slice's array or a channel, what a closure captured), the objects up to the variable or goroutine that each alone retain it, roots and objects that point to it, and what\n"
		"it points to; and the calls that allocated it when it is one of those that the program sampled. Addresses come from `gospect heap find`, `gospect heap holders` or a debugger.\n"
		"\n"
		"  gospect heap object --address 0xc000012340 core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
