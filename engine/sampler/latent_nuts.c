#include "engine/sampler/latent_nuts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"
#include "engine/sampler/nuts.h"

typedef enum growth { GREW, TURNED, DIVERGED } growth;

/* A point of the trajectory that was chosen; its coordinates are in a place of the room. */
typedef struct choice {
  double log_density, energy;
} choice;

struct clv_latent_nuts {
  clv_latent_pass        *pass; /* borrowed */
  clv_latent_room         room;
  size_t                  n_phi;
  int                     most_depth;
  double                 *push;  /* owned, [n_phi]: scratch */
  double                 *drift; /* owned, [n_phi]: scratch */
  const clv_latent_start *start; /* of this transition */
  const clv_latent_stop  *stop;
  clv_rng                 rng;
  double                  energy_0, accept, log_whole, log_half;
  choice                  draw, proposal;
  int                     n_leaf, depth;
  bool                    moved;
};

clv_status clv_latent_nuts_new(clv_latent_pass *pass, size_t n_phi, int most_depth, clv_latent_nuts **out) {
  clv_latent_nuts *self = NULL;
  clv_status       st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->pass       = pass;
  self->n_phi      = n_phi;
  self->most_depth = most_depth;
  CLV_TRY(clv_calloc(n_phi, sizeof *self->push, (void **)&self->push));
  CLV_TRY(clv_calloc(n_phi, sizeof *self->drift, (void **)&self->drift));
  CLV_TRY(clv_latent_room_new(n_phi, clv_latent_pass_n_own(pass), most_depth, &self->room));
  *out = self, self = NULL;
out:
  clv_latent_nuts_free(&self);
  return st;
}

void clv_latent_nuts_free(clv_latent_nuts **self) {
  if (self == NULL || *self == NULL) return;
  clv_latent_room_free(&(*self)->room);
  free((*self)->push), free((*self)->drift);
  free(*self);
  *self = NULL;
}

static double energy_of(double log_density, double kinetic) {
  const double energy = 0.5 * kinetic - log_density;
  /* A log-density of +inf is as much an error of the model as NaN: both must not attract. */
  return isfinite(energy) ? energy : (double)INFINITY;
}

/* One way in time: half a kick from the momentum u, and the drift, of phi. */
static void end_launch(clv_latent_nuts *s, int side, const double *u) {
  const double    epsilon = side > 0 ? s->start->epsilon : -s->start->epsilon;
  clv_latent_end *end     = &s->room.end[side];
  for (size_t i = 0; i < s->n_phi; i++) end->kick.phi[i] = u[i] + 0.5 * epsilon * s->push[i];
  clv_metric_drift(s->start->metric, end->kick.phi, s->drift);
  for (size_t i = 0; i < s->n_phi; i++) end->at.phi[i] = s->start->from->phi[i] + epsilon * s->drift[i];
}

/* Momenta u ~ N(0, 1), the energy H0, and both ends of a trajectory of one point. */
static clv_status trajectory_begin(clv_latent_nuts *s, clv_rng_purpose purpose) {
  const clv_latent_start *start = s->start;
  const clv_latent_name   name  = {.seed    = start->seed,
                                   .purpose = (uint32_t)purpose,
                                   .chain   = start->chain,
                                   .draw    = start->draw,
                                   .slot    = start->attempt * CLV_LATENT_MOST};
  clv_latent_room        *room  = &s->room;
  clv_latent_found        found;
  double                  kinetic = 0.0;
  clv_status              st      = CLV_OK;
  CLV_TRY(clv_latent_pass_open(s->pass, start->from, start->epsilon, start->scale, &name, room, &found));
  clv_metric_push(start->metric, found.gradient, s->push);
  for (size_t i = 0; i < s->n_phi; i++) {
    const double u           = clv_rng_normal(&s->rng);
    room->whole.first.phi[i] = room->whole.last.phi[i] = room->whole.sum.phi[i] = u;
    kinetic += u * u;
  }
  for (int side = 0; side < 2; side++) end_launch(s, side, room->whole.sum.phi);
  s->energy_0  = energy_of(found.log_density, kinetic + found.kinetic);
  s->draw      = (choice){found.log_density, s->energy_0};
  s->log_whole = s->accept = 0.0;
  s->n_leaf = s->depth = 0;
  s->moved             = false;
out:
  return st;
}

