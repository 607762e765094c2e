/* What the trace operations find in small stories: a lock that is passed on, a wait inside a wait, a request, a stop. */
#include "analysis/trace_contention.h"
#include "analysis/trace_events.h"
#include "analysis/trace_frames.h"
#include "analysis/trace_sched.h"
#include "analysis/trace_why.h"
#include "base/buf.h"
#include "present/trace.h"
#include "tap.h"
#include "timeline_script.h"

/* 1 asks 2, who is held up by 3 for most of it. 4 is born while 1 waits for it. */
static const char waits[] = "g 1 main.ask 0 -\n"
			    "g 2 main.answer 0 -\n"
			    "g 3 main.hold 0 -\n"
			    "g 4 main.child 700 - 3\n"
			    "0 1 running -\n"
			    "0 3 running -\n"
			    "50 2 waiting:sync main.answer;sync.(*Mutex).Lock\n"
			    "100 1 waiting:chan.receive main.ask;runtime.chanrecv1\n"
			    "400 2 runnable main.hold;sync.(*Mutex).Unlock 3\n"
			    "420 2 running -\n"
			    "500 1 runnable main.answer;runtime.chansend1 2\n"
			    "520 1 running -\n"
			    "600 1 waiting:chan.receive main.ask;runtime.chanrecv1\n"
			    "700 4 runnable main.hold 3\n"
			    "750 4 running -\n"
			    "900 1 runnable main.child;runtime.chansend1 4\n"
			    "950 1 running -\n"
			    "1000 4 none -\n";

static void put_steps(const gs_timeline *t, const gs_profile *p, const gs_path *path, gs_buf *out)
{
	for (uint32_t i = 0; i < path->n; i++) {
		const gs_path_step *s = &path->steps[i];

		gs_buf_f(out, "%s%u:%d-%d:%u:%s%s", i ? " " : "", s->depth, (int)s->start_ns, (int)s->end_ns,
			 s->goroutine == GS_NO_INDEX ? 0 : (unsigned)t->goroutines[s->goroutine].id, gs_phase_name(s->phase),
			 s->is_followed ? ">" : "");
	}
	(void)p;
}

TEST(a_wait_is_followed_into_what_the_waker_did)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	GS_AUTO(buf) b = { .max = 1 << 16 };
	gs_profile *p;
	gs_timeline *t = script_timeline(mem, waits, &p);
	gs_path *path = gs_path_find(mem, t, 0, 0, 1000, NULL);
	int64_t leaves = 0;

	put_steps(t, p, path, &b);
	CHECK_STR(gs_buf_view(&b),
		  GS_S("0:0-100:1:running 0:100-500:1:waiting> 1:100-400:2:waiting> 2:100-400:3:running 1:400-420:2:runnable "
		       "1:420-500:2:running 0:500-520:1:runnable 0:520-600:1:running 0:600-900:1:waiting> 2:600-700:3:running "
		       "1:700-750:4:runnable 1:750-900:4:running 0:900-950:1:runnable 0:950-1000:1:running"));
	for (uint32_t i = 0; i < path->n; i++)
		leaves += path->steps[i].is_followed ? 0 : path->steps[i].end_ns - path->steps[i].start_ns;
	CHECK_INT(leaves, 1000);
	CHECK_STR(gs_trace_node_name(p, gs_trace_own_node(p, path->steps[1].stack)), GS_S("main.ask"));
	CHECK_STR(gs_trace_node_name(p, gs_trace_own_node(p, path->steps[1].waker_stack)), GS_S("main.answer"));
	/* A part of it only. */
	path = gs_path_find(mem, t, 0, 450, 510, NULL);
	b.n = 0;
	put_steps(t, p, path, &b);
	CHECK_STR(gs_buf_view(&b), GS_S("0:450-500:1:waiting> 1:450-500:2:running 0:500-510:1:runnable"));
}

