#include "base/library.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/id_runs.h"
#include "base/json.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/rd.h"
#include "base/re.h"
#include "tap.h"

#include <fcntl.h>
#include <unistd.h>

TEST(numbers_are_whole_or_refused)
{
	uint64_t u;
	int64_t i;
	double d;

	CHECK(gs_str_u64(GS_S("18446744073709551615"), 10, &u) && u == UINT64_MAX);
	CHECK(!gs_str_u64(GS_S("18446744073709551616"), 10, &u));
	CHECK(!gs_str_u64(GS_S(""), 10, &u) && !gs_str_u64(GS_S("1 "), 10, &u) && !gs_str_u64(GS_S("-1"), 10, &u));
	CHECK(gs_str_u64(GS_S("0x1F"), 0, &u) && u == 31);
	CHECK(gs_str_i64(GS_S("-9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!gs_str_i64(GS_S("9223372036854775808"), &i));
	CHECK(gs_str_f64(GS_S("1.5e3"), &d) && d == 1500);
	CHECK(!gs_str_f64(GS_S("nan"), &d) && !gs_str_f64(GS_S("1x"), &d));
}

TEST(lines_and_cuts)
{
	gs_str rest = GS_S("a\r\n\nb"), line, head;

	CHECK(gs_str_line(&rest, &line) && gs_str_eq(line, GS_S("a")));
	CHECK(gs_str_line(&rest, &line) && line.n == 0);
	CHECK(gs_str_line(&rest, &line) && gs_str_eq(line, GS_S("b")));
	CHECK(!gs_str_line(&rest, &line));
	CHECK(gs_str_cut(GS_S("k=v=w"), '=', &head, &rest) && gs_str_eq(rest, GS_S("v=w")));
	CHECK_STR(gs_str_trim(GS_S(" \t x \n")), GS_S("x"));
	CHECK_INT(gs_str_find(GS_S("abc"), GS_S("bd")), SIZE_MAX);
}

TEST(reader_fails_once_and_stays_failed)
{
	gs_rd r = gs_rd_of(GS_S("\x01\x02\x03\x04\x05"));

	CHECK_INT(gs_rd_u32le(&r), 0x04030201);
	CHECK_INT(gs_rd_at(&r), 4);
	CHECK_INT(gs_rd_u16le(&r), 0);
	CHECK(r.bad);
	CHECK_INT(gs_rd_u8(&r), 0);
	CHECK_INT(gs_rd_at(&r), 4);
}

TEST(varints)
{
	gs_rd r = gs_rd_of(GS_S("\xac\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));

	CHECK_INT(gs_rd_varint(&r), 300);
	CHECK(gs_rd_varint(&r) == UINT64_MAX && !r.bad);
	r = gs_rd_of(GS_S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
	gs_rd_varint(&r);
	CHECK(r.bad);
	r = gs_rd_of(GS_S("\x80"));
	gs_rd_varint(&r);
	CHECK(r.bad);
}

TEST(arena_keeps_its_budget)
{
	GS_AUTO(arena) *mem = gs_arena_create(1000);

	CHECK(gs_try_new(mem, char, 900) != NULL);
	CHECK(gs_try_new(mem, char, 900) == NULL);
	CHECK(gs_try_new(mem, uint64_t, SIZE_MAX / 4) == NULL);
	CHECK(gs_new(mem, char, 5000) != NULL);
	CHECK_STR(gs_strf(mem, "%d-%s", 7, "x"), GS_S("7-x"));
}

TEST(arena_memory_is_zero_and_aligned)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 30);

	for (size_t n = 1; n < 3000000; n = n * 3 + 1) {
		unsigned char *p = gs_new(mem, unsigned char, n);

		CHECK(((uintptr_t)p & 15) == 0 && p[0] == 0 && p[n - 1] == 0);
		memset(p, 0xff, n);
	}
}

TEST(buffers_stop_at_their_maximum)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 10);
	gs_buf_z(&b, "12345678");
	CHECK(!b.bad);
	gs_buf_z(&b, "9012");
	CHECK(b.bad);
	CHECK_STR(gs_buf_view(&b), GS_S("12345678"));
}

TEST(map_finds_what_was_put)
{
	GS_AUTO(map) m = { 0 };
	bool is_new;

	for (uint64_t k = 0; k < 10000; k++)
		*gs_map_put(&m, k * k, &is_new) = (uint32_t)k;
	for (uint64_t k = 0; k < 10000; k++)
		CHECK(gs_map_get(&m, k * k) && *gs_map_get(&m, k * k) == k);
	CHECK(!gs_map_get(&m, 3));
	gs_map_put(&m, 4, &is_new);
	CHECK(!is_new);
}

TEST(places_are_found_by_id_and_listed_in_its_order)
{
	/* Runs, ids alone, and more runs than are remembered as recent. */
	enum { N = 5000 };
	gs_id_runs ids = { 0 };
	uint32_t list[N];
	uint64_t id[N];

	for (uint32_t i = 0; i < N; i++)
		id[i] = i % 3 ? i : UINT64_MAX - 1 - (uint64_t)i * 1000003;
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = N; i-- > 0;) {
			uint32_t *place = gs_id_runs_put(&ids, id[i]);

			CHECK(place && !*place);
			*place = i + 1;
		}
		for (uint32_t i = 0; i < N; i++)
			CHECK_INT(gs_id_runs_at(&ids, id[i]), i + 1);
		CHECK_INT(*gs_id_runs_put(&ids, 1), 2);
		CHECK_INT(gs_id_runs_at(&ids, 3), 0);
		CHECK_INT(gs_id_runs_at(&ids, N), 0);
		CHECK_INT(gs_id_runs_at(&ids, UINT64_MAX / 2), 0);
		CHECK_INT(gs_id_runs_list(&ids, list), N);
		for (uint32_t i = 1; i < N; i++)
			CHECK(id[list[i - 1] - 1] < id[list[i] - 1]);
		gs_id_runs_clear(&ids);
		CHECK_INT(gs_id_runs_at(&ids, 1), 0);
		CHECK_INT(gs_id_runs_list(&ids, list), 0);
	}
	for (unsigned fail = 1; fail < 4; fail++) {
		gs_id_runs_release(&ids);
		gs_alloc_fail_after(fail);
		for (uint64_t k = 0; k < 3; k++) {
			uint32_t *place = gs_id_runs_put(&ids, k * 100);

			if (place)
				*place = 7;
		}
		gs_alloc_fail_after(0);
		for (uint64_t k = 0; k < 3; k++)
			*gs_id_runs_put(&ids, k * 100) = (uint32_t)k + 1;
		for (uint32_t k = 0; k < 3; k++)
			CHECK_INT(gs_id_runs_at(&ids, k * 100), k + 1);
	}
	gs_id_runs_release(&ids);
}

