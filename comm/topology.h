#ifndef CLV_COMM_TOPOLOGY_H
#define CLV_COMM_TOPOLOGY_H

#include "comm/comm.h"

/** chain_groups × shards: each group of ranks holds the whole portfolio, cut over its ranks, and runs some of
 *  the chains. Rank r of R with G groups: group r / (R / G), shard r % (R / G); G divides R. */
typedef struct clv_topology clv_topology;

/** @param world   borrowed, must outlive the topology
 *  @param groups  1 … size and a divisor of size (else CLV_EUSAGE, on every rank). Collective over world. */
clv_status clv_topology_new(const clv_comm *world, int groups, clv_topology **out);
void       clv_topology_free(clv_topology **self);

const clv_comm *clv_topology_world(const clv_topology *self);
const clv_comm *clv_topology_shards(const clv_topology *self);  /* the ranks of my group */
const clv_comm *clv_topology_across(const clv_topology *self);  /* the ranks with my shard, over groups */
int             clv_topology_group(const clv_topology *self);
int             clv_topology_n_group(const clv_topology *self);

/** Chains [first, last) of n_chain belong to my group: contiguous, sizes differ by at most one. */
void clv_topology_chains(const clv_topology *self, int n_chain, int *first, int *last);

/** The largest usable number of groups: the largest divisor of `size` that is <= n_chain, at least 1. A number of groups
 *  that a user wants is lowered to one that fits by giving it (or n_chain, if less) as n_chain. Not collective. */
int clv_topology_groups_most(int size, int n_chain);

/** Number of groups whose round is expected to be fastest, from measured times (seconds) of one data pass
 *  over the whole portfolio for one chain and one allreduce over the world. A round of g groups is taken as
 *  pass × ceil(n_chain / g) / (size / g), plus the allreduce where a group has more than one rank; ties go to more groups.
 *  Not collective: the caller passes the same numbers on every rank. */
int clv_topology_groups_auto(int size, int n_chain, double pass_seconds, double reduce_seconds);

#endif
