#ifndef CLV_ENGINE_SAMPLER_GATHER_H
#define CLV_ENGINE_SAMPLER_GATHER_H

#include "comm/topology.h"

/** Every group's chains, in chain order, on every rank. Collective over the world.
 *  @param n_chain  of all groups  @param mine  [chains of my group][bytes]  @param[out] all  [n_chain][bytes]
 *  @return CLV_ENOMEM */
clv_status clv_gather_chains(const clv_topology *topology, int n_chain, const void *mine, size_t bytes,
                             void *all);

#endif
