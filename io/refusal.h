#ifndef CLV_IO_REFUSAL_H
#define CLV_IO_REFUSAL_H

#include "comm/status.h"

/** What a write through a library was that failed (HDF5 and MPI-IO say no more than that, and what they do
 * after a failure leaves another errno behind): the file system is asked by writing a little beside the file
 * and by syncing the file; where it has nothing against that, errno counts if it is a refusal to write.
 * Statuses and sentences of clv_file_write_failed. Not collective. */
clv_status clv_refusal_find(const char *path);

#endif
