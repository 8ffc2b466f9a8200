#include "engine/models/hierarchy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/pooled.h"
#include "engine/models/segments.h"

typedef struct hierarchy {
  clv_likelihood likelihood; /* owned */
  clv_slots      slots;
} hierarchy;

void clv_likelihood_free(clv_likelihood *likelihood) {
  if (likelihood->ops != NULL && likelihood->ops->free != NULL) likelihood->ops->free(likelihood->self);
  likelihood->ops  = NULL;
  likelihood->self = NULL;
}

clv_status clv_likelihood_refined(const clv_likelihood *likelihood, clv_likelihood *out) {
  void      *self = NULL;
  clv_status st   = CLV_OK;
  *out            = (clv_likelihood){0};
  if (likelihood->ops->refined == NULL) return CLV_OK;
  CLV_TRY(likelihood->ops->refined(likelihood->self, &self));
  *out = (clv_likelihood){.ops = likelihood->ops, .self = self, .n_segment = likelihood->n_segment};
out:
  return st;
}

static void hierarchy_place(const void *self, const double *phi, size_t g, double *u) {
  const size_t n = ((const hierarchy *)self)->slots.coordinates->n;
  memcpy(u, phi + g * n, n * sizeof *u);
}

static size_t hierarchy_n_dim(const void *self) {
  const hierarchy *h = self;
  return h->slots.coordinates->n * h->likelihood.n_segment;
}

static clv_segments segments_of(const hierarchy *h) {
  return (clv_segments){.likelihood  = &h->likelihood,
                        .coordinates = h->slots.coordinates,
                        .self        = h,
                        .n_dim       = hierarchy_n_dim(h),
                        .place       = hierarchy_place};
}

static size_t hierarchy_n_sum(const void *self) {
  const clv_segments segments = segments_of(self);
  return clv_segments_n_sum(&segments);
}

static size_t hierarchy_n_block(const void *self) {
  const clv_segments segments = segments_of(self);
  return clv_segments_n_block(&segments);
}

static void hierarchy_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const clv_segments segments = segments_of(self);
  clv_segments_block(&segments, block, n_chain, phi, sum);
}

static void hierarchy_finish(const void *self, const double *phi, const double *sum, double *log_density,
                             double *gradient) {
  const hierarchy   *h        = self;
  const clv_segments segments = segments_of(h);
  const size_t       n        = h->slots.coordinates->n;
  *log_density                = 0.0;
  for (size_t g = 0; g < h->likelihood.n_segment; g++) {
    *log_density += clv_segments_finish(&segments, g, phi + g * n, sum, gradient + g * n);
    *log_density += clv_slots_log_density(&h->slots, phi + g * n, gradient + g * n);
  }
  /* where parameters overflow nothing is known, least of all that the density is boundless */
  if (*log_density == INFINITY) *log_density = NAN;
}

static double hierarchy_log_likelihood(const void *self, const double *phi, const double *sum) {
  const clv_segments segments = segments_of(self);
  return clv_segments_log_likelihood(&segments, phi, sum);
}

static size_t hierarchy_n_variable(const void *self) {
  return ((const hierarchy *)self)->slots.coordinates->n;
}

static void hierarchy_variable(const void *self, size_t i, clv_variable *out) {
  const hierarchy *h = self;
  *out               = (clv_variable){.length = h->likelihood.n_segment};
  snprintf(out->name, sizeof out->name, "%s", h->slots.coordinates->parameter[i]);
  if (h->likelihood.n_segment > 1) snprintf(out->dimension, sizeof out->dimension, "segment");
}

static void hierarchy_constrain(const void *self, const double *phi, double *value) {
  const clv_segments segments = segments_of(self);
  clv_segments_constrain(&segments, phi, value);
}

static void hierarchy_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const hierarchy *h = self;
  for (size_t g = 0; g < h->likelihood.n_segment; g++)
    clv_slots_draw(&h->slots, rng, phi + g * h->slots.coordinates->n);
}

static void hierarchy_start(const void *self, clv_rng *rng, double *phi) {
  const hierarchy *h = self;
  for (size_t g = 0; g < h->likelihood.n_segment; g++)
    clv_slots_start(&h->slots, rng, phi + g * h->slots.coordinates->n);
}

static int hierarchy_prior_line(const void *self, size_t i, char *line, size_t size) {
  const hierarchy *h = self;
  if (i >= h->slots.coordinates->n) return 0;
  clv_slots_line(&h->slots, i, line, size);
  return 1;
}

static void hierarchy_free(void *self) {
  hierarchy *h = self;
  if (h == NULL) return;
  clv_likelihood_free(&h->likelihood);
  free(h);
}

static clv_status hierarchy_refined(const void *self, clv_model *out);

static const clv_model_ops HIERARCHY = {
    .abi            = CLV_MODEL_ABI,
    .name           = "hierarchy",
    .n_dim          = hierarchy_n_dim,
    .n_sum          = hierarchy_n_sum,
    .n_block        = hierarchy_n_block,
    .block          = hierarchy_block,
    .finish         = hierarchy_finish,
    .n_variable     = hierarchy_n_variable,
    .variable       = hierarchy_variable,
    .constrain      = hierarchy_constrain,
    .start          = hierarchy_start,
    .prior_draw     = hierarchy_prior_draw,
    .prior_line     = hierarchy_prior_line,
    .log_likelihood = hierarchy_log_likelihood,
    .refined        = hierarchy_refined,
    .free           = hierarchy_free,
};

static clv_status independent_new(clv_likelihood *likelihood, const clv_slots *slots, clv_model *out) {
  hierarchy *h  = NULL;
  clv_status st = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *h, (void **)&h));
  h->slots      = *slots;
  h->likelihood = *likelihood;
  *likelihood   = (clv_likelihood){0};
  *out          = (clv_model){.ops = &HIERARCHY, .self = h};
out:
  return st;
}

static clv_status hierarchy_refined(const void *self, clv_model *out) {
  const hierarchy *from  = self;
  clv_likelihood   finer = {0};
  clv_status       st    = CLV_OK;
  CLV_TRY(clv_likelihood_refined(&from->likelihood, &finer));
  if (finer.ops != NULL) st = independent_new(&finer, &from->slots, out);
out:
  clv_likelihood_free(&finer);
  return st;
}

clv_status clv_hierarchy_new(clv_likelihood *likelihood, const clv_hierarchy_plan *plan, clv_model *out) {
  const size_t n_segment = likelihood->n_segment;
  clv_slots    slots;
  clv_status   st = CLV_OK;
  CLV_CHECK(plan->coordinates->n <= CLV_SEGMENT_PARAMETER_MAX && n_segment <= CLV_SEGMENT_MAX &&
            likelihood->ops->n_parameter == plan->coordinates->n);
  CLV_TRY(clv_slots_fill(plan->coordinates, plan->slot, plan->priors, &slots));
  if (plan->pooled && n_segment > 1)
    CLV_TRY(clv_pooled_new(likelihood, &slots, plan, out));
  else
    CLV_TRY(clv_comm_agree(plan->comm, independent_new(likelihood, &slots, out)));
out:
  return st;
}
