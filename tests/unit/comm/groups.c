/* How many chain groups: divisors, and the cheaper of fewer shards and fewer chains. */
#include <math.h>

#include "comm/topology.h"
#include "unit.h"

static void the_most_groups_divide_the_ranks(void **state) {
  (void)state;
  for (int size = 1; size < 70; size++)
    for (int n_chain = 1; n_chain < 20; n_chain++) {
      const int most = clv_topology_groups_most(size, n_chain);
      assert_true(most >= 1 && most <= n_chain && size % most == 0);
      for (int g = most + 1; g <= n_chain; g++) assert_true(size % g != 0 || g > size);
    }
  assert_int_equal(clv_topology_groups_most(6, 4), 3);
  assert_int_equal(clv_topology_groups_most(7, 4), 1);
  assert_int_equal(clv_topology_groups_most(4, 0), 1);
  assert_int_equal(clv_topology_groups_most(4, -3), 1);
}

static void auto_takes_the_cheapest_round(void **state) {
  (void)state;
  /* a small portfolio: the reduction costs more than the pass, so every group goes without one */
  assert_int_equal(clv_topology_groups_auto(4, 4, 1e-6, 1e-5), 4);
  assert_int_equal(clv_topology_groups_auto(4, 8, 1e-6, 1e-5), 4);
  /* a large one: the same work however it is dealt; the tie goes to more groups */
  assert_int_equal(clv_topology_groups_auto(4, 4, 1.0, 0.0), 4);
  assert_int_equal(clv_topology_groups_auto(8, 4, 1.0, 1e-5), 4);
  /* 3 chains on 4 ranks: one group 3/4 + reduce, two groups 2/2 + reduce, so one group unless reducing is
   * free of work */
  assert_int_equal(clv_topology_groups_auto(4, 3, 1.0, 1e-3), 1);
  /* 6 chains on 4 ranks: 6/4 + reduce against 2 without a reduction */
  assert_int_equal(clv_topology_groups_auto(4, 6, 1.0, 1e-3), 2);
  assert_int_equal(clv_topology_groups_auto(4, 6, 1.0, 0.6), 4);
  assert_int_equal(clv_topology_groups_auto(1, 4, 1.0, 1.0), 1);
  assert_int_equal(clv_topology_groups_auto(4, 4, NAN, 1.0), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_most_groups_divide_the_ranks),
      cmocka_unit_test(auto_takes_the_cheapest_round),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
