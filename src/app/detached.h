/* Start a program of the desktop (browser, editor) that lives on without us. */
#ifndef GS_APP_DETACHED_H
#define GS_APP_DETACHED_H

#include "base/err.h"

/*
 * argv ends with NULL; argv[0] is looked up in PATH. In a session of its own, without our terminal, nobody's child to wait for.
 * False when it could not be executed. Any thread.
 */
bool gs_spawn_detached(const char *const *argv, gs_err *err);
/* Is there such a program in PATH? */
bool gs_program_exists(const char *name);

#endif
