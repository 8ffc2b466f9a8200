#ifndef CLV_ENGINE_SAMPLER_STATE_H
#define CLV_ENGINE_SAMPLER_STATE_H

#include "comm/topology.h"
#include "engine/sampler/chains.h"
#include "engine/sampler/tuning.h"

/** The parts of a sampler that are its state, for saving. All borrowed. */
typedef struct clv_state {
  const clv_topology     *topology;
  const clv_model        *model;
  const clv_sampler_plan *plan;
  clv_chains             *chains;
  clv_tuning             *tuning;
} clv_state;

/** Every chain's record (clv_chains_pack), in chain order, on every rank. Collective over the world.
 *  @param[out] records  owned by the caller */
clv_status clv_state_gather(const clv_topology *topology, const clv_chains *chains, int n_chain, int kept,
                            void **records);

/** See clv_sampler_save and clv_sampler_restore. Collective over the world. */
clv_status clv_state_save(const clv_state *self, void **bytes, size_t *n);
clv_status clv_state_restore(const clv_state *self, const void *bytes, size_t n);

#endif
