/* The hash of an id is the same everywhere and spreads ids evenly over ranks. */
#include <stdio.h>
#include <string.h>

#include "comm/shuffle.h"
#include "unit.h"

static uint64_t mixed(uint64_t h) {
  h ^= h >> 33, h *= UINT64_C(0xff51afd7ed558ccd);
  h ^= h >> 33, h *= UINT64_C(0xc4ceb9fe1a85ec53);
  return h ^ (h >> 33);
}

/* FNV-1a's published vectors (Noll, test_fnv.c), sent through MurmurHash3's finalizer. */
static void known_answers(void **state) {
  (void)state;
  assert_true(clv_hash("", 0) == mixed(UINT64_C(0xcbf29ce484222325)));
  assert_true(clv_hash("a", 1) == mixed(UINT64_C(0xaf63dc4c8601ec8c)));
  assert_true(clv_hash("foobar", 6) == mixed(UINT64_C(0x85944171f73967e8)));
}

/* Consecutive ids, as portfolios have them; the chi-square of 64 owners has mean 63 and sd 11.2: 63 + 5 sd.
 */
static void consecutive_ids_spread_evenly(void **state) {
  enum { OWNERS = 64, IDS = 640000 };
  double count[OWNERS] = {0}, chi2 = 0.0, mean = (double)IDS / OWNERS;
  char   id[16];
  (void)state;
  for (int i = 0; i < IDS; i++) {
    const int n = snprintf(id, sizeof id, "%08d", i);
    count[clv_hash(id, (size_t)n) % OWNERS] += 1.0;
  }
  for (int k = 0; k < OWNERS; k++) chi2 += (count[k] - mean) * (count[k] - mean) / mean;
  assert_true(chi2 < 63.0 + 5.0 * 11.2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(consecutive_ids_spread_evenly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
