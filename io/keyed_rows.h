#ifndef CLV_IO_KEYED_ROWS_H
#define CLV_IO_KEYED_ROWS_H

#include "comm/comm.h"

/** Rows of a fixed-length payload under a key of bytes, which can be put in order over all ranks. */
typedef struct clv_keyed_rows clv_keyed_rows;

clv_status clv_keyed_rows_new(size_t payload_bytes, clv_keyed_rows **out);
void       clv_keyed_rows_free(clv_keyed_rows **self);

/** Not collective. @param payload  [payload_bytes], copied */
clv_status clv_keyed_rows_add(clv_keyed_rows *self, const void *key, size_t n_key, const void *payload);

/** Sort by key (as memcmp, a shorter key before its continuations) over all ranks: afterwards this rank's
 * rows are sorted and come after those of every lower rank; rows with the same key are on one rank. The order
 * of all rows under distinct keys does not depend on the number of ranks. Collective, synchronising.
 *  @param mine  this rank's status so far; agreed upon first */
clv_status clv_keyed_rows_order(clv_keyed_rows *self, const clv_comm *comm, clv_status mine);

/** Sort this rank's rows. Not collective. */
clv_status clv_keyed_rows_sort(clv_keyed_rows *self);

/** Row i, in sorted order once sorted. Borrowed. Not collective. */
size_t      clv_keyed_rows_n(const clv_keyed_rows *self);
const char *clv_keyed_rows_key(const clv_keyed_rows *self, size_t i, size_t *n_key);
void       *clv_keyed_rows_payload(const clv_keyed_rows *self, size_t i);

#endif