TEST(why_names_the_place_the_waker_and_the_cause)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p;
	gs_timeline *t = script_timeline(mem, waits, &p);
	gs_instance_query q = { .kind = GS_INSTANCE_GOROUTINE, .has_goroutine = true, .goroutine = 1 };
	gs_trace_instances *in = gs_trace_instances_find(mem, t, p, &q, NULL);
	gs_why *w = gs_why_build(mem, t, p, in, NULL);
	int64_t causes = 0;

	CHECK_INT(in->n, 1);
	CHECK_INT(w->total_ns, 1000);
	CHECK_INT(w->parts[0].phase, GS_PHASE_WAITING);
	CHECK_INT(w->parts[0].total_ns, 700);
	CHECK_INT(w->parts[0].count, 2);
	CHECK_INT(w->n_blockers, 2);
	CHECK_INT(w->blockers[0].total_ns, 400);
	CHECK_STR(gs_trace_node_name(p, w->blockers[0].node), GS_S("main.ask"));
	CHECK_STR(gs_trace_node_name(p, w->blockers[0].waker_node), GS_S("main.answer"));
	CHECK_STR(gs_profile_str(p, w->blockers[0].waker_name), GS_S("main.answer"));
	/* Most of it was the one that held the lock. */
	CHECK(w->causes[0].is_other && w->causes[0].phase == GS_PHASE_RUNNING && w->causes[0].total_ns == 400);
	CHECK_STR(gs_profile_str(p, w->causes[0].goroutine_name), GS_S("main.hold"));
	for (uint32_t i = 0; i < w->n_causes; i++)
		causes += w->causes[i].total_ns;
	CHECK_INT(causes, 1000);
}

/* Where a wait from before the trace is the trace does not say, only who waited; later waits have other places. */
TEST(waits_that_are_older_than_the_trace_say_so)
{
	static const char text[] = "g 1 main.main - -\n"
				   "g 2 main.worker - -\n"
				   "g 3 main.server - -\n"
				   "0 1 running -\n"
				   "0 2 waiting -\n"
				   "0 3 waiting -\n"
				   "400 2 runnable main.main;runtime.chansend1 1\n"
				   "410 2 running -\n"
				   "450 3 runnable main.main;runtime.chansend1 1\n"
				   "460 3 running -\n"
				   "500 2 waiting:sleep main.worker;time.Sleep\n"
				   "600 3 waiting:sync -\n"
				   "700 3 runnable -\n";
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	GS_AUTO(buf) out = { .max = 1 << 16 };
	gs_profile *p;
	gs_timeline *t = script_timeline(mem, text, &p);
	gs_instance_query q = { .kind = GS_INSTANCE_GOROUTINE };
	gs_trace_instances *in = gs_trace_instances_find(mem, t, p, &q, NULL);
	gs_why *w = gs_why_build(mem, t, p, in, NULL);
	gs_trace_source src = { .profile = p, .timeline = t };
	gs_path *path = gs_path_find(mem, t, 1, 100, 500, NULL);

	CHECK(path->steps[0].is_older && path->steps[0].phase == GS_PHASE_WAITING);
	gs_why_text(mem, w, &src, 0, &out);
	CHECK(gs_str_has(gs_buf_view(&out), GS_S("waiting since before the trace began, in main.server")));
	CHECK(gs_str_has(gs_buf_view(&out), GS_S("waiting since before the trace began, in main.worker")));
	CHECK(gs_str_has(gs_buf_view(&out), GS_S("sync at a place that the trace does not tell")));
	CHECK(gs_str_has(gs_buf_view(&out), GS_S("sleep at main.worker")));
	CHECK(!gs_str_has(gs_buf_view(&out), GS_S("at ?")));
}

TEST(requests_lie_between_two_waits_for_one)
{
	static const char text[] =
		"g 1 net/http.(*conn).serve 0 -\n"
		"0 1 runnable -\n"
		"10 1 running -\n"
		"20 1 waiting:network net/http.(*conn).serve;net/http.(*conn).readRequest;internal/poll.(*FD).Read\n"
		"100 1 runnable -\n"
		"110 1 running -\n"
		"150 1 waiting:sync net/http.(*conn).serve;net/http.HandlerFunc.ServeHTTP;main.orders;sync.(*Mutex).Lock\n"
		"180 1 runnable -\n"
		"190 1 running -\n"
		"200 1 waiting:network net/http.(*conn).serve;bufio.(*Reader).Peek;net.(*conn).Read\n"
		"300 1 runnable -\n"
		"310 1 running -\n"
		"340 1 syscall net/http.(*conn).serve;net/http.HandlerFunc.ServeHTTP;main.wrap.func1;example.com/x.Get;os.Open\n"
		"350 1 running -\n"
		"400 1 none -\n";
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p;
	gs_timeline *t = script_timeline(mem, text, &p);
	gs_instance_query q = { 0 };
	gs_trace_instances *in = gs_trace_instances_find(mem, t, p, &q, NULL);
	gs_err err = { 0 };

	CHECK_INT(in->kind, GS_INSTANCE_REQUEST);
	CHECK_INT(in->n, 2);
	CHECK_STR(in->list[0].name, GS_S("main.orders"));
	CHECK_INT(in->list[0].start_ns, 100);
	CHECK_INT(in->list[0].end_ns, 200);
	/* A wrapper's name says less than what it calls. */
	CHECK_STR(in->list[1].name, GS_S("example.com/x.Get"));
	q.kind = GS_INSTANCE_TASK;
	CHECK(!gs_trace_instances_find(mem, t, p, &q, &err));
	CHECK_INT(err.code, GS_ERR_MISSING);
}

