/*
 * The whole way from a core to the answers: image, runtime, marks, types, index, and every operation on heaps. The input is no core but what is to be
 * damaged in a small real one (tests/data/heap, where all words are zero on which no answer depends): a byte that says what is asked,
 * then records of eight bytes, {what, which word (24 bits), with what (32 bits)}.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "app/heap_call.h"
#include "base/file.h"
#include "format/compress/unpack.h"
#include "format/core/core.h"
#include "service/http/api.h"
#include "service/http/query.h"
#include "fuzz_load.h"

#include "base/banned.h"

enum { MAX_RECORDS = 64, RECORD = 8, MAX_CORE = 256 << 20, ASKED_OBJECTS = 3 };

typedef enum damage {
	DAMAGE_ZERO,
	DAMAGE_SET,
	DAMAGE_ADD,
	DAMAGE_COPY, /* of another word */
	DAMAGE_FLIP,
	DAMAGE_ONES,
	DAMAGE_LOW_BYTE,
	DAMAGE_CUT, /* the core ends there */
	N_DAMAGES,
} damage;

static struct {
	unsigned char *bytes;
	size_t n;
	size_t *words; /* offsets of all that are not zero */
	size_t n_words;
	char exe[64];
} core;

static gs_unpacked unpacked(const char *name)
{
	char path[4096];
	gs_file f;
	gs_unpacked u;
	gs_err err;

	snprintf(path, sizeof(path), "%s/%s", HEAP_DATA, name);
	fuzz_expect(gs_file_open(path, MAX_CORE, &f, &err) && gs_unpack(f.bytes, MAX_CORE, &u, &err));
	gs_file_close(&f);
	return u;
}

static uint64_t word_at(size_t at)
{
	uint64_t v;

	memcpy(&v, core.bytes + at, sizeof(v));
	return v;
}

static void open_core(void)
{
	gs_unpacked u = unpacked("core.zst"), exe = unpacked("program.gz");
	int fd = memfd_create("program", 0);
	gs_err err;

	core.bytes = malloc(u.bytes.n);
	core.words = malloc(u.bytes.n / 8 * sizeof(*core.words));
	fuzz_expect(core.bytes && core.words && fd >= 0 && gs_fd_write(fd, exe.bytes, &err));
	memcpy(core.bytes, u.bytes.p, u.bytes.n);
	core.n = u.bytes.n;
	for (size_t at = 0; at + 8 <= core.n; at += 8)
		if (word_at(at))
			core.words[core.n_words++] = at;
	snprintf(core.exe, sizeof(core.exe), "/proc/self/fd/%d", fd);
	gs_unpacked_release(&u);
	gs_unpacked_release(&exe);
}

static uint64_t damaged(uint64_t v, unsigned what, uint32_t with)
{
	switch (what) {
	case DAMAGE_SET:
		return with;
	case DAMAGE_ADD:
		return v + (uint64_t)(int64_t)(int32_t)with;
	case DAMAGE_COPY:
		return word_at(core.words[with % core.n_words]);
	case DAMAGE_FLIP:
		return v ^ (uint64_t)1 << (with & 63);
	case DAMAGE_ONES:
		return UINT64_MAX;
	case DAMAGE_LOW_BYTE:
		return (v & ~(uint64_t)0xff) | (with & 0xff);
	default:
		return 0;
	}
}

/* What tables promise to those who walk them. */
static void check_graph(const gs_heap *h, const gs_dominators *d)
{
	fuzz_expect(gs_heap_edge_at(h, 0) == 0 && gs_heap_edge_at(h, h->n_objects) == h->n_edges && d->n_objects == h->n_objects);
	for (uint32_t i = 0; i < h->n_edges; i++)
		fuzz_expect(gs_heap_edge_to(h, i) < h->n_objects);
	for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
		fuzz_expect(gs_heap_find(h, w.addr) == w.object && gs_heap_type_of(h, w.object) < h->n_types);
		fuzz_expect(gs_dominators_above(d, w.object) == GS_HEAP_NONE || gs_dominators_above(d, w.object) < d->n_nodes);
		fuzz_expect(gs_dominators_retained(d, w.object) <= h->totals.live_bytes);
	}
	for (uint32_t i = 0; i < h->n_roots; i++)
		fuzz_expect(h->roots[i].object < h->n_objects && h->roots[i].name < h->strings.n);
}

