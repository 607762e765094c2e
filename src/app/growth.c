#include "app/growth.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "load/gotrace_whole.h"

#include "base/banned.h"

#define SECOND_NS 1000000000LL
/* A program writes a generation of its trace every second. */
#define SETTLED_NS (2 * SECOND_NS)
#define OVER_NS (5 * SECOND_NS)
#define GIVEN_UP_NS (60 * SECOND_NS)

bool gs_file_look_at(const char *path, gs_file_look *out, gs_err *err)
{
	GS_AUTO(fd) fd = -1;
	struct stat st;
	int seals;

	if (stat(path, &st))
		return gs_fail_errno(err, errno, "look at", path);
	if (!S_ISREG(st.st_mode))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s is no file that can be read again", path);
	*out = (gs_file_look){ .bytes = (uint64_t)st.st_size, .inode = st.st_ino, .device = st.st_dev, .modified_ns = gs_timespec_ns(st.st_mtim) };
	out->quiet_ns = gs_clock_ns(CLOCK_REALTIME) - out->modified_ns;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	/* Other files cannot be sealed (cli/spool.c). */
	seals = fd >= 0 ? fcntl(fd, F_GET_SEALS) : -1;
	out->is_stream = seals >= 0 && !(seals & F_SEAL_SEAL);
	out->is_ended = out->is_stream && (seals & F_SEAL_WRITE);
	return true;
}

static bool has_settled(const gs_file_look *f)
{
	return f->is_stream ? f->is_ended : f->quiet_ns >= SETTLED_NS;
}

bool gs_growth_can_begin(const char *path, const gs_file_look *now)
{
	return has_settled(now) || gs_gotrace_whole_until(path, 0, now->bytes) > 0;
}

bool gs_file_has_changed(const gs_file_look *before, const gs_file_look *now)
{
	return before->bytes != now->bytes || before->modified_ns != now->modified_ns || before->inode != now->inode ||
	       before->device != now->device;
}

bool gs_growth_is_worth_reading(const char *path, const gs_file_look *before, const gs_file_look *now, uint64_t *whole_until)
{
	uint64_t whole;

	if (!gs_file_has_changed(before, now))
		return false;
	if (has_settled(now))
		return true;
	if (now->bytes < before->bytes || now->inode != before->inode || now->device != before->device)
		return false; /* begun again: until it has settled */
	if (!*whole_until)
		*whole_until = gs_gotrace_whole_until(path, 0, before->bytes);
	whole = gs_gotrace_whole_until(path, *whole_until, now->bytes);
	if (whole <= *whole_until)
		return false;
	*whole_until = whole;
	return true;
}

bool gs_growth_is_over(const gs_file_look *now, bool is_cut)
{
	if (now->is_stream)
		return now->is_ended;
	return now->quiet_ns >= (is_cut ? GIVEN_UP_NS : OVER_NS);
}