/* phi's part of a join, as clv_latent_join does the customers'; then whether the joined trajectory turns. */
static bool pair_turns(size_t n, const clv_latent_pair *pair, const double *own) {
  double dot[CLV_LATENT_DOTS];
  memcpy(dot, own, sizeof dot);
  for (size_t i = 0; i < n; i++) {
    const double first = pair->first.phi[i], last = pair->last.phi[i], sum = pair->sum.phi[i];
    const double new_first = pair->new_first.phi[i], now = pair->now.phi[i], new_sum = pair->new_sum.phi[i];
    const double whole = sum + new_sum, early = sum + new_first, late = last + new_sum;
    dot[0] += whole * first, dot[1] += whole * now;
    dot[2] += early * first, dot[3] += early * new_first;
    dot[4] += late * last, dot[5] += late * now;
    pair->both.phi[i] = whole;
  }
  for (size_t k = 0; k < CLV_LATENT_DOTS; k++)
    if (!(dot[k] > 0)) return true;
  return false;
}

/* The leaf's phi: half a kick to where it is (@return Σ u² there), half a kick and a drift to the next. */
static double phi_leap(clv_latent_nuts *s, const clv_latent_leaf *leaf, const double *gradient,
                       clv_latent_momentum now) {
  const double    epsilon = leaf->way * leaf->epsilon;
  clv_latent_end *end     = &s->room.end[leaf->way > 0];
  double          kinetic = 0.0;
  clv_metric_push(s->start->metric, gradient, s->push);
  for (size_t i = 0; i < s->n_phi; i++) {
    const double half = 0.5 * epsilon * s->push[i], here = end->kick.phi[i] + half;
    now.phi[i] = here;
    kinetic += here * here;
    end->kick.phi[i] = here + half;
  }
  clv_metric_drift(s->start->metric, end->kick.phi, s->drift);
  for (size_t i = 0; i < s->n_phi; i++) s->room.spare.phi[i] = end->at.phi[i] + epsilon * s->drift[i];
  return kinetic;
}

static void places_swap(clv_latent_place *a, clv_latent_place *b) {
  const clv_latent_place kept = *a;
  *a                          = *b;
  *b                          = kept;
}

/* The point just left is in end->at, the next one in spare: a leaf that is chosen is kept by exchanging
 * buffers. The first leaf of a half is always chosen. */
static void leaf_choose(clv_latent_nuts *s, clv_latent_end *end, bool first, choice leaf, double gain) {
  const double log_u = clv_log(clv_rng_uniform(&s->rng));
  s->log_half        = first ? gain : clv_log_sum_exp(s->log_half, gain);
  places_swap(&end->at, &s->room.spare);
  if (!first && !(log_u < gain - s->log_half)) return;
  places_swap(&s->room.spare, &s->room.proposal);
  s->proposal = leaf;
}

/* The joins that a leaf completes inside the new half, then that of the whole with the half. */
static growth leaf_join(clv_latent_nuts *s, const clv_latent_leaf *leaf, const clv_latent_pair *pair,
                        const double *dot) {
  bool turned = false;
  for (int k = 0; k < leaf->n_join; k++)
    if (pair_turns(s->n_phi, &pair[k], dot + k * CLV_LATENT_DOTS)) return TURNED;
  if (leaf->is_last) {
    /* The half's draw is taken with min(1, w_new / w_old), before the last turn test. */
    s->depth++;
    if (clv_log(clv_rng_uniform(&s->rng)) < s->log_half - s->log_whole) {
      places_swap(&s->room.draw, &s->room.proposal);
      s->draw = s->proposal, s->moved = true;
    }
    s->log_whole = clv_log_sum_exp(s->log_whole, s->log_half);
    turned       = pair_turns(s->n_phi, &pair[leaf->n_join], dot + leaf->n_join * CLV_LATENT_DOTS);
  }
  clv_latent_rotate(&s->room, leaf);
  return turned ? TURNED : GREW;
}

