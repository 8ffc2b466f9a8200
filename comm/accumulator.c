#include "comm/accumulator.h"

#include <stdlib.h>
#include <string.h>

#include "comm/digits.h"

struct clv_accumulator {
  const clv_comm      *comm; /* borrowed */
  clv_summand          what; /* what.self borrowed */
  size_t               most_chains;
  double              *block_sum; /* owned, [most_chains][n_sum] */
  clv_digits           digits;    /* owned, most_chains × n_sum wide */
  clv_accumulator_cost cost;
};

clv_status clv_accumulator_new(const clv_comm *comm, const clv_summand *what, size_t most_chains,
                               clv_accumulator **out) {
  clv_accumulator *self = NULL;
  clv_status       st   = CLV_OK;
  size_t           width;
  if (__builtin_mul_overflow(most_chains, what->n_sum, &width))
    return clv_fail(CLV_ENOMEM, "%zu chains of %zu sums are more than an address can reach", most_chains,
                    what->n_sum);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->comm        = comm;
  self->what        = *what;
  self->most_chains = most_chains;
  CLV_TRY(clv_calloc(width, sizeof *self->block_sum, (void **)&self->block_sum));
  CLV_TRY(clv_digits_new(width, &self->digits));
  *out = self, self = NULL;
out:
  clv_accumulator_free(&self);
  return st;
}

void clv_accumulator_free(clv_accumulator **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->block_sum);
  clv_digits_free(&(*self)->digits);
  free(*self);
  *self = NULL;
}

clv_status clv_accumulator_evaluate(clv_accumulator *self, size_t n_chain, const double *phi, double *sum) {
  const clv_summand *what  = &self->what;
  const size_t       width = n_chain * what->n_sum;
  const double       start = clv_clock();
  CLV_CHECK(n_chain <= self->most_chains);
  clv_digits_reset(&self->digits, width);
  for (size_t b = 0; b < what->n_block && width > 0; b++) {
    memset(self->block_sum, 0, width * sizeof *self->block_sum);
    what->block(what->self, b, n_chain, phi, self->block_sum);
    clv_digits_add(&self->digits, self->block_sum);
  }
  const double passed = clv_clock();
  self->cost.n_outside += clv_digits_total(&self->digits, self->comm, sum, NULL);
  self->cost.pass_seconds += passed - start;
  self->cost.reduce_seconds += clv_clock() - passed;
  self->cost.n_evaluation++;
  self->cost.n_point += n_chain;
  return CLV_OK;
}

clv_accumulator_cost clv_accumulator_cost_get(const clv_accumulator *self) { return self->cost; }
