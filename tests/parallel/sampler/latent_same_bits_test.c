/* Sharded latents: draws, statistics, kept customers and every customer's summary have the same bits on any
 * number of ranks, in any legs, stopped at random passes and restored on another number of ranks. The oracle
 * is the uninterrupted run of this rank alone. A log-density that is NaN on one rank is a divergence on all.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sampler/latent_sampler.h"
#include "tests/unit/sampler/flock.h"

enum { CUSTOMERS = 3000, WIDTH = 2 * CLV_LATENT_BLOCK, KEPT = 3, CHAINS = 2, WARMUP = 60, DRAWS = 40 };
static const clv_sampler_plan PLAN         = {CHAINS, WARMUP, DRAWS, 0.8, 6, 31};
static const uint64_t         CHOSEN[KEPT] = {2999, 0, 1024};

typedef struct outcome {
  double            phi[CHAINS][WARMUP + DRAWS][2];
  double            kept[CHAINS][WARMUP + DRAWS][2 * KEPT];
  clv_draw_stat     stat[CHAINS][WARMUP + DRAWS];
  clv_latent_result customer[3][WIDTH]; /* of my blocks, by their number in the portfolio */
} outcome;

typedef struct session {
  const clv_comm     *comm;
  clv_latent_model    model;
  clv_latent_sampler *sampler;
  clv_blocks          blocks;
} session;

static clv_status session_open(const clv_comm *comm, double edge, session *s) {
  clv_status st = CLV_OK;
  *s            = (session){.comm = comm};
  CLV_TRY(clv_comm_agree(comm, flock_new(comm, CUSTOMERS, edge, &s->model)));
  s->blocks = s->model.ops->blocks(s->model.self);
  CLV_TRY(clv_latent_sampler_new(comm, &s->model, &PLAN, CHOSEN, KEPT, &s->sampler));
out:
  return st;
}

static void session_close(session *s) {
  clv_latent_sampler_free(&s->sampler);
  if (s->model.ops != NULL) clv_latent_model_free(&s->model);
}

static void leg_take(const clv_latent_leg *leg, outcome *to) {
  const size_t at = (size_t)leg->leg.first + (leg->leg.warmup ? 0 : WARMUP);
  for (size_t c = 0; c < CHAINS; c++)
    for (size_t d = 0; d < (size_t)leg->leg.n_draw; d++) {
      const size_t row = c * (size_t)leg->leg.n_draw + d;
      memcpy(to->phi[c][at + d], leg->leg.phi + 2 * row, sizeof to->phi[c][0]);
      memcpy(to->kept[c][at + d], leg->kept + 2 * KEPT * row, sizeof to->kept[c][0]);
      to->stat[c][at + d] = leg->leg.stat[row];
    }
}

static void results_take(const session *s, outcome *to) {
  for (uint64_t b = s->blocks.first_block; b < s->blocks.last_block; b++)
    clv_latent_sampler_result(s->sampler, (size_t)(b - s->blocks.first_block), to->customer[b]);
}

/* Runs until all is done or the watch says stop. */
static clv_status session_run(session *s, int leg_draws, const clv_sampler_watch *watch, outcome *to) {
  clv_latent_leg leg;
  clv_status     st = CLV_OK;
  do {
    CLV_TRY(clv_latent_sampler_run(s->sampler, leg_draws, watch, &leg));
    leg_take(&leg, to);
  } while (leg.leg.warmup || leg.leg.n_draw > 0);
  results_take(s, to);
out:
  return st;
}

/* My blocks' summaries, and all that is replicated. */
static int differs(const session *s, const outcome *a, const outcome *b) {
  int bad = memcmp(a->phi, b->phi, sizeof a->phi) != 0 || memcmp(a->kept, b->kept, sizeof a->kept) != 0 ||
            memcmp(a->stat, b->stat, sizeof a->stat) != 0;
  for (uint64_t k = s->blocks.first_block; k < s->blocks.last_block; k++)
    bad |= memcmp(a->customer[k], b->customer[k], sizeof a->customer[k]) != 0;
  return bad;
}

static int is_frozen(const outcome *a) {
  int same = a->phi[0][WARMUP][0] == a->phi[1][WARMUP][0];
  for (size_t d = WARMUP; d < WARMUP + DRAWS; d++)
    same += a->phi[0][d][1] == a->phi[0][d - 1][1] || a->kept[0][d][0] == a->kept[0][d - 1][0];
  return same > DRAWS / 4;
}

/* Draws that were handed out have the mean that was streamed. */
static int kept_differs(const outcome *a) {
  int bad = 0;
  for (size_t k = 0; k < KEPT; k++)
    for (size_t l = 0; l < 2; l++) {
      const size_t at   = l * CLV_LATENT_BLOCK + CHOSEN[k] % CLV_LATENT_BLOCK;
      double       mean = 0.0;
      for (size_t c = 0; c < CHAINS; c++)
        for (size_t d = WARMUP; d < WARMUP + DRAWS; d++)
          mean += a->kept[c][d][l * KEPT + k] / (CHAINS * DRAWS);
      bad |= !(fabs(mean - a->customer[CHOSEN[k] / CLV_LATENT_BLOCK][at].mean) < 1e-12);
    }
  return bad;
}

