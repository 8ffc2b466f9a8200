#ifndef CLV_ENGINE_SAMPLER_CHAINS_H
#define CLV_ENGINE_SAMPLER_CHAINS_H

#include "engine/sampler/chain.h"

/** The chains of one group and the draws they have made that no leg has taken yet. Replicated on every rank
 * of the group: nothing here communicates, and the same log-densities lead to the same bits. */
typedef struct clv_chains clv_chains;

/** Chains [first, last) of the plan. @param model, plan  borrowed. Not collective. */
clv_status clv_chains_new(const clv_model *model, const clv_sampler_plan *plan, int first, int last,
                          clv_chains **out);
void       clv_chains_free(clv_chains **self);

/** Number of chains here, and chain i. */
int        clv_chains_n(const clv_chains *self);
clv_chain *clv_chains_at(const clv_chains *self, int i);

/** Room for the draws up to number `ahead` (over warm-up and sampling): a chain that has made `ahead` draws
 * waits.
 *  @return CLV_ENOMEM */
clv_status clv_chains_open(clv_chains *self, int ahead);

/** Whether every chain has made `goal` draws and is ready for the next. */
bool clv_chains_done(const clv_chains *self, int goal);
/** The points that are wanted. @param[out] phi  [n][dim] @return n */
size_t clv_chains_request(clv_chains *self, double *phi);
/** What was found there, in the same order. @param log_density [n] @param gradient [n][dim] */
clv_status clv_chains_feed(clv_chains *self, size_t n, const double *log_density, const double *gradient);

/** The oldest n draws of each chain. @param[out] phi [chains][n][dim] @param[out] stat [chains][n] */
void clv_chains_copy(const clv_chains *self, int n, double *phi, clv_draw_stat *stat);
/** Forget the oldest n draws of each chain. */
void clv_chains_drop(clv_chains *self, int n);

/** The number of the oldest draw kept, and the most that any chain keeps. */
int clv_chains_first(const clv_chains *self);
int clv_chains_most_kept(const clv_chains *self);

/** One chain as bytes: its slab and `kept` draws (those it does not have are zero), and back.
 *  Restoring all chains is preceded by clv_chains_rewind. */
size_t     clv_chains_record_bytes(const clv_chains *self, int kept);
void       clv_chains_pack(const clv_chains *self, int i, int kept, void *record);
clv_status clv_chains_rewind(clv_chains *self, int first, int kept);
void       clv_chains_unpack(clv_chains *self, int i, int kept, const void *record);

#endif
