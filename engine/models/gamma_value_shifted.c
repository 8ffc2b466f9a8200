#include "engine/models/gamma_value_shifted.h"

#include <stdlib.h>
#include <string.h>

#include "engine/models/gamma_value_customers.h"

enum { N_PARAMETER = CLV_GAMMA_VALUE_PARAMETERS, N_TERM = CLV_GAMMA_VALUE_SUM_TERMS };

typedef struct shifted {
  clv_shifts                 shifts;
  size_t                     n_segment, n_column;
  clv_gamma_value_customers *customers;   /* owned */
  double                    *w;           /* owned [customers][n_column] */
  bool                       is_borrower; /* of w: refined from another */
} shifted;

static void shifted_free(void *self) {
  shifted *s = self;
  if (s == NULL) return;
  clv_gamma_value_customers_free(&s->customers);
  if (!s->is_borrower) free(s->w);
  free(s);
}

static size_t shifted_n_block(const void *self) {
  return clv_gamma_value_customers_n_block(((const shifted *)self)->customers);
}

static void shifted_block(const void *self, size_t block, const double *theta, const double *gamma,
                          double *sum) {
  const shifted *s    = self;
  double        *tail = sum + s->n_segment * N_TERM, shift[CLV_BLOCK_SIZE], by[CLV_BLOCK_SIZE];
  size_t         first, last, end;
  clv_gamma_value_customers_block(s->customers, block, &first, &last);
  for (size_t from = first; from < last; from = end) {
    uint32_t segment;
    end = clv_gamma_value_customers_run(s->customers, from, last, &segment);
    for (size_t i = from; i < end; i++)
      shift[i - from] = clv_shifts_of_effect(&s->shifts, 0, gamma, s->w + i * s->n_column);
    clv_gamma_value_customers_add(s->customers, from, end, theta + segment * N_PARAMETER, shift, by,
                                  sum + segment * N_TERM);
    for (size_t i = from; i < end; i++) {
      const double by_log_theta[N_PARAMETER] = {[CLV_GAMMA_VALUE_MEAN] = by[i - from]};
      clv_shifts_pull(&s->shifts, by_log_theta, s->w + i * s->n_column, tail);
    }
  }
}

static double shifted_finish(const void *self, size_t segment, const double *theta, const double *gamma,
                             const double *sum, double *by_theta, double *by_gamma) {
  (void)gamma, (void)by_gamma; /* which stand in the tail */
  return clv_gamma_value_customers_finish(((const shifted *)self)->customers, segment, theta, sum, by_theta);
}

static clv_status shifted_refined(const void *self, void **out) {
  const shifted *from = self;
  shifted       *s    = NULL;
  clv_status     st   = clv_calloc(1, sizeof *s, (void **)&s);
  if (st < 0) return st;
  *s             = *from;
  s->is_borrower = true, s->customers = NULL;
  CLV_TRY(clv_gamma_value_customers_refined(from->customers, &s->customers));
  *out = s, s = NULL;
out:
  shifted_free(s);
  return st;
}

static const clv_shifted_ops SHIFTED = {.n_block = shifted_n_block,
                                        .block   = shifted_block,
                                        .finish  = shifted_finish,
                                        .refined = shifted_refined,
                                        .free    = shifted_free};

clv_status clv_gamma_value_shifted_new(const clv_shifted_plan *plan, clv_shifted *out) {
  const clv_gamma_value_source *from = plan->context;
  shifted                      *s    = NULL;
  clv_status                    st   = CLV_OK;
  CLV_TRY(clv_comm_agree(plan->comm, clv_calloc(1, sizeof *s, (void **)&s)));
  s->shifts    = *plan->shifts;
  s->n_column  = plan->covariates->n;
  s->n_segment = plan->n_segment;
  CLV_TRY(clv_gamma_value_customers_new(from->comm, from->spends, &s->customers));
  const size_t n = clv_gamma_value_customers_n(s->customers) * s->n_column;
  CLV_TRY(clv_comm_agree(plan->comm, clv_alloc(n + 1, sizeof *s->w, (void **)&s->w)));
  memcpy(s->w, plan->covariates->value, n * sizeof *s->w);
  *out = (clv_shifted){.ops       = &SHIFTED,
                       .self      = s,
                       .n_segment = plan->n_segment,
                       .n_term    = N_TERM,
                       .n_tail    = plan->shifts->n_coefficient};
  s    = NULL;
out:
  shifted_free(s);
  return st;
}
