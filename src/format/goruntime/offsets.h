/*
 * gs_go_offsets: where the Go runtime keeps what in its own structures, by Go version and architecture.
 *
 * Two makers of the same record: gs_go_dwarf_offsets (dwarf.h) reads the program's debug information, gs_go_offsets_table knows
 * each released version (offsets_table.c, written by tools/go-offsets from the debug information of one small program
 * per version and architecture). Both take the lists below: a new field is one line here and a run of the generator.
 */
#ifndef GS_FORMAT_GORUNTIME_OFFSETS_H
#define GS_FORMAT_GORUNTIME_OFFSETS_H

#include "base/err.h"
#include "format/elf/elf.h"

/*
 * name here, Go type, member. "a.b" goes into a member, "a|b" takes the first that exists, "" is the size of the type, "a#" the
 * size of a member. Value GS_GO_NONE: this version has no such thing.
 */
#define GS_GO_OFFSETS(X)                                                                    \
	X(mheap_allspans, "runtime.mheap", "allspans")                                      \
	X(mheap_all_arenas, "runtime.mheap", "allArenas|heapArenas")                        \
	X(mheap_arenas, "runtime.mheap", "arenas")                                          \
	X(mheap_sweepgen, "runtime.mheap", "sweepgen")                                      \
	X(mheap_size, "runtime.mheap", "")                                                  \
	X(arena_bitmap, "runtime.heapArena", "bitmap")                                      \
	X(arena_no_more_ptrs, "runtime.heapArena", "noMorePtrs")                            \
	X(arena_spans, "runtime.heapArena", "spans")                                        \
	X(arena_inline_marks, "runtime.heapArena", "pageUseSpanInlineMarkBits")             \
	X(arena_size, "runtime.heapArena", "")                                              \
	X(mspan_start, "runtime.mspan", "startAddr")                                        \
	X(mspan_npages, "runtime.mspan", "npages")                                          \
	X(mspan_freeindex, "runtime.mspan", "freeindex")                                    \
	X(mspan_freeindex_scan, "runtime.mspan", "freeIndexForScan")                        \
	X(mspan_nelems, "runtime.mspan", "nelems")                                          \
	X(mspan_nelems_size, "runtime.mspan", "nelems#")                                    \
	X(mspan_alloc_bits, "runtime.mspan", "allocBits")                                   \
	X(mspan_mark_bits, "runtime.mspan", "gcmarkBits")                                   \
	X(mspan_sweepgen, "runtime.mspan", "sweepgen")                                      \
	X(mspan_spanclass, "runtime.mspan", "spanclass")                                    \
	X(mspan_state, "runtime.mspan", "state")                                            \
	X(mspan_elemsize, "runtime.mspan", "elemsize")                                      \
	X(mspan_limit, "runtime.mspan", "limit")                                            \
	X(mspan_specials, "runtime.mspan", "specials")                                      \
	X(mspan_large_type, "runtime.mspan", "largeType")                                   \
	X(mspan_is_user_arena, "runtime.mspan", "isUserArenaChunk")                         \
	X(mspan_size, "runtime.mspan", "")                                                  \
	X(special_next, "runtime.special", "next")                                          \
	X(special_offset, "runtime.special", "offset")                                      \
	X(special_offset_size, "runtime.special", "offset#")                                \
	X(special_kind, "runtime.special", "kind")                                          \
	X(special_finalizer_fn, "runtime.specialfinalizer", "fn")                           \
	X(special_weak_handle, "runtime.specialWeakHandle", "handle")                       \
	X(special_cleanup_fn, "runtime.specialCleanup", "cleanup|fn")                       \
	X(special_profile_bucket, "runtime.specialprofile", "b")                            \
	X(finblock_all_link, "runtime.finblock|runtime.finBlock", "alllink")                \
	X(finblock_cnt, "runtime.finblock|runtime.finBlock", "cnt")                         \
	X(finblock_fin, "runtime.finblock|runtime.finBlock", "fin")                         \
	X(finalizer_fn, "runtime.finalizer", "fn")                                          \
	X(finalizer_arg, "runtime.finalizer", "arg")                                        \
	X(finalizer_fint, "runtime.finalizer", "fint")                                      \
	X(finalizer_ot, "runtime.finalizer", "ot")                                          \
	X(finalizer_size, "runtime.finalizer", "")                                          \
	X(cleanup_queue_all, "runtime.cleanupQueue", "all")                                 \
	X(cleanup_block_all_link, "runtime.cleanupBlock", "cleanupBlockHeader.alllink")     \
	X(cleanup_block_n, "runtime.cleanupBlock", "cleanupBlockHeader.n")                  \
	X(cleanup_block_fns, "runtime.cleanupBlock", "cleanups")                            \
	X(cleanup_fn_size, "runtime.cleanupFn", "")                                         \
	X(g_stack_lo, "runtime.g", "stack.lo")                                              \
	X(g_stack_hi, "runtime.g", "stack.hi")                                              \
	X(g_panic, "runtime.g", "_panic")                                                   \
	X(g_defer, "runtime.g", "_defer")                                                   \
	X(g_m, "runtime.g", "m")                                                            \
	X(g_sched_sp, "runtime.g", "sched.sp")                                              \
	X(g_sched_pc, "runtime.g", "sched.pc")                                              \
	X(g_sched_ctxt, "runtime.g", "sched.ctxt")                                          \
	X(g_sched_lr, "runtime.g", "sched.lr")                                              \
	X(g_sched_bp, "runtime.g", "sched.bp")                                              \
	X(g_syscallsp, "runtime.g", "syscallsp")                                            \
	X(g_syscallpc, "runtime.g", "syscallpc")                                            \
	X(g_param, "runtime.g", "param")                                                    \
	X(g_status, "runtime.g", "atomicstatus")                                            \
	X(g_goid, "runtime.g", "goid")                                                      \
	X(g_waitsince, "runtime.g", "waitsince")                                            \
	X(g_waitreason, "runtime.g", "waitreason")                                          \
	X(g_lockedm, "runtime.g", "lockedm")                                                \
	X(g_parent_goid, "runtime.g", "parentGoid")                                         \
	X(g_gopc, "runtime.g", "gopc")                                                      \
	X(g_startpc, "runtime.g", "startpc")                                                \
	X(g_waiting, "runtime.g", "waiting")                                                \
	X(g_labels, "runtime.g", "labels")                                                  \
	X(g_schedlink, "runtime.g", "schedlink")                                            \
	X(g_bubble, "runtime.g", "bubble|syncGroup")                                        \
	X(g_coroarg, "runtime.g", "coroarg")                                                \
	X(g_size, "runtime.g", "")                                                          \
	X(m_g0, "runtime.m", "g0")                                                          \
	X(m_curg, "runtime.m", "curg")                                                      \
	X(m_gsignal, "runtime.m", "gsignal")                                                \
	X(m_procid, "runtime.m", "procid")                                                  \
	X(m_alllink, "runtime.m", "alllink")                                                \
	X(m_id, "runtime.m", "id")                                                          \
	X(m_vdso_sp, "runtime.m", "vdsoSP")                                                 \
	X(m_vdso_pc, "runtime.m", "vdsoPC")                                                 \
	X(sudog_g, "runtime.sudog", "g")                                                    \
	X(sudog_next, "runtime.sudog", "next")                                              \
	X(sudog_prev, "runtime.sudog", "prev")                                              \
	X(sudog_elem, "runtime.sudog", "elem.vu|elem")                                      \
	X(sudog_ticket, "runtime.sudog", "ticket")                                          \
	X(sudog_is_select, "runtime.sudog", "isSelect")                                     \
	X(sudog_parent, "runtime.sudog", "parent")                                          \
	X(sudog_waitlink, "runtime.sudog", "waitlink")                                      \
	X(sudog_waittail, "runtime.sudog", "waittail")                                      \
	X(sudog_c, "runtime.sudog", "c.vu|c")                                               \
	X(sudog_size, "runtime.sudog", "")                                                  \
	X(hchan_qcount, "runtime.hchan", "qcount")                                          \
	X(hchan_dataqsiz, "runtime.hchan", "dataqsiz")                                      \
	X(hchan_buf, "runtime.hchan", "buf")                                                \
	X(hchan_elemsize, "runtime.hchan", "elemsize")                                      \
	X(hchan_closed, "runtime.hchan", "closed")                                          \
	X(hchan_timer, "runtime.hchan", "timer")                                            \
	X(hchan_elemtype, "runtime.hchan", "elemtype")                                      \
	X(hchan_sendx, "runtime.hchan", "sendx")                                            \
	X(hchan_recvx, "runtime.hchan", "recvx")                                            \
	X(hchan_recvq, "runtime.hchan", "recvq")                                            \
	X(hchan_sendq, "runtime.hchan", "sendq")                                            \
	X(hchan_size, "runtime.hchan", "")                                                  \
	X(timer_mu, "runtime.timer", "mu")                                                  \
	X(timer_when, "runtime.timer", "when")                                              \
	X(timer_send_lock, "runtime.timer", "sendLock")                                     \
	X(timer_is_sending, "runtime.timer", "isSending")                                   \
	X(defer_heap, "runtime._defer", "heap")                                             \
	X(defer_sp, "runtime._defer", "sp")                                                 \
	X(defer_pc, "runtime._defer", "pc")                                                 \
	X(defer_fn, "runtime._defer", "fn")                                                 \
	X(defer_link, "runtime._defer", "link")                                             \
	X(sema_root_size, "runtime.semTable", "")                                           \
	X(sema_treap, "runtime.semaRoot", "treap")                                          \
	X(notify_list_head, "runtime.notifyList", "head")                                   \
	X(bucket_allnext, "runtime.bucket", "allnext")                                      \
	X(bucket_typ, "runtime.bucket", "typ")                                              \
	X(bucket_hash, "runtime.bucket", "hash")                                            \
	X(bucket_stack_size, "runtime.bucket", "size")                                      \
	X(bucket_nstk, "runtime.bucket", "nstk")                                            \
	X(bucket_size, "runtime.bucket", "")                                                \
	X(memrecord_active, "runtime.memRecord", "active")                                  \
	X(memrecord_future, "runtime.memRecord", "future")                                  \
	X(memrecord_cycle_size, "runtime.memRecordCycle", "")                               \
	X(memcycle_allocs, "runtime.memRecordCycle", "allocs")                              \
	X(memcycle_frees, "runtime.memRecordCycle", "frees")                                \
	X(memcycle_alloc_bytes, "runtime.memRecordCycle", "alloc_bytes")                    \
	X(memcycle_free_bytes, "runtime.memRecordCycle", "free_bytes")                      \
	X(sched_lastpoll, "runtime.schedt", "lastpoll")                                     \
	X(mstats_last_gc, "runtime.mstats", "last_gc_nanotime")                             \
	X(module_text, "runtime.moduledata", "text")                                        \
	X(module_etext, "runtime.moduledata", "etext")                                      \
	X(module_noptrdata, "runtime.moduledata", "noptrdata")                              \
	X(module_enoptrdata, "runtime.moduledata", "enoptrdata")                            \
	X(module_data, "runtime.moduledata", "data")                                        \
	X(module_edata, "runtime.moduledata", "edata")                                      \
	X(module_bss, "runtime.moduledata", "bss")                                          \
	X(module_ebss, "runtime.moduledata", "ebss")                                        \
	X(module_noptrbss, "runtime.moduledata", "noptrbss")                                \
	X(module_enoptrbss, "runtime.moduledata", "enoptrbss")                              \
	X(module_types, "runtime.moduledata", "types")                                      \
	X(module_etypes, "runtime.moduledata", "etypes")                                    \
	X(module_rodata, "runtime.moduledata", "rodata")                                    \
	X(module_gofunc, "runtime.moduledata", "gofunc")                                    \
	X(module_gcdatamask, "runtime.moduledata", "gcdatamask")                            \
	X(module_gcbssmask, "runtime.moduledata", "gcbssmask")                              \
	X(module_next, "runtime.moduledata", "next")                                        \
	X(module_size, "runtime.moduledata", "")                                            \
	X(hmap_count, "runtime.hmap", "count")                                              \
	X(hmap_b, "runtime.hmap", "B")                                                      \
	X(hmap_buckets, "runtime.hmap", "buckets")                                          \
	X(hmap_oldbuckets, "runtime.hmap", "oldbuckets")                                    \
	X(hmap_size, "runtime.hmap", "")                                                    \
	X(map_used, "internal/runtime/maps.Map", "used")                                    \
	X(map_dir_ptr, "internal/runtime/maps.Map", "dirPtr")                               \
	X(map_dir_len, "internal/runtime/maps.Map", "dirLen")                               \
	X(map_size, "internal/runtime/maps.Map", "")                                        \
	X(table_used, "internal/runtime/maps.table", "used")                                \
	X(table_capacity, "internal/runtime/maps.table", "capacity")                        \
	X(table_groups, "internal/runtime/maps.table", "groups")                            \
	X(table_size, "internal/runtime/maps.table", "")

