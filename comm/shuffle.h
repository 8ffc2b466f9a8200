#ifndef CLV_COMM_SHUFFLE_H
#define CLV_COMM_SHUFFLE_H

#include "comm/comm.h"

/** Send variable-length records to the ranks that own them. Records added by a rank arrive in that order, and
 *  arrivals are in order of the sending rank. */
typedef struct clv_shuffle clv_shuffle;

clv_status clv_shuffle_new(const clv_comm *comm, clv_shuffle **out);
void       clv_shuffle_free(clv_shuffle **self);

/** Put a copy of a record in the outgoing buffer for `owner`. Not collective; a failure is also remembered and fails the
 *  next exchange on every rank.
 *  @param bytes  0 … 2^31 - 1; CLV_EDATA where it is more */
clv_status clv_shuffle_add(clv_shuffle *self, int owner, const void *record, size_t bytes);

/** Deliver everything added so far (any volume: messages of at most 64 MiB) and empty the outgoing buffers, each as soon as
 *  it is sent. Collective, synchronising.
 *  @param mine  this rank's status so far; agreed upon first
 *  @param[out] records  owned by the shuffle until its next exchange or free: each record is a uint32_t length and its bytes,
 *                       back to back; @param[out] bytes  their total length */
clv_status clv_shuffle_exchange(clv_shuffle *self, clv_status mine, const void **records, size_t *bytes);

/** FNV-1a with a final mix: which rank owns an id; the same on every machine. */
uint64_t clv_hash(const void *bytes, size_t n);

#endif