/* Reads profiles, and between two of them something that never blocks: then `worker` is what there is to tell about. */
TEST(requests_of_a_looker_are_not_the_program_s)
{
	static const char text[] =
		"g 1 net/http.(*conn).serve 0 -\n"
		"g 2 main.worker 0 -\n"
		"0 2 running -\n"
		"10 1 running -\n"
		"20 1 waiting:network net/http.(*conn).serve;net/http.(*conn).readRequest;internal/poll.(*FD).Read\n"
		"100 1 running -\n"
		"150 1 waiting:sync net/http.(*conn).serve;net/http.HandlerFunc.ServeHTTP;net/http/pprof.Profile;time.Sleep\n"
		"800 1 running -\n"
		"850 1 waiting:network net/http.(*conn).serve;bufio.(*Reader).Peek;net.(*conn).Read\n"
		"900 1 running -\n"
		"950 1 waiting:network net/http.(*conn).serve;bufio.(*Reader).Peek;net.(*conn).Read\n"
		"1000 1 none -\n";
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p;
	gs_timeline *t = script_timeline(mem, text, &p);
	gs_instance_query q = { 0 };
	gs_trace_instances *in = gs_trace_instances_find(mem, t, p, &q, NULL);

	CHECK_INT(in->kind, GS_INSTANCE_GOROUTINE);
	CHECK_INT(in->n, 2);
}

/* One request without a name: told about when it took time to speak of. */
static gs_instance_kind kind_told(const char *ends)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p;
	gs_timeline *t = script_timeline(mem,
					 gs_strf(mem,
						 "g 1 net/http.(*conn).serve 0 -\n"
						 "10 1 waiting:network net/http.(*conn).serve;net/http.(*conn).readRequest;internal/poll.(*FD).Read\n"
						 "100 1 running -\n"
						 "%s 1 waiting:network net/http.(*conn).serve;bufio.(*Reader).Peek;net.(*conn).Read\n"
						 "1000000 1 none -\n",
						 ends).p,
					 &p);
	gs_instance_query q = { 0 };

	return gs_trace_instances_find(mem, t, p, &q, NULL)->kind;
}

TEST(a_nameless_request_of_no_time_is_not_the_story)
{
	CHECK_INT(kind_told("110"), GS_INSTANCE_GOROUTINE);
	CHECK_INT(kind_told("5000"), GS_INSTANCE_REQUEST);
}

/* Four goroutines queue for one lock, 20 times; each is woken by the one before it. */
static void put_convoy(gs_buf *b)
{
	gs_buf_z(b, "g 1 main.w 0 -\ng 2 main.w 0 -\ng 3 main.w 0 -\ng 4 main.w 0 -\n");
	for (int i = 0; i < 80; i++) {
		int who = i % 4 + 1, next = (i + 1) % 4 + 1, at = i * 100;

		gs_buf_f(b, "%d %d running -\n", at, who);
		if (i > 0)
			gs_buf_f(b, "%d %d runnable main.locked;sync.(*Mutex).Unlock %d\n", at + 90, next, who);
		gs_buf_f(b, "%d %d waiting:sync main.locked;sync.(*Mutex).Lock\n", at + 95, who);
	}
}

TEST(a_convoy_is_handed_on_by_its_own_waiters)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	GS_AUTO(buf) text = { .max = 1 << 16 };
	gs_profile *p;
	gs_timeline *t;
	gs_contention *c;

	put_convoy(&text);
	gs_buf_c(&text, 0);
	t = script_timeline(mem, text.p, &p);
	c = gs_contention_build(mem, t, p, 0, INT64_MAX, NULL);
	CHECK_INT(c->n_places, 1);
	CHECK_STR(gs_trace_node_name(p, c->places[0].node), GS_S("main.locked"));
	CHECK_STR(gs_trace_node_name(p, c->places[0].waker_node), GS_S("main.locked"));
	CHECK_INT(c->places[0].most_waiting, 3);
	CHECK(c->places[0].is_convoy);
	CHECK_INT(c->n_ping_pongs, 0);
}

