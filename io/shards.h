#ifndef CLV_IO_SHARDS_H
#define CLV_IO_SHARDS_H

#include <stdint.h>

#include "comm/comm.h"

/** The part of a checkpoint that every rank holds a piece of: one file per rank, latents.G.R in the
 * checkpoint's folder (G: generation modulo 2, R: rank), each a header and this rank's blocks with a hash
 * each. Read back by any number of ranks. The checkpoint itself (checkpoint.h) is written after them and
 * names the generation. */
typedef struct clv_shards {
  const char *folder;
  uint64_t    generation;
  uint64_t    first_block, n_block; /* those of this rank, in the order of the portfolio */
  uint64_t    n_block_all;
  size_t      block_bytes; /* the same on every rank */
} clv_shards;

/** Fills or takes one block's bytes; block is numbered from 0 on this rank. */
typedef void (*clv_shard_pack)(const void *context, size_t block, void *to);
typedef void (*clv_shard_unpack)(void *context, size_t block, const void *from);

/** Collective. Files are durable under their names when this returns. @return CLV_EIO, CLV_EUSAGE */
clv_status clv_shards_write(const clv_comm *comm, const clv_shards *self, clv_shard_pack pack,
                            const void *context);
/** Collective. @return CLV_EDATA where a file of this generation is missing or damaged */
clv_status clv_shards_read(const clv_comm *comm, const clv_shards *self, clv_shard_unpack unpack,
                           void *context);
/** Removes all of them. Not collective: one rank. */
void clv_shards_remove(const char *folder);

#endif
