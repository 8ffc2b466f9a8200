#ifndef CLV_COMM_BLOCKS_H
#define CLV_COMM_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

/** Records in one block. A function of nothing: blocks are the unit of summation and of ownership, so that
 *  sums have the same bits whoever owns which block. */
#define CLV_BLOCK_SIZE 8192u

/** n records in global order, cut into blocks of one size (the last may be shorter), the blocks dealt to ranks in
 *  contiguous ranges whose sizes differ by at most one. */
typedef struct clv_blocks {
  uint64_t n;           /* records in all */
  uint64_t n_block;     /* blocks in all */
  uint64_t first_block; /* mine: [first_block, last_block) */
  uint64_t last_block;
  uint64_t first;       /* my records: [first, last) */
  uint64_t last;
} clv_blocks;

/** Blocks of CLV_BLOCK_SIZE, or of `width` records. Not collective: pure functions of their arguments. */
clv_blocks clv_blocks_of(uint64_t n, int rank, int size);
clv_blocks clv_blocks_by(uint64_t n, uint64_t width, int rank, int size);

/** The same cut without blocks, for work that is not summed: records [*first, *last) of n. */
void clv_slice_of(uint64_t n, int rank, int size, uint64_t *first, uint64_t *last);

#endif
