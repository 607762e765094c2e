#include "app/code.h"

#include "load/disasm.h"

struct gs_code {
	gs_arena *mem;
	gs_symbolizer *symbolizer;
	gs_source *source;
	bool as_pprof;
};

static void free_symbolizer(void *s)
{
	gs_symbolizer_free(s);
}

static void free_source(void *s)
{
	gs_source_free(s);
}

gs_code *gs_code_create(gs_arena *mem, gs_symbolizer *symbolizer, const char *source_path, const char *trim_path)
{
	gs_code *c = gs_new(mem, gs_code, 1);
	gs_source_options options = { .source_path = source_path, .trim_path = trim_path };

	c->mem = mem;
	c->symbolizer = symbolizer;
	if (!symbolizer) {
		c->symbolizer = gs_symbolizer_create(&(gs_symbolizer_options){ 0 });
		gs_arena_on_free(mem, free_symbolizer, c->symbolizer);
	}
	c->source = gs_source_create(&options);
	gs_arena_on_free(mem, free_source, c->source);
	return c;
}

void gs_code_add_profile(gs_code *c, const gs_profile *p)
{
	gs_source_add_profile(c->source, p, c->symbolizer);
}

static gs_symbol_map map_of(const gs_profile *p, uint32_t mapping)
{
	const gs_mapping *m = &p->mappings[mapping];

	return (gs_symbol_map){ .file = gs_profile_str(p, m->file),
				.build_id = gs_profile_str(p, m->build_id),
				.start = m->start,
				.limit = m->limit,
				.offset = m->offset };
}

/* The binary of a mapping, and what to subtract from the profile's addresses to get the binary's own. */
static gs_binary *binary_of(gs_code *c, const gs_profile *p, uint32_t mapping, uint64_t *bias, gs_err *err)
{
	gs_symbol_map map = map_of(p, mapping);
	gs_binary *b = gs_symbolizer_binary(c->symbolizer, &map, err);
	uint64_t own;

	if (!b)
		return NULL;
	for (uint32_t l = 1; l < p->n_locations; l++)
		if (p->locations[l].mapping == mapping && gs_binary_addr_of(b, &map, p->locations[l].address, &own)) {
			*bias = p->locations[l].address - own;
			return b;
		}
	gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s has no code at the profile's addresses", GS_FMT(map.file));
	return NULL;
}

static bool symbols(void *ctx, const gs_profile *p, uint32_t mapping, const gs_re *name, uint64_t address,
		    const gs_report_symbol **list, uint32_t *n, gs_err *err)
{
	gs_code *c = ctx;
	GS_VEC(gs_report_symbol) found = { 0 };
	gs_report_symbol *copy;
	uint64_t bias;
	uint32_t n_functions;
	const gs_code_symbol *functions;
	gs_binary *b = binary_of(c, p, mapping, &bias, err);

	if (!b)
		return false;
	functions = gs_binary_functions(b, &n_functions);
	for (uint32_t i = 0; i < n_functions; i++) {
		const gs_code_symbol *f = &functions[i];
		gs_report_symbol *s;

		if (!gs_re_match(name, f->name) && !(address && address - bias >= f->start && address - bias < f->end))
			continue;
		s = gs_vec_push(&found, 1 << 24);
		if (!s)
			break;
		*s = (gs_report_symbol){ .name = f->name,
					 .start = f->start + bias,
					 .end = f->end + bias,
					 .offset = bias,
					 .mapping = mapping };
	}
	copy = gs_new(c->mem, gs_report_symbol, found.n);
	if (found.n)
		memcpy(copy, found.p, found.n * sizeof(*copy));
	*list = copy;
	*n = (uint32_t)found.n;
	gs_vec_release(&found);
	return true;
}

static gs_str inline_text(gs_arena *mem, const gs_symbol *f)
{
	size_t slash = gs_str_rfind_char(f->file, '/');

	return gs_strf(mem, "%.*s %.*s:%u", GS_FMT(f->function),
		       GS_FMT(slash == SIZE_MAX ? f->file : gs_str_skip(f->file, slash + 1)), f->line);
}

