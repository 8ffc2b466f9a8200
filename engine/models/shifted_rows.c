#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/shifted.h"

typedef struct rows {
  clv_shifts shifts;
  size_t     n_row, n_block, n_column, n_segment;
  double (*gradient)(const double *theta, const clv_customer *who, double *by_theta);
  clv_customer *who;     /* owned [n_row] */
  uint32_t     *segment; /* owned [n_row] */
  double       *count;   /* owned [n_row] */
  double       *w;       /* owned [n_row][n_column] */
} rows;

static void rows_free(void *self) {
  rows *s = self;
  if (s == NULL) return;
  free(s->who);
  free(s->segment);
  free(s->count);
  free(s->w);
  free(s);
}

static size_t rows_n_block(const void *self) { return ((const rows *)self)->n_block; }

/* Sums of a segment: the log-likelihood, and its gradient in log theta. */
static void rows_block(const void *self, size_t block, const double *theta, const double *gamma,
                       double *sum) {
  const rows  *s = self;
  const size_t n = s->shifts.n_parameter, first = block * CLV_BLOCK_SIZE;
  const size_t last = first + CLV_BLOCK_SIZE < s->n_row ? first + CLV_BLOCK_SIZE : s->n_row;
  double      *tail = sum + s->n_segment * (1 + n);
  for (size_t i = first; i < last; i++) {
    double        shifted[CLV_PARAMETER_MAX], by[CLV_PARAMETER_MAX];
    double       *to = sum + s->segment[i] * (1 + n);
    const double *w  = s->w + i * s->n_column;
    clv_shifts_theta(&s->shifts, gamma, w, theta + s->segment[i] * n, shifted);
    to[0] += s->count[i] * s->gradient(shifted, &s->who[i], by);
    for (size_t k = 0; k < n; k++) {
      by[k] *= s->count[i] * shifted[k];
      to[1 + k] += by[k];
    }
    clv_shifts_pull(&s->shifts, by, w, tail);
  }
}

static double rows_finish(const void *self, size_t segment, const double *theta, const double *gamma,
                          const double *sum, double *by_theta, double *by_gamma) {
  const rows *s = self;
  (void)segment, (void)gamma, (void)by_gamma;
  for (size_t k = 0; k < s->shifts.n_parameter; k++) by_theta[k] = sum[1 + k] / theta[k];
  return sum[0];
}

static const clv_shifted_ops ROWS = {
    .n_block = rows_n_block, .block = rows_block, .finish = rows_finish, .free = rows_free};

static void rows_fill(rows *s, const clv_shifted_plan *plan) {
  for (size_t i = 0; i < s->n_row; i++) {
    s->who[i]     = (clv_customer){.x     = plan->x[i],
                                   .t_x   = plan->t_x == NULL ? 0.0 : plan->t_x[i],
                                   .T     = plan->T == NULL ? 0.0 : plan->T[i],
                                   .spend = plan->spend == NULL ? 0.0 : plan->spend[i]};
    s->segment[i] = plan->segment == NULL ? 0 : plan->segment[i];
    s->count[i]   = plan->count == NULL ? 1.0 : (double)plan->count[i];
  }
  memcpy(s->w, plan->covariates->value, s->n_row * s->n_column * sizeof *s->w);
}

clv_status clv_shifted_rows_new(const clv_shifted_plan *plan, clv_shifted *out) {
  rows      *s  = NULL;
  clv_status st = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *s, (void **)&s));
  s->shifts    = *plan->shifts;
  s->gradient  = plan->gradient;
  s->n_row     = (size_t)(plan->blocks.last - plan->blocks.first);
  s->n_block   = (size_t)(plan->blocks.last_block - plan->blocks.first_block);
  s->n_column  = plan->covariates->n;
  s->n_segment = plan->n_segment;
  CLV_TRY(clv_alloc(s->n_row + 1, sizeof *s->who, (void **)&s->who));
  CLV_TRY(clv_alloc(s->n_row + 1, sizeof *s->segment, (void **)&s->segment));
  CLV_TRY(clv_alloc(s->n_row + 1, sizeof *s->count, (void **)&s->count));
  CLV_TRY(clv_alloc((s->n_row + 1) * s->n_column, sizeof *s->w, (void **)&s->w));
  rows_fill(s, plan);
  *out = (clv_shifted){.ops       = &ROWS,
                       .self      = s,
                       .n_segment = plan->n_segment,
                       .n_term    = 1 + plan->shifts->n_parameter,
                       .n_tail    = plan->shifts->n_coefficient};
  s    = NULL;
out:
  rows_free(s);
  return st;
}
