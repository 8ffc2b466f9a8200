/* A run that is stopped at random rounds, saved, and restored on another topology goes on with the same
 * draws, bit for bit; what is saved has the same bytes on every rank; a stop on one rank stops all. The
 * oracle is the uninterrupted run of this rank alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"
#include "tests/unit/sampler/densities.h"
#include "tests/unit/sampler/herd.h"

static const clv_sampler_plan PLAN = {4, 90, 120, 0.8, 8, 21};

/* Says stop in one round of the coming run, on one rank. */
typedef struct stopper {
  long left;
  int  mine;
  bool sampling;
} stopper;

static bool stopper_round(void *context, const clv_sampler_progress *progress) {
  stopper *self  = context;
  self->sampling = !progress->warmup;
  return --self->left <= 0 && self->mine;
}

typedef struct session {
  clv_topology *topology; /* owned */
  clv_model     model;    /* owned */
  clv_sampler  *sampler;  /* owned */
} session;

static void session_close(session *self) {
  clv_sampler_free(&self->sampler);
  clv_model_free(&self->model);
  clv_topology_free(&self->topology);
}

static clv_status session_open(const clv_comm *world, int groups, const void *bytes, size_t n, session *out) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_topology_new(world, groups, &out->topology));
  CLV_TRY(clv_comm_agree(world, herd_new(clv_topology_shards(out->topology), &out->model)));
  CLV_TRY(clv_sampler_new(out->topology, &out->model, &PLAN, &out->sampler));
  if (bytes != NULL) CLV_TRY(clv_sampler_restore(out->sampler, bytes, n));
out:
  return st;
}

/* Any divisor of the number of ranks, in turn. */
static int some_groups(const clv_comm *world, clv_rng *rng) {
  const int size = clv_comm_size(world);
  int       g    = 1 + (int)clv_rng_below(rng, (uint64_t)size);
  while (size % g != 0) g--;
  return g;
}

/* Long and short in turn: after a stop amid a long leg, chains are beyond the end of the next short one. */
static int some_leg(clv_rng *rng) { return 1 + (int)clv_rng_below(rng, clv_rng_sign(rng) > 0 ? 2 : 60); }

static int saved_alike(const clv_comm *world, const void *bytes, size_t n) {
  int64_t hash[2] = {(int64_t)(clv_hash(bytes, n) >> 2), 0};
  hash[1]         = -hash[0];
  clv_comm_max_i64(world, hash, 2);
  return hash[0] == -hash[1];
}

/* Save, close, open elsewhere, restore. */
static clv_status session_move(const clv_comm *world, session *at, clv_rng *rng, int *bad) {
  void      *bytes = NULL;
  size_t     n     = 0;
  clv_status st    = CLV_OK;
  CLV_TRY(clv_sampler_save(at->sampler, &bytes, &n));
  *bad |= !saved_alike(world, bytes, n);
  session_close(at);
  CLV_TRY(session_open(world, some_groups(world, rng), bytes, n, at));
out:
  free(bytes);
  return st;
}

static clv_status run_interrupted(const clv_comm *world, double *phi, int *stops, int *bad) {
  session at = {0};
  clv_rng rng =
      clv_rng_at(5, CLV_RNG_SIMULATE, 0, 0, (uint32_t)clv_comm_size(world)); /* the same on every rank */
  clv_leg    leg = {0};
  clv_status st  = CLV_OK;
  CLV_TRY(session_open(world, some_groups(world, &rng), NULL, 0, &at));
  do {
    stopper           stop  = {.left = 1 + (long)clv_rng_below(&rng, 120)};
    clv_sampler_watch watch = {&stop, stopper_round};
    stop.mine = (int)clv_rng_below(&rng, (uint64_t)clv_comm_size(world)) == clv_comm_rank(world);
    st        = clv_sampler_run(at.sampler, some_leg(&rng), &watch, &leg);
    if (st == CLV_EINTERRUPT) {
      *stops += stop.sampling; /* the draws of the warm-up are not compared */
      CLV_TRY(session_move(world, &at, &rng, bad));
      leg = (clv_leg){.warmup = true};
      continue;
    }
    if (st < 0) goto out;
    for (size_t c = 0; !leg.warmup && c < (size_t)leg.n_chain; c++)
      memcpy(phi + (c * (size_t)PLAN.num_samples + (size_t)leg.first) * leg.dim,
             leg.phi + c * (size_t)leg.n_draw * leg.dim, (size_t)leg.n_draw * leg.dim * sizeof *phi);
  } while (leg.warmup || leg.n_draw > 0);
out:
  session_close(&at);
  return st;
}

int main(int argc, char **argv) {
  const size_t n     = 4 * 120 * HERD_DIM;
  double      *phi   = NULL;
  clv_comm    *world = NULL, *alone = NULL;
  clv_model    model  = {0};
  run_draws    serial = {0};
  const run    plain  = {.plan = PLAN, .groups = 1, .leg = 1000};
  int          bad = 1, stops = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0 || clv_comm_self(&alone) < 0) return 1;
  phi = calloc(n, sizeof *phi);
  if (phi != NULL && herd_new(alone, &model) == CLV_OK &&
      run_model(alone, &model, &plain, &serial) == CLV_OK) {
    bad = 0;
    if (run_interrupted(world, phi, &stops, &bad) < 0) bad = 1;
    bad |= memcmp(phi, serial.phi, n * sizeof *phi) != 0 || stops < 3;
  }
  if (bad)
    fprintf(stderr, "rank %d: %d stops while sampling; other draws than uninterrupted %s\n",
            clv_comm_rank(world), stops, clv_message());
  clv_model_free(&model);
  run_draws_free(&serial);
  free(phi);
  clv_comm_free(&alone);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
