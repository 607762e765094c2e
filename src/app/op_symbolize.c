/* gospect symbolize: what is at these addresses of a program? */
#include "app/op.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "load/binary.h"
#include "present/printable.h"

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

typedef struct question {
	uint64_t addr;
	uint32_t key, index; /* upper bits of where it lies in the code; place in `addrs` */
} question;

/* Where an answer lies until all are put out in the order of the questions. */
typedef struct place {
	uint32_t part;
	uint32_t n;
	size_t at;
} place;

enum {
	MAX_ITEMS = 1 << 27,
	MAX_PARTS = 64,
	PART_MIN = 2000, /* fewer questions than this are not worth another thread */
	DIGIT_BITS = 11,
	PIECES = 1024,
};

typedef struct work {
	gs_op_call *call;
	gs_binary *binary;
	uint64_t bias;
	bool is_json;
	GS_VEC(uint64_t) addrs; /* the file's own, in the order of the questions */
	question *order;	/* by address */
	uint32_t *rank;		/* of each question in `order` */
	place *places;		/* in the order of `order`: threads do not meet there */
	gs_buf parts[MAX_PARTS];
	size_t n_parts;
} work;

/* What is written again and again: the text before a frame's line number, for as long as function and file stay the same. */
typedef struct writer {
	gs_buf *out;
	const char *function, *file;
	bool is_inlined;
	size_t at, n;
} writer;

enum { NUMBER_MAX = 20 };

/* Numbers are much of what is written here, and printf is slow. The caller has made room. */
static inline void put_number(gs_buf *out, uint64_t v, unsigned base)
{
	char b[NUMBER_MAX], *end = b + sizeof(b), *p = end;

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	for (char *to = out->p + out->n; p < end; out->n++)
		*to++ = *p++;
}

static void put_frame(writer *w, const gs_symbol *f)
{
	gs_buf *out = w->out;

	if (w->n && w->function == f->function.p && w->file == f->file.p && w->is_inlined == f->is_inlined) {
		if (gs_buf_reserve(out, w->n)) {
			memcpy(out->p + out->n, out->p + w->at, w->n);
			out->n += w->n;
		}
		return;
	}
	*w = (writer){ out, f->function.p, f->file.p, f->is_inlined, out->n, 0 };
	gs_buf_str(out, GS_S("  "));
	gs_printable(out, f->function);
	if (f->is_inlined)
		gs_buf_str(out, GS_S(" (inlined)"));
	if (f->file.n) {
		gs_buf_c(out, ' ');
		gs_printable(out, f->file);
	}
	w->n = out->n - w->at;
}

static void one_text(writer *w, uint64_t addr, const gs_symbol *frames, unsigned n)
{
	gs_buf *out = w->out;

	if (!gs_buf_reserve(out, 2 + NUMBER_MAX))
		return;
	out->p[out->n++] = '0';
	out->p[out->n++] = 'x';
	put_number(out, addr, 16);
	gs_buf_str(out, n ? GS_S("\n") : GS_S("\n  ?\n"));
	for (unsigned i = 0; i < n; i++) {
		put_frame(w, &frames[i]);
		if (!gs_buf_reserve(out, NUMBER_MAX + 2))
			return;
		if (frames[i].file.n && frames[i].line) {
			out->p[out->n++] = ':';
			put_number(out, frames[i].line, 10);
		}
		out->p[out->n++] = '\n';
	}
}

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

/* Answer one run of the sorted questions. */
static void answer_part(void *ctx, size_t part)
{
	work *w = ctx;
	gs_buf *out = &w->parts[part];
	size_t from = w->addrs.n * part / w->n_parts, to = w->addrs.n * (part + 1) / w->n_parts;
	gs_symbol frames[GS_SYMBOL_MAX_DEPTH];
	gs_binary_cursor cursor;
	writer text = { .out = out };

	gs_binary_cursor_init(&cursor);
	gs_buf_reserve(out, (to - from) * (w->is_json ? 384 : 256)); /* a guess that spares copies */
	for (size_t i = from; i < to; i++) {
		uint64_t addr = w->order[i].addr;
		size_t at = out->n;
		unsigned n = gs_binary_frames_near(w->binary, &cursor, addr, frames, GS_SYMBOL_MAX_DEPTH);

		if (w->is_json)
			one_json(out, addr + w->bias, frames, n);
		else
			one_text(&text, addr + w->bias, frames, n);
		w->places[i] = (place){ (uint32_t)part, (uint32_t)(out->n - at), at };
	}
}

/*
 * Neighbours share functions, and tables are then read from front to back: by the upper 22 bits of where an address lies in
 * the program's code, which is near enough.
 */
