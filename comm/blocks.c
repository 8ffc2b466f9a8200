#include "comm/blocks.h"

#include "comm/status.h"

void clv_slice_of(uint64_t n, int rank, int size, uint64_t *first, uint64_t *last) {
  CLV_CHECK(size > 0 && rank >= 0 && rank < size);
  const uint64_t r = (uint64_t)rank, each = n / (uint64_t)size, rest = n % (uint64_t)size;
  *first = r * each + (r < rest ? r : rest); /* the first `rest` ranks hold one more */
  *last  = *first + each + (r < rest ? 1 : 0);
}

clv_blocks clv_blocks_by(uint64_t n, uint64_t width, int rank, int size) {
  clv_blocks b = {.n = n, .n_block = n / width + (n % width != 0 ? 1 : 0)};
  clv_slice_of(b.n_block, rank, size, &b.first_block, &b.last_block);
  /* Only the last block is short, so a range that ends behind it ends at n. */
  b.first = b.first_block == b.n_block ? n : b.first_block * width;
  b.last  = b.last_block == b.n_block ? n : b.last_block * width;
  return b;
}

clv_blocks clv_blocks_of(uint64_t n, int rank, int size) {
  return clv_blocks_by(n, CLV_BLOCK_SIZE, rank, size);
}
