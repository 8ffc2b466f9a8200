#ifndef CLV_ENGINE_MODELS_LATENT_MODEL_H
#define CLV_ENGINE_MODELS_LATENT_MODEL_H

#include "../../comm/blocks.h" /* relative: a plug-in is compiled without -I, see plugin.h */
#include "model.h"

/** Bumped whenever clv_latent_model_ops changes shape or meaning. */
#define CLV_LATENT_ABI 1u

/** Customers in one block of a sharded-latent model: the unit of ownership and of exact sums. */
#define CLV_LATENT_BLOCK 1024u

/** Most own parameters of one customer. */
#define CLV_LATENT_MOST 8u

/** A model in which every customer's own parameters are sampled beside the hyperparameters phi: each rank
 * holds those of its own customers, and only sums cross ranks.
 *
 *  A customer's own parameters are n_latent unconstrained coordinates z, for which the model is free to
 * choose centred or non-centred ones, customer by customer. A block is CLV_LATENT_BLOCK customers; its
 * coordinates are z [n_latent][CLV_LATENT_BLOCK]. The last block of a portfolio may hold fewer customers: the
 * places behind them hold z = 0, must get gradient 0 and add nothing to the sums.
 *
 *  The joint log-density of phi and all z (on the unconstrained scale) is what `hyper->finish` makes of phi
 * and of the sums over all blocks. No entry may communicate, read a file, or keep state between calls. The
 * same phi and z give the same bits, whatever the rank count. */
typedef struct clv_latent_model_ops {
  /* required */
  uint32_t abi; /* CLV_LATENT_ABI */
  /** The hyperparameters' face: name, n_dim (of phi), n_sum, finish (reduced sums to log-density and gradient
   * of phi), variables, constrain, priors, start, as in model.h. Its abi is CLV_MODEL_ABI. Its n_block and
   * block are of rows that depend on phi alone, such as those of a part whose customers are integrated out;
   * both NULL where there are none. Its `free` frees `self`. */
  const clv_model_ops *hyper;
  size_t (*n_latent)(const void *self); /* 1 … CLV_LATENT_MOST */
  /** The customers of the portfolio and those that this rank holds, cut by clv_latent_blocks_of. */
  clv_blocks (*blocks)(const void *self);
  /** One block, numbered from 0 on this rank, of one chain: writes d log-density / d z into gradient
   * [n_latent][CLV_LATENT_BLOCK] and adds into sum [n_sum], which arrives zeroed. Customers are to be summed
   * in an order that depends on nothing but their place in the block. A NaN or an infinity is allowed: it
   * reaches every rank through the sums and ends that trajectory as a divergence. */
  void (*block)(const void *self, size_t block, const double *phi, const double *z, double *gradient,
                double *sum);
  /** Name of value k of a customer (k < n_latent), such as "log_lambda". */
  const char *(*latent_name)(const void *self, size_t k);
  /** A block's own parameters as they are reported: z -> value, both [n_latent][CLV_LATENT_BLOCK]. */
  void (*latent_constrain)(const void *self, size_t block, const double *phi, const double *z, double *value);

  /* optional: NULL means the default beside it */
  /** Where a chain begins, given phi: z [n_latent][CLV_LATENT_BLOCK], which arrives as zeros: 0. */
  void (*latent_start)(const void *self, size_t block, const double *phi, double *z);
} clv_latent_model_ops;

/** A sharded-latent model: its table and its data. A value type; release with clv_latent_model_free. */
typedef struct clv_latent_model {
  const clv_latent_model_ops *ops;
  void                       *self; /* owned */
} clv_latent_model;

/** n customers in global order, cut into blocks of CLV_LATENT_BLOCK, and those of `rank`. Not collective. */
clv_blocks clv_latent_blocks_of(uint64_t n, int rank, int size);

/** Is a table what the sampler can use? As clv_model_ops_fault. */
const char *clv_latent_model_ops_fault(const clv_latent_model_ops *ops);

/** The hyperparameters' face as a model of its own, for names, values and priors. Borrowed: not to be freed.
 */
clv_model clv_latent_model_hyper(const clv_latent_model *model);

/** Calls hyper->free and clears both members. Accepts an empty model. */
void clv_latent_model_free(clv_latent_model *model);

#endif