TEST(strings_are_interned_once)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_strtab *t = gs_new(mem, gs_strtab, 1);
	char z[20];

	CHECK(gs_strtab_init(t, mem));
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 3000; i++) {
			snprintf(z, sizeof(z), "s%d", i);
			CHECK_INT(gs_strtab_id(t, gs_str_of(z)), i + 1);
		}
	CHECK_INT(gs_strtab_id(t, GS_S("")), 0);
	CHECK_INT(gs_strtab_find(t, GS_S("absent")), UINT32_MAX);
}

TEST(json_escapes_hostile_names)
{
	GS_AUTO(buf) b = { 0 };
	gs_json j;

	gs_buf_init(&b, 4096);
	j = gs_json_to(&b);
	gs_json_object(&j);
	gs_json_kstr(&j, "a", GS_S("<script>\"\\\n\x1b[31m\xff\xe2\x80\xa8 ok\xc3\xa9"));
	gs_json_key(&j, "n");
	gs_json_array(&j);
	gs_json_i64(&j, -1);
	gs_json_f64(&j, 0.1);
	gs_json_bool(&j, true);
	gs_json_null(&j);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	CHECK_STR(gs_buf_view(&b), GS_S("{\"a\":\"\\u003cscript\\u003e\\\"\\\\\\n\\u001b[31m\xef\xbf\xbd\\u2028 ok\xc3\xa9\","
					"\"n\":[-1,0.1,true,null]}"));
}

