#ifndef CLV_IO_SHARED_OBJECT_H
#define CLV_IO_SHARED_OBJECT_H

#include "comm/status.h"
#include "io/files.h"

/** A file of code that is loaded into the program. */
typedef struct clv_shared_object clv_shared_object;

/** A function without its type; cast to the right one before it is called. */
typedef void (*clv_function)(void);

/** Load a shared object and all it needs. A name without '/' is a file of the working directory, never one of
 * the system's library paths. Not collective.
 *  @param[out] out  owned by the caller @return CLV_EUSAGE naming the file and what is wrong with it */
clv_status clv_shared_object_open(const char *path, clv_shared_object **out);
/** Accepts NULL. Not collective. What was taken from it is gone. */
void clv_shared_object_close(clv_shared_object **self);

/** A function it exports. Not collective. @return CLV_EUSAGE naming file and symbol */
clv_status clv_shared_object_find(const clv_shared_object *self, const char *symbol, clv_function *out);

/** Digest of the file. Not collective. Borrowed. */
const clv_digest *clv_shared_object_digest(const clv_shared_object *self);

#endif
