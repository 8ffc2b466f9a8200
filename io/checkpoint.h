#ifndef CLV_IO_CHECKPOINT_H
#define CLV_IO_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/comm.h"

/** What a run needs to go on: the sampler's state and how much of the trace is committed. */
typedef struct clv_checkpoint {
  uint64_t n_warmup, n_draw; /* committed to the trace, per chain */
  uint64_t num_warmup;       /* length of the warm-up, as run */
  bool     done;             /* nothing is left to draw */
  char     data[72];         /* the portfolio's content hash */
  char    *config;           /* owned: lines "key: value" of all that changes the draws */
  void    *state;            /* owned [n_state] */
  size_t   n_state;
} clv_checkpoint;

/** Two generations are kept in `folder` (state.0, state.1), each with its length and SHA-256; the older one
 * is replaced: temporary name, fsync, rename, fsync of the folder. Not collective: one rank.
 *  @param generation  counts up; in: the last one, out: this one */
clv_status clv_checkpoint_write(const char *folder, const clv_checkpoint *self, uint64_t *generation);

/** The newest whole one. Rank 0 reads, everyone gets the same. Collective.
 *  @param[out] out  NULL where there is none; owned by the caller
 *  @param[out] generation  of what was read, 0 where there is none
 *  @param[out] fallback  a sentence about one that is damaged, "" where there was none; [256] */
clv_status clv_checkpoint_read(const clv_comm *comm, const char *folder, clv_checkpoint **out,
                               uint64_t *generation, char *fallback);
void       clv_checkpoint_free(clv_checkpoint **self);

/** Removes both generations. Not collective: one rank. */
void clv_checkpoint_remove(const char *folder);

/** First line in which two configuration texts differ: its key into `key` [64], and both lines. False where
 * they are equal. Not collective. */
bool clv_checkpoint_differs(const char *before, const char *now, char *key);

#endif