static void ask(gs_session *session, const char *target)
{
	GS_AUTO(arena) *mem = gs_arena_create((uint64_t)1 << 30);
	gs_op_pair *pairs;
	gs_err err;
	gs_answer a;
	gs_str path;
	unsigned n;

	fuzz_expect(gs_query_read(mem, gs_str_of(target), &path, &pairs, &n, &err));
	gs_api_get(session, path, pairs, n, &a);
	fuzz_expect(a.status >= 200 && a.status <= 599);
	gs_answer_release(&a);
}

/* Bit 7 of `which`: all, else only the operations whose turn it is. */
static void ask_all(gs_session *session, const gs_heap *h, unsigned which)
{
	static const char *const more[] = { "/api/heap-refs?type=.&top=0&min=0", "/api/heap-dominators?top=0&format=text", "/api/heap-topology?type=.",
					    "/api/leaks?min_count=1&min_wait=0&top=0&format=text", "/api/heap-treemap?by_object=1", "/api/heap-holders?name=.&type=." };
	const unsigned turns = 4;
	char target[200];
	unsigned turn = 0;

	for (const gs_op *const *op = gs_ops; *op; op++, turn++) {
		if (!((*op)->needs_kinds & 1u << GS_DOCUMENT_HEAP) || (!(which & 128) && turn % turns != which % turns))
			continue;
		snprintf(target, sizeof(target), "/api/%s", (*op)->name);
		ask(session, target);
		snprintf(target, sizeof(target), "/api/%s?format=text", (*op)->name);
		ask(session, target);
	}
	for (unsigned i = 0; i < sizeof(more) / sizeof(*more); i++)
		if (which & 128 || i % turns == which % turns)
			ask(session, more[i]);
	for (uint32_t i = 0; h->n_objects && i < ASKED_OBJECTS; i++) {
		unsigned long long addr = gs_heap_addr(h, (which * 37 + i * (h->n_objects / ASKED_OBJECTS)) % h->n_objects);

		snprintf(target, sizeof(target), "/api/heap-object?address=0x%llx&format=text", addr);
		ask(session, target);
		snprintf(target, sizeof(target), "/api/heap-refs?address=0x%llx", addr);
		ask(session, target);
	}
}

static void look(size_t n, unsigned which)
{
	gs_arena *mem = gs_arena_create((uint64_t)1 << 32);
	gs_document *d = gs_new(mem, gs_document, 1);
	gs_err err = { 0 };
	gs_image *image = gs_core_read((gs_str){ (const char *)core.bytes, n }, NULL, &err);
	gs_heap *h = image ? gs_heap_of_image(image, GS_S("core"), core.exe, (gs_heap_beside){ 0 }, NULL, &err) : NULL;
	gs_session *session;

	*d = (gs_document){ .mem = mem, .kind = GS_DOCUMENT_HEAP, .name = GS_S("core"), .path = GS_S("core"), .format = GS_S("core"), .heap = h };
	if (!h || !gs_heap_document_finish(d, NULL, &err)) {
		fuzz_expect(err.code != GS_ERR_NONE && err.text[0]);
		gs_heap_free(h);
		gs_arena_free(mem);
		return;
	}
	check_graph(h, &d->heap_index->dominators);
	session = gs_session_create();
	fuzz_expect(gs_session_add(session, d));
	ask_all(session, h, which);
	gs_session_free(session);
	gs_heap_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct {
		size_t at;
		uint64_t was;
	} undo[MAX_RECORDS];
	size_t n_records = size / RECORD, end;

	if (size % RECORD != 1 || n_records > MAX_RECORDS)
		return 0;
	if (!core.bytes)
		open_core();
	end = core.n;
	for (size_t i = 0; i < n_records; i++) {
		const uint8_t *r = data + 1 + RECORD * i;
		size_t at = core.words[(r[1] | (size_t)r[2] << 8 | (size_t)r[3] << 16) % core.n_words];
		uint64_t v = word_at(at);

		undo[i].at = at;
		undo[i].was = v;
		if (r[0] % N_DAMAGES == DAMAGE_CUT)
			end = at;
		else
			v = damaged(v, r[0] % N_DAMAGES, (uint32_t)r[4] | (uint32_t)r[5] << 8 | (uint32_t)r[6] << 16 | (uint32_t)r[7] << 24);
		memcpy(core.bytes + at, &v, sizeof(v));
	}
	look(end, data[0]);
	for (size_t i = n_records; i-- > 0;)
		memcpy(core.bytes + undo[i].at, &undo[i].was, sizeof(undo[i].was));
	return 0;
}
