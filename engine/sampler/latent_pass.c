#include "engine/sampler/latent_pass.h"

#include <stdlib.h>

enum { JOINTS_MOST = CLV_LATENT_DEPTH_MOST + 1 };

typedef enum pass_kind { PASS_OPEN, PASS_STEP, PASS_LOOK } pass_kind;

struct clv_latent_pass {
  const clv_latent_model *model; /* borrowed */
  clv_accumulator        *sums;  /* owned */
  clv_blocks              blocks;
  size_t                  n_phi, n_latent, width; /* width: values of one block */
  size_t                  n_block;                /* of customers; rows of phi alone come after them */
  size_t                  n_model, n_sum;         /* sums of the model, and of all */
  clv_isa                 isa;
  double                 *sum;      /* owned, [n_sum] */
  double                 *phi_out;  /* owned, [n_phi] */
  double                 *gradient; /* owned, [width]: of one block */
  double                 *momentum; /* owned, [width]: fresh, of one block */
  /* of the pass that is being made */
  pass_kind                 kind;
  const double             *own;
  double                    epsilon; /* signed */
  const float              *scale;
  clv_latent_name           name;
  clv_latent_room          *room;
  double                   *kick; /* of the end that grows */
  clv_latent_momentum       now;
  clv_latent_pair           pair[JOINTS_MOST];
  int                       n_pair;
  const double             *count;
  const clv_latent_moments *moments;
};

static void block_open(const clv_latent_pass *p, size_t block, double *kinetic) {
  const size_t     o    = block * p->width;
  clv_latent_room *room = p->room;
  clv_latent_name  name = p->name;
  name.customer         = (p->blocks.first_block + block) * CLV_LATENT_BLOCK;
  const uint64_t left = p->blocks.n - name.customer, n = left < CLV_LATENT_BLOCK ? left : CLV_LATENT_BLOCK;
  CLV_KERNEL_PICK(clv_latent_normals, p->isa)(&name, p->n_latent, n, CLV_LATENT_BLOCK, p->momentum);
  const clv_latent_opening opening = {.n        = p->width,
                                      .epsilon  = p->epsilon,
                                      .scale    = p->scale + o,
                                      .at       = p->own + o,
                                      .gradient = p->gradient,
                                      .momentum = p->momentum,
                                      .kick     = {room->end[0].kick.own + o, room->end[1].kick.own + o},
                                      .next     = {room->end[0].at.own + o, room->end[1].at.own + o},
                                      .first    = room->whole.first.own + o,
                                      .last     = room->whole.last.own + o,
                                      .sum      = room->whole.sum.own + o};
  *kinetic += CLV_KERNEL_PICK(clv_latent_open, p->isa)(&opening);
}

static void block_step(const clv_latent_pass *p, size_t block, double *kinetic, double *dot) {
  const size_t          o    = block * p->width;
  const clv_latent_step step = {.n        = p->width,
                                .epsilon  = p->epsilon,
                                .scale    = p->scale + o,
                                .at       = p->own + o,
                                .gradient = p->gradient,
                                .kick     = p->kick + o,
                                .next     = p->room->spare.own + o,
                                .momentum = p->now.own + o};
  *kinetic += CLV_KERNEL_PICK(clv_latent_leap, p->isa)(&step);
  for (int k = 0; k < p->n_pair; k++) {
    const clv_latent_pair *pair  = &p->pair[k];
    const clv_latent_joint joint = {.n         = p->width,
                                    .first     = pair->first.own + o,
                                    .last      = pair->last.own + o,
                                    .sum       = pair->sum.own + o,
                                    .new_first = pair->new_first.own + o,
                                    .now       = pair->now.own + o,
                                    .new_sum   = pair->new_sum.own + o,
                                    .both      = pair->both.own + o};
    CLV_KERNEL_PICK(clv_latent_join, p->isa)(&joint, dot + k * CLV_LATENT_DOTS);
  }
}

