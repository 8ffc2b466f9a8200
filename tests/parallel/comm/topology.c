/* chain_groups × shards: every rank has its place, every chain one group. */
#include "comm/topology.h"

#include <string.h>

static void places(const clv_comm *world, int groups) {
  const int     rank = clv_comm_rank(world), n_shard = clv_comm_size(world) / groups;
  clv_topology *t = NULL;
  CLV_CHECK(clv_topology_new(world, groups, &t) == CLV_OK);
  CLV_CHECK(clv_topology_world(t) == world && clv_topology_n_group(t) == groups);
  CLV_CHECK(clv_topology_group(t) == rank / n_shard);
  CLV_CHECK(clv_comm_size(clv_topology_shards(t)) == n_shard &&
            clv_comm_rank(clv_topology_shards(t)) == rank % n_shard);
  CLV_CHECK(clv_comm_size(clv_topology_across(t)) == groups &&
            clv_comm_rank(clv_topology_across(t)) == rank / n_shard);
  int64_t ranks[2] = {rank, rank}; /* who is really in there */
  clv_comm_sum_i64(clv_topology_shards(t), &ranks[0], 1);
  clv_comm_sum_i64(clv_topology_across(t), &ranks[1], 1);
  CLV_CHECK(ranks[0] == n_shard * (rank / n_shard) * n_shard + n_shard * (n_shard - 1) / 2);
  CLV_CHECK(ranks[1] == groups * (rank % n_shard) + n_shard * groups * (groups - 1) / 2);
  clv_topology_free(&t);
  clv_topology_free(&t);
}

static void chains(const clv_comm *world, int groups) {
  clv_topology *t = NULL;
  CLV_CHECK(clv_topology_new(world, groups, &t) == CLV_OK);
  for (int n_chain = 0; n_chain < 10; n_chain++) {
    int64_t count[10] = {0};
    int     first, last;
    clv_topology_chains(t, n_chain, &first, &last);
    CLV_CHECK(last - first == n_chain / groups || last - first == n_chain / groups + 1);
    for (int c = first; c < last; c++) count[c] = 1;
    clv_comm_sum_i64(clv_topology_across(t), count, 10);
    for (int c = 0; c < 10; c++) CLV_CHECK(count[c] == (c < n_chain));
  }
  clv_topology_free(&t);
}

static void what_does_not_divide_is_a_usage_error(const clv_comm *world, int groups) {
  clv_topology *t = NULL;
  clv_message_clear();
  CLV_CHECK(clv_topology_new(world, groups, &t) == CLV_EUSAGE && t == NULL);
  CLV_CHECK(strstr(clv_message(), "divisor of the number of ranks") != NULL);
  clv_message_clear();
}

int main(int argc, char **argv) {
  clv_comm *world = NULL;
  CLV_CHECK(clv_comm_init(&argc, &argv) == CLV_OK && clv_comm_world(&world) == CLV_OK);
  for (int groups = -1; groups < 7; groups++) {
    if (groups < 1 || clv_comm_size(world) % groups != 0) {
      what_does_not_divide_is_a_usage_error(world, groups);
      continue;
    }
    places(world, groups);
    chains(world, groups);
  }
  clv_comm_free(&world);
  clv_comm_finalize();
  return 0;
}
