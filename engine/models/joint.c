#include "engine/models/joint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct part {
  clv_model model; /* owned, or another joint's */
  bool      is_borrowed;
  size_t    first_dim, first_sum, first_value, first_block, first_variable;
} part;

typedef struct joint {
  part  *part; /* owned [n] */
  size_t n;
  size_t n_dim, n_sum, n_value, n_block, n_variable;
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

/* The same with the optional entries that every part has. */
static const clv_model_ops JOINT_FULL = {
    .abi            = CLV_MODEL_ABI,
    .name           = "joint",
    .n_dim          = joint_n_dim,
    .n_sum          = joint_n_sum,
    .n_block        = joint_n_block,
    .block          = joint_block,
    .finish         = joint_finish,
    .n_variable     = joint_n_variable,
    .variable       = joint_variable,
    .constrain      = joint_constrain,
    .start          = joint_start,
    .prior_draw     = joint_prior_draw,
    .prior_line     = joint_prior_line,
    .log_likelihood = joint_log_likelihood,
    .free           = joint_free,
};

static clv_status joint_refined(const void *self, clv_model *out);

/* And with the one that a part has whose integrals are approximations. */
static const clv_model_ops JOINT_REFINED = {
    .abi            = CLV_MODEL_ABI,
    .name           = "joint",
    .n_dim          = joint_n_dim,
    .n_sum          = joint_n_sum,
    .n_block        = joint_n_block,
    .block          = joint_block,
    .finish         = joint_finish,
    .n_variable     = joint_n_variable,
    .variable       = joint_variable,
    .constrain      = joint_constrain,
    .start          = joint_start,
    .prior_draw     = joint_prior_draw,
    .prior_line     = joint_prior_line,
    .log_likelihood = joint_log_likelihood,
    .refined        = joint_refined,
    .free           = joint_free,
};

static void part_append(joint *j, clv_model *model) {
  part *p = &j->part[j->n++];
  *p      = (part){.model          = *model,
                   .first_dim      = j->n_dim,
                   .first_sum      = j->n_sum,
                   .first_value    = j->n_value,
                   .first_block    = j->n_block,
                   .first_variable = j->n_variable};
  j->n_dim += model->ops->n_dim(model->self);
  j->n_sum += model->ops->n_sum(model->self);
  j->n_value += clv_model_n_value(model);
  j->n_block += model->ops->n_block(model->self);
  j->n_variable += model->ops->n_variable(model->self);
  *model = (clv_model){0};
}

static clv_status joint_refined(const void *self, clv_model *out) {
  const joint *from = self;
  joint       *j    = NULL;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *j, (void **)&j));
  CLV_TRY(clv_calloc(from->n, sizeof *j->part, (void **)&j->part));
  for (size_t k = 0; k < from->n; k++) {
    const clv_model *whole = &from->part[k].model;
    clv_model        piece = *whole;
    if (whole->ops->refined != NULL) CLV_TRY(whole->ops->refined(whole->self, &piece));
    part_append(j, &piece);
    j->part[k].is_borrowed = whole->ops->refined == NULL;
  }
  *out = (clv_model){.ops = &JOINT_REFINED, .self = j};
  j    = NULL;
out:
  joint_free(j);
  return st;
}

clv_status clv_joint_new(clv_model *parts, size_t n, clv_model *out) {
  joint     *j    = NULL;
  int        full = 1, refined = 0;
  clv_status st = CLV_OK;
  CLV_CHECK(n > 0);
  CLV_TRY(clv_calloc(1, sizeof *j, (void **)&j));
  CLV_TRY(clv_calloc(n, sizeof *j->part, (void **)&j->part));
  for (size_t k = 0; k < n; k++) {
    full    = full && parts[k].ops->prior_draw != NULL && parts[k].ops->log_likelihood != NULL;
    refined = refined || parts[k].ops->refined != NULL;
    part_append(j, &parts[k]);
  }
  *out = (clv_model){.ops = full ? refined ? &JOINT_REFINED : &JOINT_FULL : &JOINT, .self = j};
  j    = NULL;
out:
  joint_free(j);
  return st;
}
