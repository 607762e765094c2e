/* Which listening socket of a process is its pprof endpoint: found through /proc, asked with one GET each. */
#include <arpa/inet.h>
#include <dirent.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "capture/proc_text.h"
#include "capture/processes.h"
#include "base/banned.h"

enum { MAX_SOCKETS = 16, MAX_IN_FLIGHT = 32, MAX_NET_TEXT = 64 << 20, MAX_PAGE = 1 << 20 };

typedef struct probe {
	gs_process *process;
	gs_http_target *to;
} probe;

typedef GS_VEC(probe) probes;

/* Inodes of the sockets that the process holds. */
static bool own_sockets(int32_t pid, gs_map *out)
{
	char path[64];
	DIR *dir;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((e = readdir(dir))) {
		char name[384], to[64];
		ssize_t n;
		uint64_t inode;
		bool is_new;

		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		n = readlink(name, to, sizeof(to));
		if (n > 0 && gs_proc_socket_inode((gs_str){ to, (size_t)n }, &inode))
			(void)gs_map_put(out, inode, &is_new);
	}
	closedir(dir);
	return true;
}

static void add(gs_arena *mem, probes *all, gs_process *p, const char *text, gs_str unix_path)
{
	gs_http_target *to = gs_new(mem, gs_http_target, 1);
	probe *pr;

	if (!gs_http_target_parse(mem, gs_str_of(text), to, NULL))
		return;
	if (unix_path.n) {
		to->unix_path = unix_path;
		to->host = unix_path;
	}
	to->is_loopback = true;
	if (p->is_own_net_ns && (!unix_path.n || unix_path.p[0] == '@'))
		to->netns_pid = p->pid;
	pr = gs_vec_push(all, 1 << 16);
	if (pr)
		*pr = (probe){ p, to };
}

static void add_listener(gs_arena *mem, probes *all, gs_process *p, const gs_listener *l)
{
	static const uint8_t any[16], mapped[12] = { [10] = 0xff, [11] = 0xff };
	char addr[INET6_ADDRSTRLEN], text[128];

	if (l->family == GS_SOCKET_UNIX) {
		gs_str path = l->path;

		/* A path means something in the process's own mount namespace. */
		if (path.p[0] == '/' && p->is_own_mnt_ns)
			path = gs_strf(mem, "/proc/%d/root%.*s", p->pid, GS_FMT(path));
		/* sun_path has room for 107 bytes */
		if (path.n < 108 && !memchr(path.p, 0, path.n))
			add(mem, all, p, "http://localhost", gs_str_dup(mem, path));
		return;
	}
	if (l->family == GS_SOCKET_V4) {
		bool is_any = memcmp(l->addr, any, 4) == 0;

		inet_ntop(AF_INET, l->addr, addr, sizeof(addr));
		snprintf(text, sizeof(text), "http://%s:%u", is_any ? "127.0.0.1" : addr, l->port);
	} else if (memcmp(l->addr, any, 16) == 0) { /* [::] takes IPv4 too */
		snprintf(text, sizeof(text), "http://127.0.0.1:%u", l->port);
	} else if (memcmp(l->addr, mapped, 12) == 0) {
		inet_ntop(AF_INET, l->addr + 12, addr, sizeof(addr));
		snprintf(text, sizeof(text), "http://%s:%u", addr, l->port);
	} else {
		/* Link-local addresses would need a scope. */
		if (l->addr[0] == 0xfe && (l->addr[1] & 0xc0) == 0x80)
			return;
		inet_ntop(AF_INET6, l->addr, addr, sizeof(addr));
		snprintf(text, sizeof(text), "http://[%s]:%u", addr, l->port);
	}
	add(mem, all, p, text, (gs_str){ 0 });
}

/* Call fn for each listening socket that the process holds, until it says false. */
static void each_listener(gs_process *p, bool (*fn)(void *ctx, gs_process *p, const gs_listener *l), void *ctx)
{
	static const char *const files[] = { "net/tcp", "net/tcp6", "net/unix" };
	GS_AUTO(map) sockets = { 0 };
	bool more = true;

	if (!own_sockets(p->pid, &sockets) || sockets.n == 0)
		return;
	for (unsigned i = 0; i < 3 && more; i++) {
		char path[64];
		GS_AUTO(file) f = { 0 };
		gs_listener l;

		snprintf(path, sizeof(path), "/proc/%d/%s", p->pid, files[i]);
		if (!gs_file_read(path, MAX_NET_TEXT, &f, NULL))
			continue;
		gs_str rest = f.bytes;

		while (more && (i == 2 ? gs_proc_unix_next(&rest, &l) :
					 gs_proc_tcp_next(&rest, i ? GS_SOCKET_V6 : GS_SOCKET_V4, &l)))
			if (gs_map_get(&sockets, l.inode))
				more = fn(ctx, p, &l);
	}
}

