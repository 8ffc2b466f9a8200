#include <math.h>
#include <stdlib.h>

#include "engine/models/shifted.h"
#include "engine/models/vector_set.h"

/* Most groups, segments times distinct vectors: each adds its own sums to every reduction. Where rows have a
 * kernel, a group needs ROWS_FEWEST on average: with fewer the lanes of the group's kernel are mostly empty,
 * and its own Gamma functions serve few. pareto_nbd breaks even at twelve rows, bg_nbd at less. */
enum { GROUPS_MOST = 1024, ROWS_FEWEST = 8 };

typedef struct groups {
  clv_shifts      shifts;
  clv_likelihood  likelihood; /* owned; group v of segment g is its segment g × n_vector + v */
  clv_vector_set *vectors;    /* owned */
  size_t          n_vector, n_segment;
  unsigned        shapes;
} groups;

static void groups_free(void *self) {
  groups *s = self;
  if (s == NULL) return;
  if (s->likelihood.ops != NULL && s->likelihood.ops->free != NULL)
    s->likelihood.ops->free(s->likelihood.self);
  clv_vector_set_free(&s->vectors);
  free(s);
}

static size_t groups_n_block(const void *self) {
  const groups *s = self;
  return s->likelihood.ops->n_block(s->likelihood.self);
}

static void groups_block(const void *self, size_t block, const double *theta, const double *gamma,
                         double *sum) {
  const groups *s = self;
  const size_t  n = s->shifts.n_parameter;
  double        shifted[GROUPS_MOST * CLV_PARAMETER_MAX];
  for (size_t i = 0; i < s->n_segment * s->n_vector; i++)
    clv_shifts_theta(&s->shifts, gamma, clv_vector_set_at(s->vectors, i % s->n_vector),
                     theta + i / s->n_vector * n, shifted + i * n);
  s->likelihood.ops->block(s->likelihood.self, block, 1, shifted, sum);
}

static double groups_finish(const void *self, size_t segment, const double *theta, const double *gamma,
                            const double *sum, double *by_theta, double *by_gamma) {
  const groups *s = self;
  const size_t  n = s->shifts.n_parameter, n_term = s->likelihood.ops->n_term;
  double        total = 0.0;
  for (size_t k = 0; k < n; k++) by_theta[k] = 0.0;
  for (size_t v = 0; v < s->n_vector; v++) {
    const double *w = clv_vector_set_at(s->vectors, v);
    double        shifted[CLV_PARAMETER_MAX], by[CLV_PARAMETER_MAX];
    clv_shifts_theta(&s->shifts, gamma, w, theta, shifted);
    total += s->likelihood.ops->finish(s->likelihood.self, segment * s->n_vector + v, shifted,
                                       sum + v * n_term, by);
    if (!clv_shapes_are_known(s->shapes, n, shifted, CLV_SHAPE_MOST_OF_ONE)) total = NAN;
    for (size_t k = 0; k < n; k++) {
      by_theta[k] += by[k] * (shifted[k] / theta[k]);
      by[k] *= shifted[k];
    }
    clv_shifts_pull(&s->shifts, by, w, by_gamma);
  }
  return total;
}

static const clv_shifted_ops GROUPS = {
    .n_block = groups_n_block, .block = groups_block, .finish = groups_finish, .free = groups_free};

/* Where they are too many, or have too few rows, n_vector stays 0. Collective. */
static clv_status vectors_find(const clv_shifted_plan *plan, groups *s) {
  const size_t rows = (size_t)(plan->blocks.last - plan->blocks.first), n = plan->covariates->n;
  clv_status   st = clv_vector_set_new(n, GROUPS_MOST, &s->vectors);
  CLV_TRY(clv_comm_agree(plan->comm, st));
  for (size_t i = 0; i < rows; i++)
    if (!clv_vector_set_add(s->vectors, plan->covariates->value + i * n)) break;
  CLV_TRY(clv_vector_set_unite(s->vectors, plan->comm));
  s->n_vector          = clv_vector_set_n(s->vectors);
  const size_t n_group = s->n_vector * plan->n_segment;
  if (n_group > GROUPS_MOST || (plan->batch != NULL && n_group * ROWS_FEWEST > plan->blocks.n))
    s->n_vector = 0;
out:
  return st;
}

/* The model's likelihood with a segment for each group. Collective. */
static clv_status likelihood_make(const clv_shifted_plan *plan, groups *s) {
  const size_t rows  = (size_t)(plan->blocks.last - plan->blocks.first);
  uint32_t    *group = NULL;
  clv_status   st    = clv_alloc(rows + 1, sizeof *group, (void **)&group);
  CLV_TRY(clv_comm_agree(plan->comm, st));
  for (size_t i = 0; i < rows; i++) {
    const size_t  g = plan->segment == NULL ? 0 : plan->segment[i];
    const double *w = plan->covariates->value + i * plan->covariates->n;
    group[i]        = (uint32_t)(g * s->n_vector + clv_vector_set_find(s->vectors, w));
  }
  CLV_TRY(plan->make(plan->context, plan->n_segment * s->n_vector, group, &s->likelihood));
out:
  free(group);
  return st;
}

clv_status clv_shifted_groups_new(const clv_shifted_plan *plan, clv_shifted *out) {
  groups    *s  = NULL;
  clv_status st = clv_calloc(1, sizeof *s, (void **)&s);
  CLV_TRY(clv_comm_agree(plan->comm, st));
  s->shifts    = *plan->shifts;
  s->n_segment = plan->n_segment;
  s->shapes    = plan->shapes;
  CLV_TRY(vectors_find(plan, s));
  if (s->n_vector == 0) goto out;
  CLV_TRY(likelihood_make(plan, s));
  *out = (clv_shifted){.ops       = &GROUPS,
                       .self      = s,
                       .n_segment = plan->n_segment,
                       .n_term    = s->n_vector * s->likelihood.ops->n_term};
  s    = NULL;
out:
  groups_free(s);
  return st;
}
