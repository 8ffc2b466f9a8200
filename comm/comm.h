#ifndef CLV_COMM_COMM_H
#define CLV_COMM_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "comm/status.h"

/** A group of ranks with a private duplicate of its MPI communicator. In debug builds each collective opens
 *  with a two-word handshake, so that ranks which have parted are named instead of hanging. */
typedef struct clv_comm clv_comm;

/** Start and end MPI for the process; called by main and by test programs only. clv_comm_init is CLV_EUSAGE where the
 *  launcher started several processes and MPI sees only one (a launcher without PMI); clv_comm_finalize may be called
 *  after any outcome of it. Collective over the job. */
clv_status clv_comm_init(int *argc, char ***argv);
void       clv_comm_finalize(void);

/** Something that the ranks could only close together is beyond closing: a parallel file where a write failed on
 *  some rank, over which HDF5 and MPI-IO would wait for each other. clv_comm_leave then ends the process without
 *  asking them. The same on every rank. Not collective. */
void clv_comm_abandon(void);
/** clv_comm_finalize, and end the process with this exit code. Collective over the job. */
void clv_comm_leave(int code) __attribute__((noreturn));

/** All ranks of the job / this rank alone. Collective over the job / not collective.
 *  @param[out] out  owned by the caller, release with clv_comm_free */
clv_status clv_comm_world(clv_comm **out);
clv_status clv_comm_self(clv_comm **out);
/** The ranks of `comm` that give the same colour, ordered by their rank in `comm`. Collective. */
clv_status clv_comm_split(const clv_comm *comm, int colour, clv_comm **out);
/** Collective. NULL is accepted; leaves NULL. */
void clv_comm_free(clv_comm **self);

int clv_comm_rank(const clv_comm *self);
int clv_comm_size(const clv_comm *self);

/** Agree on an outcome. Collective, synchronising.
 *  Every rank gets the status of the lowest rank that failed (CLV_OK where none did) and that rank's message,
 *  so between an error found alone and the next collective there is exactly one of these.
 *  One allreduce of a word; a broadcast follows only where somebody failed.
 *  @param mine  CLV_OK, or the failure this rank has recorded with clv_fail */
clv_status clv_comm_agree(const clv_comm *self, clv_status mine);
#ifdef CLV_ANALYZER_AGREE
#define clv_comm_agree(self, mine) CLV_ANALYZER_AGREE(self, mine)
#endif

/** Collective, synchronising. */
void clv_comm_barrier(const clv_comm *self);

/** `bytes` bytes from `root` to all (any length; split where MPI's counts end). Collective. */
void clv_comm_broadcast(const clv_comm *self, void *data, size_t bytes, int root);

/** Elementwise over ranks, in place, on every rank. Collective, synchronising. Integer sums are exact;
 *  min and max of doubles are exact (NaN must not be passed). There is no sum of doubles on purpose:
 *  clv_exact_sum does that with the same bits on any number of ranks. */
void clv_comm_sum_i64(const clv_comm *self, int64_t *values, size_t n);
void clv_comm_max_i64(const clv_comm *self, int64_t *values, size_t n);
void clv_comm_max_f64(const clv_comm *self, double *values, size_t n);
void clv_comm_min_f64(const clv_comm *self, double *values, size_t n);
/** The sum of `mine` over the ranks before this one (0 on rank 0). Collective. */
int64_t clv_comm_scan_before(const clv_comm *self, int64_t mine);

/** Every rank's `bytes` bytes (the same length everywhere), concatenated in rank order on every rank.
 *  Collective. @param[out] all  [size * bytes] */
void clv_comm_allgather(const clv_comm *self, const void *mine, size_t bytes, void *all);
/** Variable lengths, on `root` only (elsewhere *all is NULL and *total is 0); allocated, owned by the caller;
 *  counts is [size] and may be NULL. Collective. */
clv_status clv_comm_gather(const clv_comm *self, const void *mine, size_t bytes, int root, void **all,
                           size_t *total, size_t *counts);
/** As clv_comm_gather, on every rank. Collective. */
clv_status clv_comm_allgatherv(const clv_comm *self, const void *mine, size_t bytes, void **all, size_t *total,
                               size_t *counts);

/** Name and version of the MPI library, its first line, cut to fit. Not collective. */
void clv_comm_library(char *text, size_t size);

/** Seconds of a monotonic clock. Not collective. */
double clv_clock(void);

#endif
