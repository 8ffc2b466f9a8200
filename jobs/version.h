#ifndef CLV_JOBS_VERSION_H
#define CLV_JOBS_VERSION_H

#include "comm/comm.h"

/** Such as "0.1.0". Not collective. */
const char *clv_version_text(void);
/** Version and build facts on stdout of rank 0. Logically collective. */
void clv_version_print(const clv_comm *world);

#endif