TEST(two_that_wake_each_other_play_ping_pong)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	GS_AUTO(buf) text = { .max = 1 << 16 };
	gs_profile *p;
	gs_timeline *t;
	gs_contention *c;

	gs_buf_z(&text, "g 1 main.a 0 -\ng 2 main.b 0 -\n");
	for (int i = 0; i < 50; i++) {
		int who = i % 2 + 1, other = 3 - who, at = i * 100;

		gs_buf_f(&text, "%d %d running -\n", at, who);
		gs_buf_f(&text, "%d %d runnable main.%c;runtime.chansend1 %d\n", at + 80, other, who == 1 ? 'a' : 'b', who);
		gs_buf_f(&text, "%d %d waiting:chan.receive main.%c;runtime.chanrecv1\n", at + 90, who, who == 1 ? 'a' : 'b');
	}
	gs_buf_c(&text, 0);
	t = script_timeline(mem, text.p, &p);
	c = gs_contention_build(mem, t, p, 0, INT64_MAX, NULL);
	CHECK_INT(c->n_ping_pongs, 1);
	CHECK(c->ping_pongs[0].turns > 40);
	CHECK_INT(c->ping_pongs[0].pairs, 1);
	CHECK_INT(c->ping_pongs[0].busy_ns / (int64_t)c->ping_pongs[0].turns, 80);
	CHECK_INT(c->ping_pongs[0].switch_ns / (int64_t)c->ping_pongs[0].turns, 20);
	CHECK(!c->places[0].is_convoy);
}

TEST(who_waited_for_a_processor_and_who_had_it)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p;
	gs_timeline *t = script_timeline(mem,
					 "g 1 main.hog 0 -\n"
					 "g 3 main.meek 0 -\n"
					 "0 1 running -\n"
					 "100 3 runnable -\n"
					 "600 1 runnable main.hog\n"
					 "600 3 running -\n"
					 "700 3 waiting:sleep main.meek\n"
					 "710 1 running -\n"
					 "stop 300 900 3\n"
					 "900 1 none -\n",
					 &p);
	gs_sched *s = gs_sched_build(mem, t, 0, INT64_MAX, NULL);
	gs_stops *stops = gs_stops_build(mem, t, p, 0, INT64_MAX, NULL);

	CHECK_INT(s->all.count, 2);
	CHECK_INT(s->all.sum_ns, 610);
	CHECK_INT(s->most_waiting, 1);
	CHECK_INT(s->worst[0].end_ns - s->worst[0].start_ns, 500);
	CHECK_INT(s->worst[0].n_runners, 1);
	CHECK_STR(gs_profile_str(p, s->worst[0].runners[0].name), GS_S("main.hog"));
	CHECK_INT(s->worst[0].runners[0].ns, 500);
	CHECK_INT(stops->n, 1);
	CHECK_INT(stops->list[0].stopping_ns, 300);
	CHECK_INT(t->goroutines[stops->list[0].last_goroutine].id, 1);
	CHECK_STR(gs_trace_node_name(p, stops->list[0].last_stack), GS_S("main.hog"));
}

static bool count_and_check_order(void *ctx, const gs_trace_event *e)
{
	int64_t *state = ctx;

	CHECK(e->time_ns >= state[0]);
	state[0] = e->time_ns;
	state[1]++;
	return state[1] < state[2];
}

TEST(events_come_in_order_and_stop_when_told)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p;
	gs_timeline *t = script_timeline(mem, waits, &p);
	gs_trace_event_query q = { .end_ns = INT64_MAX, .goroutine = GS_NO_INDEX, .kinds = UINT32_MAX };
	int64_t state[3] = { 0, 0, 1000 };

	CHECK(gs_trace_events_each(t, &q, count_and_check_order, state, NULL));
	CHECK_INT(state[1], 14);
	state[0] = state[1] = 0;
	state[2] = 3;
	CHECK(gs_trace_events_each(t, &q, count_and_check_order, state, NULL));
	CHECK_INT(state[1], 3);
	/* What it did and what was done by it. */
	q.goroutine = 2;
	state[0] = state[1] = 0;
	state[2] = 1000;
	CHECK(gs_trace_events_each(t, &q, count_and_check_order, state, NULL));
	CHECK_INT(state[1], 3);
}
