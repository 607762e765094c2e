#include "analysis/heap_expression.h"

#include "base/buf.h"
#include "base/banned.h"

enum { MAX_STEPS = 1 << 16, MAX_TEXT = 4096 };

static const gs_heap_root *root_to(const gs_heap *h, const gs_dominators *d, uint32_t holder, uint32_t object)
{
	for (uint32_t k = d->holder_at[holder]; k < d->holder_at[holder + 1]; k++)
		if (d->holder_to[k] == object)
			return d->holder_root[k] == GS_HEAP_NONE ? NULL : &h->roots[d->holder_root[k]];
	return NULL;
}

static void start(gs_buf *out, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, gs_heap_look *look, uint32_t holder,
		  uint32_t object, bool is_exact)
{
	const gs_heap_root *r = root_to(h, d, holder, object);
	uint32_t goroutine = d->holders[holder].goroutine;

	if (r && r->kind == GS_HEAP_ROOT_GLOBAL && look) {
		gs_str name = look->variable(look, r, is_exact);

		if (name.n) {
			gs_buf_str(out, name);
			return;
		}
	}
	gs_buf_str(out, gs_strtab_get(&names->strings, names->of_holder[holder]));
	if (goroutine != GS_HEAP_NONE && is_exact)
		gs_buf_f(out, " %llu", (unsigned long long)h->goroutines[goroutine].id);
	if (r && r->kind == GS_HEAP_ROOT_STACK && r->name) {
		gs_buf_z(out, " frame ");
		gs_buf_str(out, gs_strtab_get(&h->strings, r->name));
	}
	if (object < d->n_objects) {
		gs_buf_z(out, ": ");
		gs_buf_str(out, gs_strtab_get(&names->strings, names->of_type[gs_heap_type_of(h, object)]));
	}
}

gs_str gs_heap_expression(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, gs_heap_look *look,
			  const gs_packed *up, uint32_t object, bool is_exact)
{
	GS_VEC(uint32_t) way = { 0 };
	gs_buf out;
	gs_str last = { 0 }, text;
	uint32_t times = 0;

	gs_buf_init(&out, 1 << 20);
	for (; object < d->n_objects && way.n < MAX_STEPS; object = gs_packed_id(up, object)) {
		uint32_t *place = gs_vec_push(&way, MAX_STEPS);

		if (place)
			*place = object;
	}
	if (object == GS_HEAP_NONE || !way.n) {
		gs_vec_release(&way);
		return (gs_str){ 0 };
	}
	if (object < d->n_objects)
		gs_buf_z(&out, "...");
	else
		start(&out, h, d, names, look, object - d->n_objects, way.p[way.n - 1], is_exact);
	for (size_t i = way.n - 1; i-- > 0 && look && out.n < MAX_TEXT;) {
		gs_str step = look->edge(look, way.p[i + 1], way.p[i], is_exact);

		if (step.n && gs_str_eq(step, last)) {
			times++;
			continue;
		}
		if (times)
			gs_buf_f(&out, "(x%u)", times + 1);
		times = 0;
		last = step.n ? step : last;
		gs_buf_str(&out, step);
	}
	if (times)
		gs_buf_f(&out, "(x%u)", times + 1);
	text = gs_str_dup(mem, gs_buf_view(&out));
	gs_buf_release(&out);
	gs_vec_release(&way);
	return text;
}