/* Leaf number `index` of a new half of 2^depth. */
static clv_status leaf_grow(clv_latent_nuts *s, int way, uint32_t index, growth *g) {
  const clv_latent_leaf leaf = {.way     = way,
                                .epsilon = s->start->epsilon,
                                .n_join  = __builtin_ctz(~index),
                                .is_last = index + 1 == 1u << s->depth};
  clv_latent_momentum   now;
  clv_latent_pair       pair[CLV_LATENT_DEPTH_MOST + 1];
  clv_latent_found      found;
  clv_status            st = CLV_OK;
  CLV_TRY(clv_latent_pass_step(s->pass, &leaf, s->start->scale, &s->room, &found));
  clv_latent_joints(&s->room, &leaf, &now, pair);
  const double kinetic = phi_leap(s, &leaf, found.gradient, now) + found.kinetic;
  const double energy = energy_of(found.log_density, kinetic), gain = s->energy_0 - energy;
  s->n_leaf++;
  s->accept += gain >= 0 ? 1.0 : clv_exp(gain);
  *g = DIVERGED;
  if (gain >= -CLV_NUTS_ENERGY_MOST) {
    leaf_choose(s, &s->room.end[way > 0], index == 0, (choice){found.log_density, energy}, gain);
    *g = leaf_join(s, &leaf, pair, found.dot);
  }
  if (s->stop->now(s->stop->context)) st = CLV_EINTERRUPT;
out:
  return st;
}

static clv_draw_stat trajectory_stat(const clv_latent_nuts *s, growth g) {
  return (clv_draw_stat){.lp                    = s->draw.log_density,
                         .energy                = s->draw.energy,
                         .energy_error          = s->draw.energy - s->energy_0,
                         .acceptance_rate       = s->accept / s->n_leaf,
                         .step_size             = s->start->epsilon,
                         .tree_depth            = s->depth,
                         .n_steps               = s->n_leaf,
                         .diverging             = g == DIVERGED,
                         .reached_max_treedepth = g == GREW};
}

clv_status clv_latent_nuts_draw(clv_latent_nuts *s, const clv_latent_start *start,
                                const clv_latent_stop *stop, clv_latent_place *place, clv_draw_stat *stat,
                                bool *moved) {
  growth     g  = GREW;
  clv_status st = CLV_OK;
  s->start = start, s->stop = stop;
  s->rng = clv_rng_at(start->seed, CLV_RNG_NUTS, 0, start->chain, start->draw);
  CLV_TRY(trajectory_begin(s, CLV_RNG_LATENT));
  while (g == GREW && s->depth < s->most_depth) {
    const int      way = clv_rng_sign(&s->rng);
    const uint32_t n   = 1u << s->depth; /* as many new points as there are old ones */
    for (uint32_t i = 0; i < n && g == GREW; i++) CLV_TRY(leaf_grow(s, way, i, &g));
  }
  if (s->moved) places_swap(place, &s->room.draw);
  *moved = s->moved;
  *stat  = trajectory_stat(s, g);
out:
  return st;
}

clv_status clv_latent_nuts_probe(clv_latent_nuts *s, const clv_latent_start *start, double *gain) {
  const clv_latent_leaf leaf = {.way = 1, .epsilon = start->epsilon, .is_last = true};
  clv_latent_found      found;
  clv_status            st = CLV_OK;
  s->start                 = start;
  s->rng                   = clv_rng_at(start->seed, CLV_RNG_STEP_SIZE, 0, start->chain, start->draw);
  s->rng.counter[0] += start->attempt * (uint32_t)s->n_phi;
  CLV_TRY(trajectory_begin(s, CLV_RNG_LATENT_STEP));
  CLV_TRY(clv_latent_pass_step(s->pass, &leaf, start->scale, &s->room, &found));
  const double kinetic = phi_leap(s, &leaf, found.gradient, s->room.leaf) + found.kinetic;
  *gain                = s->energy_0 - energy_of(found.log_density, kinetic);
out:
  return st;
}
