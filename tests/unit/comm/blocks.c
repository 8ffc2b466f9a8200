/* Blocks and slices cover everything once, in order, and differ by at most one. */
#include "comm/blocks.h"
#include "unit.h"

static const uint64_t N[] = {0,     1,     2,      8191,    8192,     8193,       16384,
                             16385, 81920, 100000, 1234567, 20480001, 1000000000, UINT64_MAX - 8192};

static void blocks_cover_the_records(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof N / sizeof *N; i++)
    for (int size = 1; size < 12; size++) {
      uint64_t block = 0, record = 0, least = UINT64_MAX, most = 0;
      for (int rank = 0; rank < size; rank++) {
        const clv_blocks b = clv_blocks_of(N[i], rank, size);
        const uint64_t   n = b.last_block - b.first_block;
        assert_true(b.n == N[i] && b.first_block == block && b.first == record);
        assert_true(b.first == (n == 0 ? b.first : b.first_block * CLV_BLOCK_SIZE));
        assert_true(b.last >= b.first && (n > 0) == (b.last > b.first));
        block = b.last_block, record = b.last;
        least = n < least ? n : least, most = n > most ? n : most;
      }
      assert_true(record == N[i] && block == clv_blocks_of(N[i], 0, 1).n_block);
      assert_true(most - least <= 1);
    }
}

static void block_bounds_do_not_depend_on_ranks(void **state) {
  (void)state;
  assert_true(clv_blocks_of(0, 0, 1).n_block == 0);
  assert_true(clv_blocks_of(8192, 0, 1).n_block == 1);
  assert_true(clv_blocks_of(8193, 0, 1).n_block == 2);
  const clv_blocks short_one = clv_blocks_of(8193, 1, 2);
  assert_true(short_one.first == 8192 && short_one.last == 8193);
  const clv_blocks none = clv_blocks_of(8193, 3, 4); /* more ranks than blocks */
  assert_true(none.first_block == none.last_block && none.first == none.last);
}

static void slices_cover_the_records(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof N / sizeof *N; i++)
    for (int size = 1; size < 12; size++) {
      uint64_t at = 0, first, last;
      for (int rank = 0; rank < size; rank++) {
        clv_slice_of(N[i], rank, size, &first, &last);
        assert_true(first == at && last - first - N[i] / (uint64_t)size <= 1);
        at = last;
      }
      assert_true(at == N[i]);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_cover_the_records),
      cmocka_unit_test(block_bounds_do_not_depend_on_ranks),
      cmocka_unit_test(slices_cover_the_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