/* The state as a file would hold it: bytes, and the records of all blocks in order. */
typedef struct saved {
  void  *bytes, *records;
  size_t n, n_records;
} saved;

static clv_status session_save(const session *s, const clv_comm *comm, saved *out) {
  const size_t each = clv_latent_sampler_block_bytes(s->sampler);
  const size_t n    = (size_t)(s->blocks.last_block - s->blocks.first_block);
  char        *mine = NULL;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_latent_sampler_save(s->sampler, &out->bytes, &out->n));
  CLV_TRY(clv_calloc(n + 1, each, (void **)&mine));
  for (size_t b = 0; b < n; b++) clv_latent_sampler_block_pack(s->sampler, b, mine + b * each);
  CLV_TRY(clv_comm_allgatherv(comm, mine, n * each, &out->records, &out->n_records, NULL));
out:
  free(mine);
  return st;
}

static clv_status session_restore(session *s, saved *from) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_latent_sampler_restore(s->sampler, from->bytes, from->n));
  const size_t each = clv_latent_sampler_block_bytes(s->sampler);
  CLV_CHECK(from->n_records == 3 * each);
  for (uint64_t b = s->blocks.first_block; b < s->blocks.last_block; b++)
    clv_latent_sampler_block_unpack(s->sampler, (size_t)(b - s->blocks.first_block),
                                    (char *)from->records + b * each);
out:
  free(from->bytes), free(from->records);
  *from = (saved){0};
  return st;
}

typedef struct stopper {
  long left;
  int  mine;
} stopper;

static bool stopper_round(void *context, const clv_sampler_progress *progress) {
  stopper *self = context;
  (void)progress;
  return --self->left <= 0 && self->mine;
}

/* Stopped again and again, on all ranks and on one alone in turn. */
static int interrupted_check(const clv_comm *world, const clv_comm *alone, const outcome *oracle,
                             outcome *to) {
  clv_rng    rng  = clv_rng_at(9, CLV_RNG_SIMULATE, 0, 0, 0);
  saved      kept = {0};
  session    s    = {0};
  clv_status st   = CLV_EINTERRUPT;
  int        stops;
  for (stops = 0; st == CLV_EINTERRUPT && stops < 200; stops++) {
    const clv_comm         *comm  = stops % 2 == 0 ? world : alone;
    stopper                 at    = {60 + (long)clv_rng_below(&rng, 400),
                                     stops / 2 % clv_comm_size(world) == clv_comm_rank(world)};
    const clv_sampler_watch watch = {&at, stopper_round};
    at.mine |= comm == alone;
    if (session_open(comm, INFINITY, &s) < 0) return 1;
    if (stops > 0 && session_restore(&s, &kept) < 0) return 1;
    st = session_run(&s, 1 + (int)clv_rng_below(&rng, 50), &watch, to);
    clv_message_clear();
    if (st == CLV_EINTERRUPT && session_save(&s, comm, &kept) < 0) return 1;
    if (st == CLV_OK && differs(&s, oracle, to)) st = CLV_EFAULT;
    session_close(&s);
  }
  if (st != CLV_OK || stops < 5)
    fprintf(stderr, "rank %d of %d: stopped %d times: other draws than uninterrupted (%d)\n",
            clv_comm_rank(world), clv_comm_size(world), stops, (int)st);
  return st != CLV_OK || stops < 5;
}

static int plain_check(const clv_comm *world, const clv_comm *alone, double edge, int leg, outcome *oracle,
                       outcome *to) {
  session one = {0}, all = {0};
  int     bad = session_open(alone, edge, &one) < 0 || session_run(&one, 1000, NULL, oracle) < 0 ||
            session_open(world, edge, &all) < 0 || session_run(&all, leg, NULL, to) < 0;
  bad = bad || differs(&all, oracle, to) || is_frozen(oracle) || kept_differs(oracle);
  if (bad)
    fprintf(stderr, "rank %d of %d, legs of %d, edge %g: other draws than alone %s\n", clv_comm_rank(world),
            clv_comm_size(world), leg, edge, clv_message());
  session_close(&one), session_close(&all);
  return bad;
}

int main(int argc, char **argv) {
  clv_comm *world = NULL, *alone = NULL;
  outcome  *oracle = NULL, *to = NULL;
  int       bad = 0, diverging = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0 || clv_comm_self(&alone) < 0) return 1;
  if (clv_calloc(1, sizeof *oracle, (void **)&oracle) < 0) return 1;
  if (clv_calloc(1, sizeof *to, (void **)&to) < 0) {
    free(oracle);
    return 1;
  }
  bad |= plain_check(world, alone, 1.0, 17, oracle, to);
  for (size_t d = 0; d < WARMUP + DRAWS; d++) diverging += to->stat[0][d].diverging;
  if (diverging == 0) bad = 1, fprintf(stderr, "a NaN was no divergence\n");
  bad |= plain_check(world, alone, INFINITY, 7, oracle, to);
  bad |= interrupted_check(world, alone, oracle, to);
  free(oracle), free(to);
  clv_comm_free(&alone);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
