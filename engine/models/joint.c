#include "engine/models/joint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct part {
  clv_model                   model;  /* owned, or another joint's */
  const clv_latent_model_ops *latent; /* NULL: its customers are integrated out */
  bool                        is_borrowed;
  size_t                      first_dim, first_sum, first_value, first_block, first_variable, first_latent;
} part;

typedef struct joint {
  clv_model_ops        ops;    /* with the optional entries that every part has */
  clv_latent_model_ops latent; /* where customers of a part are sampled */
  part                *part;   /* owned [n] */
  size_t               n;
  size_t               n_dim, n_sum, n_value, n_block, n_variable, n_latent;
} joint;

static size_t joint_n_dim(const void *self) { return ((const joint *)self)->n_dim; }
static size_t joint_n_sum(const void *self) { return ((const joint *)self)->n_sum; }
static size_t joint_n_block(const void *self) { return ((const joint *)self)->n_block; }
static size_t joint_n_variable(const void *self) { return ((const joint *)self)->n_variable; }

/* Chain by chain: a part's coordinates and sums are contiguous only within one chain. */
static void joint_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const joint *j = self;
  size_t       k = j->n - 1;
  while (block < j->part[k].first_block) k--;
  const part *p = &j->part[k];
  for (size_t c = 0; c < n_chain; c++)
    p->model.ops->block(p->model.self, block - p->first_block, 1, phi + c * j->n_dim + p->first_dim,
                        sum + c * j->n_sum + p->first_sum);
}

static void joint_finish(const void *self, const double *phi, const double *sum, double *log_density,
                         double *gradient) {
  const joint *j = self;
  *log_density   = 0.0;
  for (size_t k = 0; k < j->n; k++) {
    const part *p = &j->part[k];
    double      mine;
    p->model.ops->finish(p->model.self, phi + p->first_dim, sum + p->first_sum, &mine,
                         gradient + p->first_dim);
    *log_density += mine;
  }
}

static double joint_log_likelihood(const void *self, const double *phi, const double *sum) {
  const joint *j     = self;
  double       total = 0.0;
  for (size_t k = 0; k < j->n; k++) {
    const part *p = &j->part[k];
    total += p->model.ops->log_likelihood(p->model.self, phi + p->first_dim, sum + p->first_sum);
  }
  return total;
}

static void joint_variable(const void *self, size_t i, clv_variable *out) {
  const joint *j = self;
  size_t       k = j->n - 1;
  while (i < j->part[k].first_variable) k--;
  j->part[k].model.ops->variable(j->part[k].model.self, i - j->part[k].first_variable, out);
}

static void joint_constrain(const void *self, const double *phi, double *value) {
  const joint *j = self;
  for (size_t k = 0; k < j->n; k++) {
    const part *p = &j->part[k];
    p->model.ops->constrain(p->model.self, phi + p->first_dim, value + p->first_value);
  }
}

static void joint_start(const void *self, clv_rng *rng, double *phi) {
  const joint *j = self;
  for (size_t k = 0; k < j->n; k++) {
    const part  *p = &j->part[k];
    const size_t n = p->model.ops->n_dim(p->model.self);
    if (p->model.ops->start != NULL) {
      p->model.ops->start(p->model.self, rng, phi + p->first_dim);
      continue;
    }
    for (size_t i = 0; i < n; i++) phi[p->first_dim + i] = 2.0 * clv_rng_uniform(rng) - 1.0;
  }
}

static void joint_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const joint *j = self;
  for (size_t k = 0; k < j->n; k++)
    j->part[k].model.ops->prior_draw(j->part[k].model.self, rng, phi + j->part[k].first_dim);
}

static int joint_prior_line(const void *self, size_t i, char *line, size_t size) {
  const joint *j = self;
  for (size_t k = 0; k < j->n; k++) {
    const clv_model *m = &j->part[k].model;
    size_t           n = 0;
    if (m->ops->prior_line == NULL) continue;
    if (m->ops->prior_line(m->self, i, line, size)) return 1;
    while (m->ops->prior_line(m->self, n, line, size)) n++;
    i -= n;
  }
  return 0;
}

