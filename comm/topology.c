#include "comm/topology.h"

#include <stdlib.h>

#include "comm/blocks.h"

struct clv_topology {
  const clv_comm *world;  /* borrowed */
  clv_comm       *shards; /* owned: the ranks of my group */
  clv_comm       *across; /* owned: the ranks with my shard */
  int             n_group;
  int             group;
};

clv_status clv_topology_new(const clv_comm *world, int groups, clv_topology **out) {
  const int     size = clv_comm_size(world), rank = clv_comm_rank(world);
  clv_topology *self = NULL;
  clv_status    st   = CLV_OK;
  if (groups < 1 || groups > size || size % groups != 0)
    return clv_fail(
        CLV_EUSAGE,
        "%d chain groups do not fit %d ranks: chain_groups must be a divisor of the number of ranks", groups,
        size);
  const int n_shard = size / groups;
  CLV_TRY(clv_comm_agree(world, clv_calloc(1, sizeof *self, (void **)&self)));
  self->world   = world;
  self->n_group = groups;
  self->group   = rank / n_shard;
  CLV_TRY(clv_comm_split(world, self->group, &self->shards));
  CLV_TRY(clv_comm_split(world, rank % n_shard, &self->across));
  *out = self, self = NULL;
out:
  clv_topology_free(&self);
  return st;
}

void clv_topology_free(clv_topology **self) {
  if (self == NULL || *self == NULL) return;
  clv_comm_free(&(*self)->across);
  clv_comm_free(&(*self)->shards);
  free(*self);
  *self = NULL;
}

const clv_comm *clv_topology_world(const clv_topology *self) { return self->world; }

const clv_comm *clv_topology_shards(const clv_topology *self) { return self->shards; }

const clv_comm *clv_topology_across(const clv_topology *self) { return self->across; }

int clv_topology_group(const clv_topology *self) { return self->group; }

int clv_topology_n_group(const clv_topology *self) { return self->n_group; }

void clv_topology_chains(const clv_topology *self, int n_chain, int *first, int *last) {
  uint64_t from, to;
  CLV_CHECK(n_chain >= 0);
  clv_slice_of((uint64_t)n_chain, self->group, self->n_group, &from, &to);
  *first = (int)from;
  *last  = (int)to;
}

int clv_topology_groups_most(int size, int n_chain) {
  int groups = n_chain < size ? n_chain : size;
  while (groups > 1 && size % groups != 0) groups--;
  return groups > 1 ? groups : 1;
}

int clv_topology_groups_auto(int size, int n_chain, double pass_seconds, double reduce_seconds) {
  double best   = 0;
  int    groups = 1;
  for (int g = 1; g <= size && g <= n_chain; g++) {
    if (size % g != 0) continue;
    /* The integer product first, so that equal amounts of work compare equal. */
    const int    chains  = n_chain / g + (n_chain % g != 0 ? 1 : 0);
    const double seconds = pass_seconds * ((double)chains * g) / size + (g < size ? reduce_seconds : 0);
    if (g > 1 && !(seconds <= best)) continue;
    best   = seconds;
    groups = g;
  }
  return groups;
}
