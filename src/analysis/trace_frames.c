#include "analysis/trace_frames.h"

#include "analysis/names.h"

gs_str gs_trace_node_name(const gs_profile *p, uint32_t node)
{
	return node ? gs_profile_str(p, p->functions[p->frames[p->nodes[node].frame].function].name) : (gs_str){ 0 };
}

gs_str gs_trace_node_file(const gs_profile *p, uint32_t node)
{
	return node ? gs_profile_str(p, p->functions[p->frames[p->nodes[node].frame].function].file) : (gs_str){ 0 };
}

int64_t gs_trace_node_line(const gs_profile *p, uint32_t node)
{
	return node ? p->frames[p->nodes[node].frame].line : 0;
}

/* Packages that wait or work on behalf of their caller. */
static bool is_plumbing(gs_str name)
{
	static const char *const packages[] = { "sync", "sync/atomic", "syscall", "time", "os", "io", "bufio", "context", "net", "poll" };
	gs_str package = gs_name_package(name);

	if (gs_name_is_runtime(name) || gs_str_starts(package, GS_S("runtime/")) || gs_str_starts(package, GS_S("internal/")))
		return true;
	for (size_t i = 0; i < sizeof(packages) / sizeof(*packages); i++)
		if (gs_str_eq(package, gs_str_of(packages[i])))
			return true;
	return false;
}

uint32_t gs_trace_own_node(const gs_profile *p, uint32_t stack)
{
	for (uint32_t n = stack; n; n = p->nodes[n].parent)
		if (!is_plumbing(gs_trace_node_name(p, n)))
			return n;
	return stack;
}

bool gs_trace_is_collector(const gs_profile *p, uint32_t stack)
{
	for (uint32_t n = stack; n; n = p->nodes[n].parent) {
		gs_str name = gs_trace_node_name(p, n);

		if (!gs_name_is_runtime(name))
			return false;
		if (gs_str_starts(name, GS_S("runtime.gc")))
			return true;
	}
	return false;
}

gs_str gs_trace_goroutine_name(gs_arena *mem, const gs_profile *p, const gs_timeline *t, uint32_t goroutine)
{
	const gs_timeline_goroutine *g;

	if (goroutine == GS_NO_INDEX)
		return GS_S("none");
	g = &t->goroutines[goroutine];
	return g->name ? gs_profile_str(p, g->name) : gs_strf(mem, "goroutine %llu", (unsigned long long)g->id);
}

static bool is_serve(gs_str name)
{
	return gs_str_eq(name, GS_S("net/http.(*conn).serve"));
}

bool gs_trace_is_http_idle(const gs_profile *p, uint32_t stack)
{
	for (uint32_t n = stack; n; n = p->nodes[n].parent) {
		gs_str name = gs_trace_node_name(p, n);

		if (gs_str_ends(name, GS_S(".ServeHTTP")))
			return false;
		if (is_serve(name))
			return true;
	}
	return false;
}

/* "main.routes.func1", "main.main.func2.1": a function literal. */
static bool is_closure(gs_str name)
{
	while (name.n && (name.p[name.n - 1] == '.' || (name.p[name.n - 1] >= '0' && name.p[name.n - 1] <= '9')))
		name.n--;
	return gs_str_ends(name, GS_S(".func")) || gs_str_ends(name, GS_S("-fm"));
}

/* Code of somebody's module, not of Go's own library: its path begins with a host name, or it is the program. */
static bool is_of_module(gs_str name)
{
	gs_str package = gs_name_package(name), host, rest;

	gs_str_cut(package, '/', &host, &rest);
	return gs_str_eq(package, GS_S("main")) || gs_str_has(host, GS_S("."));
}

uint32_t gs_trace_http_handler(const gs_profile *p, uint32_t stack)
{
	uint32_t inner = 0, handler = 0, named = 0, handler_named = 0;
	bool seen_serve = false;

	/* From the leaf up: what net/http called first is the handler; wrappers around it are literals, and what those call
	 * says more than they do. */
	for (uint32_t n = stack; n; n = p->nodes[n].parent) {
		gs_str name = gs_trace_node_name(p, n);

		if (is_serve(name)) {
			seen_serve = true;
			break;
		}
		if (!gs_str_eq(gs_name_package(name), GS_S("net/http"))) {
			inner = n;
			if (is_of_module(name) && !is_closure(name))
				named = n;
		} else if (gs_str_ends(name, GS_S(".ServeHTTP")) && inner && !handler) {
			handler = inner;
			handler_named = named;
		}
	}
	if (!seen_serve || !handler)
		return 0;
	if (handler_named && is_closure(gs_trace_node_name(p, handler)))
		handler = handler_named;
	return p->frames[p->nodes[handler].frame].function;
}
