/* gospect symbolize: what is at these addresses of a program? */
#include <stdatomic.h>

#include "app/address_text.h"
#include "app/addresses.h"
#include "app/op.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"

#include "base/banned.h"

#define INPUT_MAX_BYTES ((uint64_t)1 << 30)

static const gs_arg args[] = {
	{ "binary", GS_ARG_STRING, .unit = "file", .short_name = 'e',
	  .help = "the program or library whose addresses these are" },
	{ "load-address", GS_ARG_STRING, .unit = "address", .def = "0",
	  .help = "where its first byte was mapped (first column of /proc/PID/maps), for addresses of a running position-independent program" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

/* Where an answer lies until all are put out in the order of the questions. */
typedef struct place {
	uint32_t part, n;
	size_t at;
} place;

enum {
	MAX_PARTS = 64,
	PART_MIN = 2000, /* fewer questions than this are not worth another thread */
	STEP = 1024,	 /* so many questions are answered in order of addresses */
	PIECES = 1024,
};

typedef struct work {
	gs_op_call *call;
	gs_binary *binary;
	bool is_json;
	gs_addresses asked;
	uint64_t code; /* where it starts */
	gs_address_ref *order;
	place *places; /* by question */
	gs_buf parts[MAX_PARTS];
	size_t n_parts;
	atomic_size_t next; /* of `order`, not yet anybody's */
} work;

static void one_json(gs_buf *out, uint64_t addr, const gs_symbol *frames, unsigned n)
{
	gs_json json = gs_json_to(out), *j = &json;

	gs_buf_c(out, ','); /* left out of the very first */
	gs_json_object(j);
	gs_json_ku64(j, "address", addr);
	gs_json_key(j, "frames");
	gs_json_array(j);
	for (unsigned i = 0; i < n; i++) {
		const gs_symbol *f = &frames[i];

		gs_json_object(j);
		gs_json_kstr(j, "function", f->function);
		if (!gs_str_eq(f->function, f->linker_name))
			gs_json_kstr(j, "linker_name", f->linker_name);
		gs_json_kstr(j, "file", f->file);
		gs_json_ku64(j, "line", f->line);
		gs_json_ku64(j, "start_line", f->start_line);
		gs_json_kbool(j, "inlined", f->is_inlined);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
}

/* What one thread answers: steps until none is left. */
static void answer_part(void *ctx, size_t part)
{
	work *w = ctx;
	gs_buf *out = &w->parts[part];
	size_t n = w->asked.list.n, from;
	gs_symbol frames[GS_SYMBOL_MAX_DEPTH];
	gs_address_ref other[STEP];
	gs_binary_cursor cursor;
	gs_address_text text;

	gs_binary_cursor_init(&cursor);
	gs_address_text_init(&text, out);
	gs_buf_reserve(out, n / w->n_parts * (w->is_json ? 384 : 256)); /* a guess that spares copies */
	while ((from = atomic_fetch_add(&w->next, STEP)) < n) {
		gs_address_ref *refs = w->order + from;
		size_t count = n - from < STEP ? n - from : STEP;

		gs_address_refs_sort(refs, other, count);
		for (size_t i = 0; i < count; i++) {
			uint32_t index = gs_address_index(refs[i]), offset = gs_address_offset(refs[i]);
			uint64_t addr = offset == GS_ADDRESS_ELSEWHERE ? w->asked.list.p[index] : w->code + offset;
			size_t at = out->n;
			unsigned depth = gs_binary_frames_near(w->binary, &cursor, addr, frames, GS_SYMBOL_MAX_DEPTH);

			if (w->is_json)
				one_json(out, addr + w->asked.bias, frames, depth);
			else
				gs_address_text_put(&text, addr + w->asked.bias, frames, depth);
			w->places[index] = (place){ (uint32_t)part, (uint32_t)(out->n - at), at };
		}
	}
}

/* Neighbours share functions, and tables are then read from front to back. */
static bool order_questions(work *w)
{
	const gs_elf *e = gs_binary_elf(w->binary);
	uint64_t start = UINT64_MAX, end = 0;

	w->order = gs_try_new(w->call->mem, gs_address_ref, w->asked.list.n);
	w->places = gs_try_new(w->call->mem, place, w->asked.list.n);
	if (!w->order || !w->places)
		return false;
	for (uint32_t i = 0; i < e->n_segments; i++)
		if (e->segments[i].flags & 1) { /* executable */
			uint64_t limit = e->segments[i].addr + e->segments[i].mem_size;

			start = e->segments[i].addr < start ? e->segments[i].addr : start;
			end = limit > end ? limit : end;
		}
	w->code = start < end ? start : 0;
	gs_addresses_order(&w->asked, w->code, end, w->order);
	return true;
}

static bool put_out(gs_op_call *call, const gs_str *pieces, size_t n, gs_err *err)
{
	if (call->write)
		return call->write(pieces, n, err);
	for (size_t i = 0; i < n; i++)
		gs_buf_str(call->out, pieces[i]);
	return true;
}

/* In the order of the questions. */
static bool put_answers(work *w, gs_err *err)
{
	gs_str pieces[PIECES];
	size_t k = 0;

	if (w->is_json)
		pieces[k++] = GS_S("[");
	for (size_t i = 0; i < w->asked.list.n; i++) {
		const place *a = &w->places[i];
		gs_str text = { w->parts[a->part].p + a->at, a->n };

		pieces[k++] = w->is_json && i == 0 ? gs_str_skip(text, 1) : text;
		if (k == PIECES) {
			if (!put_out(w->call, pieces, k, err))
				return false;
			k = 0;
		}
	}
	if (w->is_json)
		pieces[k++] = GS_S("]\n");
	return put_out(w->call, pieces, k, err);
}

static bool answer(work *w, gs_err *err)
{
	size_t n = w->asked.list.n;
	bool ok = true;

	w->n_parts = n / PART_MIN < 1 ? 1 : n / PART_MIN > gs_cpu_count() ? gs_cpu_count() : n / PART_MIN;
	if (w->n_parts > MAX_PARTS)
		w->n_parts = MAX_PARTS;
	if (!order_questions(w))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no room for %zu addresses", n);
	for (size_t i = 0; i < w->n_parts; i++)
		gs_buf_init(&w->parts[i], w->call->out->max);
	gs_pool_run((unsigned)w->n_parts, w->n_parts, answer_part, w);
	for (size_t i = 0; i < w->n_parts; i++)
		w->call->out->bad |= w->parts[i].bad; /* the front-end says so */
	if (!w->call->out->bad)
		ok = put_answers(w, err);
	for (size_t i = 0; i < w->n_parts; i++)
		gs_buf_release(&w->parts[i]);
	return ok;
}

static bool function_entry(void *ctx, gs_str name, uint64_t *addr, gs_err *err)
{
	work *w = ctx;
	uint64_t end;

	return gs_binary_function(w->binary, name, addr, &end) ||
	       gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
		       "%.*s is neither an address in hexadecimal nor a function of this program", GS_FMT(name));
}

static bool ask_all(work *w, gs_err *err)
{
	GS_AUTO(file) file = { 0 };

	return gs_file_open("-", INPUT_MAX_BYTES, &file, err) && gs_addresses_read(&w->asked, file.bytes, err);
}

/* Addresses of a running program start where it was loaded; the file's own start at its first segment. */
static bool find_bias(work *w, gs_str text, gs_err *err)
{
	const gs_elf *e = gs_binary_elf(w->binary);
	uint64_t load;

	if (!gs_str_u64(gs_str_starts(text, GS_S("0x")) ? gs_str_skip(text, 2) : text, 16, &load))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--load-address %.*s is no address", GS_FMT(text));
	for (uint32_t i = 0; load && i < e->n_segments; i++)
		if (e->segments[i].type == 1) {
			w->asked.bias = load - (e->segments[i].addr - e->segments[i].offset);
			break;
		}
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_str path = gs_call_str(call, "binary");
	work w = { .call = call, .is_json = strcmp(call->format, "json") == 0, .asked.name = function_entry, .asked.ctx = &w };
	bool ok;

	if (path.n == 0)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "which program? gospect symbolize --binary FILE ADDRESS... (- reads addresses from standard input)");
	w.binary = gs_binary_open(gs_cstr(call->mem, path), err);
	if (!w.binary)
		return false;
	ok = find_bias(&w, gs_call_str(call, "load-address"), err);
	for (unsigned i = 0; ok && i < call->n_paths; i++)
		ok = gs_str_eq(call->paths[i], GS_S("-")) ? ask_all(&w, err) : gs_addresses_add(&w.asked, call->paths[i], err);
	if (ok && call->n_paths == 0)
		ok = ask_all(&w, err);
	ok = ok && answer(&w, err);
	gs_vec_release(&w.asked.list);
	gs_binary_close(w.binary);
	return ok;
}

extern const gs_op gs_op_symbolize;
const gs_op gs_op_symbolize = {
	.name = "symbolize",
	.summary = "functions, inlined calls and lines at addresses of a program",
	.help = "Answers what addr2line answers, for stripped and position-independent Go programs too, with every inlined call: one\n"
		"block for each address, innermost frame first. Addresses are hexadecimal; a function's name means its entry. Without\n"
		"addresses, or for -, they are read from standard input, one a line.\n"
		"\n"
		"  gospect symbolize --binary ./server 0x4a31f0 main.main\n"
		"  gospect symbolize --binary ./server --format json - < addresses\n",
	.operands = "[ADDRESS...|-]",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
	.formats = "text json",
	.run = run,
};