static bool sort_questions(work *w)
{
	enum { N = 1 << DIGIT_BITS };
	const gs_elf *e = gs_binary_elf(w->binary);
	size_t n = w->addrs.n;
	question *from = gs_try_new(w->call->mem, question, n), *to = gs_try_new(w->call->mem, question, n);
	uint32_t *low = gs_new(w->call->mem, uint32_t, N), *high = gs_new(w->call->mem, uint32_t, N), sums[2] = { 0 };
	uint64_t start = UINT64_MAX, end = 0;
	unsigned shift = 0;

	w->rank = gs_try_new(w->call->mem, uint32_t, n);
	if (!from || !to || !w->rank)
		return false;
	for (uint32_t i = 0; i < e->n_segments; i++)
		if (e->segments[i].flags & 1) { /* executable */
			uint64_t limit = e->segments[i].addr + e->segments[i].mem_size;

			start = e->segments[i].addr < start ? e->segments[i].addr : start;
			end = limit > end ? limit : end;
		}
	if (start > end)
		start = 0;
	while ((end - start) >> shift >= (uint64_t)1 << 2 * DIGIT_BITS)
		shift++;
	for (size_t i = 0; i < n; i++) {
		uint64_t addr = w->addrs.p[i];
		uint32_t key = addr < start ? 0 : (uint32_t)(((addr < end ? addr : end) - start) >> shift);

		from[i] = (question){ addr, key, (uint32_t)i };
		low[key & (N - 1)]++;
		high[key >> DIGIT_BITS]++;
	}
	for (unsigned d = 0; d < N; d++) {
		uint32_t a = low[d], b = high[d];

		low[d] = sums[0];
		high[d] = sums[1];
		sums[0] += a;
		sums[1] += b;
	}
	for (size_t i = 0; i < n; i++)
		to[low[from[i].key & (N - 1)]++] = from[i];
	for (size_t i = 0; i < n; i++) {
		uint32_t at = high[to[i].key >> DIGIT_BITS]++;

		from[at] = to[i];
		w->rank[to[i].index] = at;
	}
	w->order = from;
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
	for (size_t i = 0; i < w->addrs.n; i++) {
		const place *a = &w->places[w->rank[i]];
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
	size_t n = w->addrs.n;
	bool ok = true;

	w->places = gs_try_new(w->call->mem, place, n);
	w->n_parts = n / PART_MIN < 1 ? 1 : n / PART_MIN > gs_cpu_count() ? gs_cpu_count() : n / PART_MIN;
	if (w->n_parts > MAX_PARTS)
		w->n_parts = MAX_PARTS;
	if (!w->places || !sort_questions(w))
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

static bool add_question(work *w, uint64_t addr, gs_err *err)
{
	uint64_t *q = gs_vec_push(&w->addrs, MAX_ITEMS);

	if (!q)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "too many addresses");
	*q = addr;
	return true;
}

/* "0x4a31f0", "4a31f0", or "main.main": the function's entry. */
static bool ask(work *w, gs_str text, gs_err *err)
{
	gs_str hex = gs_str_starts(text, GS_S("0x")) ? gs_str_skip(text, 2) : text;
	uint64_t addr, end;

	if (gs_str_u64(hex, 16, &addr))
		addr -= w->bias;
	else if (!gs_binary_function(w->binary, text, &addr, &end))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s is neither an address in hexadecimal nor a function of this program", GS_FMT(text));
	return add_question(w, addr, err);
}

/* A line that is nothing but 0x and at most sixteen digits, as nearly all are: they come by the hundred thousand. */
static bool plain_address(gs_str *rest, uint64_t *addr)
{
	const char *p = rest->p, *end = p + rest->n;
	uint64_t v = 0;
	unsigned digits = 0;

	if (rest->n < 4 || p[0] != '0' || p[1] != 'x')
		return false;
	for (p += 2; p < end && digits <= 16; p++, digits++) {
		unsigned c = (unsigned char)*p, d = c - '0' < 10 ? c - '0' : (c | 0x20) - 'a' < 6 ? (c | 0x20) - 'a' + 10 : 16;

		if (d == 16)
			break;
		v = v << 4 | d;
	}
	if (p == end || *p != '\n' || digits == 0 || digits > 16)
		return false;
	*rest = gs_str_skip(*rest, (size_t)(p + 1 - rest->p));
	*addr = v;
	return true;
}

static bool ask_all(work *w, gs_err *err)
{
	GS_AUTO(file) file = { 0 };
	gs_str rest, line;
	uint64_t addr;

	if (!gs_file_open("-", INPUT_MAX_BYTES, &file, err))
		return false;
	rest = file.bytes;
	for (;;) {
		if (plain_address(&rest, &addr)) {
			if (!add_question(w, addr - w->bias, err))
				return false;
			continue;
		}
		if (!gs_str_line(&rest, &line))
			return true;
		line = gs_str_trim(line);
		if (line.n && !ask(w, line, err))
			return false;
	}
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
			w->bias = load - (e->segments[i].addr - e->segments[i].offset);
			break;
		}
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_str path = gs_call_str(call, "binary");
	work w = { .call = call, .is_json = strcmp(call->format, "json") == 0 };
	bool ok;

	if (path.n == 0)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "which program? gospect symbolize --binary FILE ADDRESS... (- reads addresses from standard input)");
	w.binary = gs_binary_open(gs_cstr(call->mem, path), err);
	if (!w.binary)
		return false;
	ok = find_bias(&w, gs_call_str(call, "load-address"), err);
	for (unsigned i = 0; ok && i < call->n_paths; i++)
		ok = gs_str_eq(call->paths[i], GS_S("-")) ? ask_all(&w, err) : ask(&w, call->paths[i], err);
	if (ok && call->n_paths == 0)
		ok = ask_all(&w, err);
	ok = ok && answer(&w, err);
	gs_vec_release(&w.addrs);
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
