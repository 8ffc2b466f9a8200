#ifndef CLV_COMM_ACCUMULATOR_H
#define CLV_COMM_ACCUMULATOR_H

#include "comm/comm.h"

/** What is summed: a function of block and of the chains' points. The engine's models fit this shape. */
typedef struct clv_summand {
  const void *self;
  size_t      n_block; /* blocks that this rank holds, numbered from 0 */
  size_t      n_sum;   /* width of the reduced vector, per chain */
  size_t      n_dim;   /* dimension of a point */
  /** phi [n_chain][n_dim] -> adds into sum [n_chain][n_sum], which arrives zeroed. Must not communicate. */
  void (*block)(const void *self, size_t block, size_t n_chain, const double *phi, double *sum);
} clv_summand;

/** The gradient accumulator: adds a model's block sums over this rank's shard in memory bounded by
 *  n_chain × n_sum, and finishes them with one allreduce. */
typedef struct clv_accumulator clv_accumulator;

/** @param comm  borrowed: the ranks that share one portfolio
 *  @param what  copied; what->self borrowed
 *  @param most_chains  the most points per evaluation. Not collective. */
clv_status clv_accumulator_new(const clv_comm *comm, const clv_summand *what, size_t most_chains,
                               clv_accumulator **out);
void       clv_accumulator_free(clv_accumulator **self);

/** One pass over the shard and one allreduce, whatever the number of chains. Collective, synchronising.
 *  @param phi  [n_chain][n_dim], the same bits on every rank
 *  @param[out] sum  [n_chain][n_sum], the same bits on every rank and for any number of ranks;
 *                   NaN where an addend was not finite or left the window of clv_exact_sum: such a point is a divergence,
 *                   not an error
 *  @return CLV_OK */
clv_status clv_accumulator_evaluate(clv_accumulator *self, size_t n_chain, const double *phi, double *sum);

/** Seconds spent so far in passes and in reductions, and the number of evaluations, for the report and `auto`. */
typedef struct clv_accumulator_cost {
  double   pass_seconds;
  double   reduce_seconds;
  uint64_t n_evaluation;
  uint64_t n_point;
  uint64_t n_outside; /* sums that left the window and so became NaN */
} clv_accumulator_cost;
clv_accumulator_cost clv_accumulator_cost_get(const clv_accumulator *self);

#endif
