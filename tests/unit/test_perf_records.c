#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "capture/perf_file.h"
#include "capture/perf_records.h"
#include "tap.h"

/* A sample as the kernel writes it. */
static void put_sample(gs_buf *b, uint32_t pid, const uint64_t *chain, uint64_t n, bool has_extra, uint64_t ip, const uint64_t stack[2])
{
	size_t at = gs_perf_record_begin(b, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER);

	gs_perf_put_u64(b, ip);
	gs_perf_put_u32(b, pid);
	gs_perf_put_u32(b, pid + 1);
	gs_perf_put_u64(b, 1000 + pid);
	gs_perf_put_u32(b, 3);
	gs_perf_put_u32(b, 0);
	gs_perf_put_u64(b, 10101010);
	gs_perf_put_u64(b, n);
	for (uint64_t i = 0; i < n; i++)
		gs_perf_put_u64(b, chain[i]);
	if (has_extra) {
		gs_perf_put_u64(b, 2);
		gs_perf_put_u64(b, 0x7000);
		gs_perf_put_u64(b, 0x6ff0);
		gs_perf_put_u64(b, ip);
		gs_perf_put_u64(b, 16);
		gs_perf_put_u64(b, stack[0]);
		gs_perf_put_u64(b, stack[1]);
		gs_perf_put_u64(b, 16);
	}
	gs_perf_record_end(b, at, 0, 0, false);
}

static uint64_t chain_length(gs_str record)
{
	uint64_t n;

	memcpy(&n, record.p + 8 + 40, 8);
	return n;
}

static uint64_t chain_entry(gs_str record, unsigned i)
{
	uint64_t v;

	memcpy(&v, record.p + 8 + 48 + 8 * i, 8);
	return v;
}

static uint64_t leaf_caller(void *ctx, uint32_t pid, const gs_perf_user_top *top)
{
	(void)ctx;
	(void)pid;
	return top->stack[0];
}

TEST(samples_of_others_are_dropped)
{
	GS_AUTO(buf) in = { 0 };
	GS_AUTO(buf) out = { 0 };
	gs_perf_sink s = { .out = &out };
	uint64_t chain[] = { (uint64_t)PERF_CONTEXT_USER, 0x401000, 0x402000 };

	gs_buf_init(&in, 1 << 20);
	gs_buf_init(&out, 1 << 20);
	gs_perf_sink_add_pid(&s, 10);
	put_sample(&in, 11, chain, 3, false, 0x401000, NULL);
	gs_perf_sink_take(&s, gs_buf_view(&in));
	CHECK_INT(out.n, 0);
	in.n = 0;
	put_sample(&in, 10, chain, 3, false, 0x401000, NULL);
	gs_perf_sink_take(&s, gs_buf_view(&in));
	CHECK(gs_str_eq(gs_buf_view(&in), gs_buf_view(&out)));
	CHECK_INT(s.n_samples, 1);
	CHECK_INT(s.first_ns, 1010);
	gs_perf_sink_release(&s);
}

TEST(a_missing_caller_is_put_back)
{
	GS_AUTO(buf) in = { 0 };
	GS_AUTO(buf) out = { 0 };
	gs_perf_sink s = { .out = &out, .has_extra = true, .caller_of_leaf = leaf_caller };
	uint64_t chain[] = { (uint64_t)PERF_CONTEXT_KERNEL, 0xffffffff81000010, (uint64_t)PERF_CONTEXT_USER, 0x401000, 0x403000 };
	uint64_t missing[2] = { 0x402000, 0 }, there[2] = { 0x403000, 0 };
	gs_str record;

	gs_buf_init(&in, 1 << 20);
	gs_buf_init(&out, 1 << 20);
	gs_perf_sink_add_pid(&s, 10);
	put_sample(&in, 10, chain, 5, true, 0x401000, missing);
	gs_perf_sink_take(&s, gs_buf_view(&in));
	record = gs_buf_view(&out);
	CHECK_INT(chain_length(record), 6);
	CHECK_INT(chain_entry(record, 3), 0x401000);
	CHECK_INT(chain_entry(record, 4), 0x402000);
	CHECK_INT(chain_entry(record, 5), 0x403000);
	CHECK_INT(record.n, 8 + 48 + 6 * 8); /* registers and stack do not reach the file */
	CHECK_INT(s.n_repaired, 1);
	CHECK_INT(s.kernel_ips.n, 1);
	out.n = in.n = 0;
	put_sample(&in, 10, chain, 5, true, 0x401000, there);
	gs_perf_sink_take(&s, gs_buf_view(&in));
	CHECK_INT(chain_length(gs_buf_view(&out)), 5);
	gs_perf_sink_release(&s);
}

