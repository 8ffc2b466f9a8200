/* The parts of the sharded-latent sampler: kernels have the same bits with every instruction set that this
 * machine has; momenta are the named normals; streamed R-hat and effective draws against those of whole
 * series; the memory that is promised bounds what is taken. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/models/latent_model.h"
#include "engine/numerics/rng.h"
#include "engine/posterior/diagnostics.h"
#include "engine/sampler/latent_kernel.h"
#include "engine/sampler/latent_room.h"
#include "engine/sampler/latent_summary.h"

enum { N = 48, SERIES = 13 };

static void normals_fill(double *to, size_t n, uint32_t stream) {
  clv_rng rng = clv_rng_at(3, CLV_RNG_SIMULATE, 0, 0, stream);
  for (size_t i = 0; i < n; i++) to[i] = clv_rng_normal(&rng);
}

/* All that the kernels write, one after the other. */
typedef struct written {
  double kick[N], next[N], kicks[2][N], nexts[2][N], dot[CLV_LATENT_DOTS], kinetic, kinetic_open;
  float  momentum[N], first[N], last[N], sum[N], both[N], moment[4][N];
} written;

static void kernels_run(clv_isa isa, written *w) {
  double at[N], gradient[N], fresh[N];
  float  scale[N], tree[4][N];
  memset(w, 0, sizeof *w);
  normals_fill(at, N, 1), normals_fill(gradient, N, 2), normals_fill(fresh, N, 3),
      normals_fill(w->kick, N, 4);
  for (size_t i = 0; i < N; i++) scale[i] = (float)(1.0 + 0.01 * (double)i);
  for (size_t k = 0; k < 4; k++) {
    double one[N];
    normals_fill(one, N, 5 + (uint32_t)k);
    for (size_t i = 0; i < N; i++) tree[k][i] = (float)one[i];
  }
  const clv_latent_step step = {N, -0.3, scale, at, gradient, w->kick, w->next, w->momentum};
  w->kinetic                 = CLV_KERNEL_PICK(clv_latent_leap, isa)(&step);
  const clv_latent_opening o = {
      N,        0.3,     scale, at, gradient, fresh, {w->kicks[0], w->kicks[1]}, {w->nexts[0], w->nexts[1]},
      w->first, w->last, w->sum};
  w->kinetic_open          = CLV_KERNEL_PICK(clv_latent_open, isa)(&o);
  const clv_latent_joint j = {N, tree[0], tree[1], tree[2], tree[3], w->momentum, w->sum, w->both};
  CLV_KERNEL_PICK(clv_latent_join, isa)(&j, w->dot);
  const clv_latent_moments m = {w->moment[0], w->moment[1], w->moment[2], w->moment[3]};
  for (int t = 1; t <= 3; t++)
    CLV_KERNEL_PICK(clv_latent_learn, isa)(N, t, t == 2 ? at : fresh, gradient, &m);
}

static void every_instruction_set_writes_the_same_bits(void **state) {
  static written plain, other;
  (void)state;
  kernels_run(CLV_ISA_PLAIN_C, &plain);
  for (clv_isa isa = CLV_ISA_AVX2_FMA; isa <= clv_isa_best(); isa++) {
    kernels_run(isa, &other);
    assert_memory_equal(&plain, &other, sizeof plain);
  }
}

/* A step there and a step back, and dot products by hand. */
static void kernels_do_what_they_say(void **state) {
  static written w;
  double         at[N], gradient[N], kick[N], kinetic = 0.0;
  (void)state;
  kernels_run(CLV_ISA_PLAIN_C, &w);
  normals_fill(at, N, 1), normals_fill(gradient, N, 2), normals_fill(kick, N, 4);
  for (size_t i = 0; i < N; i++) {
    const double scale = (float)(1.0 + 0.01 * (double)i), here = kick[i] - 0.15 * scale * gradient[i];
    kinetic += here * here;
    assert_true(fabs(w.momentum[i] - here) < 1e-6);
    assert_true(fabs(w.kick[i] - (kick[i] - 0.3 * scale * gradient[i])) < 1e-14);
    assert_true(fabs(w.next[i] - (at[i] - 0.3 * scale * w.kick[i])) < 1e-14);
  }
  assert_true(fabs(w.kinetic - kinetic) < 1e-12);
}

static void momenta_are_the_named_normals(void **state) {
  enum { WIDTH = 16 };
  static double  got[3][WIDTH];
  const uint64_t first = ((uint64_t)1 << 32) - 5; /* customers on both sides of the high bits */
  (void)state;
  for (clv_isa isa = CLV_ISA_PLAIN_C; isa <= clv_isa_best(); isa++) {
    const clv_latent_name name = {(uint64_t)7 << 40 | 9, first, CLV_RNG_LATENT, 3, 11, 0};
    CLV_KERNEL_PICK(clv_latent_normals, isa)(&name, 3, 13, WIDTH, got[0]);
    for (uint64_t i = 0; i < WIDTH; i++) {
      clv_rng rng = clv_rng_at(name.seed, CLV_RNG_LATENT, first + i, 3, 11);
      for (size_t k = 0; k < 3; k++) {
        const double expected = i < 13 ? clv_rng_normal(&rng) : 0.0;
        assert_memory_equal(&got[k][i], &expected, sizeof expected);
      }
    }
  }
}