TEST(regular_expressions_match_and_say_what_is_wrong)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_err err = { 0 };
	gs_re *re = gs_re_compile(mem, GS_S("^main\\.(hot|cold)$"), &err);

	CHECK(re && gs_re_match(re, GS_S("main.hot")) && !gs_re_match(re, GS_S("main.hotter")));
	CHECK(re && gs_re_match(re, GS_S("main.cold")) && !gs_re_match(re, GS_S("\xff\xfe")));
	CHECK(!gs_re_compile(mem, GS_S("a("), &err) && err.code == GS_ERR_USAGE && strstr(err.text, "a("));
	re = gs_re_compile(mem, GS_S("(a+)+$"), &err);
	CHECK(re && !gs_re_match(re, GS_S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")));
}

static void count(void *ctx, size_t i)
{
	__atomic_fetch_add((uint64_t *)ctx, i, __ATOMIC_RELAXED);
}

TEST(pool_runs_each_once)
{
	uint64_t sum = 0;

	gs_pool_run(4, 1000, count, &sum);
	CHECK_INT(sum, 499500);
	gs_pool_run(4, 0, count, &sum);
	CHECK_INT(sum, 499500);
}

enum { SLOTS = 5 };
typedef struct ahead {
	size_t slots[SLOTS], taken;
	size_t last_of_worker[8];
	bool ok;
} ahead;

static void prepare_ahead(void *ctx, unsigned worker, unsigned slot, size_t i)
{
	ahead *a = ctx;

	/* A worker's own, and a slot that was taken: nobody else is here now. */
	if (worker >= 8 || slot != i % SLOTS || (i && a->last_of_worker[worker] >= i))
		a->ok = false;
	a->last_of_worker[worker] = i;
	a->slots[slot] = i * 3;
}

static void take_ahead(void *ctx, unsigned slot, size_t i)
{
	ahead *a = ctx;

	if (i != a->taken++ || a->slots[slot] != i * 3)
		a->ok = false;
}

TEST(pool_takes_in_order_what_is_prepared_ahead)
{
	for (unsigned threads = 1; threads <= 8; threads++) {
		ahead a = { .ok = true };

		gs_pool_run_ahead(threads, SLOTS, 2000, prepare_ahead, take_ahead, &a);
		CHECK(a.ok);
		CHECK_INT(a.taken, 2000);
		gs_pool_run_ahead(threads, SLOTS, 0, prepare_ahead, take_ahead, &a);
		CHECK_INT(a.taken, 2000);
	}
}

TEST(files_are_written_whole_and_read_back)
{
	char path[] = "/tmp/gs-test-XXXXXX", tmp[64];
	int fd = mkstemp(path);
	gs_err err = { 0 };
	GS_AUTO(file) f = { 0 };

	close(fd);
	CHECK(gs_file_write(path, GS_S("hello, longer than what comes"), &err));
	CHECK(gs_file_write(path, GS_S("hello"), &err));
	CHECK(gs_file_open(path, 100, &f, &err) && gs_str_eq(f.bytes, GS_S("hello")));
	gs_file_close(&f);
	snprintf(tmp, sizeof(tmp), "%s.tmp%d", path, (int)getpid());
	CHECK(access(tmp, F_OK) != 0);
	CHECK(!gs_file_open(path, 4, &f, &err) && err.code == GS_ERR_LIMIT);
	CHECK(!gs_file_read(path, 4, &f, &err) && err.code == GS_ERR_LIMIT);
	CHECK(gs_file_read(path, 5, &f, &err) && f.bytes.n == 5);
	unlink(path);
	gs_file_close(&f);
	CHECK(!gs_file_open(path, 4, &f, &err) && err.code == GS_ERR_MISSING && strstr(err.text, path));
	CHECK(!gs_file_open("/", 4, &f, &err));
}

TEST(pieces_are_written_in_order)
{
	enum { N = 3000 };
	static gs_str pieces[N];
	static char numbers[N][8];
	char path[] = "/tmp/gs-test-XXXXXX";
	int fd = mkstemp(path), p[2];
	gs_err err = { 0 };
	GS_AUTO(file) f = { 0 };
	size_t at = 0;
	char b[64];

	for (unsigned i = 0; i < N; i++) {
		int n = snprintf(numbers[i], sizeof(numbers[i]), "%u,", i);

		pieces[i] = (gs_str){ numbers[i], i % 7 ? (size_t)n : 0 };
	}
	CHECK(gs_fd_write_pieces(fd, pieces, N, &err));
	close(fd);
	CHECK(gs_file_open(path, 1 << 20, &f, &err));
	for (unsigned i = 0; i < N; i++) {
		CHECK_STR(gs_str_slice(f.bytes, at, at + pieces[i].n), pieces[i]);
		at += pieces[i].n;
	}
	CHECK_INT(f.bytes.n, at);
	unlink(path);
	/* A full pipe takes part of a batch. */
	CHECK(pipe2(p, O_NONBLOCK) == 0);
	while (write(p[1], numbers, sizeof(numbers)) > 0)
		;
	CHECK(read(p[0], b, sizeof(b)) == sizeof(b));
	CHECK(!gs_fd_write_pieces(p[1], pieces, N, &err) && err.code == GS_ERR_IO);
	close(p[0]);
	close(p[1]);
}

TEST(errors_carry_context)
{
	gs_err err = { 0 };

	CHECK(!gs_fail(&err, GS_ERR_FORMAT, 12, "bad %d", 3));
	gs_err_context(&err, "%s", "file.pprof");
	CHECK_STR(gs_str_of(err.text), GS_S("file.pprof: bad 3"));
	CHECK_INT(err.at, 12);
	CHECK_INT(gs_err_exit_status(&err), 3);
}

/* Also that library.c names no function which a library lacks. */
TEST(libraries_load_when_asked_for)
{
	for (gs_library l = GS_LIBRARY_CURL; l <= GS_LIBRARY_DW; l++) {
		gs_err err = { 0 };

		CHECK(gs_library_load(l, &err) && gs_library_load(l, NULL));
		CHECK_STR(gs_str_of(err.text), GS_S(""));
	}
}
