#include "engine/sampler/latent_room.h"

#include <stdlib.h>

#include "engine/sampler/slab.h"

enum { PLACES = 7 };

static clv_latent_place place_cut(clv_slab *slab, size_t n_phi, size_t n_own) {
  clv_latent_place place;
  place.phi = clv_slab_doubles(slab, n_phi);
  place.own = clv_slab_doubles(slab, n_own);
  return place;
}

static clv_latent_momentum momentum_cut(clv_slab *slab, size_t n_phi, size_t n_own) {
  clv_latent_momentum momentum;
  momentum.phi = clv_slab_doubles(slab, n_phi);
  momentum.own = clv_slab_take(slab, n_own * sizeof(float));
  return momentum;
}

static clv_latent_tree tree_cut(clv_slab *slab, size_t n_phi, size_t n_own) {
  clv_latent_tree tree;
  tree.first = momentum_cut(slab, n_phi, n_own);
  tree.last  = momentum_cut(slab, n_phi, n_own);
  tree.sum   = momentum_cut(slab, n_phi, n_own);
  return tree;
}

/* The deep trees last: memory that is never written to is never given. */
static void room_cut(clv_slab *slab, clv_latent_room *self) {
  const size_t n_phi = self->n_phi, n_own = self->n_own;
  for (int side = 0; side < 2; side++) {
    self->end[side].at   = place_cut(slab, n_phi, n_own);
    self->end[side].kick = place_cut(slab, n_phi, n_own);
  }
  self->draw     = place_cut(slab, n_phi, n_own);
  self->proposal = place_cut(slab, n_phi, n_own);
  self->spare    = place_cut(slab, n_phi, n_own);
  self->leaf     = momentum_cut(slab, n_phi, n_own);
  self->whole    = tree_cut(slab, n_phi, n_own);
  for (int level = 1; level < self->most_depth; level++) self->level[level] = tree_cut(slab, n_phi, n_own);
}

clv_status clv_latent_room_new(size_t n_phi, size_t n_own, int most_depth, clv_latent_room *out) {
  clv_latent_room self  = {.n_phi = n_phi, .n_own = n_own, .most_depth = most_depth};
  clv_slab        count = {0};
  clv_status      st    = CLV_OK;
  CLV_CHECK(most_depth >= 1 && most_depth <= CLV_LATENT_DEPTH_MOST);
  room_cut(&count, &self);
  CLV_TRY(clv_calloc(count.used, 1, &self.slab));
  clv_slab slab = {.base = self.slab};
  room_cut(&slab, &self);
  *out = self;
out:
  return st;
}

void clv_latent_room_free(clv_latent_room *self) {
  free(self->slab);
  *self = (clv_latent_room){0};
}

size_t clv_latent_room_bytes(int depth) {
  const size_t trees = depth < 1 ? 1 : (size_t)depth;
  return PLACES * sizeof(double) + (3 * trees + 1) * sizeof(float);
}
