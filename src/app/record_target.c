/* From what a user types to what is recorded. */
#include "app/record.h"

#include <unistd.h>

#include "base/banned.h"

enum { MAX_MATCHES = 64 };

static gs_str base_name(gs_str path)
{
	size_t slash = gs_str_rfind_char(path, '/');

	return slash == SIZE_MAX ? path : gs_str_skip(path, slash + 1);
}

static gs_str process_name(const gs_process *p)
{
	gs_str name = base_name(p->exe);

	if (!name.n || gs_str_eq(name, GS_S("exe")) || gs_str_starts(name, GS_S("__debug_bin")))
		name = base_name(p->info.main_package);
	return name.n ? name : p->name;
}

static bool from_url(gs_arena *mem, const gs_record_options *o, gs_record_target *out, gs_err *err)
{
	gs_http_target *t = gs_new(mem, gs_http_target, 1);

	if (!gs_http_target_parse(mem, o->target, t, err))
		return false;
	out->kind = GS_S("url");
	out->text = t->single.n ? t->single : t->unix_path.n ? gs_strf(mem, "unix:%.*s", GS_FMT(t->unix_path)) : t->base;
	out->title = t->host;
	out->name = t->unix_path.n ? base_name(t->host) : t->host;
	out->endpoint = t;
	return true;
}

/* A container may run several Go processes: all of them are meant. Anything else must be one. */
static bool is_one_container(const gs_processes *all, const uint32_t *found, uint32_t n)
{
	gs_str id = all->list[found[0]].container;

	for (uint32_t i = 1; i < n; i++)
		if (!gs_str_eq(all->list[found[i]].container, id))
			return false;
	return id.n > 0;
}

static bool ambiguous(const gs_processes *all, const uint32_t *found, uint32_t n, gs_str text, gs_err *err)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 4096);
	for (uint32_t i = 0; i < n && i < 12; i++)
		gs_buf_f(&b, "%s%d", i ? ", " : "", all->list[found[i]].pid);
	if (n > 12)
		gs_buf_z(&b, ", ...");
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%u processes are called %.*s: give the PID of one: %.*s", n, GS_FMT(text),
		       GS_FMT(gs_buf_view(&b)));
}

static bool from_name(gs_arena *mem, const gs_record_options *o, gs_record_target *out, gs_err *err)
{
	gs_processes_options options = { .all = true };
	gs_processes all;
	uint32_t found[MAX_MATCHES], n, n_go = 0;

	if (!gs_processes_list(mem, &options, &all, err))
		return false;
	n = gs_processes_find(&all, o->target, found, MAX_MATCHES);
	if (n > MAX_MATCHES)
		n = MAX_MATCHES;
	if (n == 0)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
			       "no process, container or address is called %.*s%s; gospect ps lists Go processes", GS_FMT(o->target),
			       all.n_hidden && geteuid() != 0 ? " (some processes are hidden from this user: sudo shows them)" : "");
	/* Where Go processes match, others that share the name (a shell around them) are not meant. */
	for (uint32_t i = 0; i < n; i++)
		if (all.list[found[i]].info.is_go)
			found[n_go++] = found[i];
	if (n_go)
		n = n_go;
	else if (n > 1 && all.list[found[0]].container.n)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no Go process runs in the container %.*s", GS_FMT(o->target));
	if (n > 1 && !is_one_container(&all, found, n))
		return ambiguous(&all, found, n, o->target, err);
	out->processes = gs_new(mem, gs_process, n);
	out->n_processes = n;
	for (uint32_t i = 0; i < n; i++)
		out->processes[i] = all.list[found[i]];
	return true;
}

bool gs_record_find_target(gs_arena *mem, const gs_record_options *o, gs_record_target *out, gs_err *err)
{
	const gs_process *p;
	uint64_t pid;

	*out = (gs_record_target){ 0 };
	if (o->command) {
		out->kind = GS_S("command");
		out->text = gs_str_of(o->command[0]);
		out->name = base_name(out->text);
		out->title = out->name;
		return true;
	}
	if (!o->target.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "record what? A PID, a process or container name, an address (localhost:6060), or -- ./program arguments");
	if (gs_http_target_like(o->target))
		return from_url(mem, o, out, err);
	if (gs_str_u64(o->target, 10, &pid) && pid > 0 && pid <= INT32_MAX) {
		out->processes = gs_new(mem, gs_process, 1);
		out->n_processes = 1;
		if (!gs_process_look(mem, (int32_t)pid, out->processes, err))
			return false;
	} else if (!from_name(mem, o, out, err)) {
		return false;
	}
	p = &out->processes[0];
	out->kind = GS_S("pid");
	out->text = gs_str_u64(o->target, 10, &pid) ? o->target : gs_strf(mem, "%.*s (pid %d)", GS_FMT(o->target), p->pid);
	out->name = process_name(p);
	out->title = gs_strf(mem, "%.*s (pid %d)", GS_FMT(out->name), p->pid);
	if (!o->no_endpoint) {
		gs_process_endpoints(mem, out->processes, out->n_processes, NULL);
		for (uint32_t i = 0; i < out->n_processes && !out->endpoint; i++)
			out->endpoint = out->processes[i].endpoint;
	}
	return true;
}