/* AR(1) with autocorrelation rho and a shift between chains. */
static void series_fill(double *to, size_t chain, size_t n_draw, double rho, double shift, uint32_t stream) {
  clv_rng rng  = clv_rng_at(5, CLV_RNG_SIMULATE, stream, (uint32_t)chain, 0);
  double  last = clv_rng_normal(&rng);
  for (size_t t = 0; t < n_draw; t++) {
    to[t] = 100.0 + shift * (double)chain + last;
    last  = rho * last + sqrt(1.0 - rho * rho) * clv_rng_normal(&rng);
  }
}

/* R-hat by its definition over the same halves: the streamed one is no approximation. */
static double r_hat_by_hand(const double *value, size_t n_chain, size_t n_draw) {
  double       mean[16], within = 0.0, all = 0.0, between = 0.0;
  const size_t half = n_draw / 2, m = 2 * n_chain;
  for (size_t k = 0; k < m; k++) {
    const double *from   = value + k / 2 * n_draw + k % 2 * half;
    const size_t  n      = k % 2 == 0 ? half : n_draw - half;
    double        square = 0.0;
    mean[k]              = 0.0;
    for (size_t t = 0; t < n; t++) mean[k] += from[t] / (double)n;
    for (size_t t = 0; t < n; t++) square += (from[t] - mean[k]) * (from[t] - mean[k]);
    within += square / (double)(n - 1) / (double)m;
    all += mean[k] / (double)m;
  }
  for (size_t k = 0; k < m; k++) between += (mean[k] - all) * (mean[k] - all) / (double)(m - 1);
  const double n = (double)half;
  return sqrt(((n - 1.0) / n * within + between) / within);
}

/* Effective draws: mean over 13 series of the ratio to the ESS of whole series. What batch means miss is a
 * share of about tau / 2b (b = 31, tau = 1, 3, 9: 2, 5, 15 %); their own noise is 12 % each, 4 % of the mean.
 */
static void summaries_agree_with_whole_series(void **state) {
  enum { CHAINS = 4, DRAWS = 1001 };
  static double value[CHAINS][DRAWS], memory[CHAINS][CLV_LATENT_KEPT];
  const double  rho[] = {-0.3, 0.0, 0.5, 0.8};
  (void)state;
  for (size_t r = 0; r < 4; r++) {
    double ratio = 0.0;
    for (uint32_t s = 0; s < SERIES; s++) {
      clv_latent_summary summary[CHAINS];
      memset(memory, 0, sizeof memory);
      for (size_t c = 0; c < CHAINS; c++) {
        series_fill(value[c], c, DRAWS, rho[r], s == 0 ? 0.5 : 0.0, s + 100 * (uint32_t)r);
        summary[c] = clv_latent_summary_of(memory[c], 1);
        for (size_t t = 0; t < DRAWS; t++) clv_latent_summary_add(&summary[c], 1, t, DRAWS, &value[c][t]);
      }
      const clv_latent_result found = clv_latent_summary_result(summary, CHAINS, DRAWS, 0);
      const clv_series        whole = {value[0], CHAINS, DRAWS, DRAWS, 1};
      assert_true(fabs(found.r_hat - r_hat_by_hand(value[0], CHAINS, DRAWS)) < 1e-9);
      if (s == 0) assert_true(found.r_hat > 1.05); /* chains apart */
      if (s > 0) ratio += found.ess / clv_ess_mean(&whole) / (SERIES - 1);
    }
    const double tau = (1.0 + rho[r]) / (1.0 - rho[r]), bias = 1.0 + (tau - 1.0 / tau) / (2.0 * 31.0);
    assert_true(fabs(ratio - bias) < 0.16); /* 4 × 4 % */
  }
}

static void values_without_spread_have_no_r_hat(void **state) {
  double             memory[CLV_LATENT_KEPT] = {0}, value = 3.0;
  clv_latent_summary one = clv_latent_summary_of(memory, 1);
  (void)state;
  for (size_t t = 0; t < 20; t++) clv_latent_summary_add(&one, 1, t, 20, &value);
  const clv_latent_result found = clv_latent_summary_result(&one, 1, 20, 0);
  assert_true(found.mean == 3.0 && isnan(found.r_hat) && isnan(found.ess));
}

static void rooms_take_what_they_say(void **state) {
  (void)state;
  for (int depth = 1; depth <= CLV_LATENT_DEPTH_MOST; depth++) {
    clv_latent_room room;
    assert_int_equal(clv_latent_room_new(2, 1024, depth, &room), CLV_OK);
    char        *end = (char *)(depth > 1 ? room.level[depth - 1].sum.own + 1024 : room.whole.sum.own + 1024);
    const size_t bytes = (size_t)(end - (char *)room.slab);
    assert_true(bytes <= 1024 * clv_latent_room_bytes(depth) + 4096);
    clv_latent_room_free(&room);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_instruction_set_writes_the_same_bits),
                                     cmocka_unit_test(kernels_do_what_they_say),
                                     cmocka_unit_test(momenta_are_the_named_normals),
                                     cmocka_unit_test(summaries_agree_with_whole_series),
                                     cmocka_unit_test(values_without_spread_have_no_r_hat),
                                     cmocka_unit_test(rooms_take_what_they_say)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
