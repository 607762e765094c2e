#include "present/heap_stack.h"

#include "present/printable.h"

#include "base/banned.h"

static gs_str text_of(const gs_heap *h, uint32_t id)
{
	return gs_strtab_get(&h->strings, id);
}

void gs_heap_line_text(gs_buf *out, gs_str file, uint32_t line)
{
	if (!file.n)
		return;
	gs_buf_z(out, "  ");
	gs_printable(out, file);
	if (line)
		gs_buf_f(out, ":%u", line);
}

void gs_heap_stack_text(gs_buf *out, const gs_heap *h, uint32_t site)
{
	const gs_heap_site *s = &h->sites[site];

	for (uint32_t i = s->n_hidden; i < s->n_calls; i++) {
		const gs_heap_call *c = &h->calls[s->first_call + i];

		for (uint32_t k = 0; k < c->n_frames; k++) {
			const gs_heap_frame *f = &h->call_frames[c->frame + k];

			gs_buf_z(out, "  ");
			gs_printable(out, text_of(h, f->function));
			gs_heap_line_text(out, text_of(h, f->file), f->line);
			gs_buf_c(out, '\n');
		}
	}
}

void gs_heap_stack_json(gs_json *j, const char *key, const gs_heap *h, uint32_t site)
{
	const gs_heap_site *s = &h->sites[site];

	gs_json_key(j, key);
	gs_json_array(j);
	for (uint32_t i = s->n_hidden; i < s->n_calls; i++) {
		const gs_heap_call *c = &h->calls[s->first_call + i];

		for (uint32_t k = 0; k < c->n_frames; k++) {
			const gs_heap_frame *f = &h->call_frames[c->frame + k];

			gs_json_object(j);
			gs_json_kstr(j, "function", text_of(h, f->function));
			gs_json_kstr(j, "file", text_of(h, f->file));
			gs_json_ku64(j, "line", f->line);
			gs_json_object_end(j);
		}
	}
	gs_json_array_end(j);
}

void gs_heap_callers_text(gs_buf *out, const gs_heap *h, uint32_t site, uint32_t from, unsigned max)
{
	const gs_heap_site *s = &h->sites[site];
	unsigned n = 0;
	bool is_behind = false;

	for (uint32_t i = s->n_hidden; i < s->n_calls && n < max; i++) {
		const gs_heap_call *c = &h->calls[s->first_call + i];

		for (uint32_t k = 0; k < c->n_frames && n < max; k++) {
			uint32_t function = h->call_frames[c->frame + k].function;

			if (is_behind) {
				gs_buf_z(out, " < ");
				gs_printable(out, text_of(h, function));
				n++;
			}
			is_behind |= function == from;
		}
	}
}