static void block_look(const clv_latent_pass *p, size_t block, double *kinetic) {
  const size_t o = block * p->width;
  for (size_t k = 0; k < p->width; k++) *kinetic += 0.0 * p->gradient[k];
  for (int i = 0; p->count != NULL && i < 2; i++) {
    const clv_latent_moments *all = &p->moments[i];
    const clv_latent_moments  to  = {all->mean_x + o, all->mean_g + o, all->sum_x + o, all->sum_g + o};
    CLV_KERNEL_PICK(clv_latent_learn, p->isa)(p->width, p->count[i], p->own + o, p->gradient, &to);
  }
}

/* The accumulator's block: the model's gradient, and what the pass does with it while it is in the cache. */
static void pass_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const clv_latent_pass *p   = self;
  double                *own = sum + p->n_model;
  CLV_CHECK(n_chain == 1); /* one chain at a time */
  if (block >= p->n_block) {
    p->model->ops->hyper->block(p->model->self, block - p->n_block, n_chain, phi, sum);
    return;
  }
  p->model->ops->block(p->model->self, block, phi, p->own + block * p->width, p->gradient, sum);
  switch (p->kind) {
    case PASS_OPEN:
      block_open(p, block, own);
      break;
    case PASS_STEP:
      block_step(p, block, own, own + 1);
      break;
    case PASS_LOOK:
      block_look(p, block, own);
      break;
  }
}

clv_status clv_latent_pass_new(const clv_comm *shards, const clv_latent_model *model, int most_depth,
                               clv_latent_pass **out) {
  const clv_model_ops *hyper = model->ops->hyper;
  clv_latent_pass     *self  = NULL;
  clv_status           st    = clv_calloc(1, sizeof *self, (void **)&self);
  if (st < 0) return st;
  CLV_CHECK(most_depth < JOINTS_MOST);
  self->model    = model;
  self->blocks   = model->ops->blocks(model->self);
  self->n_phi    = hyper->n_dim(model->self);
  self->n_latent = model->ops->n_latent(model->self);
  self->width    = self->n_latent * CLV_LATENT_BLOCK;
  self->n_model  = hyper->n_sum(model->self);
  self->n_sum    = self->n_model + 1 + (size_t)(most_depth + 1) * CLV_LATENT_DOTS;
  self->isa      = clv_isa_best();
  CLV_TRY(clv_calloc(self->n_sum, sizeof *self->sum, (void **)&self->sum));
  CLV_TRY(clv_calloc(self->n_phi, sizeof *self->phi_out, (void **)&self->phi_out));
  CLV_TRY(clv_calloc(self->width, sizeof *self->gradient, (void **)&self->gradient));
  CLV_TRY(clv_calloc(self->width, sizeof *self->momentum, (void **)&self->momentum));
  self->n_block          = (size_t)(self->blocks.last_block - self->blocks.first_block);
  const size_t      rows = hyper->n_block == NULL ? 0 : hyper->n_block(model->self);
  const clv_summand what = {.self    = self,
                            .n_block = self->n_block + rows,
                            .n_sum   = self->n_sum,
                            .n_dim   = self->n_phi,
                            .block   = pass_block};
  CLV_TRY(clv_accumulator_new(shards, &what, 1, &self->sums));
  *out = self, self = NULL;
out:
  clv_latent_pass_free(&self);
  return st;
}

void clv_latent_pass_free(clv_latent_pass **self) {
  if (self == NULL || *self == NULL) return;
  clv_accumulator_free(&(*self)->sums);
  free((*self)->sum), free((*self)->phi_out), free((*self)->gradient), free((*self)->momentum);
  free(*self);
  *self = NULL;
}