/* name here, constant of package runtime */
#define GS_GO_CONSTANTS(X)                                                                  \
	X(kind_finalizer, "runtime._KindSpecialFinalizer")                                  \
	X(kind_weak_handle, "runtime._KindSpecialWeakHandle")                               \
	X(kind_profile, "runtime._KindSpecialProfile")                                      \
	X(kind_cleanup, "runtime._KindSpecialCleanup")

/* name here, variable. Addresses are the program's own: they are not part of the table. */
#define GS_GO_VARIABLES(X)                                                                  \
	X(mheap, "runtime.mheap_")                                                          \
	X(allgs, "runtime.allgs")                                                           \
	X(allm, "runtime.allm")                                                             \
	X(firstmoduledata, "runtime.firstmoduledata")                                       \
	X(semtable, "runtime.semtable")                                                     \
	X(allfin, "runtime.allfin")                                                         \
	X(gc_cleanups, "runtime.gcCleanups")                                                \
	X(mbuckets, "runtime.mbuckets")                                                     \
	X(mprof_cycle, "runtime.mProfCycle")                                                \
	X(mem_profile_rate, "runtime.MemProfileRate")                                       \
	X(wait_reasons, "runtime.waitReasonStrings")                                        \
	X(sched, "runtime.sched")                                                           \
	X(memstats, "runtime.memstats")                                                     \
	X(gc_phase, "runtime.gcphase")                                                      \
	X(build_version, "runtime.buildVersion")

enum { GS_GO_NONE = -1 };

typedef struct gs_go_offsets {
#define X(name, type, member) int32_t name;
	GS_GO_OFFSETS(X)
#undef X
#define X(name, constant) int32_t name;
	GS_GO_CONSTANTS(X)
#undef X
} gs_go_offsets;

typedef struct gs_go_variables {
#define X(name, variable) uint64_t name; /* the file's own address; 0 unknown */
	GS_GO_VARIABLES(X)
#undef X
} gs_go_variables;

/* NULL: a version or machine that the table does not know. machine: GS_ELF_X86_64 or GS_ELF_AARCH64. */
const gs_go_offsets *gs_go_offsets_table(unsigned go_minor, unsigned machine);
/* The oldest and newest minor version in the table. */
void gs_go_offsets_range(unsigned *oldest, unsigned *newest);

/* Variables by the symbol table: those that are absent stay 0. */
void gs_go_variables_symbols(const gs_elf *e, gs_go_variables *out);

#endif