TEST(rubbish_ends_a_chain)
{
	GS_AUTO(buf) in = { 0 };
	GS_AUTO(buf) out = { 0 };
	gs_perf_sink s = { .out = &out };
	uint64_t chain[] = { (uint64_t)PERF_CONTEXT_KERNEL, 0xffffffff81000010, (uint64_t)PERF_CONTEXT_USER, 0x401000, 0x504f2f3d8d48c031, 0x402000 };

	gs_buf_init(&in, 1 << 20);
	gs_buf_init(&out, 1 << 20);
	gs_perf_sink_add_pid(&s, 10);
	put_sample(&in, 10, chain, 6, false, 0x401000, NULL);
	gs_perf_sink_take(&s, gs_buf_view(&in));
	CHECK_INT(chain_length(gs_buf_view(&out)), 4);
	CHECK_INT(chain_entry(gs_buf_view(&out), 3), 0x401000);
	gs_perf_sink_release(&s);
}

static void put_fork(gs_buf *b, uint32_t pid, uint32_t ppid, uint32_t tid)
{
	size_t at = gs_perf_record_begin(b, PERF_RECORD_FORK, 0);

	gs_perf_put_u32(b, pid);
	gs_perf_put_u32(b, ppid);
	gs_perf_put_u32(b, tid);
	gs_perf_put_u32(b, ppid);
	gs_perf_put_u64(b, 5);
	gs_perf_record_end(b, at, pid, tid, true);
}

TEST(children_are_followed_when_asked)
{
	GS_AUTO(buf) in = { 0 };
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&in, 1 << 20);
	gs_buf_init(&out, 1 << 20);
	for (int follows = 0; follows < 2; follows++) {
		gs_perf_sink s = { .out = &out, .follows_children = follows };

		gs_perf_sink_add_pid(&s, 10);
		in.n = out.n = 0;
		put_fork(&in, 20, 10, 20);
		gs_perf_sink_take(&s, gs_buf_view(&in));
		CHECK(gs_map_get(&s.tids, 20) != NULL);
		CHECK_INT(gs_map_get(&s.pids, 20) != NULL, follows);
		CHECK_INT(out.n > 0, follows);
		gs_perf_sink_release(&s);
	}
}

TEST(events_of_the_target_alone_need_no_pids)
{
	GS_AUTO(buf) in = { 0 };
	GS_AUTO(buf) out = { 0 };
	gs_perf_sink s = { .out = &out, .follows_children = true, .takes_all = true };
	uint64_t chain[] = { (uint64_t)PERF_CONTEXT_USER, 0x401000 };

	gs_buf_init(&in, 1 << 20);
	gs_buf_init(&out, 1 << 20);
	gs_perf_sink_add_pid(&s, 10);
	put_sample(&in, 20, chain, 2, false, 0x401000, NULL); /* its FORK is still in another ring */
	gs_perf_sink_take(&s, gs_buf_view(&in));
	CHECK_INT(s.n_samples, 1);
	gs_perf_sink_release(&s);
}