static clv_status pass_run(clv_latent_pass *self, pass_kind kind, const clv_latent_place *at,
                           clv_latent_found *found) {
  const clv_model_ops *hyper = self->model->ops->hyper;
  clv_status           st    = CLV_OK;
  self->kind                 = kind;
  self->own                  = at->own;
  CLV_TRY(clv_accumulator_evaluate(self->sums, 1, at->phi, self->sum));
  hyper->finish(self->model->self, at->phi, self->sum, &found->log_density, self->phi_out);
  found->gradient = self->phi_out;
  found->kinetic  = self->sum[self->n_model];
  found->dot      = self->sum + self->n_model + 1;
out:
  return st;
}

clv_status clv_latent_pass_open(clv_latent_pass *self, const clv_latent_place *from, double epsilon,
                                const float *scale, const clv_latent_name *name, clv_latent_room *room,
                                clv_latent_found *found) {
  self->epsilon = epsilon, self->scale = scale, self->name = *name, self->room = room;
  return pass_run(self, PASS_OPEN, from, found);
}

clv_status clv_latent_pass_step(clv_latent_pass *self, const clv_latent_leaf *leaf, const float *scale,
                                clv_latent_room *room, clv_latent_found *found) {
  clv_latent_end *end = &room->end[leaf->way > 0];
  self->epsilon       = leaf->way * leaf->epsilon;
  self->scale = scale, self->room = room, self->kick = end->kick.own;
  self->n_pair = clv_latent_joints(room, leaf, &self->now, self->pair);
  return pass_run(self, PASS_STEP, &end->at, found);
}

clv_status clv_latent_pass_look(clv_latent_pass *self, const clv_latent_place *at, const double *count,
                                const clv_latent_moments *to, clv_latent_found *found) {
  self->count = count, self->moments = to;
  return pass_run(self, PASS_LOOK, at, found);
}

clv_accumulator_cost clv_latent_pass_cost(const clv_latent_pass *self) {
  return clv_accumulator_cost_get(self->sums);
}

size_t clv_latent_pass_n_own(const clv_latent_pass *self) {
  return self->width * (size_t)(self->blocks.last_block - self->blocks.first_block);
}

/* The tree of 2^level points that waits on the stack. */
static clv_latent_tree stacked(const clv_latent_room *room, int level) {
  if (level > 0) return room->level[level];
  return (clv_latent_tree){room->leaf, room->leaf, room->leaf};
}

static clv_latent_pair pair_of(const clv_latent_tree *older, const clv_latent_tree *newer,
                               clv_latent_momentum both) {
  return (clv_latent_pair){older->first, older->last, older->sum, newer->first,
                           newer->last,  newer->sum,  both};
}

int clv_latent_joints(const clv_latent_room *room, const clv_latent_leaf *leaf, clv_latent_momentum *now,
                      clv_latent_pair *pair) {
  const int n           = leaf->n_join;
  *now                  = n == 0 ? room->leaf : room->level[n].last;
  clv_latent_tree newer = {*now, *now, *now};
  for (int k = 0; k < n; k++) {
    const clv_latent_tree older = stacked(room, k);
    pair[k]                     = pair_of(&older, &newer, room->level[n].sum);
    newer.first                 = older.first;
    newer.sum                   = room->level[n].sum;
  }
  if (!leaf->is_last) return n;
  clv_latent_tree whole = room->whole;
  if (leaf->way < 0) whole.first = room->whole.last, whole.last = room->whole.first;
  pair[n] = pair_of(&whole, &newer, whole.sum);
  return n + 1;
}

static void momenta_swap(clv_latent_momentum *a, clv_latent_momentum *b) {
  const clv_latent_momentum kept = *a;
  *a                             = *b;
  *b                             = kept;
}

void clv_latent_rotate(clv_latent_room *room, const clv_latent_leaf *leaf) {
  const int n = leaf->n_join;
  if (n > 0) momenta_swap(&room->level[n].first, n == 1 ? &room->leaf : &room->level[n - 1].first);
  if (!leaf->is_last) return;
  momenta_swap(leaf->way > 0 ? &room->whole.last : &room->whole.first,
               n == 0 ? &room->leaf : &room->level[n].last);
}
