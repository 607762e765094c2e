/* Records as a ring would hold them, one behind the other; what comes out must again be whole records. */
#include "capture/perf_records.h"
#include "fuzz.h"

static uint64_t caller(void *ctx, uint32_t pid, const gs_perf_user_top *top)
{
	(void)ctx;
	(void)pid;
	return top->n_stack ? top->stack[0] : 0;
}

static void on_map(void *ctx, const gs_perf_map *map)
{
	(void)ctx;
	if (map->limit < map->start)
		__builtin_trap();
}

static void check(gs_str out)
{
	while (out.n) {
		struct perf_event_header h;

		if (out.n < sizeof(h))
			__builtin_trap();
		memcpy(&h, out.p, sizeof(h));
		if (h.size < sizeof(h) || h.size > out.n)
			__builtin_trap();
		out = gs_str_skip(out, h.size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_str rest = { (const char *)data, size };
	GS_AUTO(buf) out = { 0 };
	gs_perf_sink s = { .out = &out, .on_map = on_map, .caller_of_leaf = caller };

	gs_buf_init(&out, 16 << 20);
	if (size) {
		s.has_extra = data[0] & 1;
		s.follows_children = data[0] & 2;
		rest = gs_str_skip(rest, 8);
	}
	gs_perf_sink_add_pid(&s, 10);
	while (rest.n >= sizeof(struct perf_event_header)) {
		struct perf_event_header h;
		size_t n;

		memcpy(&h, rest.p, sizeof(h));
		n = h.size < sizeof(h) ? sizeof(h) : h.size;
		gs_perf_sink_take(&s, gs_str_slice(rest, 0, n));
		rest = gs_str_skip(rest, n);
	}
	check(gs_buf_view(&out));
	gs_perf_sink_release(&s);
	return 0;
}