/* Instructions of [start, end) in the profile's addresses. */
static bool decode(gs_code *c, gs_binary *b, uint64_t start, uint64_t end, uint64_t bias, bool intel, gs_report_instruction **list,
		   uint32_t *n, gs_err *err)
{
	const gs_instruction *in;

	if (!gs_disasm(c->mem, b, start - bias, end - bias, intel ? GS_ASM_INTEL : GS_ASM_GO, &in, n, err))
		return false;
	*list = gs_new(c->mem, gs_report_instruction, *n);
	for (uint32_t i = 0; i < *n; i++) {
		gs_report_instruction *out = &(*list)[i];

		*out = (gs_report_instruction){ .address = in[i].addr + bias,
						.size = in[i].size,
						.text = in[i].text,
						.file = in[i].file,
						.line = in[i].line };
		if (!in[i].n_frames)
			continue;
		out->outer_file = in[i].frames[in[i].n_frames - 1].file;
		out->outer_line = in[i].frames[in[i].n_frames - 1].line;
		out->n_inline = in[i].n_frames - 1;
		out->inlined = gs_new(c->mem, gs_str, out->n_inline);
		for (unsigned k = 0; k < out->n_inline; k++)
			out->inlined[k] = inline_text(c->mem, &in[i].frames[k]);
	}
	return true;
}

static bool instructions(void *ctx, const gs_profile *p, const gs_report_symbol *s, bool intel,
			 const gs_report_instruction **list, uint32_t *n, gs_err *err)
{
	gs_code *c = ctx;
	gs_report_instruction *all;
	uint64_t bias;
	gs_binary *b = binary_of(c, p, s->mapping, &bias, err);

	/* go tool pprof takes a function's last byte off, and shows what is left of a longer instruction there as "?". */
	if (!b || !decode(c, b, s->start, s->end - c->as_pprof, bias, intel, &all, n, err))
		return false;
	*list = all;
	return true;
}

gs_report_code gs_code_for_report(gs_code *c, bool as_pprof)
{
	c->as_pprof = as_pprof;
	return (gs_report_code){ symbols, instructions, c };
}

static bool listing_lines(void *ctx, gs_str file, gs_str function, gs_listing_file *out)
{
	gs_code *c = ctx;
	const gs_source_file *f = gs_source_open(c->source, file, function);
	gs_str *lines;

	*out = (gs_listing_file){ .path = f->path };
	if (!f->path.n) {
		gs_str tried = f->tried, first;
		unsigned more = 0;

		gs_str_line(&tried, &first);
		for (size_t i = 0; i < tried.n; i++)
			more += tried.p[i] == '\n';
		out->missing = first.n ? gs_strf(c->mem, "not found; looked at %.*s and %u other places", GS_FMT(first), more) :
					 GS_S("not found");
		return false;
	}
	out->note = f->note;
	out->n = f->n_lines;
	lines = gs_new(c->mem, gs_str, f->n_lines);
	for (uint32_t i = 0; i < f->n_lines; i++)
		lines[i] = gs_source_line(f, i + 1);
	out->lines = lines;
	return true;
}

static bool listing_code(void *ctx, const gs_profile *p, uint32_t mapping, gs_str function,
			 const gs_report_instruction **list, uint32_t *n)
{
	gs_code *c = ctx;
	gs_err err = { 0 };
	uint64_t bias, start, end;
	gs_binary *b = binary_of(c, p, mapping, &bias, &err);
	gs_report_instruction *all;

	if (!b || !gs_binary_function(b, function, &start, &end) ||
	    !decode(c, b, start + bias, end + bias, bias, false, &all, n, &err))
		return false;
	*list = all;
	return true;
}

gs_listing_code gs_code_for_listing(gs_code *c)
{
	return (gs_listing_code){ listing_lines, listing_code, c };
}