TEST(broken_records_are_counted)
{
	GS_AUTO(buf) in = { 0 };
	GS_AUTO(buf) out = { 0 };
	gs_perf_sink s = { .out = &out, .has_extra = true };
	uint64_t chain[] = { (uint64_t)PERF_CONTEXT_USER, 0x401000 }, stack[2] = { 0 };

	gs_buf_init(&in, 1 << 20);
	gs_buf_init(&out, 1 << 20);
	gs_perf_sink_add_pid(&s, 10);
	put_sample(&in, 10, chain, 2, true, 0x401000, stack);
	for (size_t n = 0; n < in.n; n++) {
		/* cut short, with a header that says so: the body must be found wanting */
		uint16_t size = (uint16_t)n;

		if (n >= 8)
			memcpy(in.p + 6, &size, 2);
		gs_perf_sink_take(&s, (gs_str){ in.p, n });
	}
	CHECK_INT(s.n_samples, 0);
	CHECK_INT(s.n_bad, in.n);
	CHECK_INT(out.n, 0);
	gs_perf_sink_release(&s);
}

TEST(memory_that_is_out_loses_records_and_no_more)
{
	uint64_t chain[] = { (uint64_t)PERF_CONTEXT_KERNEL, 0xffffffff81000010, (uint64_t)PERF_CONTEXT_USER, 0x401000 };

	for (uint64_t k = 1; k < 12; k++) {
		GS_AUTO(buf) in = { 0 };
		GS_AUTO(buf) out = { 0 };
		gs_perf_sink s = { .out = &out, .follows_children = true };

		gs_buf_init(&in, 1 << 20);
		gs_buf_init(&out, 1 << 20);
		gs_perf_sink_add_pid(&s, 10);
		put_sample(&in, 10, chain, 4, false, 0x401000, NULL);
		gs_alloc_fail_after(k);
		for (int i = 0; i < 3; i++)
			gs_perf_sink_take(&s, gs_buf_view(&in));
		gs_alloc_fail_after(0);
		CHECK(out.bad || out.n == 3 * in.n);
		gs_perf_sink_release(&s);
	}
}

TEST(a_full_disk_keeps_whole_records)
{
	char path[] = "/tmp/gs-perf-file-XXXXXX";
	GS_AUTO(fd) fd = mkstemp(path);
	GS_AUTO(buf) in = { 0 };
	GS_AUTO(file) f = { 0 };
	struct perf_event_attr attr = { .size = sizeof(attr) };
	struct rlimit all, small;
	gs_perf_file file;
	gs_perf_file_facts facts = { .version = GS_S("1") };
	uint64_t chain[] = { (uint64_t)PERF_CONTEXT_USER, 0x401000 }, size, at;
	size_t one;
	gs_err err;

	gs_buf_init(&in, 1 << 20);
	CHECK(gs_perf_file_begin(&file, fd, &attr, "cpu-clock", &err));
	put_sample(&in, 10, chain, 2, false, 0x401000, NULL);
	one = in.n;
	for (int i = 0; i < 9; i++)
		put_sample(&in, 10, chain, 2, false, 0x401000, NULL);
	/* A limit on the size of files stands for the disk: there is room for three records and a half. */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	small = all;
	small.rlim_cur = file.data_at + 3 * one + one / 2;
	setrlimit(RLIMIT_FSIZE, &small);
	CHECK(!gs_perf_file_add(&file, gs_buf_view(&in), &err));
	CHECK(file.is_full);
	CHECK(gs_perf_file_finish(&file, &facts, &err)); /* no room for the features either */
	setrlimit(RLIMIT_FSIZE, &all);
	CHECK(gs_file_read(path, 1 << 20, &f, &err));
	CHECK(gs_str_starts(f.bytes, GS_S("PERFILE2")));
	memcpy(&at, f.bytes.p + 40, 8);
	memcpy(&size, f.bytes.p + 48, 8);
	CHECK_INT(size, 3 * one);
	CHECK_INT(f.bytes.n, at + size);
	CHECK(memcmp(f.bytes.p + at, in.p, size) == 0);
	unlink(path);
}