static void joint_free(void *self) {
  joint *j = self;
  if (j == NULL) return;
  for (size_t k = 0; j->part != NULL && k < j->n; k++)
    if (!j->part[k].is_borrowed) clv_model_free(&j->part[k].model);
  free(j->part);
  free(j);
}

/* ---- customers' own parameters, part after part ---- */

static size_t joint_n_latent(const void *self) { return ((const joint *)self)->n_latent; }

/* The part whose parameter k is of those sampled. */
static const part *latent_part(const joint *j, size_t k) {
  size_t i = j->n - 1;
  while (j->part[i].latent == NULL || k < j->part[i].first_latent) i--;
  return &j->part[i];
}

static clv_blocks joint_blocks(const void *self) {
  const part *p = latent_part(self, 0);
  return p->latent->blocks(p->model.self);
}

static void joint_latent_block(const void *self, size_t block, const double *phi, const double *z,
                               double *gradient, double *sum) {
  const joint *j = self;
  for (size_t k = 0; k < j->n; k++) {
    const part  *p = &j->part[k];
    const size_t o = p->first_latent * CLV_LATENT_BLOCK;
    if (p->latent != NULL)
      p->latent->block(p->model.self, block, phi + p->first_dim, z + o, gradient + o, sum + p->first_sum);
  }
}

static const char *joint_latent_name(const void *self, size_t k) {
  const part *p = latent_part(self, k);
  return p->latent->latent_name(p->model.self, k - p->first_latent);
}

static void joint_latent_constrain(const void *self, size_t block, const double *phi, const double *z,
                                   double *value) {
  const joint *j = self;
  for (size_t k = 0; k < j->n; k++) {
    const part  *p = &j->part[k];
    const size_t o = p->first_latent * CLV_LATENT_BLOCK;
    if (p->latent != NULL)
      p->latent->latent_constrain(p->model.self, block, phi + p->first_dim, z + o, value + o);
  }
}

static void joint_latent_start(const void *self, size_t block, const double *phi, double *z) {
  const joint *j = self;
  for (size_t k = 0; k < j->n; k++) {
    const part *p = &j->part[k];
    if (p->latent != NULL && p->latent->latent_start != NULL)
      p->latent->latent_start(p->model.self, block, phi + p->first_dim,
                              z + p->first_latent * CLV_LATENT_BLOCK);
  }
}

/* ---- making one ---- */

static const clv_model_ops JOINT = {
    .abi        = CLV_MODEL_ABI,
    .name       = "joint",
    .n_dim      = joint_n_dim,
    .n_sum      = joint_n_sum,
    .n_block    = joint_n_block,
    .block      = joint_block,
    .finish     = joint_finish,
    .n_variable = joint_n_variable,
    .variable   = joint_variable,
    .constrain  = joint_constrain,
    .start      = joint_start,
    .prior_line = joint_prior_line,
    .free       = joint_free,
};

static const clv_latent_model_ops LATENT = {
    .abi              = CLV_LATENT_ABI,
    .n_latent         = joint_n_latent,
    .blocks           = joint_blocks,
    .block            = joint_latent_block,
    .latent_name      = joint_latent_name,
    .latent_constrain = joint_latent_constrain,
    .latent_start     = joint_latent_start,
};

static clv_status joint_make(size_t n, joint **out) {
  joint     *j  = NULL;
  clv_status st = CLV_OK;
  CLV_CHECK(n > 0);
  CLV_TRY(clv_calloc(1, sizeof *j, (void **)&j));
  CLV_TRY(clv_calloc(n, sizeof *j->part, (void **)&j->part));
  j->ops          = JOINT;
  j->latent       = LATENT;
  j->latent.hyper = &j->ops;
  *out = j, j = NULL;
out:
  joint_free(j);
  return st;
}