typedef struct listing {
	gs_arena *mem;
	probes *all;
	unsigned n;
} listing;

static bool on_listener(void *ctx, gs_process *p, const gs_listener *l)
{
	listing *c = ctx;

	add_listener(c->mem, c->all, p, l);
	return ++c->n < MAX_SOCKETS;
}

static void listeners(gs_arena *mem, probes *all, gs_process *p)
{
	listing c = { mem, all, 0 };

	each_listener(p, on_listener, &c);
}

typedef struct wanted {
	gs_str unix_path;
	uint64_t port;
	bool found;
} wanted;

static bool is_wanted(void *ctx, gs_process *p, const gs_listener *l)
{
	wanted *w = ctx;

	(void)p;
	w->found = w->unix_path.n ? l->family == GS_SOCKET_UNIX && gs_str_eq(l->path, w->unix_path) :
				    l->family != GS_SOCKET_UNIX && l->port == w->port;
	return !w->found;
}

bool gs_process_of_endpoint(gs_arena *mem, const gs_http_target *to, gs_process *out)
{
	gs_processes_options options = { 0 };
	gs_processes all;
	size_t colon = gs_str_rfind_char(to->host, ':');
	wanted w = { .unix_path = to->unix_path, .port = to->is_tls ? 443 : 80 };

	if (!to->is_loopback)
		return false;
	if (!w.unix_path.n && colon != SIZE_MAX && !gs_str_ends(to->host, GS_S("]")))
		(void)gs_str_u64(gs_str_skip(to->host, colon + 1), 10, &w.port);
	if (!gs_processes_list(mem, &options, &all, NULL))
		return false;
	for (uint32_t i = 0; i < all.n; i++) {
		if (all.list[i].is_own_net_ns && !w.unix_path.n) /* its ports are not ours */
			continue;
		each_listener(&all.list[i], is_wanted, &w);
		if (w.found) {
			*out = all.list[i];
			return true;
		}
	}
	return false;
}

static void found(gs_arena *mem, const probe *pr)
{
	gs_process *p = pr->process;

	if (p->endpoint) /* the first one that answered, in the order of the sockets */
		return;
	p->endpoint = pr->to;
	p->pprof = pr->to->unix_path.n ? gs_strf(mem, "unix:%.*s", GS_FMT(pr->to->unix_path)) : pr->to->base;
}

static void ask(gs_arena *mem, probes *all, probes *again, const gs_progress *progress)
{
	gs_http_request *r = gs_new(mem, gs_http_request, all->n);

	for (size_t i = 0; i < all->n; i++)
		r[i] = (gs_http_request){ .to = all->p[i].to,
					  .url = all->p[i].to->base,
					  .timeout_ns = 800000000,
					  .connect_timeout_ns = 300000000,
					  .max_bytes = MAX_PAGE,
					  .fd = -1 };
	gs_http_run(r, all->n, MAX_IN_FLIGHT, NULL, 0, progress);
	for (size_t i = 0; i < all->n; i++) {
		gs_str page = gs_buf_view(&r[i].body), names[1];
		unsigned n;

		if (r[i].err.code == GS_ERR_NONE && r[i].status == 200 && gs_pprof_index_parse(page, names, 1, &n)) {
			found(mem, &all->p[i]);
		} else if (r[i].is_late) {
			all->p[i].process->n_silent++;
		} else if (again && r[i].status == 400 && gs_str_has(page, GS_S("HTTPS server"))) {
			gs_str base = all->p[i].to->base;
			gs_str text = gs_strf(mem, "https+insecure%.*s", GS_FMT(gs_str_skip(base, 4)));

			add(mem, again, all->p[i].process, gs_cstr(mem, text), all->p[i].to->unix_path);
		}
		gs_buf_release(&r[i].body);
	}
}

gs_str gs_process_silence(const gs_process *p)
{
	return p->endpoint ? (gs_str){ 0 } : p->is_stopped ? GS_S("stopped") : p->n_silent ? GS_S("no answer") : (gs_str){ 0 };
}

void gs_process_endpoints(gs_arena *mem, gs_process *list, uint32_t n, const gs_progress *progress)
{
	probes all = { 0 }, tls = { 0 };

	for (uint32_t i = 0; i < n; i++)
		if (list[i].pid != (int32_t)getpid() && !list[i].is_stopped)
			listeners(mem, &all, &list[i]);
	ask(mem, &all, &tls, progress);
	if (tls.n)
		ask(mem, &tls, NULL, progress);
	gs_vec_release(&all);
	gs_vec_release(&tls);
}
