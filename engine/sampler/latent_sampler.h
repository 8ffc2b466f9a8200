#ifndef CLV_ENGINE_SAMPLER_LATENT_SAMPLER_H
#define CLV_ENGINE_SAMPLER_LATENT_SAMPLER_H

#include "engine/models/latent_model.h"
#include "engine/sampler/latent_summary.h"
#include "engine/sampler/sampler.h"

/** NUTS over the hyperparameters and every customer's own parameters, each rank holding those of its own
 * customers. Chains take turns: one at a time walks, on all ranks, so that the memory of a trajectory is
 * needed once. See docs/sampler.md. The verbs are those of clv_sampler. */
typedef struct clv_latent_sampler clv_latent_sampler;

/** @param shards, model  borrowed; the value *model is copied  @param plan  copied; max_tree_depth at most 16
 *  @param kept  [n_kept] customers (their place in the portfolio) whose draws are handed out with each leg;
 * copied. The same on every rank. Collective over shards.
 *  @return CLV_EUSAGE for a plan that makes no sense, CLV_ENOMEM, on every rank */
clv_status clv_latent_sampler_new(const clv_comm *shards, const clv_latent_model *model,
                                  const clv_sampler_plan *plan, const uint64_t *kept, size_t n_kept,
                                  clv_latent_sampler **out);
void       clv_latent_sampler_free(clv_latent_sampler **self);

/** Bytes that one rank with n_block blocks of customers needs, trees of all depths included. Not collective.
 */
uint64_t clv_latent_sampler_bytes(size_t n_latent, uint64_t n_block, const clv_sampler_plan *plan);

/** A leg, and the kept customers' values beside it. */
typedef struct clv_latent_leg {
  clv_leg       leg;
  size_t        n_kept_value; /* n_latent × n_kept */
  const double *kept;         /* [n_chain][n_draw][n_latent][n_kept]; borrowed until the next run */
} clv_latent_leg;

/** See clv_sampler_run. An interruption loses at most the transition that one chain is in; it is made again,
 * with the same numbers. Collective over shards, synchronising. */
clv_status clv_latent_sampler_run(clv_latent_sampler *self, int n_draw, const clv_sampler_watch *watch,
                                  clv_latent_leg *leg);

/** See clv_sampler_tuning; of phi. */
void clv_latent_sampler_tuning(const clv_latent_sampler *self, double *step_size, double *inv_metric);

/** After the last draw: what is known of customers of one block (numbered from 0 on this rank). Not
 * collective. @param[out] result  [n_latent][CLV_LATENT_BLOCK] */
void clv_latent_sampler_result(const clv_latent_sampler *self, size_t block, clv_latent_result *result);

/** The state: what is the same on every rank as bytes (owned by the caller), and one record of
 * clv_latent_sampler_block_bytes for each block of customers, which its owner packs. Restored into a sampler
 * of the same model and plan on any number of ranks, first the bytes, then each rank its own blocks: the
 * draws that follow are the same, bit for bit. Save and restore are collective over shards, the blocks' are
 * not.
 *  @return CLV_EDATA for damaged bytes, CLV_EUSAGE for another model or plan */
clv_status clv_latent_sampler_save(const clv_latent_sampler *self, void **bytes, size_t *n);
clv_status clv_latent_sampler_restore(clv_latent_sampler *self, const void *bytes, size_t n);
size_t     clv_latent_sampler_block_bytes(const clv_latent_sampler *self);
void       clv_latent_sampler_block_pack(const clv_latent_sampler *self, size_t block, void *record);
void       clv_latent_sampler_block_unpack(clv_latent_sampler *self, size_t block, const void *record);

clv_accumulator_cost clv_latent_sampler_cost(const clv_latent_sampler *self);

#endif
