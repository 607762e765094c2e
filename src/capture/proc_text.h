/*
 * The text files of /proc, taken apart. Pure functions over bytes: a process chooses parts of what stands there (its name, its
 * arguments, the paths that it maps), so nothing here trusts it. Slices point into the text.
 *
 * Format: proc(5), proc_pid_stat(5), proc_pid_maps(5), cgroups(7); the kernel's net/ipv4/tcp_ipv4.c for net/tcp.
 */
#ifndef GS_CAPTURE_PROC_TEXT_H
#define GS_CAPTURE_PROC_TEXT_H

#include "base/arena.h"
#include "base/str.h"

typedef struct gs_proc_stat {
	gs_str comm; /* may hold anything, parentheses and newlines included */
	char state;  /* R S D Z T t X I */
	int32_t ppid;
	uint64_t utime_ticks, stime_ticks, start_ticks;
	uint32_t n_threads;
	uint64_t rss_pages;
} gs_proc_stat;

/* /proc/PID/stat */
bool gs_proc_stat_parse(gs_str text, gs_proc_stat *out);

/* The rest of the line "Name:\tvalue" of /proc/PID/status, trimmed; empty when there is none. */
gs_str gs_proc_status_value(gs_str text, const char *name);

typedef struct gs_proc_map {
	uint64_t start, limit, offset, inode;
	uint32_t dev_major, dev_minor;
	bool is_read, is_write, is_exec, is_shared;
	bool is_deleted; /* the kernel's " (deleted)" was taken off `path` */
	gs_str path;	 /* as the kernel writes it, "\012" for a newline; may be empty or "[vdso]" */
} gs_proc_map;

/* Next line of /proc/PID/maps; lines that make no sense are left out. False at the end. */
bool gs_proc_map_next(gs_str *rest, gs_proc_map *out);

typedef enum gs_socket_family { GS_SOCKET_V4, GS_SOCKET_V6, GS_SOCKET_UNIX } gs_socket_family;

typedef struct gs_listener {
	gs_socket_family family;
	uint8_t addr[16]; /* network order; 4 or 16 bytes */
	uint16_t port;
	gs_str path; /* GS_SOCKET_UNIX: '@' first for the abstract namespace */
	uint64_t inode;
} gs_listener;

/* Next listening socket of /proc/PID/net/tcp, tcp6, unix. False at the end. */
bool gs_proc_tcp_next(gs_str *rest, gs_socket_family family, gs_listener *out);
bool gs_proc_unix_next(gs_str *rest, gs_listener *out);

/* Inode of a "socket:[123]" link of /proc/PID/fd. */
bool gs_proc_socket_inode(gs_str link, uint64_t *inode);

typedef struct gs_container {
	gs_str id;	     /* 64 hex digits, or ECS' 32-and-a-number; empty: none */
	const char *runtime; /* "docker", "containerd", "cri-o", "podman", "ecs", "kubernetes", "container" */
	gs_str pod_uid;	     /* as written: dashes or underscores; empty: no pod */
} gs_container;

/* The container that /proc/PID/cgroup names. False when it names none. */
bool gs_proc_container(gs_str text, gs_container *out);

/* NUL-separated /proc/PID/cmdline as one line for people: arguments with odd characters quoted. */
gs_str gs_proc_command_line(gs_arena *mem, gs_str cmdline);

#endif
