#ifndef CLV_ENGINE_SAMPLER_LATENT_CHAIN_H
#define CLV_ENGINE_SAMPLER_LATENT_CHAIN_H

#include "engine/sampler/latent_nuts.h"
#include "engine/sampler/latent_summary.h"
#include "engine/sampler/step_size.h"
#include "engine/sampler/warmup.h"

/** Draws with whose weight a metric of customers' own parameters is drawn towards the one before it. */
#define CLV_LATENT_PRIOR_DRAWS 5.0

/** What all chains of a sharded-latent run share. Borrowed. */
typedef struct clv_latent_setting {
  const clv_latent_model *model;
  clv_model               hyper; /* the model's face of phi */
  clv_sampler_plan        plan;
  size_t                  n_phi, n_block, width; /* width: values of one block */
} clv_latent_setting;

/** One chain: where it is, and what it has learned. What concerns phi is the same on every rank and lies in a
 * slab without pointers; what concerns customers lies beside it, block after block. */
typedef struct clv_latent_chain {
  const clv_latent_setting *setting;
  int                       number;
  struct clv_latent_head   *head;
  clv_metric                metric;     /* of phi */
  clv_moments               moments[2]; /* of phi; which is the foreground: head */
  clv_latent_place          place;      /* the last draw */
  float                    *scale;      /* [n_own]: this chain's during the warm-up, then that of all */
  clv_latent_moments        own[2];     /* during the warm-up, in the memory that the summary takes then */
  clv_latent_summary        summary;    /* of reported values, while sampling */
  void                     *slab, *own_slab; /* owned */
  size_t                    bytes;           /* of slab */
} clv_latent_chain;

/** @param setting  borrowed. Not collective. */
clv_status clv_latent_chain_new(const clv_latent_setting *setting, int number, clv_latent_chain *out);
void       clv_latent_chain_free(clv_latent_chain *self);

/** Bytes that a chain keeps for one value of n_own. Not collective. */
size_t clv_latent_chain_bytes(void);

/** One more draw: start point, metric and step size where they are due, and the transition. Collective over
 * the pass's shards.
 *  @return CLV_EINTERRUPT where stop said so: all that counts is as it was, and the next call begins that
 * part again with the same numbers; CLV_EUSAGE where no start point was finite */
clv_status clv_latent_chain_draw(clv_latent_chain *self, clv_latent_pass *pass, clv_latent_nuts *nuts,
                                 const clv_latent_stop *stop, clv_metric_room *room, clv_draw_stat *stat);
/** Only the start point and the step size: for a warm-up without draws. */
clv_status clv_latent_chain_ready(clv_latent_chain *self, clv_latent_pass *pass, clv_latent_nuts *nuts,
                                  const clv_latent_stop *stop);

/** After the warm-up: one metric and one step size for all chains, those of clv_tuning_pool; then the
 * summaries begin. @param chain [n_chain]; scale [n_own] becomes theirs. Not collective. */
void clv_latent_chains_settle(clv_latent_chain *chain, float *scale, clv_metric_room *room);

/** The present draw, of all blocks, into the summary; @param value  scratch [width] */
void clv_latent_chain_record(clv_latent_chain *self, double *value);

int     clv_latent_chain_n_draw(const clv_latent_chain *self);
int64_t clv_latent_chain_n_gradient(const clv_latent_chain *self);
int64_t clv_latent_chain_n_diverging(const clv_latent_chain *self);
double  clv_latent_chain_epsilon(const clv_latent_chain *self);

/** What concerns phi, and what concerns one block of customers, as bytes; and back. @param warmup  which of
 * the two memories is in use */
size_t clv_latent_chain_record_bytes(const clv_latent_chain *self);
void   clv_latent_chain_pack(const clv_latent_chain *self, void *record);
void   clv_latent_chain_unpack(clv_latent_chain *self, const void *record);
size_t clv_latent_chain_block_bytes(const clv_latent_chain *self, bool warmup);
void   clv_latent_chain_block_pack(const clv_latent_chain *self, size_t block, bool warmup, void *to);
void   clv_latent_chain_block_unpack(clv_latent_chain *self, size_t block, bool warmup, const void *from);

#endif