static void part_append(joint *j, clv_model *model, const clv_latent_model_ops *latent) {
  part *p = &j->part[j->n++];
  *p      = (part){.model          = *model,
                   .latent         = latent,
                   .first_latent   = j->n_latent,
                   .first_dim      = j->n_dim,
                   .first_sum      = j->n_sum,
                   .first_value    = j->n_value,
                   .first_block    = j->n_block,
                   .first_variable = j->n_variable};
  j->n_dim += model->ops->n_dim(model->self);
  j->n_sum += model->ops->n_sum(model->self);
  j->n_value += clv_model_n_value(model);
  j->n_block += model->ops->n_block == NULL ? 0 : model->ops->n_block(model->self);
  j->n_variable += model->ops->n_variable(model->self);
  j->n_latent += latent == NULL ? 0 : latent->n_latent(model->self);
  *model = (clv_model){0};
}

/* Parts that approximate nothing are borrowed; where that is all of them *out is left as it was. */
static clv_status joint_refined(const void *self, clv_model *out) {
  const joint *from = self;
  joint       *j    = NULL;
  bool         any  = false;
  clv_status   st   = CLV_OK;
  CLV_TRY(joint_make(from->n, &j));
  for (size_t k = 0; k < from->n; k++) {
    const clv_model *whole = &from->part[k].model;
    clv_model        piece = {0};
    if (whole->ops->refined != NULL) CLV_TRY(whole->ops->refined(whole->self, &piece));
    const bool is_finer = piece.ops != NULL;
    if (!is_finer) piece = *whole;
    part_append(j, &piece, NULL);
    j->part[k].is_borrowed = !is_finer;
    any                    = any || is_finer;
  }
  if (!any) goto out;
  j->ops = from->ops;
  *out   = (clv_model){.ops = &j->ops, .self = j};
  j      = NULL;
out:
  joint_free(j);
  return st;
}

/* Takes the parts over; offers what all of them do. */
static void parts_take(joint *j, clv_model *model, const clv_latent_model_ops *const *latent, size_t n) {
  bool draws = true, likelihood = true, refined = false;
  for (size_t k = 0; k < n; k++) {
    const clv_latent_model_ops *own = latent == NULL ? NULL : latent[k];
    draws                           = draws && model[k].ops->prior_draw != NULL;
    likelihood                      = likelihood && own == NULL && model[k].ops->log_likelihood != NULL;
    refined                         = refined || (own == NULL && model[k].ops->refined != NULL);
    part_append(j, &model[k], own);
  }
  if (draws) j->ops.prior_draw = joint_prior_draw;
  if (likelihood) j->ops.log_likelihood = joint_log_likelihood;
  if (refined && j->n_latent == 0) j->ops.refined = joint_refined;
}

clv_status clv_joint_new(clv_model *parts, size_t n, clv_model *out) {
  joint     *j  = NULL;
  clv_status st = joint_make(n, &j);
  if (st < 0) return st;
  parts_take(j, parts, NULL, n);
  *out = (clv_model){.ops = &j->ops, .self = j};
  return CLV_OK;
}

clv_status clv_latent_joint_new(clv_model *parts, const clv_latent_model_ops *const *latent, size_t n,
                                clv_latent_model *out) {
  joint     *j  = NULL;
  clv_status st = joint_make(n, &j);
  if (st < 0) return st;
  parts_take(j, parts, latent, n);
  CLV_CHECK(j->n_latent > 0);
  for (size_t k = 0; k < n; k++) /* every part has the same customers */
    CLV_CHECK(j->part[k].latent == NULL ||
              j->part[k].latent->blocks(j->part[k].model.self).first == joint_blocks(j).first);
  *out = (clv_latent_model){.ops = &j->latent, .self = j};
  return CLV_OK;
}
